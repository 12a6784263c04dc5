//! Ridge regression that learns one example at a time.

use serde::{Deserialize, Serialize};

/// `theta = A^-1 b` with `A = lambda I + sum x x'` and `b = sum r x`, kept as the Cholesky factor of `A`.
///
/// An example is a rank-one update of the factor (Gill, Golub, Murray and Saunders, *Methods for Modifying Matrix Factorizations*, 1974),
/// for the `d^2` operations that Sherman and Morrison's formula takes for the inverse, and unlike that one it stays positive definite
/// whatever is rounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ridge {
    /// `L` with `L L' = A`: lower triangular, its rows one after the other, `d (d + 1) / 2` values.
    factor: Vec<f64>,
    b: Vec<f64>,
    theta: Vec<f64>,
}

impl Ridge {
    pub(super) fn new(dim: usize, lambda: f64) -> Self {
        let mut factor = vec![0.0; dim * (dim + 1) / 2];
        for i in 0..dim {
            factor[diagonal(i)] = lambda.sqrt();
        }
        Self { factor, b: vec![0.0; dim], theta: vec![0.0; dim] }
    }

    /// Whether these are numbers of such a model.
    pub(super) fn is_valid(&self, dim: usize) -> bool {
        // The vectors first: they are in memory, and so the matrix can have its size.
        (self.b.len(), self.theta.len()) == (dim, dim)
            && self.factor.len() == dim * (dim + 1) / 2
            && self.factor.iter().chain(&self.b).chain(&self.theta).all(|value| value.is_finite())
            && (0..dim).all(|i| self.factor[diagonal(i)] > 0.0)
    }

    /// `x' theta`.
    pub(super) fn mean(&self, x: &[f64]) -> f64 {
        dot(x, &self.theta)
    }

    /// `L^-1 x`, whose squared length is `x' A^-1 x`.
    pub(super) fn whitened(&self, x: &[f64]) -> Vec<f64> {
        let mut y = x.to_vec();
        for i in 0..y.len() {
            let row = &self.factor[diagonal(i) - i..=diagonal(i)];
            y[i] = (y[i] - dot(&row[..i], &y[..i])) / row[i];
        }
        y
    }

    /// The model after another example; `None` if it would not be finite.
    pub(super) fn updated(&self, x: &[f64], reward: f64) -> Option<Self> {
        let mut new = self.clone();
        let mut x_left = x.to_vec();
        for k in 0..x.len() {
            let pivot = new.factor[diagonal(k)];
            let length = pivot.hypot(x_left[k]);
            let (c, s) = (length / pivot, x_left[k] / pivot);
            new.factor[diagonal(k)] = length;
            for (i, left) in x_left.iter_mut().enumerate().skip(k + 1) {
                let entry = &mut new.factor[diagonal(i) - i + k];
                *entry = (*entry + s * *left) / c;
                *left = c * *left - s * *entry;
            }
        }
        for (b, x) in new.b.iter_mut().zip(x) {
            *b += reward * x;
        }
        // L' theta = L^-1 b
        new.theta = new.whitened(&new.b);
        for i in (0..x.len()).rev() {
            new.theta[i] /= new.factor[diagonal(i)];
            let (before, solved) = (diagonal(i) - i, new.theta[i]);
            for j in 0..i {
                new.theta[j] -= new.factor[before + j] * solved;
            }
        }
        new.is_valid(x.len()).then_some(new)
    }
}

/// Where the diagonal element of a row stands.
fn diagonal(row: usize) -> usize {
    row * (row + 3) / 2
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Against the sums themselves: `A theta = b`, and `x' A^-1 x` from `A y = x`.
    #[test]
    fn many_updates_solve_the_normal_equations() {
        const D: usize = 6;
        let mut random = Random::new(5, 0);
        let mut model = Ridge::new(D, 0.5);
        let mut a = [[0.0; D]; D];
        let mut b = [0.0; D];
        for (i, row) in a.iter_mut().enumerate() {
            row[i] = 0.5;
        }
        for _ in 0..20_000 {
            let mut x: [f64; D] = std::array::from_fn(|_| random.normal());
            x[5] = x[4] + 1e-4 * x[5]; // Nearly the same.
            let reward = x[0] - x[4] + random.normal();
            for i in 0..D {
                b[i] += reward * x[i];
                for j in 0..D {
                    a[i][j] += x[i] * x[j];
                }
            }
            model = model.updated(&x, reward).unwrap();
        }
        for i in 0..D {
            let left = dot(&a[i], &model.theta) - b[i];
            assert!(left.abs() < 1e-9 * b[0].abs(), "row {i}: {left:e}");
        }
        let x: [f64; D] = std::array::from_fn(|i| i as f64);
        let y = model.whitened(&x);
        // L y = x
        for i in 0..D {
            let row = &model.factor[diagonal(i) - i..=diagonal(i)];
            assert!((dot(row, &y[..=i]) - x[i]).abs() < 1e-9);
        }
    }

    #[test]
    fn what_would_overflow_is_refused() {
        let model = Ridge::new(2, 1.0);
        assert_eq!(model.updated(&[1e200, 0.0], 1e200), None);
        assert_eq!(model.updated(&[1.0, 0.0], f64::NAN), None);
        assert!(model.updated(&[1e150, 1.0], 1.0).is_some());
    }
}
