//! How items occur together.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::IdMap;

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::{InteractionMatrix, ascending};
use crate::memory;
use crate::products::{Products, is_binary};
use crate::progress::{Progress, Reporter};
use crate::sparse::{self, Accumulator, Sparse};

const MODEL: &str = "co_occurrence";

/// `X' X` of a matrix `X` of users by items: for two items the sum over users of the products of their values, which for
/// [`Aggregation::Binary`](crate::Aggregation) is the number of users who have both. Sparse, in `f64`.
///
/// It is all that [`ItemKnn`](crate::ItemKnn) (without weighting) and [`Ease`](crate::Ease) need to know of the interactions,
/// and it can follow them as they come in.
///
/// ```
/// use rec_cf::{Aggregation, CoOccurrence, EaseConfig, InteractionMatrix, Progress};
/// use rec_data::{Interaction, Interactions};
///
/// let log = |pairs: &[(&str, &str)]| {
///     Interactions::new(pairs.iter().map(|&(user, item)| (user, Interaction::new(item, 0.0))))
/// };
/// let before = InteractionMatrix::new(&log(&[("ann", "dune"), ("bob", "dune"), ("bob", "emma")])?, Aggregation::Binary)?;
/// let mut together = CoOccurrence::new(&before, u64::MAX, Progress::ignore)?;
/// assert_eq!((together.value(0, 0), together.value(0, 1)), (2.0, 1.0));
///
/// let after = log(&[("ann", "dune"), ("bob", "dune"), ("bob", "emma"), ("ann", "emma"), ("cid", "brave")])?;
/// let after = InteractionMatrix::new(&after, Aggregation::Binary)?;
/// together.update(&before, &after);
/// assert_eq!(together, CoOccurrence::new(&after, u64::MAX, Progress::ignore)?);
/// assert!(together.items().iter().eq(["brave", "dune", "emma"]));
/// assert_eq!((together.value(1, 2), together.value(0, 0)), (2.0, 1.0));
///
/// let ease = EaseConfig::new(100.0);
/// assert_eq!(ease.fit_co_occurrence(&together, Progress::ignore)?, ease.fit(&after, Progress::ignore)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CoOccurrence {
    items: IdMap,
    rows: Sparse<f64>,
    /// Whether all values of the matrix are 1.
    is_binary: bool,
}

impl CoOccurrence {
    /// Counts a matrix.
    ///
    /// # Errors
    ///
    /// [`memory_estimate`](CoOccurrence::memory_estimate) is above `memory_limit` bytes, or `progress` stopped it.
    pub fn new(
        matrix: &InteractionMatrix,
        memory_limit: u64,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<CoOccurrence, Error> {
        memory::check("co-occurrence", CoOccurrence::memory_estimate(matrix), memory_limit)?;
        let (by_user, by_item) = (matrix.by_user(), matrix.by_item());
        let (n_items, products) = (matrix.items().len(), Products::new(&by_item, by_user));
        let rows = Reporter::new("the counting of co-occurrences", &mut progress).rows(
            "items",
            n_items,
            || products.sums(),
            |sums, item| {
                let mut row = Vec::new();
                products.for_each(sums, item, |other, sum| row.push((other as u32, sum)));
                row.sort_unstable_by_key(|&(other, _)| other);
                row
            },
        )?;
        let rows = sparse::from_rows(n_items, &rows);
        Ok(CoOccurrence { items: matrix.items().clone(), rows, is_binary: is_binary(by_user) })
    }

    /// An upper bound of the bytes that [`new`](CoOccurrence::new) needs: two copies of 12 bytes for every pair of items that
    /// some user has, where pairs of several users are counted as often.
    #[must_use]
    pub fn memory_estimate(matrix: &InteractionMatrix) -> u64 {
        let n_items = matrix.items().len();
        let pairs = (0..matrix.users().len()).fold(0u64, |sum, user| {
            sum.saturating_add(memory::of_dense(matrix.row(user).len(), matrix.row(user).len(), 1))
        });
        pairs.min(memory::of_dense(n_items, n_items, 1)).saturating_mul(24)
    }

    /// Follows a matrix that has changed: new users, new items, other values.
    ///
    /// `before` is the matrix that this was made of. Time: a pass over the matrices and the sums, and for each user whose row
    /// differs the squared number of items. With values that are whole numbers (below 2^53 in sum) the result is that of
    /// [`new`](CoOccurrence::new), bit for bit; otherwise up to rounding.
    ///
    /// # Panics
    ///
    /// `before` has other items than this.
    pub fn update(&mut self, before: &InteractionMatrix, after: &InteractionMatrix) {
        assert!(self.items == *before.items(), "the matrix before is not that of this co-occurrence");
        let items = ascending(before.items().iter().chain(after.items().iter()));
        let row_of = |ids: &IdMap| -> Vec<u32> {
            ids.iter().map(|id| items.row(id).unwrap_or(usize::MAX) as u32).collect()
        };
        let (rows_before, rows_after) = (row_of(before.items()), row_of(after.items()));
        let read = |matrix: &InteractionMatrix, rows: &[u32], user: Option<usize>| -> Vec<(u32, f64)> {
            let entries = user.into_iter().flat_map(|user| matrix.row(user));
            entries.map(|(item, value)| (rows[item], f64::from(value))).collect()
        };
        let mut changes: Vec<Vec<(u32, f64)>> = vec![Vec::new(); items.len()];
        let users = ascending(before.users().iter().chain(after.users().iter()));
        for user in users.iter() {
            let old = read(before, &rows_before, before.users().row(user));
            let new = read(after, &rows_after, after.users().row(user));
            if old == new {
                continue;
            }
            for (row, sign) in [(&old, -1.0), (&new, 1.0)] {
                for &(item, value) in row {
                    let products = row.iter().map(|&(other, also)| (other, sign * value * also));
                    changes[item as usize].extend(products);
                }
            }
        }
        let mut sums = Accumulator::new(items.len());
        let mut old_rows = vec![None; items.len()];
        for (old, &new) in rows_before.iter().enumerate() {
            old_rows[new as usize] = Some(old);
        }
        let rows: Vec<Vec<(u32, f64)>> = std::iter::zip(changes, old_rows)
            .map(|(changes, old)| {
                for (other, sum) in old.into_iter().flat_map(|old| sparse::entries(&self.rows, old)) {
                    sums.add(rows_before[other] as usize, sum);
                }
                for (other, change) in changes {
                    sums.add(other as usize, change);
                }
                sums.drain().map(|(other, sum)| (other as u32, sum)).collect()
            })
            .collect();
        self.rows = sparse::from_rows(items.len(), &rows);
        self.items = items;
        self.is_binary = is_binary(after.by_user());
    }

    /// The items, in the order of their ids.
    #[must_use]
    pub fn items(&self) -> &IdMap {
        &self.items
    }

    /// The sum of products of two items; of an item with itself, the sum of its squares.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn value(&self, item: usize, other: usize) -> f64 {
        let n_items = self.items.len();
        assert!(item < n_items && other < n_items, "items {item} and {other} of {n_items}");
        self.rows.get(item, other).copied().unwrap_or(0.0)
    }

    /// The number of pairs that are not 0; (a, b) and (b, a) are two.
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.rows.nnz()
    }

    /// Writes the sums to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &self.is_binary)
            .ids("items", &self.items)
            .sparse("sums", &self.rows)
            .save(path.as_ref())
    }

    /// Reads what [`save`](CoOccurrence::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds a model.
    pub fn load(path: impl AsRef<Path>) -> Result<CoOccurrence, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let is_binary = file.config()?;
        let items = file.ids("items")?;
        let rows = file.sparse("sums", (items.len(), items.len()))?;
        Ok(CoOccurrence { items, rows, is_binary })
    }

    /// The sums of an item with all others, ascending.
    pub(crate) fn row(&self, item: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        sparse::entries(&self.rows, item)
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.is_binary
    }
}
