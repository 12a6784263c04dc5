//! Scores as probabilities.

use serde::{Deserialize, Serialize};

/// What a score means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ScoreScale {
    Logit,
    Probability,
}

impl ScoreScale {
    /// The probability that a candidate is positive, and the log loss of its label in nats.
    pub(super) fn probability_and_loss(self, score: f32, label: bool) -> (f64, f64) {
        let score = f64::from(score);
        match self {
            ScoreScale::Logit => {
                // The logit of what happened. Neither exponential overflows, and nothing needs to be clipped.
                let logit = if label { score } else { -score };
                let loss = (-logit).max(0.0) + (-logit.abs()).exp().ln_1p();
                (1.0 / (1.0 + (-score).exp()), loss)
            }
            ScoreScale::Probability => {
                let clipped = score.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                (score, if label { -clipped.ln() } else { -(1.0 - clipped).ln() })
            }
        }
    }
}

const N_BINS: usize = 10;

/// Candidates of similar probability: a point of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalibrationBin {
    /// How many there are, at least one.
    pub n_candidates: u64,
    /// Their mean probability.
    pub predicted: f64,
    /// The share of them that is positive.
    pub observed: f64,
}

/// Candidates by their probability.
#[derive(Clone, Debug, Default)]
pub(super) struct Calibration {
    bins: [Bin; N_BINS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    n: f64,
    n_positives: f64,
    sum_of_probabilities: f64,
}

impl Calibration {
    pub(super) fn add(&mut self, probability: f64, label: bool) {
        // Closed on the right: the cast takes what is below 0, for a probability of 0, to 0.
        let bin = &mut self.bins[((probability * N_BINS as f64).ceil() - 1.0) as usize];
        bin.n += 1.0;
        bin.n_positives += f64::from(u8::from(label));
        bin.sum_of_probabilities += probability;
    }

    /// The bins that have candidates, from the lowest probability.
    pub(super) fn bins(&self) -> Vec<CalibrationBin> {
        let some = |bin: &&Bin| bin.n > 0.0;
        let of = |bin: &Bin| CalibrationBin {
            n_candidates: bin.n as u64,
            predicted: bin.sum_of_probabilities / bin.n,
            observed: bin.n_positives / bin.n,
        };
        self.bins.iter().filter(some).map(of).collect()
    }

    /// The mean over candidates of |mean probability - share of positives| of their bin; `None` without candidates.
    pub(super) fn expected_error(&self) -> Option<f64> {
        let n: f64 = self.bins.iter().map(|bin| bin.n).sum();
        let error = |bin: &Bin| (bin.sum_of_probabilities - bin.n_positives).abs();
        (n > 0.0).then(|| self.bins.iter().map(error).sum::<f64>() / n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_of_a_logit_is_that_of_its_probability() {
        for score in [-30.0, -2.5, -0.0, 0.5, 8.0] {
            for label in [false, true] {
                let (probability, loss) = ScoreScale::Logit.probability_and_loss(score, label);
                let of_label = if label { probability } else { 1.0 / (1.0 + f64::from(score).exp()) };
                assert!((loss + of_label.ln()).abs() < 1e-12, "{score} {label} {loss}");
            }
        }
        assert_eq!(ScoreScale::Logit.probability_and_loss(f32::INFINITY, true), (1.0, 0.0));
        assert_eq!(ScoreScale::Logit.probability_and_loss(f32::NEG_INFINITY, true), (0.0, f64::INFINITY));
        assert_eq!(ScoreScale::Logit.probability_and_loss(f32::MIN, true), (0.0, -f64::from(f32::MIN)));
        // sklearn.metrics.log_loss([1], [0.0], labels=[0, 1]), scikit-learn 1.9.1
        let (_, loss) = ScoreScale::Probability.probability_and_loss(0.0, true);
        assert!((loss - 36.04365338911715).abs() < 1e-12);
    }

    #[test]
    fn calibration_error_is_by_bin() {
        let mut calibration = Calibration::default();
        assert_eq!(calibration.expected_error(), None);
        for (probability, label) in [(0.0, false), (0.05, true), (0.95, true), (1.0, true)] {
            calibration.add(probability, label);
        }
        // |0.05 - 1| in the first bin and |1.95 - 2| in the last, of four candidates.
        assert!((calibration.expected_error().unwrap() - 0.25).abs() < 1e-12);
    }
}
