//! What impressions came to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::pointwise::CalibrationBin;
use crate::resampling::Estimate;

/// The metrics of [`Impressions`](crate::Impressions), and what they left out.
///
/// It prints as a table, one metric a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImpressionReport {
    /// The number of users: the units of the intervals.
    pub n_users: usize,
    /// The number of groups, of all kinds.
    pub n_groups: usize,
    /// The number of groups without candidates.
    pub n_empty_groups: usize,
    /// The number of groups all of whose candidates are positive.
    pub n_positive_only_groups: usize,
    /// The number of groups all of whose candidates are negative.
    pub n_negative_only_groups: usize,
    /// The number of candidates, of all groups.
    pub n_candidates: u64,
    /// The number of positive candidates, of all groups.
    pub n_positives: u64,
    /// The number of pairs of a positive and a negative candidate of one group that have the same score.
    pub n_tied_pairs: u64,

    /// The mean AUC of the groups. (The AUC of MIND, of an impression each.)
    pub group_auc: Estimate,
    /// The mean AUC of the groups, weighted by their positive candidates. (RecBole's GAUC, of a user each.)
    pub group_auc_by_positives: Estimate,
    /// The mean AUC of the groups, weighted by their candidates. (The GAUC of Zhou et al., *Deep Interest Network* (KDD 2018),
    /// where a group is all that was shown to a user.)
    pub group_auc_by_candidates: Estimate,
    /// The AUC over all candidates of all groups together; `None` if it was not asked for.
    pub global_auc: Option<Estimate>,
    /// The mean of 1 / rank of the first positive candidate.
    pub mrr: Estimate,
    /// The mean of Σ 1 / rank over the positive candidates, divided by their number: what MIND calls MRR.
    pub mrr_mind: Estimate,
    /// The mean nDCG of the first 5 candidates.
    pub ndcg_5: Estimate,
    /// The mean nDCG of the first 10 candidates.
    pub ndcg_10: Estimate,
    /// The mean over all candidates of -ln of the probability of what happened, in nats.
    pub log_loss: Estimate,
    /// The mean over all candidates of `(p - y)^2`, `y` being 1 for a positive. Brier, *Verification of Forecasts Expressed in Terms
    /// of Probability* (1950).
    #[serde(default)]
    pub brier: Estimate,
    /// The share of candidates whose probability is on the right side of the threshold.
    pub accuracy: Estimate,
    /// The sum of the probabilities divided by the number of positive candidates: 1 if clicks are neither over- nor
    /// underestimated as a whole.
    pub calibration_ratio: Estimate,
    /// The expected calibration error: |mean probability - share of positives| in each of ten equal bins of the probability,
    /// closed on the right, averaged with the candidates of the bins as weights. It has no interval: resampling inflates it.
    /// Naeini, Cooper and Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning* (AAAI 2015).
    pub calibration_error: Option<f64>,
    /// The ten bins of `calibration_error`, without those that are empty: the points of a reliability diagram.
    #[serde(default)]
    pub calibration: Vec<CalibrationBin>,
}

impl fmt::Display for ImpressionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calibration_error = Estimate { value: self.calibration_error, interval: None };
        let rows = [
            ("group_auc", Some(self.group_auc)),
            ("group_auc_by_positives", Some(self.group_auc_by_positives)),
            ("group_auc_by_candidates", Some(self.group_auc_by_candidates)),
            ("global_auc", self.global_auc),
            ("mrr", Some(self.mrr)),
            ("mrr_mind", Some(self.mrr_mind)),
            ("ndcg@5", Some(self.ndcg_5)),
            ("ndcg@10", Some(self.ndcg_10)),
            ("log_loss", Some(self.log_loss)),
            ("brier", Some(self.brier)),
            ("accuracy", Some(self.accuracy)),
            ("calibration_ratio", Some(self.calibration_ratio)),
            ("calibration_error", Some(calibration_error)),
        ];
        for (name, estimate) in rows {
            if let Some(estimate) = estimate {
                writeln!(f, "{name:<24} {estimate}")?;
            }
        }
        write!(
            f,
            "{} users, {} groups ({} empty, {} all positive, {} all negative), {} candidates, {} positive, {} tied pairs",
            self.n_users,
            self.n_groups,
            self.n_empty_groups,
            self.n_positive_only_groups,
            self.n_negative_only_groups,
            self.n_candidates,
            self.n_positives,
            self.n_tied_pairs
        )
    }
}
