//! One pass over the blocks for a batch of users.

use std::sync::Arc;

use rayon::prelude::*;
use rec_data::{Id, TopK};

use super::block::{Block, ROWS};
use crate::{Filter, Query};

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

/// The best `k` for every search. Heaps do not depend on the order in which they are filled and merged, and every product has
/// the bits of [`rec_search::dot`], so neither do the results.
pub(super) fn run<'a>(blocks: &'a [Arc<Block>], searches: &[Search<'_>], k: usize) -> Vec<Best<'a>> {
    let mut results: Vec<Best<'a>> = searches.iter().map(|_| Best::new(k)).collect();
    if k == 0 {
        return results;
    }
    let (all, picked): (Vec<usize>, Vec<usize>) =
        (0..searches.len()).partition(|&s| searches[s].picked.is_none());

    let of_all: Vec<&Search<'_>> = all.iter().map(|&s| &searches[s]).collect();
    let parts: Vec<Vec<Best<'a>>> = if of_all.is_empty() {
        Vec::new()
    } else {
        blocks.par_chunks(part_len(blocks.len())).map(|blocks| scan(blocks, &of_all, k)).collect()
    };
    for part in parts {
        for (best, &s) in part.into_iter().zip(&all) {
            results[s].merge(best);
        }
    }

    for s in picked {
        let positions = searches[s].picked.as_deref().unwrap_or_default();
        let parts: Vec<Best<'a>> = positions
            .par_chunks(ROWS)
            .map(|positions| {
                let at = |i: usize| (&*blocks[positions[i] / ROWS], positions[i] % ROWS);
                let (rows, biases): (Vec<&[f32]>, Vec<f32>) = (0..positions.len())
                    .map(at)
                    .map(|(block, row)| (block.vector(row), block.biases[row]))
                    .unzip();
                let queries: Vec<&[f32]> = searches[s].vectors().collect();
                let (mut products, mut scores) = (vec![0.0; queries.len() * rows.len()], Vec::new());
                rec_search::scores(&queries, &rows, &[], &mut products);
                searches[s].scores(&products, &biases, &mut scores);
                let mut best = Best::new(k);
                best.offer(&searches[s], &scores, |i| {
                    let (block, row) = at(i);
                    &block.ids[row]
                });
                best
            })
            .collect();
        parts.into_iter().for_each(|best| results[s].merge(best));
    }
    results
}

/// Blocks that a thread takes at once. There are some more parts than threads, because not all run at the same speed.
fn part_len(n_blocks: usize) -> usize {
    n_blocks.div_ceil(rayon::current_num_threads() * 4).max(1)
}

/// The best of some blocks, each of which is read once for all searches.
fn scan<'a>(blocks: &'a [Arc<Block>], searches: &[&Search<'_>], k: usize) -> Vec<Best<'a>> {
    let mut bests: Vec<Best<'a>> = searches.iter().map(|_| Best::new(k)).collect();
    let queries: Vec<&[f32]> = searches.iter().flat_map(|search| search.vectors()).collect();
    let (mut products, mut scores) = (Vec::new(), Vec::new());
    for (i, block) in blocks.iter().enumerate() {
        let rows: Vec<&[f32]> = block.vectors().collect();
        let ahead = blocks.get(i + 1).map_or(&[][..], |next| next.values());
        products.resize(queries.len() * rows.len(), 0.0);
        rec_search::scores(&queries, &rows, ahead, &mut products);
        let mut products = products.as_slice();
        for (best, search) in bests.iter_mut().zip(searches) {
            let (own, rest) = products.split_at(search.queries.len() * rows.len());
            products = rest;
            search.scores(own, &block.biases, &mut scores);
            best.offer(search, &scores, |row| &block.ids[row]);
        }
    }
    bests
}

impl Search<'_> {
    fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.iter().map(|query| query.vector.as_slice())
    }

    /// The scores of the best interest, from the products of all interests; NaN where any overflows.
    fn scores(&self, products: &[f32], biases: &[f32], scores: &mut Vec<f32>) {
        scores.clear();
        scores.resize(biases.len(), f32::NEG_INFINITY);
        for (query, products) in self.queries.iter().zip(products.chunks_exact(biases.len())) {
            for ((best, product), bias) in scores.iter_mut().zip(products).zip(biases) {
                let score = product + bias + query.bias;
                // Not `f32::max` alone: it would hide a NaN behind a number, and a NaN so far behind this score.
                *best = if score.is_finite() && !best.is_nan() { best.max(score) } else { f32::NAN };
            }
        }
    }
}

impl<'a> Best<'a> {
    fn new(k: usize) -> Self {
        Self { top: TopK::new(k), overflow: None }
    }

    /// Offers the item `id(i)` with the score `scores[i]`, for each `i`.
    fn offer(&mut self, search: &Search<'_>, scores: &[f32], id: impl Fn(usize) -> &'a Id) {
        rec_search::visit_reaching(scores, self.top.threshold(), |i, score| {
            // The filter comes last, because most items do not get this far. A NaN does.
            if self.top.would_enter(score) {
                let id = id(i);
                if search.filter.accepts(id) && self.top.push(score, id).is_err() {
                    self.overflow = Some(self.overflow.map_or(id, |other| other.min(id)));
                }
            }
            self.top.threshold()
        });
    }

    fn merge(&mut self, other: Self) {
        self.top.merge(other.top);
        self.overflow = match (self.overflow, other.overflow) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
