//! The vector of a history.
//!
//! The obvious shortcut, the mean of the items' vectors, ranks worse: on MovieLens 100K, leave-one-out, 64 factors, it has an
//! HR@10 of 0.116 at its best scale, the minimum that is computed here 0.133, and the vectors of training 0.125.

use crate::factors::Factors;
use crate::factors::cholesky::Cholesky;
use crate::factors::kernel::{add_scaled, dot, vectorized};

/// Items, evenly spread, that histories are compared with: all of them up to this number.
const MAX_CONTRAST: usize = 2048;
/// Steps at most.
const MAX_STEPS: usize = 20;
/// A squared step that is this small against the squared vector is the last.
const CONVERGED: f64 = 1e-8;
/// The regularisation is at least this, so that the minimum exists.
const MIN_LAMBDA: f64 = 1e-4;
/// Scores further below the best are taken to be that far below, so that no exponential vanishes.
const MAX_GAP: f32 = 60.0;

/// What all histories share: the negatives and their moments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contrast {
    items: Vec<usize>,
    /// `sum_j q_j q_j'`.
    squares: Vec<f64>,
    /// `sum_j q_j`.
    sum: Vec<f64>,
}

impl Contrast {
    pub(super) fn new(factors: &Factors) -> Contrast {
        let n_items = factors.n_rows();
        let n_negatives = n_items.min(MAX_CONTRAST);
        let items: Vec<usize> = (0..n_negatives).map(|k| k * n_items / n_negatives).collect();
        let n = factors.n_factors();
        let rows: Vec<f32> = items.iter().flat_map(|&item| factors.row(item)).copied().collect();
        let rows = Factors::new(n, rows);
        let mut sum = vec![0.0; n];
        for row in rows.values().chunks_exact(n) {
            for (sum, &value) in sum.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
        Contrast { items, squares: rows.gram(), sum }
    }
}

/// Minimises `sum_i w_i mean_j -ln sigma(x_i - x_j) + lambda / 2 |p|^2`, where `x_i = p' q_i + b_i`, over the vector `p`. `liked` are
/// items with positive weights `w_i` that sum to 1, ascending; `seen` are those that no negative is to be, ascending.
pub(super) fn solve(
    contrast: &Contrast,
    (factors, biases): (&Factors, &[f32]),
    lambda: f64,
    liked: &[(usize, f32)],
    seen: &[usize],
) -> Vec<f32> {
    let n = factors.n_factors();
    let lambda = lambda.max(MIN_LAMBDA);
    let others: Vec<usize> =
        contrast.items.iter().copied().filter(|item| seen.binary_search(item).is_err()).collect();
    let mut vector = vec![0.0_f32; n];
    if liked.is_empty() || others.is_empty() {
        return vector;
    }
    let mut bound = curvature_bound(contrast, factors, lambda, liked, others.len(), |item| {
        seen.binary_search(&item).is_ok()
    });
    let mut exact = vec![0.0_f64; n];
    let mut pulls = Pulls::new(liked.len(), others.len());
    for _ in 0..MAX_STEPS {
        vectorized(
            #[inline(always)]
            || pulls.compute((factors, biases), liked, &others, &vector),
        );
        let mut step: Vec<f64> =
            pulls.gradient(factors, liked, &others).iter().map(|&value| f64::from(value)).collect();
        for (step, value) in step.iter_mut().zip(&exact) {
            *step += lambda * value;
        }
        bound.solve(&mut step);
        let (mut squared_step, mut squared) = (0.0, 0.0);
        for ((value, narrow), step) in exact.iter_mut().zip(&mut vector).zip(&step) {
            *value -= step;
            *narrow = *value as f32;
            squared_step += step * step;
            squared += *value * *value;
        }
        if squared_step <= CONVERGED * squared {
            break;
        }
    }
    vector
}

/// The factor of a matrix that the second derivative is never above, as `sigma' <= 1 / 4`: steps with its inverse go down and
/// never overshoot (Böhning and Lindsay: *Monotonicity of Quadratic-Approximation Algorithms*, 1988).
fn curvature_bound(
    contrast: &Contrast,
    factors: &Factors,
    lambda: f64,
    liked: &[(usize, f32)],
    n_others: usize,
    is_seen: impl Fn(usize) -> bool,
) -> Cholesky {
    let n = factors.n_factors();
    let wide = |item: usize| factors.row(item).iter().copied().map(f64::from);
    let mut bound = Cholesky::new(n);
    let share = 0.25 / n_others as f64;
    let start: Vec<f64> = contrast.squares.iter().map(|value| share * value).collect();
    bound.set(&start, lambda);
    // 1/4 (sum_i w_i q_i q_i' + mean_j q_j q_j' - m_i m_j' - m_j m_i'), where m are the means of both.
    let (mut rows, mut scaled) = (Vec::new(), Vec::new());
    let (mut liked_mean, mut other_mean) = (vec![0.0; n], contrast.sum.clone());
    for &item in contrast.items.iter().filter(|&&item| is_seen(item)) {
        rows.extend(wide(item));
        scaled.extend(wide(item).map(|value| -share * value));
        other_mean.iter_mut().zip(wide(item)).for_each(|(sum, value)| *sum -= value);
    }
    for &(item, weight) in liked {
        let weight = f64::from(weight);
        rows.extend(wide(item));
        scaled.extend(wide(item).map(|value| 0.25 * weight * value));
        liked_mean.iter_mut().zip(wide(item)).for_each(|(sum, value)| *sum += weight * value);
    }
    for (a, b) in [(&liked_mean, &other_mean), (&other_mean, &liked_mean)] {
        rows.extend(a);
        scaled.extend(b.iter().map(|value| -share * value));
    }
    bound.add(&rows, &scaled);
    // It is at least lambda I, whatever rounding does to the rest.
    bound.factorize();
    bound
}

/// How strongly each item is pulled up or pushed down.
struct Pulls {
    liked: Vec<f32>,
    others: Vec<f32>,
    exponentials: Vec<f32>,
}

impl Pulls {
    fn new(n_liked: usize, n_others: usize) -> Pulls {
        Pulls {
            liked: vec![0.0; n_liked],
            others: vec![0.0; n_others],
            exponentials: vec![0.0; n_liked + n_others],
        }
    }

    /// `sigma(x_j - x_i) = e^x_j / (e^x_i + e^x_j)`: exponentials of items, not of pairs.
    #[inline(always)]
    fn compute(
        &mut self,
        (factors, biases): (&Factors, &[f32]),
        liked: &[(usize, f32)],
        others: &[usize],
        vector: &[f32],
    ) {
        let items = liked.iter().map(|&(item, _)| item).chain(others.iter().copied());
        for (score, item) in self.exponentials.iter_mut().zip(items) {
            *score = dot(vector, factors.row(item)) + biases[item];
        }
        let best = self.exponentials.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for score in &mut self.exponentials {
            *score = (*score - best).max(-MAX_GAP).exp();
        }
        let (liked_exponentials, other_exponentials) = self.exponentials.split_at(liked.len());
        self.others.fill(0.0);
        let share = 1.0 / others.len() as f32;
        for ((pull, &(_, weight)), &own) in self.liked.iter_mut().zip(liked).zip(liked_exponentials) {
            let weight = weight * share;
            let mut sums = [0.0; 16];
            let (blocks, rest) = other_exponentials.as_chunks::<16>();
            let (pushes, rest_pushes) = self.others.as_chunks_mut::<16>();
            for (block, pushes) in blocks.iter().zip(pushes) {
                for ((sum, push), other) in sums.iter_mut().zip(pushes).zip(block) {
                    let sigma = weight * (other / (own + other));
                    *sum += sigma;
                    *push += sigma;
                }
            }
            for (push, other) in rest_pushes.iter_mut().zip(rest) {
                let sigma = weight * (other / (own + other));
                sums[0] += sigma;
                *push += sigma;
            }
            *pull = sums.iter().sum();
        }
    }

    /// The gradient of the first term.
    fn gradient(&self, factors: &Factors, liked: &[(usize, f32)], others: &[usize]) -> Vec<f32> {
        let mut gradient = vec![0.0; factors.n_factors()];
        vectorized(
            #[inline(always)]
            || {
                for (&pull, &(item, _)) in self.liked.iter().zip(liked) {
                    add_scaled(&mut gradient, -pull, factors.row(item));
                }
                for (&push, &item) in self.others.iter().zip(others) {
                    add_scaled(&mut gradient, push, factors.row(item));
                }
            },
        );
        gradient
    }
}
