use serde::{Deserialize, Serialize};

use super::check;
use crate::error::{Error, Kind};
use crate::file::saved;

/// The non-decreasing function of the score that fits the labels best: any shape, learned from hundreds of examples or more.
///
/// It minimises `sum_i w_i (y_i - m(s_i))^2` over all non-decreasing `m`, by pooling adjacent violators (Ayer et al. 1955; Zadrozny and
/// Elkan, *Transforming Classifier Scores into Accurate Multiclass Probability Estimates*, KDD 2002). Equal scores are averaged first.
/// Between the blocks of the fit the function is linear, outside of all scores it is constant, as scikit-learn has it.
///
/// What it makes equal it cannot tell apart: rank by scores, and show the probabilities. Its extremes are 0 or 1 where the examples
/// with the extreme scores agree, which [`PlattScaling`](crate::PlattScaling) is too careful for.
///
/// ```
/// use rec_feedback::IsotonicCalibration;
///
/// let isotonic = IsotonicCalibration::fit(&[1.0, 2.0, 3.0, 4.0], &[false, true, false, true])?;
/// assert_eq!([1.0, 2.0, 3.0, 4.0].map(|score| isotonic.probability(score)), [0.0, 0.5, 0.5, 1.0]);
/// assert_eq!([-9.0, 1.5, 9.0].map(|score| isotonic.probability(score)), [0.0, 0.25, 1.0]);
/// # Ok::<(), rec_feedback::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct IsotonicCalibration {
    /// The ends of the blocks: ascending, at least one.
    scores: Vec<f64>,
    /// What the function is there, not descending.
    probabilities: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl TryFrom<Written> for IsotonicCalibration {
    type Error = String;

    fn try_from(Written { scores, probabilities }: Written) -> Result<Self, String> {
        let ascends = scores.is_sorted_by(|a, b| a < b) && probabilities.is_sorted_by(|a, b| a <= b);
        let fits = scores.len() == probabilities.len() && !scores.is_empty();
        let in_range = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
        if ascends && fits && in_range && scores.iter().all(|score| score.is_finite()) {
            return Ok(Self { scores, probabilities });
        }
        Err("its scores and probabilities are not those of an ascending function".to_owned())
    }
}

saved! { IsotonicCalibration, "isotonic"; }

/// Neighbouring scores that have one probability.
struct Block {
    first: f64,
    last: f64,
    weight: f64,
    positives: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.positives / self.weight
    }
}

impl IsotonicCalibration {
    /// Learns from scores and what happened, all examples counting alike.
    ///
    /// # Errors
    ///
    /// There are no examples, or a score is not finite.
    ///
    /// # Panics
    ///
    /// There are not as many labels as scores.
    pub fn fit(scores: &[f64], labels: &[bool]) -> Result<Self, Error> {
        Self::fit_weighted(scores, labels, &vec![1.0; scores.len()])
    }

    /// Learns from examples with weights; those of weight 0 do not count.
    ///
    /// # Errors
    ///
    /// No example has a weight, a score is not finite, or a weight is negative or not finite.
    ///
    /// # Panics
    ///
    /// There are not as many labels and weights as scores.
    pub fn fit_weighted(scores: &[f64], labels: &[bool], weights: &[f64]) -> Result<Self, Error> {
        check(scores, labels)?;
        assert_eq!(scores.len(), weights.len(), "{} scores with {} weights", scores.len(), weights.len());
        Error::check_finite("weight", "example", weights)?;
        if let Some(example) = weights.iter().position(|&weight| weight < 0.0) {
            return Err(Kind::NegativeWeight { example, value: weights[example] }.into());
        }
        let mut order: Vec<usize> = (0..scores.len()).filter(|&i| weights[i] > 0.0).collect();
        if order.is_empty() {
            return Err(Kind::NoExamples.into());
        }
        // A stable sort: sums of equal scores are in the order of the examples.
        order.sort_by(|&a, &b| (scores[a] + 0.0).total_cmp(&(scores[b] + 0.0)));
        let mut blocks: Vec<Block> = Vec::new();
        for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
            let score = scores[tied[0]] + 0.0;
            let weight = tied.iter().map(|&i| weights[i]).sum();
            let positives = tied.iter().filter(|&&i| labels[i]).map(|&i| weights[i]).sum();
            let mut block = Block { first: score, last: score, weight, positives };
            while let Some(before) = blocks.pop_if(|before| before.mean() >= block.mean()) {
                block.first = before.first;
                block.weight += before.weight;
                block.positives += before.positives;
            }
            blocks.push(block);
        }
        let mut model = Self { scores: Vec::new(), probabilities: Vec::new() };
        for block in blocks {
            let ends = [block.first, block.last];
            for &end in &ends[..if block.first < block.last { 2 } else { 1 }] {
                model.scores.push(end);
                model.probabilities.push(block.mean().min(1.0));
            }
        }
        Ok(model)
    }

    /// The probability of a positive. NaN for a score that is NaN.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        if score.is_nan() {
            return score;
        }
        let (scores, p) = (&self.scores, &self.probabilities);
        let above = scores.partition_point(|&end| end <= score);
        if above == 0 {
            return p[0];
        }
        if above == scores.len() {
            return p[above - 1];
        }
        // Halves, so that no difference of two scores overflows.
        let (low, high) = (scores[above - 1] / 2.0, scores[above] / 2.0);
        let part = (score / 2.0 - low) / (high - low);
        p[above - 1] + part * (p[above] - p[above - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_examples_are_errors() {
        assert!(IsotonicCalibration::fit(&[], &[]).unwrap_err().is_empty());
        assert!(IsotonicCalibration::fit(&[f64::INFINITY], &[true]).unwrap_err().is_not_finite());
        assert!(IsotonicCalibration::fit_weighted(&[1.0], &[true], &[0.0]).unwrap_err().is_empty());
        let error = IsotonicCalibration::fit_weighted(&[1.0], &[true], &[-1.0]).unwrap_err();
        assert_eq!(error.to_string(), "the weight of example 0 is -1, below 0");
    }

    #[test]
    fn weights_are_repetitions_and_descending_labels_are_one_block() {
        let repeated = IsotonicCalibration::fit(&[1.0, 2.0, 2.0, 3.0], &[true, false, false, true]).unwrap();
        let weighted =
            IsotonicCalibration::fit_weighted(&[1.0, 2.0, 3.0], &[true, false, true], &[1.0, 2.0, 1.0]);
        assert_eq!(repeated, weighted.unwrap());
        let descending = IsotonicCalibration::fit(&[1.0, 2.0], &[true, false]).unwrap();
        assert_eq!([0.0, 1.5, 9.0].map(|score| descending.probability(score)), [0.5; 3]);
        let extreme = IsotonicCalibration::fit(&[f64::MIN, f64::MAX], &[false, true]).unwrap();
        assert_eq!(extreme.probability(0.0), 0.5);
    }
}
