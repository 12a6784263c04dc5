//! Groups of labelled candidates: impressions of news, click logs, and the AUCs.

mod global;
mod group;
mod pointwise;
mod report;

use rec_data::{Id, IdMap};

pub use self::pointwise::CalibrationBin;
pub use self::report::ImpressionReport;

use self::global::ScoredCandidates;
use self::group::RankedGroup;
use self::pointwise::{Calibration, ScoreScale};
use crate::error::{Error, Kind};
use crate::metric::Formula;
use crate::resampling::{Bootstrap, Estimate};

/// Collects groups of candidates, each candidate with a score and a label, and reports what their order is worth.
///
/// A group is what was ranked together: an impression, or all candidates of a user. The metrics of groups are means over the
/// groups that have candidates of both classes. Of the others every order is as good, so they are left out and counted, never
/// taken as 0 or 1.
///
/// # Three AUCs
///
/// AUC is the probability that a positive candidate scores above a negative one. It is computed per group and averaged, with
/// equal weights or weights by positives or by candidates; or once over all candidates of all groups, on request, which asks
/// the scores of different users to be comparable, and the model to know who clicks at all. The values are not comparable
/// with each other. The first three keep sums per user; [`with_global_auc`](Impressions::with_global_auc) keeps 8 bytes per
/// candidate.
///
/// # Ties
///
/// In every AUC two candidates of equal score count as half. In ranking metrics they stand in the order of their ids, as in a
/// [`RankedList`](rec_data::RankedList), and not in that of the candidates, which often has the clicks first. (The MIND metrics
/// of Microsoft Recommenders reverse an argsort, which tends to put the last of the tied candidates first.) The report has the
/// number of tied pairs: a model that ties much is judged by the ids.
///
/// # Probabilities
///
/// Log loss, Brier score, accuracy and calibration are means over all candidates, of all groups. Scores are logits, and the probability is
/// 1 / (1 + exp(-score)), unless [`with_probabilities`](Impressions::with_probabilities) says that they are probabilities. Do
/// not read these metrics where scores are neither.
///
/// # Intervals
///
/// Users are drawn, with all their groups: impressions of one user resemble each other. Where the user of an impression is
/// not known, give each impression an id of its own.
///
/// ```
/// use rec_data::Id;
/// use rec_eval::Impressions;
///
/// let items = ["a", "b", "c", "d"].map(Id::from);
/// let mut impressions = Impressions::new().with_global_auc();
/// impressions.add(&"ann".into(), &items, &[2.0, 1.0, 0.5, -1.0], &[false, true, false, false])?;
/// impressions.add(&"bob".into(), &items[..2], &[0.5, 0.5], &[false, true])?;
/// impressions.add(&"bob".into(), &items[..2], &[0.5, 0.1], &[false, false])?;
///
/// let report = impressions.into_report(None);
/// assert_eq!(report.group_auc.value, Some((2.0 / 3.0 + 0.5) / 2.0));
/// // The pairs of all groups together: 2 positives with 6 negatives.
/// assert_eq!(report.global_auc.unwrap().value, Some((5.0 + 3.0 + 0.5) / 12.0));
/// assert_eq!((report.n_groups, report.n_negative_only_groups, report.n_tied_pairs), (3, 1, 1));
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Impressions {
    scale: ScoreScale,
    threshold: f64,
    users: IdMap,
    /// One row per user, in the order of `users`.
    sums: Vec<Sums>,
    calibration: Calibration,
    /// Only if the global AUC is asked for.
    scored: Option<ScoredCandidates>,
    /// Its counts only.
    report: ImpressionReport,
}

/// Sums over the groups of a user with both classes (`GROUPS` to `NDCG_10`), and over all their candidates (the others).
type Sums = [f64; 16];

const GROUPS: usize = 0;
const AUC: usize = 1;
const POSITIVES: usize = 2;
const AUC_POSITIVES: usize = 3;
const CANDIDATES: usize = 4;
const AUC_CANDIDATES: usize = 5;
const MRR: usize = 6;
const MRR_MIND: usize = 7;
const NDCG_5: usize = 8;
const NDCG_10: usize = 9;
const SCORED: usize = 10;
const OBSERVED: usize = 11;
const PREDICTED: usize = 12;
const LOG_LOSS: usize = 13;
const CORRECT: usize = 14;
const SQUARED_ERRORS: usize = 15;

/// Each metric but the global AUC: the quotient of two sums.
const QUOTIENTS: [(usize, usize); 11] = [
    (AUC, GROUPS),
    (AUC_POSITIVES, POSITIVES),
    (AUC_CANDIDATES, CANDIDATES),
    (MRR, GROUPS),
    (MRR_MIND, GROUPS),
    (NDCG_5, GROUPS),
    (NDCG_10, GROUPS),
    (LOG_LOSS, SCORED),
    (SQUARED_ERRORS, SCORED),
    (CORRECT, SCORED),
    (PREDICTED, OBSERVED),
];

impl Default for Impressions {
    fn default() -> Impressions {
        Impressions::new()
    }
}

impl Impressions {
    /// No groups yet; scores are logits.
    #[must_use]
    pub fn new() -> Impressions {
        Impressions {
            scale: ScoreScale::Logit,
            threshold: 0.5,
            users: IdMap::new(),
            sums: Vec::new(),
            calibration: Calibration::default(),
            scored: None,
            report: ImpressionReport::default(),
        }
    }

    /// Also computes the AUC over all candidates of all groups, for 8 bytes of memory per candidate.
    #[must_use]
    pub fn with_global_auc(mut self) -> Impressions {
        self.scored.get_or_insert_default();
        self
    }

    /// The scores are probabilities, not logits.
    ///
    /// For the log loss they are clipped to [ε, 1 - ε] with ε = 2^-52, as in scikit-learn (of f64); logits are not clipped.
    ///
    /// ```
    /// use rec_eval::Impressions;
    ///
    /// let mut impressions = Impressions::new().with_probabilities();
    /// impressions.add(&"ann".into(), &["a".into(), "b".into()], &[0.75, 0.5], &[true, false])?;
    /// let report = impressions.into_report(None);
    /// assert!((report.log_loss.value.unwrap() - (0.75f64.ln() + 0.5f64.ln()) / -2.0).abs() < 1e-12);
    /// assert_eq!(report.calibration_ratio.value, Some(1.25));
    /// # Ok::<(), rec_eval::Error>(())
    /// ```
    #[must_use]
    pub fn with_probabilities(mut self) -> Impressions {
        self.scale = ScoreScale::Probability;
        self
    }

    /// From which probability on a candidate is predicted to be positive, for the accuracy; 0.5 by default.
    ///
    /// # Panics
    ///
    /// The threshold is not in [0, 1].
    #[must_use]
    pub fn with_threshold(mut self, probability: f64) -> Impressions {
        assert!((0.0..=1.0).contains(&probability), "a threshold of {probability} is not in [0, 1]");
        self.threshold = probability;
        self
    }

    /// Adds a group of a user; a user may have several.
    ///
    /// A group without candidates is counted, and adds nothing else. An infinite score is a score like any other; a candidate
    /// on its wrong side has an infinite log loss, and the mean is undefined.
    ///
    /// # Errors
    ///
    /// A score that is NaN, or not in [0, 1] where scores are probabilities; the message names item, group (counted from 1)
    /// and user, and nothing is added.
    ///
    /// # Panics
    ///
    /// The slices have different lengths; or, with the global AUC, there are more than 2^30 users.
    pub fn add(&mut self, user: &Id, items: &[Id], scores: &[f32], labels: &[bool]) -> Result<(), Error> {
        let n = items.len();
        assert!(
            n == scores.len() && n == labels.len(),
            "{n} items with {} scores and {} labels",
            scores.len(),
            labels.len()
        );
        for (item, score) in items.iter().zip(scores) {
            self.check(user, item, *score)?;
        }
        let (row, is_new) = self.users.insert(user);
        if is_new {
            self.sums.push(Sums::default());
        }
        let group = RankedGroup::new(items, scores, labels);
        self.count(&group);
        let sums = &mut self.sums[row];
        if group.n_positives > 0 && group.n_negatives > 0 {
            add_ranking(&group, sums);
        }
        for (score, label) in scores.iter().zip(labels) {
            let (probability, loss) = self.scale.probability_and_loss(*score, *label);
            sums[SCORED] += 1.0;
            sums[OBSERVED] += f64::from(u8::from(*label));
            sums[PREDICTED] += probability;
            sums[LOG_LOSS] += loss;
            sums[SQUARED_ERRORS] += (probability - f64::from(u8::from(*label))).powi(2);
            sums[CORRECT] += f64::from(u8::from((probability >= self.threshold) == *label));
            self.calibration.add(probability, *label);
        }
        if let Some(scored) = &mut self.scored {
            scored.add(row, scores, labels);
        }
        Ok(())
    }

    fn check(&self, user: &Id, item: &Id, score: f32) -> Result<(), Error> {
        let group = self.report.n_groups + 1;
        let (user, item) = (user.clone(), item.clone());
        match self.scale {
            _ if score.is_nan() => Err(Kind::NanScore { user, group, item }.into()),
            ScoreScale::Probability if !(0.0..=1.0).contains(&score) => {
                Err(Kind::NotProbability { user, group, item, score }.into())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, group: &RankedGroup) {
        let report = &mut self.report;
        report.n_groups += 1;
        match (group.n_positives, group.n_negatives) {
            (0, 0) => report.n_empty_groups += 1,
            (_, 0) => report.n_positive_only_groups += 1,
            (0, _) => report.n_negative_only_groups += 1,
            _ => {}
        }
        report.n_candidates += group.n_positives + group.n_negatives;
        report.n_positives += group.n_positives;
        report.n_tied_pairs += group.n_tied;
    }

    /// The metrics of what was added, with intervals if a bootstrap is given. What has no value is `None`.
    ///
    /// ```
    /// use rec_eval::{Bootstrap, Impressions};
    ///
    /// let mut impressions = Impressions::new();
    /// let items = ["a".into(), "b".into()];
    /// for (user, clicked) in [("ann", true), ("bob", true), ("cid", false), ("dee", true)] {
    ///     impressions.add(&user.into(), &items, &[1.0, 0.0], &[clicked, !clicked])?;
    /// }
    /// let report = impressions.into_report(Some(&Bootstrap::new(7)));
    /// assert_eq!(report.group_auc.value, Some(0.75));
    /// assert!(report.group_auc.interval.unwrap().contains(0.75));
    /// # Ok::<(), rec_eval::Error>(())
    /// ```
    #[must_use]
    pub fn into_report(self, bootstrap: Option<&Bootstrap>) -> ImpressionReport {
        let (sums, scored) = (&self.sums, self.scored.map(ScoredCandidates::sorted));
        let n_statistics = QUOTIENTS.len() + usize::from(scored.is_some());
        let estimates = Bootstrap::estimates(bootstrap, sums.len(), n_statistics, |weights, out| {
            let total = weighted_total(weights, sums);
            for (value, (numerator, denominator)) in out.iter_mut().zip(QUOTIENTS) {
                *value = total[numerator] / total[denominator];
            }
            if let Some(scored) = &scored {
                out[QUOTIENTS.len()] = scored.auc(weights);
            }
        });
        let of = |quotient: (usize, usize)| -> Estimate {
            let place = QUOTIENTS.iter().position(|known| *known == quotient);
            place.map(|place| estimates[place]).unwrap_or_default()
        };
        ImpressionReport {
            n_users: self.users.len(),
            group_auc: of((AUC, GROUPS)),
            group_auc_by_positives: of((AUC_POSITIVES, POSITIVES)),
            group_auc_by_candidates: of((AUC_CANDIDATES, CANDIDATES)),
            global_auc: scored.is_some().then(|| estimates[QUOTIENTS.len()]),
            mrr: of((MRR, GROUPS)),
            mrr_mind: of((MRR_MIND, GROUPS)),
            ndcg_5: of((NDCG_5, GROUPS)),
            ndcg_10: of((NDCG_10, GROUPS)),
            log_loss: of((LOG_LOSS, SCORED)),
            brier: of((SQUARED_ERRORS, SCORED)),
            accuracy: of((CORRECT, SCORED)),
            calibration_ratio: of((PREDICTED, OBSERVED)),
            calibration_error: self.calibration.expected_error(),
            calibration: self.calibration.bins(),
            ..self.report
        }
    }
}

/// Adds a group with both classes to the sums of its user.
fn add_ranking(group: &RankedGroup, sums: &mut Sums) {
    let (auc, positives) = (group.auc(), group.n_positives as f64);
    let candidates = positives + group.n_negatives as f64;
    let judged = group.judged();
    // Defined, because something is relevant.
    let value = |formula: Formula, k: usize| formula.at(k).value(&judged).unwrap_or_default();
    sums[GROUPS] += 1.0;
    sums[AUC] += auc;
    sums[POSITIVES] += positives;
    sums[AUC_POSITIVES] += auc * positives;
    sums[CANDIDATES] += candidates;
    sums[AUC_CANDIDATES] += auc * candidates;
    sums[MRR] += value(Formula::Mrr, judged.len());
    sums[MRR_MIND] += value(Formula::MrrMind, judged.len());
    sums[NDCG_5] += value(Formula::Ndcg, 5);
    sums[NDCG_10] += value(Formula::Ndcg, 10);
}

fn weighted_total(weights: &[u32], sums: &[Sums]) -> Sums {
    let mut total = Sums::default();
    for (weight, sums) in weights.iter().zip(sums).filter(|(weight, _)| **weight > 0) {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += f64::from(*weight) * sum;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<Id> {
        (0..n).map(|i| Id::from(i.to_string())).collect()
    }

    /// RecBole's test of GAUC: AUCs of 1, 0.5 and 0.5 with 1, 2 and 3 positives.
    #[test]
    fn weights_are_those_that_the_names_say() {
        let mut impressions = Impressions::new();
        for (user, labels, scores) in [
            ("u1", &[true, false, false][..], &[0.9f32, 0.8, 0.7][..]),
            ("u2", &[true, true, false], &[0.9, 0.1, 0.5]),
            ("u3", &[true, true, true, false, false], &[0.5, 0.5, 0.5, 0.5, 0.5]),
        ] {
            impressions.add(&user.into(), &ids(labels.len()), scores, labels).unwrap();
        }
        let report = impressions.into_report(None);
        let close = |estimate: Estimate, expected: f64| (estimate.value.unwrap() - expected).abs() < 1e-12;
        assert!(close(report.group_auc_by_positives, 3.5 / 6.0));
        assert!(close(report.group_auc_by_candidates, (3.0 + 1.5 + 2.5) / 11.0));
        assert!(close(report.group_auc, 2.0 / 3.0));
        assert_eq!(report.n_tied_pairs, 6);
        assert_eq!(report.global_auc, None);
    }

    #[test]
    fn mrr_of_mind_is_a_mean_over_positives() {
        let mut impressions = Impressions::new();
        let labels = [false, true, false, false, true, true];
        impressions.add(&"u".into(), &ids(6), &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], &labels).unwrap();
        let report = impressions.into_report(None);
        assert!((report.mrr_mind.value.unwrap() - 0.288889).abs() < 1e-6);
        assert_eq!(report.mrr.value, Some(0.5));
    }

    #[test]
    fn groups_of_one_class_are_counted_and_left_out() {
        let mut impressions = Impressions::new().with_global_auc();
        impressions.add(&"u".into(), &[], &[], &[]).unwrap();
        impressions.add(&"u".into(), &ids(2), &[1.0, 0.0], &[true, true]).unwrap();
        impressions.add(&"v".into(), &ids(1), &[f32::INFINITY], &[false]).unwrap();
        let report = impressions.into_report(Some(&Bootstrap::new(1)));
        assert_eq!((report.n_users, report.n_groups, report.n_empty_groups), (2, 3, 1));
        assert_eq!((report.n_positive_only_groups, report.n_negative_only_groups), (1, 1));
        let undefined = Estimate::default();
        assert_eq!((report.group_auc, report.ndcg_10, report.log_loss), (undefined, undefined, undefined));
        assert_eq!(report.global_auc.unwrap().value, Some(0.0));
        let nothing = Impressions::new().with_global_auc().into_report(Some(&Bootstrap::new(1)));
        assert_eq!((nothing.n_groups, nothing.accuracy, nothing.global_auc), (0, undefined, Some(undefined)));
    }

    #[test]
    fn a_score_that_is_no_number_is_an_error() {
        let mut impressions = Impressions::new();
        impressions.add(&"u".into(), &ids(1), &[0.0], &[true]).unwrap();
        let error = impressions.add(&"u".into(), &ids(2), &[0.0, f32::NAN], &[true, true]).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "the score of `1` in group 2, of user `u`, is NaN");
        assert_eq!(impressions.clone().into_report(None).n_groups, 1);
        let mut impressions = impressions.with_probabilities();
        let error = impressions.add(&"u".into(), &ids(1), &[1.5], &[true]).unwrap_err();
        assert_eq!(error.to_string(), "the score of `0` in group 2, of user `u`, is 1.5, not a probability");
    }
}
