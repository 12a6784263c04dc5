//! Logistic regression.

use crate::error::{Error, Kind};

/// How a [`Logistic`] is trained: `min 1/2 |w|^2 + C sum_i log(1 + exp(-y_i (w' x_i + b)))` with `y_i` = -1 or 1, the intercept `b`
/// not penalised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticConfig {
    c: f64,
    tolerance: f64,
    n_iterations: usize,
}

impl Default for LogisticConfig {
    fn default() -> LogisticConfig {
        LogisticConfig { c: 1.0, tolerance: 1e-8, n_iterations: 100 }
    }
}

impl LogisticConfig {
    /// The inverse regularisation `C = 1`, as scikit-learn has it.
    #[must_use]
    pub fn new() -> LogisticConfig {
        LogisticConfig::default()
    }

    /// Sets `C`: the larger, the less regularisation.
    ///
    /// # Panics
    ///
    /// `c` is not positive and finite.
    #[must_use]
    pub fn with_c(self, c: f64) -> LogisticConfig {
        assert!(c.is_finite() && c > 0.0, "a C of {c}");
        LogisticConfig { c, ..self }
    }

    /// Trains by Newton's method (iteratively reweighted least squares: Hastie, Tibshirani and Friedman, *The Elements of Statistical
    /// Learning*, section 4.4.1), halving a step that does not help. It ends when no component of the gradient is above `1e-8 C n`.
    ///
    /// `features` are row-major, a row for each label. One pass costs `n d^2` operations for `d` features.
    ///
    /// ```
    /// use rec_hybrid::LogisticConfig;
    ///
    /// let model = LogisticConfig::new().fit(&[0.0, 1.0, 2.0, 3.0], &[false, true, false, true])?;
    /// assert!(model.coefficients()[0] > 0.0);
    /// assert!(model.probability(&[3.0]) > 0.5 && model.probability(&[0.0]) < 0.5);
    /// // By symmetry one half in the middle.
    /// assert!((model.probability(&[1.5]) - 0.5).abs() < 1e-9);
    /// # Ok::<(), rec_hybrid::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A feature that is not finite; or all labels are the same, or there are none ([`Error::is_no_examples`]).
    ///
    /// # Panics
    ///
    /// The number of features is not a multiple of that of the labels.
    pub fn fit(&self, features: &[f64], labels: &[bool]) -> Result<Logistic, Error> {
        let n = labels.len();
        if labels.iter().all(|&label| label) || labels.iter().all(|&label| !label) {
            return Err(Kind::NoExamples { what: "logistic regression" }.into());
        }
        assert_eq!(features.len() % n, 0, "{} features of {n} labels", features.len());
        if let Some(&value) = features.iter().find(|value| !value.is_finite()) {
            return Err(Kind::NotFinite { what: "a feature".to_owned(), value }.into());
        }
        let d = features.len() / n;
        let problem = Problem { features, labels, d, c: self.c };
        // The intercept stands last.
        let mut weights = vec![0.0; d + 1];
        let mut objective = problem.objective(&weights);
        for _ in 0..self.n_iterations {
            let (gradient, hessian) = problem.derivatives(&weights);
            if gradient.iter().all(|value| value.abs() <= self.tolerance * self.c * n as f64) {
                break;
            }
            let Some(step) = solve(hessian, gradient) else { break };
            let halves = (0..40).map(|halvings| 0.5f64.powi(halvings));
            let better = halves.map(|scale| {
                let moved: Vec<f64> = weights.iter().zip(&step).map(|(w, step)| w - scale * step).collect();
                (problem.objective(&moved), moved)
            });
            let Some((less, moved)) = better.into_iter().find(|&(value, _)| value < objective) else { break };
            (objective, weights) = (less, moved);
        }
        let intercept = weights.pop().unwrap_or(0.0);
        Ok(Logistic { coefficients: weights, intercept })
    }
}

/// Logistic regression: the probability of a positive is `sigma(w' x + b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl Logistic {
    /// `w`, one per feature.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// `b`.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// `w' x + b`, in logits.
    ///
    /// # Panics
    ///
    /// There is not one feature per coefficient.
    #[must_use]
    pub fn logit(&self, features: &[f64]) -> f64 {
        assert_eq!(features.len(), self.coefficients.len(), "features, and coefficients");
        dot(&self.coefficients, features) + self.intercept
    }

    /// `sigma(w' x + b)`.
    ///
    /// # Panics
    ///
    /// As [`logit`](Logistic::logit).
    #[must_use]
    pub fn probability(&self, features: &[f64]) -> f64 {
        sigmoid(self.logit(features))
    }
}

struct Problem<'a> {
    features: &'a [f64],
    labels: &'a [bool],
    d: usize,
    c: f64,
}

impl Problem<'_> {
    fn rows(&self) -> impl Iterator<Item = (&[f64], bool)> {
        (0..self.labels.len()).map(|row| (&self.features[row * self.d..(row + 1) * self.d], self.labels[row]))
    }

    fn objective(&self, weights: &[f64]) -> f64 {
        let (w, b) = (&weights[..self.d], weights[self.d]);
        let loss: f64 = self
            .rows()
            .map(|(x, label)| {
                let margin = if label { dot(w, x) + b } else { -(dot(w, x) + b) };
                // log(1 + exp(-m)) without overflow.
                (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
            })
            .sum();
        0.5 * dot(w, w) + self.c * loss
    }

    /// The gradient, and the Hessian row-major.
    fn derivatives(&self, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (d, w, b) = (self.d, &weights[..self.d], weights[self.d]);
        let (mut gradient, mut hessian) = (vec![0.0; d + 1], vec![0.0; (d + 1) * (d + 1)]);
        let mut row = vec![1.0; d + 1];
        for (x, label) in self.rows() {
            row[..d].copy_from_slice(x);
            let p = sigmoid(dot(w, x) + b);
            let (error, curvature) = (self.c * (p - f64::from(u8::from(label))), self.c * p * (1.0 - p));
            for (i, &value) in row.iter().enumerate() {
                gradient[i] += error * value;
                let scaled = curvature * value;
                for (sum, other) in hessian[i * (d + 1)..=i * (d + 1) + i].iter_mut().zip(&row) {
                    *sum += scaled * other;
                }
            }
        }
        for i in 0..d {
            gradient[i] += w[i];
            hessian[i * (d + 1) + i] += 1.0;
        }
        (gradient, hessian)
    }
}

/// `A^-1 b` for a positive definite `A`, of which the lower half counts, by Cholesky; `None` if it is not.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let left = a[i * n + j] - known;
            if i == j && (left <= 0.0 || !left.is_finite()) {
                return None;
            }
            a[i * n + j] = if i == j { left.sqrt() } else { left / a[j * n + j] };
        }
        let known: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    Some(b)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separable_labels_have_finite_weights() {
        let features: Vec<f64> = (-10..10).map(f64::from).collect();
        let labels: Vec<bool> = features.iter().map(|&x| x >= 0.0).collect();
        let model = LogisticConfig::new().with_c(1e6).fit(&features, &labels).unwrap();
        assert!(model.coefficients()[0].is_finite() && model.probability(&[5.0]) > 0.999);
    }

    #[test]
    fn nothing_to_learn_is_an_error_and_no_features_are_a_base_rate() {
        assert!(LogisticConfig::new().fit(&[], &[]).unwrap_err().is_no_examples());
        assert!(LogisticConfig::new().fit(&[1.0], &[true]).unwrap_err().is_no_examples());
        assert!(LogisticConfig::new().fit(&[1.0, f64::NAN], &[true, false]).unwrap_err().is_not_finite());
        let model = LogisticConfig::new().fit(&[], &[true, false, false, false]).unwrap();
        assert!((model.probability(&[]) - 0.25).abs() < 1e-9);
    }
}
