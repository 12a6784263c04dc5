use serde::{Deserialize, Serialize};

use super::check;
use crate::error::Error;
use crate::file::saved;

/// `p = sigma(slope * score + intercept)`: the order stays, two numbers are learned, a few dozen examples do.
///
/// Platt, *Probabilistic Outputs for Support Vector Machines* (1999), by Newton's method as in Lin, Lin and Weng, *A Note on Platt's
/// Probabilistic Outputs for Support Vector Machines* (Machine Learning 2007), algorithm 1; their `A` and `B` are `-slope` and
/// `-intercept`. It minimises the log loss against smoothed targets, `(n_+ + 1) / (n_+ + 2)` for a positive and `1 / (n_- + 2)` for a
/// negative, which keeps it finite where scores separate the labels. Learn it on other examples than the scores were learned on.
///
/// It cannot mend a curve that is no sigmoid: see [`IsotonicCalibration`](crate::IsotonicCalibration).
///
/// ```
/// use rec_feedback::PlattScaling;
///
/// // Twice as sure as it should be: of the scores of 2, three of four are positive, and of those of -2, one of four.
/// let scores = [2.0, 2.0, 2.0, 2.0, -2.0, -2.0, -2.0, -2.0].repeat(100);
/// let labels = [true, true, true, false, true, false, false, false].repeat(100);
/// let platt = PlattScaling::fit(&scores, &labels)?;
/// assert!((platt.probability(2.0) - 0.75).abs() < 0.01);
/// assert!((platt.slope() - 3f64.ln() / 2.0).abs() < 0.01);
/// # Ok::<(), rec_feedback::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct PlattScaling {
    slope: f64,
    intercept: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    slope: f64,
    intercept: f64,
}

impl TryFrom<Written> for PlattScaling {
    type Error = String;

    fn try_from(Written { slope, intercept }: Written) -> Result<Self, String> {
        match slope.is_finite() && intercept.is_finite() {
            true => Ok(Self { slope, intercept }),
            false => Err(format!("the slope {slope} and the intercept {intercept} must be finite")),
        }
    }
}

saved! { PlattScaling, "platt"; }

impl PlattScaling {
    /// Learns from scores and what happened. The order of the examples does not matter but for rounding.
    ///
    /// # Errors
    ///
    /// There are no examples, or a score is not finite.
    ///
    /// # Panics
    ///
    /// There are not as many labels as scores.
    pub fn fit(scores: &[f64], labels: &[bool]) -> Result<Self, Error> {
        check(scores, labels)?;
        let n_positives = labels.iter().filter(|&&label| label).count() as f64;
        let n_negatives = labels.len() as f64 - n_positives;
        // Scores of any size: the largest becomes 1, and the slope is scaled back.
        let scale = scores.iter().fold(0.0f64, |max, score| max.max(score.abs()));
        // By what is smaller nothing can be divided.
        let scale = if scale >= f64::MIN_POSITIVE { scale } else { 1.0 };
        let target = |label: bool| match label {
            true => (n_positives + 1.0) / (n_positives + 2.0),
            false => 1.0 / (n_negatives + 2.0),
        };
        let problem = Problem {
            examples: scores
                .iter()
                .zip(labels)
                .map(|(score, &label)| (score / scale, target(label)))
                .collect(),
        };
        let (mut slope, mut intercept) = (0.0, ((n_positives + 1.0) / (n_negatives + 1.0)).ln());
        let mut loss = problem.loss(slope, intercept);
        for _ in 0..100 {
            let ([g0, g1], [h00, h01, h11]) = problem.derivatives(slope, intercept);
            if g0.abs().max(g1.abs()) < 1e-10 {
                break;
            }
            let determinant = h00 * h11 - h01 * h01;
            let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
            let steps = (0..40).map(|halvings| 0.5f64.powi(halvings));
            let better = steps.map(|step| (slope - step * d0, intercept - step * d1)).find_map(|(a, b)| {
                let moved = problem.loss(a, b);
                (moved < loss).then_some((a, b, moved))
            });
            let Some(better) = better else { break };
            (slope, intercept, loss) = better;
        }
        Ok(Self { slope: slope / scale, intercept })
    }

    /// The probability of a positive. NaN for a score that is NaN.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        sigmoid(self.slope * score + self.intercept)
    }

    /// What a score is multiplied with.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// What is added then.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }
}

/// Scores with their smoothed targets.
struct Problem {
    examples: Vec<(f64, f64)>,
}

impl Problem {
    /// `-sum t log p + (1 - t) log(1 - p)`, which is `log(1 + exp(z)) - t z`, without overflow.
    fn loss(&self, slope: f64, intercept: f64) -> f64 {
        let of = |&(score, target): &(f64, f64)| {
            let z = slope * score + intercept;
            z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z
        };
        self.examples.iter().map(of).sum()
    }

    /// The gradient, and the Hessian with the ridge that algorithm 1 gives it.
    fn derivatives(&self, slope: f64, intercept: f64) -> ([f64; 2], [f64; 3]) {
        let (mut gradient, mut hessian) = ([0.0; 2], [1e-12, 0.0, 1e-12]);
        for &(score, target) in &self.examples {
            let p = sigmoid(slope * score + intercept);
            let (error, curvature) = (p - target, p * (1.0 - p));
            gradient[0] += error * score;
            gradient[1] += error;
            hessian[0] += curvature * score * score;
            hessian[1] += curvature * score;
            hessian[2] += curvature;
        }
        (gradient, hessian)
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_cases_stay_finite() {
        // Separated, of one class, all the same, tiny, huge.
        for (scores, labels) in [
            (vec![-1.0, 1.0], vec![false, true]),
            (vec![1.0, 2.0, 3.0], vec![true; 3]),
            (vec![7.0; 4], vec![true, false, false, false]),
            (vec![1e-300, 2e-300], vec![false, true]),
            (vec![-1e300, 1e300], vec![false, true]),
            (vec![0.0], vec![false]),
        ] {
            let platt = PlattScaling::fit(&scores, &labels).unwrap();
            assert!(platt.slope.is_finite() && platt.intercept.is_finite(), "{scores:?}: {platt:?}");
            assert!(scores.iter().all(|&score| (0.0..=1.0).contains(&platt.probability(score))));
        }
        // The smoothed share, where the scores say nothing.
        let platt = PlattScaling::fit(&[7.0; 4], &[true, false, false, false]).unwrap();
        assert!((platt.probability(7.0) - (2.0 / 3.0 + 3.0 / 5.0) / 4.0).abs() < 1e-6);
        assert!(PlattScaling::fit(&[], &[]).unwrap_err().is_empty());
    }
}
