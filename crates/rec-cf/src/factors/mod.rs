//! Vectors of users or items, one after the other.

pub(crate) mod cholesky;
pub(crate) mod kernel;
mod lists;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use self::cholesky::{add_outer, mirror};
pub(crate) use self::lists::PackedItems;

/// The most factors there may be, so that a Gram matrix has 134 MB at most, whatever a file claims.
pub(crate) const MAX_FACTORS: usize = 4096;
/// Rows that are converted to `f64` and multiplied at once.
pub(crate) const BLOCK: usize = 64;
/// Parts of a Gram matrix that are summed side by side: a fixed number, so that threads do not change bits.
const GRAM_PARTS: usize = 16;

/// A row of `n_factors` values, at least one, for each user or item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Factors {
    n_factors: usize,
    values: Vec<f32>,
}

impl Factors {
    /// `values` are rows, one after the other.
    pub(crate) fn new(n_factors: usize, values: Vec<f32>) -> Factors {
        debug_assert!(n_factors > 0 && values.len().is_multiple_of(n_factors));
        Factors { n_factors, values }
    }

    /// Rows drawn one after the other, uniformly from `low` to `high`.
    pub(crate) fn uniform(
        n_rows: usize,
        n_factors: usize,
        (low, high): (f32, f32),
        random: &mut ChaCha8Rng,
    ) -> Factors {
        let draw = |_| low + (high - low) * random.random::<f32>();
        Factors::new(n_factors, (0..n_rows * n_factors).map(draw).collect())
    }

    pub(crate) fn n_factors(&self) -> usize {
        self.n_factors
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.values.len() / self.n_factors
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.n_factors..(row + 1) * self.n_factors]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.n_factors..(row + 1) * self.n_factors]
    }

    /// `Y' Y` for the matrix `Y` of the rows, in `f64`.
    pub(crate) fn gram(&self) -> Vec<f64> {
        let n = self.n_factors;
        let n_rows = self.n_rows().div_ceil(GRAM_PARTS).next_multiple_of(BLOCK);
        let parts: Vec<Vec<f64>> = self
            .values
            .par_chunks(n_rows.max(BLOCK) * n)
            .map(|part| {
                let (mut gram, mut block) = (vec![0.0; n * n], Vec::with_capacity(BLOCK * n));
                for rows in part.chunks(BLOCK * n) {
                    block.clear();
                    block.extend(rows.iter().copied().map(f64::from));
                    add_outer(&mut gram, n, &block, &block);
                }
                gram
            })
            .collect();
        let mut gram = vec![0.0; n * n];
        for part in parts {
            for (sum, value) in gram.iter_mut().zip(part) {
                *sum += value;
            }
        }
        mirror(&mut gram, n);
        gram
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn gram_is_that_of_the_obvious_loop() {
        for (n_rows, n) in [(0, 3), (1, 1), (200, 5), (2000, 3)] {
            let factors = Factors::uniform(n_rows, n, (-1.0, 1.0), &mut ChaCha8Rng::seed_from_u64(1));
            let gram = factors.gram();
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let product = |row: usize| f64::from(factors.row(row)[i]) * f64::from(factors.row(row)[j]);
                let expected: f64 = (0..n_rows).map(product).sum();
                assert!((gram[i * n + j] - expected).abs() < 1e-10, "{} {expected}", gram[i * n + j]);
            }
        }
    }
}
