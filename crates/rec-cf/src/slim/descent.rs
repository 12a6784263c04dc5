//! Coordinate descent for the weights of one item.

use rec_data::TopK;

use super::SlimConfig;
use crate::products::{Products, Sums};
use crate::sparse::{self, Sparse};

/// What is the same for all items.
pub(super) struct Descent<'a> {
    config: &'a SlimConfig,
    products: Products<'a>,
    by_item: &'a Sparse,
    /// `|a_i|^2` of each column of the matrix.
    squares: Vec<f64>,
}

/// What a thread works in; all zeros between items.
pub(super) struct Scratch {
    sums: Sums,
    /// `a_j - A w`, by user.
    residual: Vec<f64>,
    /// `w`, by item.
    weights: Vec<f64>,
}

impl<'a> Descent<'a> {
    pub(super) fn new(config: &'a SlimConfig, by_user: &'a Sparse, by_item: &'a Sparse) -> Descent<'a> {
        let products = Products::new(by_item, by_user);
        Descent { config, products, by_item, squares: sparse::squares(by_item) }
    }

    /// Room for a thread.
    pub(super) fn scratch(&self) -> Scratch {
        let (n_items, n_users) = (self.by_item.rows(), self.by_item.cols());
        Scratch { sums: self.products.sums(), residual: vec![0.0; n_users], weights: vec![0.0; n_items] }
    }

    /// The weights for an item, in the order of their rows, and whether they reached the tolerance.
    pub(super) fn run(&self, scratch: &mut Scratch, item: usize) -> (Vec<(u32, f32)>, bool) {
        let candidates = self.candidates(&mut scratch.sums, item);
        for (user, value) in sparse::entries(self.by_item, item) {
            scratch.residual[user] = value.into();
        }
        let finished = self.descend(scratch, &candidates);
        let mut list = Vec::new();
        for (user, _) in sparse::entries(self.by_item, item) {
            scratch.residual[user] = 0.0;
        }
        for other in candidates {
            for (user, _) in sparse::entries(self.by_item, other) {
                scratch.residual[user] = 0.0;
            }
            let weight = std::mem::take(&mut scratch.weights[other]) as f32;
            if weight > 0.0 {
                list.push((other as u32, weight));
            }
        }
        (list, finished)
    }

    /// The items that can have a weight for `item`, ascending. Nothing is negative, so the correlation of an item with the
    /// residual is greatest where all weights are 0, and one that is not above `l1` there never is.
    fn candidates(&self, sums: &mut Sums, item: usize) -> Vec<usize> {
        let mut top = TopK::new(self.config.n_candidates.unwrap_or(usize::MAX));
        self.products.for_each(sums, item, |other, product| {
            if other != item && product > self.config.l1 {
                // A product above 0 of columns whose squares are not 0 is not NaN.
                let cosine = product / (self.squares[other] * self.squares[item]).sqrt();
                let _ = top.push(cosine as f32, other);
            }
        });
        let mut candidates: Vec<usize> = top.into_sorted().into_iter().map(|(_, other)| other).collect();
        candidates.sort_unstable();
        candidates
    }

    /// Sweeps over all candidates, then over those with weights until these hardly move, and so on until a sweep over all
    /// hardly moves any.
    fn descend(&self, scratch: &mut Scratch, candidates: &[usize]) -> bool {
        let mut n_sweeps = 0;
        while n_sweeps < self.config.max_sweeps {
            n_sweeps += 1;
            if self.sweep(scratch, candidates) {
                return true;
            }
            let active: Vec<usize> =
                candidates.iter().copied().filter(|&other| scratch.weights[other] > 0.0).collect();
            while n_sweeps < self.config.max_sweeps {
                n_sweeps += 1;
                if self.sweep(scratch, &active) {
                    break;
                }
            }
        }
        candidates.is_empty()
    }

    /// Sets one weight after the other to its best value, the others as they are; tells whether they hardly moved.
    fn sweep(&self, scratch: &mut Scratch, items: &[usize]) -> bool {
        let Scratch { residual, weights, .. } = scratch;
        let (mut largest, mut moved) = (0f64, 0f64);
        for &item in items {
            let (users, values) = sparse::row(self.by_item, item);
            let old = weights[item];
            let column = || users.iter().zip(values).map(|(&user, &value)| (user as usize, f64::from(value)));
            let correlation: f64 = column().map(|(user, value)| value * residual[user]).sum();
            let square = self.squares[item];
            let new = (correlation + square * old - self.config.l1).max(0.0) / (square + self.config.l2);
            if new != old {
                column().for_each(|(user, value)| residual[user] -= (new - old) * value);
                weights[item] = new;
            }
            largest = largest.max(new);
            moved = moved.max((new - old).abs());
        }
        moved <= self.config.tolerance * largest
    }
}
