//! Sums of products of items, over users.

use std::cmp::Reverse;
use std::ops::Range;

use crate::fetch::fetch;
use crate::sparse::{self, Accumulator, Sparse};

/// `X' X` of a matrix `X` of users by items, row by row.
///
/// Most products are with items that many users have. Numbered by how many, those lie together, where they stay in the fastest cache.
pub(crate) struct Products<'a> {
    by_item: &'a Sparse,
    by_user: &'a Sparse,
    /// The items, those of the most users first.
    items: Vec<u32>,
    /// For each value of `by_user` the place of its item among these.
    places: Vec<u32>,
    is_binary: bool,
}

/// Rows of users whose loads are begun together.
const ROWS: usize = 16;

/// What a thread sums in. The products of ones are counted, in half of the room.
pub(crate) enum Sums {
    Counts(Accumulator<u32>),
    Products(Accumulator),
}

impl<'a> Products<'a> {
    pub(crate) fn new(by_item: &'a Sparse, by_user: &'a Sparse) -> Products<'a> {
        let mut items: Vec<u32> = (0..by_item.rows() as u32).collect();
        items.sort_by_key(|&item| Reverse(sparse::row(by_item, item as usize).0.len()));
        let mut place_of = vec![0; items.len()];
        for (place, &item) in items.iter().enumerate() {
            place_of[item as usize] = place as u32;
        }
        let places = by_user.indices().iter().map(|&item| place_of[item as usize]).collect();
        // Four bytes count the users.
        let is_binary = u32::try_from(by_user.rows()).is_ok() && is_binary(by_user);
        Products { by_item, by_user, items, places, is_binary }
    }

    pub(crate) fn sums(&self) -> Sums {
        let n_items = self.items.len();
        if self.is_binary {
            Sums::Counts(Accumulator::new(n_items))
        } else {
            Sums::Products(Accumulator::new(n_items))
        }
    }

    /// The products of an item with all others that are not 0, those with items of many users first.
    pub(crate) fn for_each(&self, sums: &mut Sums, item: usize, mut visit: impl FnMut(usize, f64)) {
        let mut visit = |place: usize, product: f64| visit(self.items[place] as usize, product);
        let (users, values) = sparse::row(self.by_item, item);
        match sums {
            Sums::Counts(counts) => {
                self.for_each_row(users, |_, row| {
                    self.places[row].iter().for_each(|&place| counts.add(place as usize, 1));
                });
                counts.drain().for_each(|(place, count)| visit(place, count.into()));
            }
            Sums::Products(sums) => {
                self.for_each_row(users, |at, row| {
                    for (&place, &also) in self.places[row.clone()].iter().zip(&self.by_user.data()[row]) {
                        sums.add(place as usize, f64::from(values[at]) * f64::from(also));
                    }
                });
                sums.drain().for_each(|(place, sum)| visit(place, sum));
            }
        }
    }

    /// Where the rows of users are, in their order, with the place in `users`.
    ///
    /// The loads of several are begun before the first is needed, which `scripts/peers/cf --large` measures.
    fn for_each_row(&self, users: &[u32], mut visit: impl FnMut(usize, Range<usize>)) {
        let begins = self.by_user.indptr();
        let begins = begins.raw_storage();
        for (block, users) in users.chunks(ROWS).enumerate() {
            let mut rows = [(0, 0); ROWS];
            for (row, &user) in rows.iter_mut().zip(users) {
                *row = (begins[user as usize], begins[user as usize + 1]);
            }
            let rows = &rows[..users.len()];
            for &(begin, end) in rows {
                fetch(&self.places[begin..end]);
            }
            for (at, &(begin, end)) in rows.iter().enumerate() {
                visit(block * ROWS + at, begin..end);
            }
        }
    }
}

/// Whether all values are 1.
pub(crate) fn is_binary(by_user: &Sparse) -> bool {
    by_user.data().iter().all(|&value| value == 1.0)
}
