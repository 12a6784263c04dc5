//! Rows in half precision.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::check_finite;
use crate::exact::scan;
use crate::kernel::{self, Kernel, LANES, Wide};
use crate::{Error, Found, Vectors};

/// Rows that are widened together, so that they are multiplied from the first-level cache.
const ROWS: usize = 16;

/// Rows in half precision: two bytes a value, with 11 significant bits. Rows are filled up to a multiple of 16 values.
///
/// Values beyond 65504, the largest there is, are kept as that. Scores are within a relative `2^-11` of the exact ones for
/// each product, and small values lose more: below `6e-5` steps have the fixed size `6e-8`.
///
/// ```
/// use rec_search::{HalfRows, Vectors, rescore};
///
/// let rows = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2);
/// let half = HalfRows::new(rows)?;
/// assert_eq!(half.bytes(), 3 * 16 * 2);
///
/// let query = [0.7, 0.7];
/// let candidates = &half.candidates(Vectors::new(&query, 2), 2, |_| true)?[0];
/// let list = rescore(&query, rows, candidates.iter().map(|found| found.row), 1)?;
/// assert_eq!(list[0].row, 2);
/// # Ok::<(), rec_search::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HalfRows {
    /// As bits, filled up with zeros to a multiple of the lanes a row.
    values: Vec<u16>,
    dim: usize,
    padded: usize,
}

impl HalfRows {
    /// Rounds rows to half precision.
    ///
    /// # Errors
    ///
    /// A value is not finite.
    pub fn new(rows: Vectors<'_>) -> Result<Self, Error> {
        check_finite("row", rows)?;
        let padded = rows.dim().next_multiple_of(LANES);
        let mut values = vec![f16::ZERO; rows.len() * padded];
        for (kept, row) in values.chunks_exact_mut(padded).zip(rows.iter()) {
            kept[..row.len()].convert_from_f32_slice(row);
            for value in kept {
                *value = value.clamp(f16::MIN, f16::MAX);
            }
        }
        let values = values.into_iter().map(f16::to_bits).collect();
        Ok(Self { values, dim: rows.dim(), padded })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.padded
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The memory that the rows take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    /// The best `n` rows for each query by the rounded values, in the order of [`top_k`](crate::top_k) and with the same laws.
    ///
    /// # Errors
    ///
    /// The score of an accepted row is not finite.
    ///
    /// # Panics
    ///
    /// Queries and rows have different dimensions.
    pub fn candidates(
        &self,
        queries: Vectors<'_>,
        n: usize,
        accepts: impl Fn(usize) -> bool + Sync,
    ) -> Result<Vec<Vec<Found>>, Error> {
        assert_eq!(queries.dim(), self.dim, "queries of {} values, rows of {}", queries.dim(), self.dim);
        let mut filled_up = vec![0.0; queries.len() * self.padded];
        for (kept, query) in filled_up.chunks_exact_mut(self.padded).zip(queries.iter()) {
            kept[..query.len()].copy_from_slice(query);
        }
        let queries: Vec<&[f32]> = filled_up.chunks_exact(self.padded).collect();
        scan(self.len(), queries.len(), n, &accepts, |block, out| {
            if let [query] = queries[..] {
                let rows = &self.values[block.start * self.padded..block.end * self.padded];
                return kernel::dispatch(Products { query, rows, out });
            }
            let n_rows = block.len();
            let mut widened = vec![0.0; ROWS * self.padded];
            let mut products = vec![0.0; ROWS * queries.len()];
            for first in block.clone().step_by(ROWS) {
                let rows = ROWS.min(block.end - first);
                let values = &self.values[first * self.padded..(first + rows) * self.padded];
                let widened = &mut widened[..values.len()];
                kernel::dispatch(Widen { values, widened });
                let products = &mut products[..rows * queries.len()];
                kernel::scores_of(&queries, Vectors::new(widened, self.padded), &[], products);
                for (query, products) in products.chunks_exact(rows).enumerate() {
                    let start = query * n_rows + first - block.start;
                    out[start..start + rows].copy_from_slice(products);
                }
            }
        })
    }
}

struct Widen<'a> {
    values: &'a [u16],
    widened: &'a mut [f32],
}

impl Kernel for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
        let values = self.values.as_chunks::<LANES>().0;
        for (widened, values) in self.widened.as_chunks_mut::<LANES>().0.iter_mut().zip(values) {
            *widened = wide.store(wide.load_half(values));
        }
    }
}

/// One query with many rows, without the way through memory; the order of additions is that of [`dot`](crate::dot).
struct Products<'a> {
    query: &'a [f32],
    rows: &'a [u16],
    out: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
        let query = self.query.as_chunks::<LANES>().0;
        let row_len = query.len();
        for (rows, out) in
            self.rows.as_chunks::<LANES>().0.chunks(row_len * LANES).zip(self.out.chunks_mut(LANES))
        {
            let mut lanes = [wide.zero(); LANES];
            for (sum, row) in lanes.iter_mut().zip(rows.chunks_exact(row_len)) {
                for (values, query) in row.iter().zip(query) {
                    *sum = wide.mul_add(wide.load_half(values), wide.load(query), *sum);
                }
            }
            out.copy_from_slice(&wide.sums(lanes)[..out.len()]);
        }
    }
}
