//! One group of candidates: which pairs are in order, and what a ranking metric says.

use rec_data::{Id, rank_order};

use crate::judged::JudgedList;

/// The labels of one group in the order of the ranks, and its pairs of a positive and a negative candidate.
#[derive(Debug)]
pub(super) struct RankedGroup {
    labels: Vec<bool>,
    /// Pairs with the positive candidate above.
    n_concordant: u64,
    /// Pairs with equal scores.
    pub(super) n_tied: u64,
    pub(super) n_positives: u64,
    pub(super) n_negatives: u64,
}

impl RankedGroup {
    /// Ranks candidates whose scores are not NaN.
    pub(super) fn new(items: &[Id], scores: &[f32], labels: &[bool]) -> RankedGroup {
        let mut order: Vec<usize> = (0..items.len()).collect();
        // Stable, so that an item that comes twice gives the same order every time.
        order.sort_by(|a, b| rank_order(scores[*a], &items[*a], scores[*b], &items[*b]));
        let mut group =
            RankedGroup { labels: vec![], n_concordant: 0, n_tied: 0, n_positives: 0, n_negatives: 0 };
        for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
            let n_positives = tied.iter().filter(|place| labels[**place]).count() as u64;
            let n_negatives = tied.len() as u64 - n_positives;
            group.n_concordant += group.n_positives * n_negatives;
            group.n_tied += n_positives * n_negatives;
            group.n_positives += n_positives;
            group.n_negatives += n_negatives;
        }
        group.labels = order.into_iter().map(|place| labels[place]).collect();
        group
    }

    /// The probability that a positive candidate scores above a negative one, ties counted as half; NaN without such pairs.
    pub(super) fn auc(&self) -> f64 {
        let n_pairs = self.n_positives * self.n_negatives;
        (2 * self.n_concordant + self.n_tied) as f64 / (2 * n_pairs) as f64
    }

    /// The group as ranking metrics see it: all that is relevant is in the list.
    pub(super) fn judged(&self) -> JudgedList {
        JudgedList::from_gains(self.labels.iter().map(|label| f64::from(u8::from(*label))), [])
    }
}
