//! What another policy would have earned, from a log of what one policy chose.

use std::fmt;

use rec_data::{Id, IdMap};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::resampling::{Bootstrap, Estimate};

/// One logged choice, as a policy that is to be judged sees it.
///
/// Of a log of [`Decision`](rec_data::decisions::Decision)s, reward and propensity are those of the decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoggedChoice {
    /// What came of the choice: `r`.
    pub reward: f64,
    /// The probability of the choice when it was made, by the policy that made it: `p`, in (0, 1].
    pub propensity: f64,
    /// The probability that the judged policy makes the same choice: `pi`, in [0, 1].
    pub target: f64,
    /// What a model of rewards expects, if there is one: all choices have it, or none.
    pub expected: Option<ExpectedReward>,
}

/// What a model of rewards, learned on other data, expects where a choice was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedReward {
    /// Of the choice that was made: `q(x, a)`.
    pub of_choice: f64,
    /// Of the judged policy: `sum_a pi(a | x) q(x, a)`.
    pub of_policy: f64,
}

/// Estimates what a policy would have earned, from choices that another policy made and logged.
///
/// With the weight `w = pi / p` of a choice, over `n` choices:
///
/// | estimate | formula | right if | |
/// |---|---|---|---|
/// | `ips` | `1/n sum w r` | propensities are, and `p > 0` wherever `pi > 0` | varies as weights do |
/// | `clipped_ips` | `1/n sum min(w, c) r` | no weight is above `c` | biased towards zero, varies less (Ionides, *Truncated Importance Sampling*, JCGS 2008) |
/// | `snips` | `sum w r / sum w` | as `ips`, for large `n` | does not leave the range of the rewards (Swaminathan and Joachims, *The Self-Normalized Estimator for Counterfactual Learning*, NIPS 2015) |
/// | `direct` | `1/n sum q(x, pi)` | the model of rewards is | never looks at the rewards |
/// | `doubly_robust` | `1/n sum q(x, pi) + w (r - q(x, a))` | either is | (Dudik, Langford and Li, *Doubly Robust Policy Evaluation and Learning*, ICML 2011, equation 1) |
///
/// The last two need the expectations of a model of rewards; learn it on other data than what it is used on.
///
/// What tells whether to believe them: the mean weight, which is 1 but for chance if the propensities are right; the effective
/// sample size `(sum w)^2 / sum w^2` (Kish 1965), of which a few dozen are too few; and the largest weight. Where the log never
/// chooses what the policy would, no estimate can know.
///
/// Intervals draw users with all their choices, because what one user does is not independent. Where the user is not known, give each
/// choice a user of its own.
///
/// ```
/// use rec_eval::{LoggedChoice, OffPolicy};
///
/// // The log chose one of two items at random; the second earns 1. The policy always chooses the second.
/// let mut log = OffPolicy::new();
/// for (user, chosen) in [("ann", 0), ("bob", 1), ("cid", 1), ("dee", 0)] {
///     let (reward, target) = if chosen == 1 { (1.0, 1.0) } else { (0.0, 0.0) };
///     log.add(&user.into(), LoggedChoice { reward, propensity: 0.5, target, expected: None })?;
/// }
/// let report = log.into_report(None);
/// assert_eq!((report.ips.value, report.snips.value), (Some(1.0), Some(1.0)));
/// assert_eq!((report.reward_of_log.value, report.effective_sample_size), (Some(0.5), Some(2.0)));
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OffPolicy {
    clip: f64,
    users: IdMap,
    /// One row per user, in the order of `users`.
    sums: Vec<Sums>,
    n_clipped: usize,
    max_weight: f64,
    has_model: Option<bool>,
}

type Sums = [f64; 8];

const CHOICES: usize = 0;
const REWARDS: usize = 1;
const WEIGHTS: usize = 2;
const SQUARED_WEIGHTS: usize = 3;
const IPS: usize = 4;
const CLIPPED: usize = 5;
const DIRECT: usize = 6;
const DOUBLY_ROBUST: usize = 7;

/// Each estimate: the quotient of two sums.
const QUOTIENTS: [(usize, usize); 6] = [
    (REWARDS, CHOICES),
    (IPS, CHOICES),
    (CLIPPED, CHOICES),
    (IPS, WEIGHTS),
    (DIRECT, CHOICES),
    (DOUBLY_ROBUST, CHOICES),
];

impl Default for OffPolicy {
    fn default() -> OffPolicy {
        OffPolicy::new()
    }
}

impl OffPolicy {
    /// No choices yet; weights are clipped at 10.
    #[must_use]
    pub fn new() -> OffPolicy {
        OffPolicy {
            clip: 10.0,
            users: IdMap::new(),
            sums: Vec::new(),
            n_clipped: 0,
            max_weight: 0.0,
            has_model: None,
        }
    }

    /// Sets where [`clipped_ips`](OffPolicyReport::clipped_ips) clips weights.
    ///
    /// # Panics
    ///
    /// The weight is not positive.
    #[must_use]
    pub fn with_clip(mut self, weight: f64) -> OffPolicy {
        assert!(weight > 0.0, "weights cannot be clipped at {weight}");
        self.clip = weight;
        self
    }

    /// Adds a choice for a user; a user may have several.
    ///
    /// # Errors
    ///
    /// A propensity that is not in (0, 1], a target that is not in [0, 1], a reward or an expectation that is not finite, or an
    /// expectation where other choices have none, or the other way around. The message names the user, and nothing is added.
    pub fn add(&mut self, user: &Id, choice: LoggedChoice) -> Result<(), Error> {
        let LoggedChoice { reward, propensity, target, expected } = choice;
        let problem = |what, value| Error::from(Kind::Choice { user: user.clone(), what, value });
        if !(propensity > 0.0 && propensity <= 1.0) {
            return Err(problem("propensity", propensity));
        }
        if !(0.0..=1.0).contains(&target) {
            return Err(problem("target probability", target));
        }
        if !reward.is_finite() {
            return Err(problem("reward", reward));
        }
        for value in expected.iter().flat_map(|expected| [expected.of_choice, expected.of_policy]) {
            if !value.is_finite() {
                return Err(problem("expected reward", value));
            }
        }
        if *self.has_model.get_or_insert(expected.is_some()) != expected.is_some() {
            return Err(Kind::SomeExpected { user: user.clone() }.into());
        }
        let (row, is_new) = self.users.insert(user);
        if is_new {
            self.sums.push(Sums::default());
        }
        let weight = target / propensity;
        let ExpectedReward { of_choice, of_policy } =
            expected.unwrap_or(ExpectedReward { of_choice: 0.0, of_policy: 0.0 });
        let sums = &mut self.sums[row];
        sums[CHOICES] += 1.0;
        sums[REWARDS] += reward;
        sums[WEIGHTS] += weight;
        sums[SQUARED_WEIGHTS] += weight * weight;
        sums[IPS] += weight * reward;
        sums[CLIPPED] += weight.min(self.clip) * reward;
        sums[DIRECT] += of_policy;
        sums[DOUBLY_ROBUST] += of_policy + weight * (reward - of_choice);
        self.n_clipped += usize::from(weight > self.clip);
        self.max_weight = self.max_weight.max(weight);
        Ok(())
    }

    /// The estimates, with intervals if a bootstrap is given. What has no value is `None`.
    #[must_use]
    pub fn into_report(self, bootstrap: Option<&Bootstrap>) -> OffPolicyReport {
        let sums = &self.sums;
        let total = |weights: &[u32]| {
            let mut total = Sums::default();
            for (weight, sums) in weights.iter().zip(sums).filter(|(weight, _)| **weight > 0) {
                for (total, sum) in total.iter_mut().zip(sums) {
                    *total += f64::from(*weight) * sum;
                }
            }
            total
        };
        let estimates = Bootstrap::estimates(bootstrap, sums.len(), QUOTIENTS.len(), |weights, out| {
            let total = total(weights);
            for (value, (numerator, denominator)) in out.iter_mut().zip(QUOTIENTS) {
                *value = total[numerator] / total[denominator];
            }
        });
        let all = total(&vec![1; sums.len()]);
        let defined = |value: f64| Some(value).filter(|value| value.is_finite());
        let with_model = |estimate: Estimate| self.has_model.unwrap_or_default().then_some(estimate);
        OffPolicyReport {
            n_users: sums.len(),
            n_choices: all[CHOICES] as usize,
            n_clipped: self.n_clipped,
            max_weight: self.max_weight,
            mean_weight: defined(all[WEIGHTS] / all[CHOICES]),
            effective_sample_size: defined(all[WEIGHTS] * all[WEIGHTS] / all[SQUARED_WEIGHTS]),
            reward_of_log: estimates[0],
            ips: estimates[1],
            clipped_ips: estimates[2],
            snips: estimates[3],
            direct: with_model(estimates[4]),
            doubly_robust: with_model(estimates[5]),
        }
    }
}

/// What [`OffPolicy`] came to. It prints as a table, one estimate a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OffPolicyReport {
    /// The number of users: the units of the intervals.
    pub n_users: usize,
    /// The number of choices.
    pub n_choices: usize,
    /// The number of choices whose weight was clipped.
    pub n_clipped: usize,
    /// The largest weight `w`.
    pub max_weight: f64,
    /// The mean weight: 1 but for chance.
    pub mean_weight: Option<f64>,
    /// `(sum w)^2 / sum w^2`: how many choices of the policy itself the log is worth. `None` if all weights are 0.
    pub effective_sample_size: Option<f64>,
    /// The mean reward of the log: what the policy that made it earned.
    pub reward_of_log: Estimate,
    /// Inverse propensity scoring.
    pub ips: Estimate,
    /// The same with clipped weights.
    pub clipped_ips: Estimate,
    /// Self-normalised inverse propensity scoring.
    pub snips: Estimate,
    /// The direct method, if there is a model of rewards.
    pub direct: Option<Estimate>,
    /// Doubly robust, if there is a model of rewards.
    pub doubly_robust: Option<Estimate>,
}

impl fmt::Display for OffPolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("reward_of_log", Some(self.reward_of_log)),
            ("ips", Some(self.ips)),
            ("clipped_ips", Some(self.clipped_ips)),
            ("snips", Some(self.snips)),
            ("direct", self.direct),
            ("doubly_robust", self.doubly_robust),
        ];
        for (name, estimate) in rows {
            if let Some(estimate) = estimate {
                writeln!(f, "{name:<14} {estimate}")?;
            }
        }
        write!(
            f,
            "{} users, {} choices ({} clipped), mean weight {:.3}, largest {:.2}, effective sample size {:.0}",
            self.n_users,
            self.n_choices,
            self.n_clipped,
            self.mean_weight.unwrap_or_default(),
            self.max_weight,
            self.effective_sample_size.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOICE: LoggedChoice = LoggedChoice { reward: 1.0, propensity: 0.5, target: 0.5, expected: None };

    #[test]
    fn numbers_out_of_range_are_errors_and_nothing_is_added() {
        let mut log = OffPolicy::new();
        for (bad, message) in [
            (LoggedChoice { propensity: 0.0, ..CHOICE }, "the propensity of a choice for `u` is 0"),
            (LoggedChoice { propensity: f64::NAN, ..CHOICE }, "the propensity of a choice for `u` is NaN"),
            (LoggedChoice { target: 1.5, ..CHOICE }, "the target probability of a choice for `u` is 1.5"),
            (LoggedChoice { reward: f64::INFINITY, ..CHOICE }, "the reward of a choice for `u` is inf"),
        ] {
            let error = log.add(&"u".into(), bad).unwrap_err();
            assert!(error.is_not_finite());
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(log.into_report(None), OffPolicyReport::default());
    }

    #[test]
    fn all_have_expectations_or_none() {
        let mut log = OffPolicy::new();
        log.add(&"u".into(), CHOICE).unwrap();
        let expected = Some(ExpectedReward { of_choice: 0.0, of_policy: 0.0 });
        let error = log.add(&"v".into(), LoggedChoice { expected, ..CHOICE }).unwrap_err();
        assert_eq!(error.to_string(), "of some choices a reward is expected and of others not: `v`");
        assert_eq!(log.clone().into_report(None).doubly_robust, None);
        assert_eq!(log.into_report(None).n_choices, 1);
    }

    #[test]
    fn a_policy_that_is_never_chosen_has_no_self_normalised_value() {
        let mut log = OffPolicy::new();
        log.add(&"u".into(), LoggedChoice { target: 0.0, ..CHOICE }).unwrap();
        let report = log.into_report(None);
        assert_eq!((report.ips.value, report.snips.value), (Some(0.0), None));
        assert_eq!(report.effective_sample_size, None);
    }
}
