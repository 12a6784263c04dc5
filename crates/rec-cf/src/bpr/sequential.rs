//! Epochs whose steps follow one another.

use rand_chacha::ChaCha8Rng;

use super::Negatives;
use super::sgd::{ItemRows, Step, Told, below, draw_negative};
use crate::factors::Factors;
use crate::factors::kernel::vectorized;
use crate::sparse::{self, Sparse};

/// As many steps as there are values, each for a value drawn with replacement.
pub(super) struct Sequential<'a> {
    matrix: &'a Sparse,
    /// The user of each value.
    owners: Vec<u32>,
}

impl<'a> Sequential<'a> {
    pub(super) fn new(matrix: &'a Sparse) -> Sequential<'a> {
        let of_user = |user: usize| std::iter::repeat_n(user as u32, sparse::row(matrix, user).0.len());
        Sequential { matrix, owners: (0..matrix.rows()).flat_map(of_user).collect() }
    }

    pub(super) fn epoch(
        &self,
        (users, items): (&mut Factors, &mut ItemRows),
        step: Step,
        negatives: Negatives,
        random: &mut ChaCha8Rng,
    ) -> Told {
        let (columns, n_items) = (self.matrix.indices(), self.matrix.cols());
        vectorized(
            #[inline(always)]
            || {
                let mut told = Told::default();
                for _ in 0..columns.len() {
                    let value = below(random, columns.len());
                    let (user, liked) = (self.owners[value] as usize, columns[value] as usize);
                    let owned = sparse::row(self.matrix, user).0;
                    let other = draw_negative(
                        random,
                        owned,
                        #[inline(always)]
                        |random| {
                            let item = match negatives {
                                Negatives::Uniform => below(random, n_items),
                                Negatives::Popular => columns[below(random, columns.len())] as usize,
                            };
                            (item, item as u32)
                        },
                    );
                    if let Some(other) = other {
                        told.add(items.step(step, users.row_mut(user), liked, other));
                    }
                }
                told
            },
        )
    }
}
