//! One bit a value.

use std::ops::Range;

use rayon::prelude::*;

use super::check_finite;
use crate::exact::parts;
use crate::kernel::{self, Kernel, Wide};
use crate::{Error, Vectors};

/// The distance of a row that is not accepted.
const NEVER: u16 = u16::MAX;

/// The signs of rows, one bit a value: the more of them agree with those of a query, the smaller the angle between the two
/// (Charikar 2002, with the axes as hyperplanes).
///
/// A first filter only: the bits know nothing of lengths, and many rows are at one distance. Wants some hundred dimensions
/// whose values are about as often positive as negative.
///
/// ```
/// use rec_search::{SignCodes, Vectors, rescore};
///
/// let rows = Vectors::new(&[1.0, -0.1, -0.2, 1.0, 0.6, 0.8], 2);
/// let codes = SignCodes::new(rows)?;
/// assert_eq!(codes.bytes(), 3 * 8);
///
/// let query = [0.7, 0.7];
/// let candidates = codes.candidates(&query, 2, |_| true)?;
/// assert_eq!(candidates, [2, 0]); // all bits agree, and one of two
/// assert_eq!(rescore(&query, rows, candidates, 1)?[0].row, 2);
/// # Ok::<(), rec_search::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SignCodes {
    /// A bit is set where a value is above zero.
    codes: Vec<u64>,
    dim: usize,
}

impl SignCodes {
    /// The signs of rows.
    ///
    /// # Errors
    ///
    /// A value is not finite.
    ///
    /// # Panics
    ///
    /// Rows have more than 65534 values.
    pub fn new(rows: Vectors<'_>) -> Result<Self, Error> {
        assert!(rows.dim() < usize::from(NEVER), "signs of {} values", rows.dim());
        check_finite("row", rows)?;
        Ok(Self { codes: rows.iter().flat_map(signs).collect(), dim: rows.dim() })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len() / self.dim.div_ceil(64)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The memory that the codes take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&self.codes[..])
    }

    /// The `n` rows with the fewest signs unlike those of the query (all accepted ones, if there are fewer), nearest first and
    /// by row among equals.
    ///
    /// `accepts` is called for every row.
    ///
    /// # Errors
    ///
    /// A value of the query is not finite.
    ///
    /// # Panics
    ///
    /// The query has another number of dimensions than the rows.
    pub fn candidates(
        &self,
        query: &[f32],
        n: usize,
        accepts: impl Fn(usize) -> bool + Sync,
    ) -> Result<Vec<usize>, Error> {
        assert_eq!(query.len(), self.dim, "a query of {} values, rows of {}", query.len(), self.dim);
        check_finite("query", Vectors::new(query, self.dim))?;
        let query: Vec<u64> = signs(query).collect();
        let parts: Vec<(Range<usize>, Vec<u16>, Vec<usize>)> = parts(self.len().div_ceil(64))
            .into_par_iter()
            .map(|blocks| {
                let rows = blocks.start * 64..self.len().min(blocks.end * 64);
                let mut distances = vec![0; rows.len()];
                let codes = &self.codes[rows.start * query.len()..rows.end * query.len()];
                kernel::dispatch(Hamming { query: &query, codes, out: &mut distances });
                let mut counts = vec![0; self.dim + 1];
                for (row, distance) in rows.clone().zip(&mut distances) {
                    if accepts(row) {
                        counts[usize::from(*distance)] += 1;
                    } else {
                        *distance = NEVER;
                    }
                }
                (rows, distances, counts)
            })
            .collect();

        // Where the rows of each distance go: all nearer ones come first.
        let mut next = vec![0; self.dim + 1];
        let mut total = 0;
        for (distance, next) in next.iter_mut().enumerate() {
            *next = total;
            total += parts.iter().map(|(_, _, counts)| counts[distance]).sum::<usize>();
        }
        let n = n.min(total);
        let mut candidates = vec![0; n];
        let cut = next.partition_point(|&first| first < n);
        for (rows, distances, _) in parts {
            for (row, distance) in rows.zip(distances) {
                let distance = usize::from(distance);
                if distance < cut {
                    let place = next[distance];
                    next[distance] += 1;
                    if place < n {
                        candidates[place] = row;
                    }
                }
            }
        }
        Ok(candidates)
    }
}

fn signs(vector: &[f32]) -> impl Iterator<Item = u64> {
    vector.chunks(64).map(|values| {
        values.iter().enumerate().fold(0, |code, (bit, value)| code | (u64::from(*value > 0.0) << bit))
    })
}

struct Hamming<'a> {
    query: &'a [u64],
    codes: &'a [u64],
    out: &'a mut [u16],
}

impl Kernel for Hamming<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, _: W) {
        for (out, code) in self.out.iter_mut().zip(self.codes.chunks_exact(self.query.len())) {
            let mut unlike = 0;
            for (a, b) in self.query.iter().zip(code) {
                unlike += (a ^ b).count_ones();
            }
            *out = unlike as u16;
        }
    }
}
