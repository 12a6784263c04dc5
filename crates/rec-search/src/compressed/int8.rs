//! Rows of bytes.

use super::check_finite;
use crate::exact::scan;
use crate::kernel::{self, Kernel, Wide};
use crate::{Error, Found, Vectors};

/// The largest magnitude of a row's steps, and of a query's: finer, because there is one query for many rows.
const ROW_STEPS: f32 = 127.0;
const QUERY_STEPS: f32 = 2047.0;

/// Products that are added in 32 bits: `4096 * 127 * 2047 < 2^31`.
const SHORT: usize = 4096;

/// Rows of 8-bit integers with one scale each: `x_i` is about `s * c_i`, with `s = max_i |x_i| / 127` and `c_i` rounded to the
/// nearest integer.
///
/// Queries become 12-bit integers in the same way, and products are added as integers, so that they are exact; a score is the
/// sum times both scales. One byte a value and four a row.
///
/// ```
/// use rec_search::{Int8Rows, Vectors, rescore};
///
/// let rows = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2);
/// let bytes = Int8Rows::new(rows)?;
/// assert_eq!(bytes.bytes(), 6 + 12);
///
/// let query = [0.7, 0.7];
/// let candidates = &bytes.candidates(Vectors::new(&query, 2), 2, |_| true)?[0];
/// let list = rescore(&query, rows, candidates.iter().map(|found| found.row), 1)?;
/// assert_eq!(list[0].row, 2);
/// # Ok::<(), rec_search::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Int8Rows {
    codes: Vec<i8>,
    scales: Vec<f32>,
    dim: usize,
}

impl Int8Rows {
    /// Rounds rows to 255 steps each.
    ///
    /// # Errors
    ///
    /// A value is not finite.
    pub fn new(rows: Vectors<'_>) -> Result<Self, Error> {
        check_finite("row", rows)?;
        let mut codes = Vec::with_capacity(rows.len() * rows.dim());
        let mut scales = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let scale = scale(row, ROW_STEPS);
            codes.extend(row.iter().map(|value| (value / scale).round() as i8));
            scales.push(scale);
        }
        Ok(Self { codes, scales, dim: rows.dim() })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// The memory that the rows take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&self.codes[..]) + size_of_val(&self.scales[..])
    }

    /// The best `n` rows for each query by the rounded values, in the order of [`top_k`](crate::top_k) and with the same laws.
    ///
    /// # Errors
    ///
    /// A value of a query is not finite, or the score of an accepted row is not.
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
        check_finite("query", queries)?;
        let queries: Vec<(Vec<i16>, f32)> = queries
            .iter()
            .map(|query| {
                let scale = scale(query, QUERY_STEPS);
                (query.iter().map(|value| (value / scale).round() as i16).collect(), scale)
            })
            .collect();
        scan(self.len(), queries.len(), n, &accepts, |block, out| {
            let codes = &self.codes[block.start * self.dim..block.end * self.dim];
            let scales = &self.scales[block];
            for ((query, scale), out) in queries.iter().zip(out.chunks_exact_mut(scales.len())) {
                kernel::dispatch(Products { query, scale: *scale, codes, scales, out });
            }
        })
    }
}

/// The size of a step; 1 for a vector of zeros.
fn scale(vector: &[f32], steps: f32) -> f32 {
    let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    // The quotient of a tiny number could be zero.
    if largest > 0.0 { (largest / steps).max(f32::MIN_POSITIVE) } else { 1.0 }
}

struct Products<'a> {
    query: &'a [i16],
    scale: f32,
    codes: &'a [i8],
    scales: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, _: W) {
        let rows = self.codes.chunks_exact(self.query.len());
        for ((out, row), scale) in self.out.iter_mut().zip(rows).zip(self.scales) {
            // Plain loops, which compilers turn into the instructions of the machine: integers have no order of addition.
            let mut sum = 0i64;
            for (row, query) in row.chunks(SHORT).zip(self.query.chunks(SHORT)) {
                let mut short = 0i32;
                for (&code, &step) in row.iter().zip(query) {
                    short += i32::from(code) * i32::from(step);
                }
                sum += i64::from(short);
            }
            *out = sum as f32 * (self.scale * scale);
        }
    }
}
