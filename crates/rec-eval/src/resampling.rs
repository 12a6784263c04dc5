//! How far an estimate might be off: the bootstrap.

use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// A confidence interval, in the unit of the estimate that it belongs to.
///
/// It prints with four decimals, or as many as the format asks for.
///
/// ```
/// use rec_eval::Interval;
///
/// let interval = Interval { low: 0.12341, high: 0.56779 };
/// assert_eq!(interval.to_string(), "[0.1234, 0.5678]");
/// assert_eq!(format!("{interval:.2}"), "[0.12, 0.57]");
/// assert!(interval.contains(0.5) && !interval.contains(0.6));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end, not below the lower one.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies between the ends, or on one of them.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(4);
        write!(f, "[{:.decimals$}, {:.decimals$}]", self.low, self.high)
    }
}

/// What a metric came to, and how far it might be off.
///
/// ```
/// use rec_eval::{Estimate, Interval};
///
/// let interval = Some(Interval { low: 0.2, high: 0.3 });
/// assert_eq!(Estimate { value: Some(0.25), interval }.to_string(), "0.2500 [0.2000, 0.3000]");
/// assert_eq!(Estimate::default().to_string(), "undefined");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The metric; `None` if it is undefined.
    pub value: Option<f64>,
    /// Its confidence interval; `None` if none was asked for, or if there [is none](Bootstrap#no-interval).
    pub interval: Option<Interval>,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(4);
        match (self.value, self.interval) {
            (None, _) => f.write_str("undefined"),
            (Some(value), None) => write!(f, "{value:.decimals$}"),
            (Some(value), Some(interval)) => write!(f, "{value:.decimals$} {interval:.decimals$}"),
        }
    }
}

/// Confidence intervals by the bootstrap: the statistic is computed again and again on units drawn with replacement.
///
/// The *units* are what was sampled independently: users, or impressions, never single recommendations of one list. A
/// resample draws as many units as there are, and is handed to the statistic as the number of times that each was drawn.
/// Several statistics are computed from the same resamples, so one pass over the units serves a whole report.
///
/// Each resample has a random stream of its own (ChaCha8, from the seed and the number of the resample): results are the
/// same bits for any number of threads, and the first resamples are the same for any number of them.
///
/// Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 6, 12.2 and 13.3.
///
/// # No interval
///
/// A statistic has no interval, which is `None`, if there are fewer than two units (one unit says nothing about how units
/// differ), or if it is undefined (NaN or infinite) in more than half of the resamples. Fewer undefined resamples are left
/// out.
///
/// ```
/// use rec_eval::Bootstrap;
///
/// let recalls = [1.0, 0.0, 0.5, 0.0, 0.25, 1.0, 0.0, 0.0];
/// let bootstrap = Bootstrap::new(7).with_resamples(2000).with_confidence(0.9);
/// let interval = bootstrap.mean(&recalls).unwrap();
/// assert!(interval.low > 0.05 && interval.contains(0.34375) && interval.high < 0.65);
/// assert_eq!(bootstrap.mean(&recalls), Some(interval));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    seed: u64,
    n_resamples: usize,
    confidence: f64,
}

impl Bootstrap {
    /// 1,000 resamples and a confidence of 0.95.
    #[must_use]
    pub fn new(seed: u64) -> Bootstrap {
        Bootstrap { seed, n_resamples: 1000, confidence: 0.95 }
    }

    /// Draws another number of resamples. The Monte-Carlo error of an end falls with the square root of it.
    ///
    /// # Panics
    ///
    /// There are fewer than two.
    #[must_use]
    pub fn with_resamples(mut self, n_resamples: usize) -> Bootstrap {
        assert!(n_resamples >= 2, "{n_resamples} resamples, expected at least 2");
        self.n_resamples = n_resamples;
        self
    }

    /// Asks for another confidence: the share of experiments whose interval holds the true value, in (0, 1).
    ///
    /// # Panics
    ///
    /// The confidence is not between 0 and 1, both excluded.
    #[must_use]
    pub fn with_confidence(mut self, confidence: f64) -> Bootstrap {
        assert!(confidence > 0.0 && confidence < 1.0, "a confidence of {confidence} is not between 0 and 1");
        self.confidence = confidence;
        self
    }

    /// The share of experiments whose interval holds the true value.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// The number of resamples.
    #[must_use]
    pub fn n_resamples(&self) -> usize {
        self.n_resamples
    }

    /// Percentile intervals: from the `(1 - confidence) / 2` quantile of the resampled statistic to its mirror image.
    ///
    /// Efron and Tibshirani, section 13.3. It respects the range of the statistic and its skew. Quantiles interpolate
    /// linearly between the order statistics, as numpy does by default: quantile `q` of `n` values stands at position
    /// `q (n - 1)`, counted from 0.
    ///
    /// `statistic` gets the weights, `n_units` counts that sum to `n_units`, and writes one value per statistic; NaN says
    /// that it is undefined. It finds NaN in every place that it does not write.
    ///
    /// The result has one entry per statistic; see [No interval](Bootstrap#no-interval).
    ///
    /// # Panics
    ///
    /// There are more than `u32::MAX` units.
    ///
    /// ```
    /// use rec_eval::Bootstrap;
    ///
    /// // Precision over all that was shown: hits and lengths of the lists of four users.
    /// let (hits, shown) = ([3, 0, 1, 2], [10, 5, 10, 5]);
    /// let intervals = Bootstrap::new(7).percentile(4, 1, |weights, out| {
    ///     let sum = |of: [u32; 4]| weights.iter().zip(of).map(|(weight, value)| weight * value).sum::<u32>();
    ///     out[0] = f64::from(sum(hits)) / f64::from(sum(shown));
    /// });
    /// assert!(intervals[0].unwrap().contains(6.0 / 30.0));
    /// ```
    #[must_use]
    pub fn percentile(
        &self,
        n_units: usize,
        n_statistics: usize,
        statistic: impl Fn(&[u32], &mut [f64]) + Sync,
    ) -> Vec<Option<Interval>> {
        let resampled = self.resample(n_units, n_statistics, statistic);
        resampled.into_iter().map(|values| Some(self.central(values?))).collect()
    }

    /// The central part of resampled values that holds the confidence.
    pub(crate) fn central(&self, mut values: Vec<f64>) -> Interval {
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) }
    }

    /// Estimates with percentile intervals: each unit has weight 1 for the estimates.
    pub(crate) fn estimates(
        bootstrap: Option<&Bootstrap>,
        n_units: usize,
        n_statistics: usize,
        statistic: impl Fn(&[u32], &mut [f64]) + Sync,
    ) -> Vec<Estimate> {
        let mut values = vec![f64::NAN; n_statistics];
        statistic(&vec![1; n_units], &mut values);
        let intervals = match bootstrap {
            Some(bootstrap) => bootstrap.percentile(n_units, n_statistics, statistic),
            None => vec![None; n_statistics],
        };
        let estimate = |(value, interval): (f64, Option<Interval>)| {
            let value = value.is_finite().then_some(value);
            Estimate { value, interval: interval.filter(|_| value.is_some()) }
        };
        values.into_iter().zip(intervals).map(estimate).collect()
    }

    /// Normal intervals: the estimate minus and plus `z` bootstrap standard errors.
    ///
    /// Efron and Tibshirani, chapters 6 and 12.2: the standard error is the standard deviation of the resampled statistic,
    /// with `n - 1` as its divisor, and `z` the quantile of the standard normal distribution (1.96 for 0.95). It is
    /// symmetric, may leave the range of the statistic, and needs fewer resamples than the percentile interval.
    ///
    /// `estimates` are the statistics of the units as they are, each with weight 1; an estimate that is NaN or infinite has
    /// no interval. For `statistic` and the rest see [`percentile`](Bootstrap::percentile).
    ///
    /// # Panics
    ///
    /// There are more than `u32::MAX` units.
    ///
    /// ```
    /// use rec_eval::Bootstrap;
    ///
    /// let values = [2.0, 4.0, 4.0, 6.0];
    /// let intervals = Bootstrap::new(7).normal(4, &[4.0], |weights, out| {
    ///     out[0] = weights.iter().zip(values).map(|(weight, value)| f64::from(*weight) * value).sum::<f64>() / 4.0;
    /// });
    /// let interval = intervals[0].unwrap();
    /// assert!((interval.low + interval.high - 8.0).abs() < 1e-12);
    /// // The standard error of this mean is the root of 2 / 4.
    /// assert!((interval.high - (4.0 + 1.96 * 0.5f64.sqrt())).abs() < 0.1);
    /// ```
    #[must_use]
    pub fn normal(
        &self,
        n_units: usize,
        estimates: &[f64],
        statistic: impl Fn(&[u32], &mut [f64]) + Sync,
    ) -> Vec<Option<Interval>> {
        let resampled = self.resample(n_units, estimates.len(), statistic);
        let z = Normal::standard().inverse_cdf(0.5 + self.confidence / 2.0);
        let interval = |(estimate, values): (&f64, Option<Vec<f64>>)| {
            let half_width = z * standard_deviation(&values?);
            let interval = Interval { low: estimate - half_width, high: estimate + half_width };
            estimate.is_finite().then_some(interval)
        };
        estimates.iter().zip(resampled).map(interval).collect()
    }

    /// The percentile interval of a mean.
    ///
    /// `None` for fewer than two values, or if one is NaN or infinite: a value that is undefined is for the caller to leave
    /// out.
    ///
    /// # Panics
    ///
    /// There are more than `u32::MAX` values.
    ///
    /// ```
    /// use rec_eval::Bootstrap;
    ///
    /// let bootstrap = Bootstrap::new(7);
    /// let interval = bootstrap.mean(&[0.5, 0.5, 0.5]).unwrap();
    /// assert_eq!((interval.low, interval.high), (0.5, 0.5));
    /// assert_eq!(bootstrap.mean(&[0.5]), None);
    /// assert_eq!(bootstrap.mean(&[0.5, 0.5, f64::NAN]), None);
    /// ```
    #[must_use]
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        // A resample without the undefined value would be defined, but the mean is not.
        let defined = values.iter().all(|value| value.is_finite());
        self.percentile(values.len(), 1, mean_of(values))[0].filter(|_| defined)
    }

    /// The mean of finite values in each resample; nothing for fewer than two.
    pub(crate) fn means(&self, values: &[f64]) -> Vec<f64> {
        self.resample(values.len(), 1, mean_of(values)).pop().flatten().unwrap_or_default()
    }

    /// Where the random numbers start.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The defined values of each statistic, in the order of the resamples; `None` where they give no interval.
    fn resample(
        &self,
        n_units: usize,
        n_statistics: usize,
        statistic: impl Fn(&[u32], &mut [f64]) + Sync,
    ) -> Vec<Option<Vec<f64>>> {
        let Ok(n) = u32::try_from(n_units) else {
            panic!("{n_units} units, expected at most {}", u32::MAX);
        };
        if n < 2 {
            return vec![None; n_statistics];
        }
        let draw = |weights: &mut Vec<u32>, resample: usize| {
            let mut rng = stream(self.seed, resample);
            weights.fill(0);
            for _ in 0..n {
                weights[rng.random_range(0..n) as usize] += 1;
            }
            let mut values = vec![f64::NAN; n_statistics];
            statistic(weights, &mut values);
            values
        };
        let rows: Vec<Vec<f64>> =
            (0..self.n_resamples).into_par_iter().map_init(|| vec![0; n_units], draw).collect();
        let defined = |column: usize| -> Vec<f64> {
            rows.iter().map(|row| row[column]).filter(|value| value.is_finite()).collect()
        };
        (0..n_statistics)
            .map(defined)
            .map(|values| (2 * values.len() >= rows.len()).then_some(values))
            .collect()
    }
}

/// The weighted mean of the values, as a statistic.
fn mean_of(values: &[f64]) -> impl Fn(&[u32], &mut [f64]) + Sync {
    move |weights, out| {
        let sum: f64 = weights.iter().zip(values).map(|(weight, value)| f64::from(*weight) * value).sum();
        out[0] = sum / values.len() as f64;
    }
}

/// The random numbers of one resample: the same whichever thread draws them.
pub(crate) fn stream(seed: u64, resample: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(resample as u64);
    rng
}

/// A quantile of sorted values, of which there is at least one, interpolated linearly.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// With `n - 1` as the divisor; 0 for a single value.
fn standard_deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy 2: np.quantile([1, 2, 4, 8], [0, 0.025, 0.5, 0.975, 1])
        let found = [0.0, 0.025, 0.5, 0.975, 1.0].map(|q| quantile(&[1.0, 2.0, 4.0, 8.0], q));
        for (found, expected) in found.into_iter().zip([1.0, 1.075, 3.0, 7.7, 8.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn weights_are_counts_of_a_resample() {
        let check = |weights: &[u32], out: &mut [f64]| {
            assert_eq!(weights.iter().sum::<u32>(), 5);
            out[0] = f64::from(weights[0]);
        };
        // Binomial with 5 trials of 1/5: no draw in 0.8^5 = 33 % of resamples.
        let interval = Bootstrap::new(1).percentile(5, 1, check)[0].unwrap();
        assert_eq!(interval, Interval { low: 0.0, high: 3.0 });
    }

    #[test]
    fn undefined_resamples_are_left_out_up_to_a_half() {
        let bootstrap = Bootstrap::new(3);
        // Unit 0 is missing from 0.5^2 = 25 % of the resamples of two units, both are in 50 %, two of one in the rest.
        let intervals = bootstrap.percentile(2, 4, |weights, out| {
            out[0] = if weights[0] > 0 { 1.0 } else { f64::NAN };
            out[1] = if weights[0] == 2 { 1.0 } else { f64::INFINITY };
            out[2] = f64::from(weights[0]);
        });
        assert_eq!(intervals[0], Some(Interval { low: 1.0, high: 1.0 }));
        assert_eq!(intervals[1], None);
        assert_eq!(intervals[2], Some(Interval { low: 0.0, high: 2.0 }));
        assert_eq!(intervals[3], None, "nothing was written");
    }

    #[test]
    fn one_unit_and_none_give_no_interval() {
        let bootstrap = Bootstrap::new(3);
        for n in [0, 1] {
            assert_eq!(bootstrap.percentile(n, 2, |_, out| out.fill(1.0)), [None, None]);
            assert_eq!(bootstrap.normal(n, &[1.0], |_, out| out.fill(1.0)), [None]);
        }
        assert!(bootstrap.percentile(9, 0, |_, _| ()).is_empty());
        assert_eq!(bootstrap.normal(2, &[f64::NAN], |_, out| out.fill(1.0)), [None]);
    }

    #[test]
    #[should_panic(expected = "a confidence of 1 is not between 0 and 1")]
    fn confidence_of_one_is_refused() {
        let _ = Bootstrap::new(1).with_confidence(1.0);
    }
}
