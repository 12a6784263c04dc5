//! Exact search over rows in memory.

use rayon::prelude::*;

use crate::best::{Bar, Best};
use crate::{Error, Vectors, kernel};

/// Rows whose products are computed together: at 384 values 200 kB, which stays in a core's second-level cache beside the next ones.
const ROWS: usize = 128;

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The number of the row, from 0.
    pub row: usize,
    /// Its score: higher is better.
    pub score: f32,
}

/// The `k` rows with the largest dot product with each query, of those that `accepts` is true of.
///
/// Each list is ordered by score descending, then by row ascending, and has the same bits for any number of threads, alone
/// or in a batch: every product is [`dot`](crate::dot). With `k = 0` lists are empty, and with a `k` beyond the number of
/// rows they have all of them.
///
/// # Errors
///
/// The score of an accepted row is not finite ([`Error::is_not_finite`]): with finite values, it overflows.
///
/// # Panics
///
/// Queries and rows have different dimensions.
///
/// ```
/// use rec_search::{Vectors, top_k};
///
/// let rows = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 1.0, 0.0], 2);
/// let lists = top_k(Vectors::new(&[1.0, 0.0], 2), rows, 3, |row| row != 1)?;
/// let list: Vec<_> = lists[0].iter().map(|found| (found.row, found.score)).collect();
/// assert_eq!(list, [(0, 1.0), (3, 1.0), (2, 0.6)]);
/// # Ok::<(), rec_search::Error>(())
/// ```
pub fn top_k(
    queries: Vectors<'_>,
    rows: Vectors<'_>,
    k: usize,
    accepts: impl Fn(usize) -> bool + Sync,
) -> Result<Vec<Vec<Found>>, Error> {
    assert_eq!(queries.dim(), rows.dim(), "queries of {} values, rows of {}", queries.dim(), rows.dim());
    let vectors: Vec<&[f32]> = queries.iter().collect();
    scan(rows.len(), queries.len(), k, &accepts, |block, out| {
        let next = rows.range(block.end..rows.len().min(block.end + block.len()));
        kernel::scores_of(&vectors, rows.range(block), next.values(), out);
    })
}

/// The best `k` rows for each query, where `score` gives the scores of all queries with a block of rows.
pub(crate) fn scan(
    n_rows: usize,
    n_queries: usize,
    k: usize,
    accepts: &(impl Fn(usize) -> bool + Sync),
    score: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
) -> Result<Vec<Vec<Found>>, Error> {
    if k == 0 || n_queries == 0 {
        return Ok(vec![Vec::new(); n_queries]);
    }
    let bars: Vec<Bar> = (0..n_queries).map(|_| Bar::new()).collect();
    let parts: Vec<Vec<Best>> = parts(n_rows.div_ceil(ROWS))
        .into_par_iter()
        .map(|blocks| {
            let mut bests = vec![Best::new(k); n_queries];
            let mut scores = vec![0.0; n_queries * ROWS];
            for block in blocks {
                let rows = block * ROWS..n_rows.min((block + 1) * ROWS);
                let scores = &mut scores[..n_queries * rows.len()];
                score(rows.clone(), scores);
                for ((best, bar), scores) in bests.iter_mut().zip(&bars).zip(scores.chunks(rows.len())) {
                    best.offer(scores, bar, |i| rows.start + i, accepts);
                }
            }
            bests
        })
        .collect();
    let mut bests = vec![Best::new(k); n_queries];
    for part in parts {
        for (best, other) in bests.iter_mut().zip(part) {
            best.merge(other);
        }
    }
    bests.into_iter().map(Best::into_sorted).collect()
}

/// Ranges of `n` blocks for threads to take: some more than threads, because not all run at the same speed.
pub(crate) fn parts(n: usize) -> Vec<std::ops::Range<usize>> {
    let n_parts = (rayon::current_num_threads() * 4).min(n);
    (0..n_parts).map(|part| part * n / n_parts..(part + 1) * n / n_parts).collect()
}
