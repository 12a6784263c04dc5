//! One pass over the blocks for a batch of users.

use std::sync::Arc;

use rayon::prelude::*;
use rec_data::{Id, TopK};

use super::block::{Block, ROWS};
use crate::{Filter, Query, kernel};

/// What one user asks for.
pub(super) struct Search<'q> {
    /// One an interest.
    pub(super) queries: Vec<Query>,
    pub(super) filter: &'q Filter,
    /// The only positions to score, ascending; `None` for all.
    pub(super) picked: Option<Vec<usize>>,
}

/// What one user gets.
pub(super) struct Best<'a> {
    pub(super) top: TopK<&'a Id>,
    /// The smallest id of an accepted item whose score is not a number to rank by.
    pub(super) overflow: Option<&'a Id>,
}

/// The best `k` for every search. Heaps do not depend on the order in which they are filled and merged, and every score is
/// computed by the same [`kernel::dot`], so neither do the results.
pub(super) fn run<'a>(blocks: &'a [Arc<Block>], searches: &[Search<'_>], k: usize) -> Vec<Best<'a>> {
    if k == 0 {
        return searches.iter().map(|_| Best::new(0)).collect();
    }
    let (all, picked): (Vec<usize>, Vec<usize>) =
        (0..searches.len()).partition(|&s| searches[s].picked.is_none());
    let mut results: Vec<Best<'a>> = searches.iter().map(|_| Best::new(k)).collect();

    let everything = blocks
        .par_iter()
        .fold(
            || all.iter().map(|_| Best::new(k)).collect::<Vec<_>>(),
            |mut bests, block| {
                for (best, &s) in bests.iter_mut().zip(&all) {
                    (0..block.len()).for_each(|row| best.offer(block, row, &searches[s]));
                }
                bests
            },
        )
        .reduce(Vec::new, merge_all);
    for (best, &s) in everything.into_iter().zip(&all) {
        results[s] = best;
    }

    for s in picked {
        let positions = searches[s].picked.as_deref().unwrap_or_default();
        results[s] = positions
            .par_chunks(ROWS)
            .fold(
                || Best::new(k),
                |mut best, positions| {
                    for position in positions {
                        best.offer(&blocks[position / ROWS], position % ROWS, &searches[s]);
                    }
                    best
                },
            )
            .reduce(|| Best::new(k), Best::merge);
    }
    results
}

/// Merges the results of two threads; a thread that saw no block has none.
fn merge_all<'a>(left: Vec<Best<'a>>, right: Vec<Best<'a>>) -> Vec<Best<'a>> {
    match (left.is_empty(), right.is_empty()) {
        (true, _) => right,
        (_, true) => left,
        _ => left.into_iter().zip(right).map(|(left, right)| left.merge(right)).collect(),
    }
}

impl Search<'_> {
    /// The score of the best interest; NaN if that of any overflows.
    fn score(&self, vector: &[f32], bias: f32) -> f32 {
        self.queries.iter().fold(f32::NEG_INFINITY, |best, query| {
            let score = kernel::dot(&query.vector, vector) + bias + query.bias;
            // Not `f32::max` alone: it would hide a NaN behind a number, and a NaN so far behind this score.
            if score.is_finite() && !best.is_nan() { best.max(score) } else { f32::NAN }
        })
    }
}

impl<'a> Best<'a> {
    fn new(k: usize) -> Self {
        Self { top: TopK::new(k), overflow: None }
    }

    fn offer(&mut self, block: &'a Block, row: usize, search: &Search<'_>) {
        let score = search.score(block.vector(row), block.biases[row]);
        // The filter comes last, because most items do not get this far. A NaN does.
        if !self.top.would_enter(score) {
            return;
        }
        let id = &block.ids[row];
        if search.filter.accepts(id) && self.top.push(score, id).is_err() {
            self.overflow = Some(self.overflow.map_or(id, |other| other.min(id)));
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.top.merge(other.top);
        self.overflow = match (self.overflow, other.overflow) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }
}
