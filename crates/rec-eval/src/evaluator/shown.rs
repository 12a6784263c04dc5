//! What was recommended to whom, for what only all lists together tell.

use rec_data::{Id, IdMap};

use crate::beyond::{BeyondAccuracy, entropy_bits, gini_among};
use crate::resampling::{Bootstrap, Estimate, Interval};

/// The first items of all lists, as rows of one numbering: four bytes per recommendation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    items: IdMap,
    /// One per item.
    in_catalogue: Vec<bool>,
    in_train: Vec<bool>,
    /// The items of the lists, one list behind the other.
    rows: Vec<u32>,
    /// Where each list ends in `rows`.
    ends: Vec<usize>,
}

/// A measure of all lists together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// With the number of items of the catalogue.
    CoverageOfCatalogue(usize),
    /// With the number of items of the training data.
    CoverageOfTrain(usize),
    /// With the number of items of the catalogue.
    Gini(usize),
    EntropyBits,
    EntropyNats,
}

impl Measure {
    pub(crate) fn all(beyond: &BeyondAccuracy) -> Vec<Measure> {
        let catalogue = beyond.catalogue().map(IdMap::len);
        let train = beyond.train_items().map(IdMap::len);
        let covers = [catalogue.map(Measure::CoverageOfCatalogue), train.map(Measure::CoverageOfTrain)];
        let shares = [catalogue.map(Measure::Gini), Some(Measure::EntropyBits), Some(Measure::EntropyNats)];
        covers.into_iter().chain(shares).flatten().collect()
    }

    pub(crate) fn name(self, k: usize) -> String {
        let name = match self {
            Measure::CoverageOfCatalogue(_) => "coverage_of_catalogue",
            Measure::CoverageOfTrain(_) => "coverage_of_train",
            Measure::Gini(_) => "gini",
            Measure::EntropyBits => "entropy_bits",
            Measure::EntropyNats => "entropy_nats",
        };
        format!("{name}@{k}")
    }

    /// The interval, cut to the range that the measure can have.
    fn clip(self, interval: Interval) -> Interval {
        let highest = match self {
            Measure::EntropyBits | Measure::EntropyNats => f64::INFINITY,
            _ => 1.0,
        };
        Interval { low: interval.low.max(0.0), high: interval.high.min(highest) }
    }
}

impl Shown {
    pub(crate) fn push(&mut self, list: &[Id], beyond: &BeyondAccuracy) {
        for item in list {
            let (row, is_new) = self.items.insert(item);
            if is_new {
                self.in_catalogue.push(beyond.catalogue().is_some_and(|items| items.contains(item)));
                self.in_train.push(beyond.train_items().is_some_and(|items| items.contains(item)));
            }
            match u32::try_from(row) {
                Ok(row) => self.rows.push(row),
                Err(_) => panic!("more than {} distinct items were recommended", u32::MAX),
            }
        }
        self.ends.push(self.rows.len());
    }

    pub(crate) fn n_slots(&self) -> usize {
        self.rows.len()
    }

    /// The number of recommendations of items that are not in the catalogue.
    pub(crate) fn n_outside_catalogue(&self) -> usize {
        self.rows.iter().filter(|row| !self.in_catalogue[**row as usize]).count()
    }

    /// The number of recommendations of items that are not in the training data.
    pub(crate) fn n_outside_train(&self) -> usize {
        self.rows.iter().filter(|row| !self.in_train[**row as usize]).count()
    }

    /// The measures, with normal intervals and not percentile ones.
    ///
    /// A resample has only about 63 % of the distinct users, and so fewer distinct items: its coverage and its entropy lie
    /// below the estimate and its Gini coefficient above. Its spread is still that of the statistic.
    pub(crate) fn estimates(&self, measures: &[Measure], bootstrap: Option<&Bootstrap>) -> Vec<Estimate> {
        let statistic = |weights: &[u32], values: &mut [f64]| self.measure(measures, weights, values);
        let mut values = vec![f64::NAN; measures.len()];
        statistic(&vec![1; self.ends.len()], &mut values);
        let intervals = match bootstrap {
            Some(bootstrap) => bootstrap.normal(self.ends.len(), &values, statistic),
            None => vec![None; measures.len()],
        };
        let estimate = |((measure, value), interval): ((&Measure, f64), Option<Interval>)| Estimate {
            value: value.is_finite().then_some(value),
            interval: interval.map(|interval| measure.clip(interval)),
        };
        measures.iter().zip(values).zip(intervals).map(estimate).collect()
    }

    /// The measures of lists that count as often as their weights say; NaN where undefined.
    fn measure(&self, measures: &[Measure], weights: &[u32], values: &mut [f64]) {
        let mut counts = vec![0u64; self.items.len()];
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        for ((start, end), weight) in starts.zip(&self.ends).zip(weights) {
            if *weight > 0 {
                self.rows[start..*end].iter().for_each(|row| counts[*row as usize] += u64::from(*weight));
            }
        }
        let recommended = |of: &[bool]| -> Vec<u64> {
            counts.iter().zip(of).filter(|(n, is_in)| **n > 0 && **is_in).map(|(n, _)| *n).collect()
        };
        let entropy = entropy_bits(&counts);
        for (measure, value) in measures.iter().zip(values) {
            let found = match *measure {
                // 0 / 0 is NaN: nothing can be covered.
                Measure::CoverageOfCatalogue(n) => {
                    Some(recommended(&self.in_catalogue).len() as f64 / n as f64)
                }
                Measure::CoverageOfTrain(n) => Some(recommended(&self.in_train).len() as f64 / n as f64),
                Measure::Gini(n) => gini_among(&mut recommended(&self.in_catalogue), n),
                Measure::EntropyBits => entropy,
                Measure::EntropyNats => entropy.map(|bits| bits * std::f64::consts::LN_2),
            };
            *value = found.unwrap_or(f64::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_would_lie_beside_the_estimate() {
        let catalogue = IdMap::try_from_ids((0..60).map(|item| item.to_string())).unwrap();
        let beyond = BeyondAccuracy::at(2).with_catalogue(&catalogue);
        let mut shown = Shown::default();
        for user in 0..40 {
            shown.push(&[user.to_string().into(), (user / 2 + 40).to_string().into()], &beyond);
        }
        let (measures, bootstrap) = (Measure::all(&beyond), Bootstrap::new(1));
        let estimates = shown.estimates(&measures, Some(&bootstrap));
        let percentiles = bootstrap.percentile(40, measures.len(), |weights, values| {
            shown.measure(&measures, weights, values);
        });
        for ((measure, estimate), percentile) in measures.iter().zip(estimates).zip(percentiles) {
            let (value, percentile) = (estimate.value.unwrap(), percentile.unwrap());
            assert!(estimate.interval.unwrap().contains(value));
            let is_above = matches!(measure, Measure::Gini(_));
            assert!(if is_above { percentile.low > value } else { percentile.high < value }, "{measure:?}");
        }
    }
}
