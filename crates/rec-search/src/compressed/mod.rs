//! Rows in fewer bytes, to find candidates with; the rows themselves then rank them.

mod half;
mod int8;
mod sign;

pub use half::HalfRows;
pub use int8::Int8Rows;
pub use sign::SignCodes;

use crate::best::{Bar, Best};
use crate::error::Kind;
use crate::{Error, Found, Vectors, kernel};

/// The best `k` of the candidates by their dot products with the query, exactly as [`top_k`](crate::top_k) scores and orders
/// them.
///
/// A candidate that is named twice is found twice.
///
/// # Errors
///
/// A score is not finite.
///
/// # Panics
///
/// The query has another number of dimensions than the rows, or there is no such row.
///
/// ```
/// use rec_search::{Vectors, rescore};
///
/// let rows = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2);
/// let list = rescore(&[1.0, 0.0], rows, [1, 2], 1)?;
/// assert_eq!((list[0].row, list[0].score), (2, 0.6));
/// # Ok::<(), rec_search::Error>(())
/// ```
pub fn rescore(
    query: &[f32],
    rows: Vectors<'_>,
    candidates: impl IntoIterator<Item = usize>,
    k: usize,
) -> Result<Vec<Found>, Error> {
    assert_eq!(query.len(), rows.dim(), "a query of {} values, rows of {}", query.len(), rows.dim());
    let mut candidates: Vec<usize> = candidates.into_iter().collect();
    // Memory is read forwards.
    candidates.sort_unstable();
    let vectors: Vec<&[f32]> = candidates.iter().map(|&row| rows.row(row)).collect();
    let mut scores = vec![0.0; candidates.len()];
    kernel::scores_of(&[query], &vectors[..], &[], &mut scores);
    let mut best = Best::new(k);
    best.offer(&scores, &Bar::new(), |i| candidates[i], &|_| true);
    best.into_sorted()
}

/// The first value that is not finite is an error.
fn check_finite(what: &'static str, vectors: Vectors<'_>) -> Result<(), Error> {
    for (row, vector) in vectors.iter().enumerate() {
        if let Some(column) = vector.iter().position(|value| !value.is_finite()) {
            return Err(Kind::Value { what, row, column }.into());
        }
    }
    Ok(())
}
