//! Whether two runs differ, or only the users that happened to be asked.

use std::collections::HashMap;

use rand::Rng;
use rayon::prelude::*;
use rec_data::Id;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::error::{Error, Kind};
use crate::resampling::{Bootstrap, Interval, stream};

/// Up to this many differences that are not zero, all sign changes are tried: a million sums at most.
const MAX_EXACT: usize = 20;

/// Sums that differ by less than this share of the sum of magnitudes are equal, and differ by rounding only.
const ROUNDING: f64 = 1e-12;

/// The values of two runs for the users that both have: what a paired test compares.
///
/// A value that is NaN or infinite is undefined (a user without relevant items has no recall), and its user is left out.
/// Who was left out is counted, never passed over in silence.
///
/// All tests are two-sided. They give `None` for fewer than two users. Of several comparisons, correct the p-values with
/// [`holm`].
///
/// ```
/// use rec_data::Id;
/// use rec_eval::{Bootstrap, PairedValues};
///
/// let users = ["ann", "bob", "cid", "dee", "eve"].map(Id::from);
/// let ours = users.iter().zip([0.9, 0.4, 0.7, 0.5, f64::NAN]);
/// let theirs = users.iter().zip([0.6, 0.3, 0.5, 0.1]);
///
/// let pairs = PairedValues::new(ours, theirs)?;
/// assert_eq!((pairs.n(), pairs.n_undefined(), pairs.n_first_only(), pairs.n_second_only()), (4, 0, 1, 0));
///
/// let test = pairs.randomization_test(&Bootstrap::new(7)).unwrap();
/// assert!((test.mean_difference - 0.25).abs() < 1e-12);
/// // All four prefer ours. Of the 16 ways to change signs, 2 give a mean that is as far from zero.
/// assert_eq!(test.p_value, 2.0 / 16.0);
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PairedValues {
    /// First less second, all finite, in the order of the first run.
    differences: Vec<f64>,
    n_undefined: usize,
    n_first_only: usize,
    n_second_only: usize,
}

/// What a paired test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// The number of users compared.
    pub n: usize,
    /// The mean over users of the first value less the second, in the unit of the values.
    pub mean_difference: f64,
    /// A confidence interval of the mean difference.
    pub interval: Interval,
    /// The probability of a statistic at least as far from zero, if the runs did not differ.
    pub p_value: f64,
    /// The statistic of the test: t for the t test, the mean difference for the others.
    pub statistic: f64,
}

impl PairedValues {
    /// Matches the values of two runs by user.
    ///
    /// # Errors
    ///
    /// A user who comes twice in one run; the message names user and run.
    pub fn new<'a>(
        first: impl IntoIterator<Item = (&'a Id, f64)>,
        second: impl IntoIterator<Item = (&'a Id, f64)>,
    ) -> Result<PairedValues, Error> {
        let duplicate = |user: &Id, run| Kind::DuplicateInRun { user: user.clone(), run };
        let mut unmatched = HashMap::new();
        for (user, value) in second {
            if unmatched.insert(user, Some(value)).is_some() {
                return Err(duplicate(user, "second").into());
            }
        }
        let (mut left, mut right, mut n_first_only) = (Vec::new(), Vec::new(), 0);
        let mut first_only = HashMap::new();
        for (user, value) in first {
            // A value is taken out once: the key stays, so that a second coming is seen.
            match unmatched.get_mut(user).map(Option::take) {
                Some(Some(other)) => {
                    left.push(value);
                    right.push(other);
                }
                Some(None) => return Err(duplicate(user, "first").into()),
                None if first_only.insert(user, ()).is_some() => return Err(duplicate(user, "first").into()),
                None => n_first_only += 1,
            }
        }
        let n_second_only = unmatched.values().flatten().count();
        Ok(PairedValues { n_first_only, n_second_only, ..PairedValues::from_columns(&left, &right) })
    }

    /// Takes two columns of values, row by row of the same user.
    ///
    /// # Panics
    ///
    /// The columns have different lengths.
    ///
    /// ```
    /// use rec_eval::PairedValues;
    ///
    /// let pairs = PairedValues::from_columns(&[0.5, 1.0, f64::NAN], &[0.25, 1.0, 0.0]);
    /// assert_eq!(pairs.differences(), [0.25, 0.0]);
    /// assert_eq!(pairs.n_undefined(), 1);
    /// ```
    #[must_use]
    pub fn from_columns(first: &[f64], second: &[f64]) -> PairedValues {
        let (n, m) = (first.len(), second.len());
        assert!(n == m, "{n} values of the first run and {m} of the second");
        let differences: Vec<f64> = first
            .iter()
            .zip(second)
            .map(|(a, b)| a - b)
            .filter(|difference| difference.is_finite())
            .collect();
        let n_undefined = n - differences.len();
        PairedValues { differences, n_undefined, n_first_only: 0, n_second_only: 0 }
    }

    /// The first value less the second, of each user compared.
    #[must_use]
    pub fn differences(&self) -> &[f64] {
        &self.differences
    }

    /// The number of users compared.
    #[must_use]
    pub fn n(&self) -> usize {
        self.differences.len()
    }

    /// The number of users that both runs have, and for whom one of the values is undefined.
    #[must_use]
    pub fn n_undefined(&self) -> usize {
        self.n_undefined
    }

    /// The number of users that only the first run has.
    #[must_use]
    pub fn n_first_only(&self) -> usize {
        self.n_first_only
    }

    /// The number of users that only the second run has.
    #[must_use]
    pub fn n_second_only(&self) -> usize {
        self.n_second_only
    }

    /// The mean difference; NaN if no user was compared.
    fn mean(&self) -> f64 {
        self.differences.iter().sum::<f64>() / self.n() as f64
    }

    /// Student's paired t test: `t` = mean difference / (standard deviation / √n), with n - 1 degrees of freedom.
    ///
    /// The interval is mean ± t quantile × standard error, for a confidence in (0, 1). Of differences that are all equal,
    /// the interval is their value and p is 0, with t infinite; if they are all zero, t is 0 and p is 1.
    ///
    /// # Panics
    ///
    /// The confidence is not between 0 and 1, both excluded.
    ///
    /// ```
    /// use rec_eval::PairedValues;
    ///
    /// // scipy.stats.ttest_rel gives the same: statistic 7.0, p-value 0.005986.
    /// let pairs = PairedValues::from_columns(&[4.0, 3.0, 6.0, 5.0], &[2.0, 1.0, 5.0, 3.0]);
    /// let test = pairs.t_test(0.95).unwrap();
    /// assert_eq!(test.mean_difference, 1.75);
    /// assert!((test.statistic - 7.0).abs() < 1e-12);
    /// assert!((test.p_value - 0.005986).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn t_test(&self, confidence: f64) -> Option<PairedTest> {
        assert!(confidence > 0.0 && confidence < 1.0, "a confidence of {confidence} is not between 0 and 1");
        let n = self.n();
        let freedom = (n.max(1) - 1) as f64;
        let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
        // Exactly equal differences have no variance, whatever rounding says of their mean.
        let constant = self.differences.windows(2).all(|pair| pair[0] == pair[1]);
        let mean = if constant { self.differences[0] } else { self.mean() };
        let squares: f64 = self.differences.iter().map(|difference| (difference - mean).powi(2)).sum();
        let error = (squares / freedom / n as f64).sqrt();
        let statistic = if mean == 0.0 { 0.0 } else { mean / error };
        let half_width = student.inverse_cdf(0.5 + confidence / 2.0) * error;
        Some(PairedTest {
            n,
            mean_difference: mean,
            interval: Interval { low: mean - half_width, high: mean + half_width },
            p_value: (2.0 * student.sf(statistic.abs())).min(1.0),
            statistic,
        })
    }

    /// Fisher's randomization test: how often is the mean as far from zero when signs are changed at random?
    ///
    /// If the runs do not differ, each user's difference might as well have the other sign. With up to 20 differences that
    /// are not zero, all sign changes are tried and the p-value is exact. With more, `bootstrap` says how many are drawn,
    /// and p = (1 + those at least as far from zero) / (1 + those drawn), so that it is never 0; Smucker et al. draw 100,000.
    /// The interval is the percentile interval of the mean difference.
    ///
    /// Fisher, *The Design of Experiments* (1935), section 21; Smucker, Allan and Carterette, *A Comparison of Statistical
    /// Significance Tests for Information Retrieval Evaluation*, CIKM 2007; the correction by one: Phipson and Smyth,
    /// *Permutation p-values should never be zero* (2010).
    ///
    /// ```
    /// use rec_eval::{Bootstrap, PairedValues};
    ///
    /// // One preference against the other is what chance does: 3 of the 4 sign changes are not nearer to zero.
    /// let pairs = PairedValues::from_columns(&[1.0, 0.0, 0.0], &[0.0, 0.0, 1.0]);
    /// assert_eq!(pairs.randomization_test(&Bootstrap::new(7)).unwrap().p_value, 1.0);
    /// ```
    #[must_use]
    pub fn randomization_test(&self, bootstrap: &Bootstrap) -> Option<PairedTest> {
        let magnitudes: Vec<f64> =
            self.differences.iter().map(|difference| difference.abs()).filter(|size| *size > 0.0).collect();
        let total: f64 = magnitudes.iter().sum();
        let observed = self.differences.iter().sum::<f64>().abs() - ROUNDING * total;
        let p_value = if magnitudes.len() <= MAX_EXACT {
            n_extreme(&magnitudes, 0.0, observed) as f64 / f64::from(1u32 << magnitudes.len())
        } else {
            let is_extreme =
                |resample: &usize| random_signs(&magnitudes, *resample, bootstrap).abs() >= observed;
            let n_drawn = bootstrap.n_resamples();
            let n_extreme = (0..n_drawn).into_par_iter().filter(is_extreme).count();
            (1 + n_extreme) as f64 / (1 + n_drawn) as f64
        };
        let mean_difference = self.mean();
        let interval = bootstrap.mean(&self.differences)?;
        Some(PairedTest { n: self.n(), mean_difference, interval, p_value, statistic: mean_difference })
    }

    /// The paired bootstrap test by the shift method: how often is the mean as far from zero when users are drawn anew
    /// from a population without a difference?
    ///
    /// That population is the observed one, shifted so that its mean is zero: a resample counts if its mean is at least as
    /// far from the observed mean as that is from zero. p = (1 + those) / (1 + resamples). The interval is the percentile
    /// interval of the mean difference.
    ///
    /// Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 16.4, with the mean as the statistic, as in
    /// Smucker, Allan and Carterette (CIKM 2007). For few users its p-value is too small, because a resample varies less than
    /// a sample: by (n - 1) / n in variance.
    ///
    /// ```
    /// use rec_eval::{Bootstrap, PairedValues};
    ///
    /// let first: Vec<f64> = (0..40).map(|user| f64::from(user % 4)).collect();
    /// let pairs = PairedValues::from_columns(&first, &[1.0; 40]);
    /// let test = pairs.bootstrap_test(&Bootstrap::new(7)).unwrap();
    /// assert_eq!(test.mean_difference, 0.5);
    /// assert!(test.p_value < 0.02 && test.interval.low > 0.0);
    /// ```
    #[must_use]
    pub fn bootstrap_test(&self, bootstrap: &Bootstrap) -> Option<PairedTest> {
        let (mean_difference, means) = (self.mean(), bootstrap.means(&self.differences));
        if means.is_empty() {
            return None;
        }
        let magnitude = self.differences.iter().map(|difference| difference.abs()).sum::<f64>();
        let n = self.n() as f64;
        let observed = mean_difference.abs() - ROUNDING * magnitude / n;
        let is_extreme = |mean: f64| (mean - mean_difference).abs() >= observed;
        let n_extreme = means.iter().filter(|mean| is_extreme(**mean)).count();
        let p_value = (1 + n_extreme) as f64 / (1 + means.len()) as f64;
        let interval = bootstrap.central(means);
        Some(PairedTest { n: self.n(), mean_difference, interval, p_value, statistic: mean_difference })
    }
}

/// How many ways to give signs to the magnitudes, added to `sum`, are at least `observed` from zero.
fn n_extreme(magnitudes: &[f64], sum: f64, observed: f64) -> u64 {
    match magnitudes {
        [] => u64::from(sum.abs() >= observed),
        [first, rest @ ..] => n_extreme(rest, sum + first, observed) + n_extreme(rest, sum - first, observed),
    }
}

/// The sum of the magnitudes with random signs.
fn random_signs(magnitudes: &[f64], resample: usize, bootstrap: &Bootstrap) -> f64 {
    let mut rng = stream(bootstrap.seed(), resample);
    let mut sum = 0.0;
    for chunk in magnitudes.chunks(64) {
        let mut bits = rng.next_u64();
        for size in chunk {
            // The highest bit of a number is its sign.
            sum += f64::from_bits(size.to_bits() ^ (bits << 63));
            bits >>= 1;
        }
    }
    sum
}

/// Holm's step-down correction of the p-values of several comparisons, in their order.
///
/// The i-th smallest of m becomes the largest of `(m - j + 1) p_j` over j up to i, at most 1. Calling those below `alpha`
/// significant keeps the probability of any false claim at `alpha`, however the comparisons depend on each other. Holm, *A
/// Simple Sequentially Rejective Multiple Test Procedure* (1979). No p-values give none.
///
/// # Panics
///
/// A p-value is not in [0, 1].
///
/// ```
/// let adjusted = rec_eval::holm(&[0.01, 0.5, 0.02]);
/// assert_eq!(adjusted, [0.03, 0.5, 0.04]);
/// ```
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    for p in p_values {
        assert!((0.0..=1.0).contains(p), "a p-value of {p} is not in [0, 1]");
    }
    let mut ascending: Vec<usize> = (0..p_values.len()).collect();
    ascending.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let (mut adjusted, mut largest) = (vec![0.0; p_values.len()], 0.0f64);
    for (n_smaller, place) in ascending.into_iter().enumerate() {
        largest = largest.max(p_values[place] * (p_values.len() - n_smaller) as f64);
        adjusted[place] = largest.min(1.0);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(differences: &[f64]) -> PairedValues {
        PairedValues::from_columns(differences, &vec![0.0; differences.len()])
    }

    #[test]
    fn equal_differences_have_a_defined_t_test() {
        let test = pairs(&[0.1; 7]).t_test(0.95).unwrap();
        assert_eq!((test.mean_difference, test.statistic, test.p_value), (0.1, f64::INFINITY, 0.0));
        assert_eq!(test.interval, Interval { low: 0.1, high: 0.1 });
        let test = pairs(&[0.0; 7]).t_test(0.95).unwrap();
        assert_eq!((test.statistic, test.p_value), (0.0, 1.0));
    }

    #[test]
    fn fewer_than_two_users_give_no_test() {
        for differences in [&[][..], &[0.5]] {
            let pairs = pairs(differences);
            assert_eq!(pairs.t_test(0.95), None);
            assert_eq!(pairs.randomization_test(&Bootstrap::new(1)), None);
            assert_eq!(pairs.bootstrap_test(&Bootstrap::new(1)), None);
        }
    }

    #[test]
    fn no_difference_has_a_p_value_of_one() {
        for n in [2, 30] {
            let pairs = pairs(&vec![0.0; n]);
            assert_eq!(pairs.randomization_test(&Bootstrap::new(1)).unwrap().p_value, 1.0);
            assert_eq!(pairs.bootstrap_test(&Bootstrap::new(1)).unwrap().p_value, 1.0);
        }
    }

    #[test]
    fn users_are_matched_and_counted() {
        let id = ["a", "b", "c", "d"].map(Id::from);
        let first = [(&id[0], 1.0), (&id[1], f64::INFINITY), (&id[3], 2.0)];
        let second = [(&id[3], 0.5), (&id[2], 9.0), (&id[1], 0.0), (&id[0], 0.0)];
        let pairs = PairedValues::new(first, second).unwrap();
        assert_eq!(pairs.differences(), [1.0, 1.5]);
        assert_eq!((pairs.n_undefined(), pairs.n_first_only(), pairs.n_second_only()), (1, 0, 1));

        let twice = [(&id[0], 1.0), (&id[0], 1.0)];
        let message = |error: Error| error.to_string();
        assert_eq!(
            PairedValues::new(twice, second).map_err(message),
            Err("user `a` comes twice in the first run".to_owned())
        );
        assert_eq!(
            PairedValues::new(second, twice).map_err(message),
            Err("user `a` comes twice in the second run".to_owned())
        );
        assert!(PairedValues::new(twice, []).unwrap_err().is_duplicate());
    }

    #[test]
    #[should_panic(expected = "a p-value of NaN is not in [0, 1]")]
    fn holm_refuses_nan() {
        let _ = holm(&[f64::NAN]);
    }
}
