//! Walks through the graph.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rec_data::rank_order;

use super::RowSet;
use super::graph::Graph;
use crate::{Vectors, kernel};

/// A row that a walk has met. The greater is the nearer: by score, and then the smaller row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) score: f32,
    pub(super) row: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        rank_order(other.score, &other.row, self.score, &self.row)
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near {}

/// The memory of a walk, which may be used again.
pub(super) struct Walk<'a> {
    vectors: Vectors<'a>,
    graph: &'a Graph,
    seen: Vec<u64>,
    /// The words of `seen` that are not zero.
    touched: Vec<u32>,
    fresh: Vec<u32>,
    rows: Vec<&'a [f32]>,
    scores: Vec<f32>,
    overflow: Option<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(vectors: Vectors<'a>, graph: &'a Graph) -> Self {
        Self {
            vectors,
            graph,
            seen: vec![0; vectors.len().div_ceil(64)],
            touched: Vec::new(),
            fresh: Vec::new(),
            rows: Vec::new(),
            scores: Vec::new(),
            overflow: None,
        }
    }

    /// The smallest row met whose score was not finite.
    pub(super) fn overflow(&self) -> Option<usize> {
        self.overflow
    }

    /// The nearest row that a greedy walk finds from the entry down to the layer above `layer`.
    pub(super) fn descend(&mut self, query: &[f32], layer: usize) -> Near {
        let entry = self.graph.entry;
        let mut nearest = Near {
            score: self.checked(crate::dot(query, self.vectors.row(entry as usize)), entry),
            row: entry,
        };
        for layer in (layer + 1..=usize::from(self.graph.levels[entry as usize])).rev() {
            loop {
                self.fresh.clear();
                self.fresh.extend_from_slice(self.graph.links(nearest.row, layer));
                let best = self.score(query).max();
                match best {
                    Some(best) if best > nearest => nearest = best,
                    _ => break,
                }
            }
        }
        nearest
    }

    /// The `ef` nearest rows of a layer that are in reach (Malkov and Yashunin, algorithm 2), in no order. With a set of
    /// allowed rows only those are kept, and the walk goes through all.
    pub(super) fn layer(
        &mut self,
        query: &[f32],
        entries: &[Near],
        ef: usize,
        layer: usize,
        allowed: Option<&RowSet>,
    ) -> Vec<Near> {
        let allows = |row: u32| allowed.is_none_or(|allowed| allowed.contains(row as usize));
        let mut open: BinaryHeap<Near> = BinaryHeap::new();
        // The top is the farthest.
        let mut kept: BinaryHeap<Reverse<Near>> = BinaryHeap::new();
        for &entry in entries {
            self.see(entry.row);
            open.push(entry);
            if allows(entry.row) {
                kept.push(Reverse(entry));
            }
        }
        while let Some(nearest) = open.pop() {
            if kept.len() >= ef && kept.peek().is_some_and(|farthest| nearest < farthest.0) {
                break;
            }
            let graph = self.graph;
            self.fresh.clear();
            for &row in graph.links(nearest.row, layer) {
                if self.see(row) {
                    self.fresh.push(row);
                }
            }
            for near in self.score(query) {
                if kept.len() >= ef && kept.peek().is_some_and(|farthest| near < farthest.0) {
                    continue;
                }
                open.push(near);
                if allows(near.row) {
                    kept.push(Reverse(near));
                    if kept.len() > ef {
                        kept.pop();
                    }
                }
            }
        }
        for word in self.touched.drain(..) {
            self.seen[word as usize] = 0;
        }
        kept.into_iter().map(|near| near.0).collect()
    }

    /// Marks a row; tells whether it is new.
    fn see(&mut self, row: u32) -> bool {
        let (word, bit) = (row / 64, 1u64 << (row % 64));
        let seen = &mut self.seen[word as usize];
        if *seen == 0 {
            self.touched.push(word);
        }
        let new = *seen & bit == 0;
        *seen |= bit;
        new
    }

    /// The rows in `fresh` with their scores.
    fn score(&mut self, query: &[f32]) -> impl Iterator<Item = Near> {
        let vectors = self.vectors;
        self.rows.clear();
        self.rows.extend(self.fresh.iter().map(|&row| vectors.row(row as usize)));
        self.scores.resize(self.rows.len(), 0.0);
        kernel::scores_of(&[query], &self.rows[..], &[], &mut self.scores);
        for i in 0..self.scores.len() {
            self.scores[i] = self.checked(self.scores[i], self.fresh[i]);
        }
        self.fresh.iter().zip(&self.scores).map(|(&row, &score)| Near { score, row })
    }

    /// The score, if it is finite; otherwise it is noted, and the row is farthest.
    fn checked(&mut self, score: f32, row: u32) -> f32 {
        if score.is_finite() {
            return score;
        }
        self.overflow = Some(self.overflow.map_or(row as usize, |other| other.min(row as usize)));
        f32::NEG_INFINITY
    }
}
