//! The AUC over all candidates of all groups.

/// Every candidate with its score, its label, and the user that it is resampled with.
#[derive(Clone, Debug, Default)]
pub(super) struct ScoredCandidates {
    /// The score and the key: 8 bytes each.
    candidates: Vec<(f32, u32)>,
}

/// The lowest bits of a key; the row of the user stands above them.
const IS_LAST_OF_TIED: u32 = 1;
const IS_POSITIVE: u32 = 2;
const N_BITS: u32 = 2;

impl ScoredCandidates {
    /// Adds candidates of a user.
    ///
    /// # Panics
    ///
    /// There are more than 2^30 users.
    pub(super) fn add(&mut self, user: usize, scores: &[f32], labels: &[bool]) {
        assert!(user < 1 << (u32::BITS - N_BITS), "the global AUC is limited to 2^30 users");
        let key = |label: bool| (user as u32) << N_BITS | if label { IS_POSITIVE } else { 0 };
        // Adding 0.0 turns -0.0 into 0.0, so that the two tie in the total order as well.
        let candidates = scores.iter().zip(labels).map(|(score, label)| (score + 0.0, key(*label)));
        self.candidates.extend(candidates);
    }

    /// Ready for [`auc`](SortedCandidates::auc).
    pub(super) fn sorted(mut self) -> SortedCandidates {
        self.candidates.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut keys = Vec::with_capacity(self.candidates.len());
        for tied in self.candidates.chunk_by(|(a, _), (b, _)| a == b) {
            keys.extend(tied.iter().map(|(_, key)| *key));
            if let Some(last) = keys.last_mut() {
                *last |= IS_LAST_OF_TIED;
            }
        }
        SortedCandidates { keys }
    }
}

/// Candidates by ascending score; the scores themselves are no longer needed.
#[derive(Debug)]
pub(super) struct SortedCandidates {
    keys: Vec<u32>,
}

impl SortedCandidates {
    /// The AUC of a resample of users: weighted pairs in order, and half of those tied, of all pairs; NaN without pairs.
    pub(super) fn auc(&self, weights: &[u32]) -> f64 {
        // Twice the number of pairs, so that a tie counts 1. Counts of candidates fit in u64, those of pairs might not.
        let (mut twice_in_order, mut n_positives, mut n_negatives) = (0u128, 0u64, 0u64);
        let (mut tied_positives, mut tied_negatives) = (0u64, 0u64);
        for key in &self.keys {
            let weight = u64::from(weights[(key >> N_BITS) as usize]);
            if key & IS_POSITIVE == 0 {
                tied_negatives += weight;
            } else {
                tied_positives += weight;
            }
            if key & IS_LAST_OF_TIED != 0 {
                if tied_positives > 0 {
                    let below = 2 * u128::from(n_negatives) + u128::from(tied_negatives);
                    twice_in_order += u128::from(tied_positives) * below;
                    n_positives += tied_positives;
                    tied_positives = 0;
                }
                n_negatives += tied_negatives;
                tied_negatives = 0;
            }
        }
        twice_in_order as f64 / (2 * u128::from(n_positives) * u128::from(n_negatives)) as f64
    }
}
