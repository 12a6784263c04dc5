use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matmul::AddRows;
use crate::dispatch::Dispatch;
use crate::norm::{squares, sum};

/// Rows of a piece of work.
const ROWS: usize = 64;

/// `y = (x - mean) / sqrt(var + eps) gamma + beta` for every row (Ba et al. 2016), with the variance of the population.
///
/// # Panics
///
/// `gamma` is empty, `beta` has another length, or a row is incomplete.
///
/// ```
/// use rec_kernels::training::layer_norm;
///
/// let mut y = [0.0; 4];
/// layer_norm(&[1.0, 3.0, 0.0, 10.0], &[1.0, 2.0], &[0.0, 1.0], 0.0, &mut y);
/// assert_eq!(y, [-1.0, 3.0, -1.0, 3.0]);
/// ```
pub fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], eps: f32, y: &mut [f32]) {
    let d = check(x, gamma);
    assert_eq!((beta.len(), y.len()), (d, x.len()), "values of a bias, and of what comes out");
    let dispatch = Dispatch::native();
    x.par_chunks(ROWS * d).zip(y.par_chunks_mut(ROWS * d)).for_each(|(x, y)| {
        dispatch.run(Forward { x, gamma, beta, eps, y });
    });
}

/// Where the gradients of [`layer_norm`] go.
#[derive(Debug)]
pub struct LayerNormGradient<'a> {
    /// That of the output at first, and of the input afterwards.
    pub x: &'a mut [f32],
    /// That of the weight.
    pub gamma: &'a mut [f32],
    /// That of the bias.
    pub beta: &'a mut [f32],
}

/// The gradients of [`layer_norm`]: with `n = (x - mean) s`, `s = 1 / sqrt(var + eps)` and `g = dy gamma`,
/// `dx = s (g - mean(g) - n mean(g n))`, `dgamma = sum dy n`, `dbeta = sum dy`.
///
/// # Panics
///
/// The shapes do not fit.
pub fn layer_norm_gradient(x: &[f32], gamma: &[f32], eps: f32, to: LayerNormGradient<'_>) {
    let LayerNormGradient { x: to_x, gamma: to_gamma, beta: to_beta } = to;
    let d = check(x, gamma);
    assert_eq!(to_x.len(), x.len(), "values of a gradient");
    assert_eq!((to_gamma.len(), to_beta.len()), (d, d), "gradients of a weight and a bias");
    let dispatch = Dispatch::native();
    let blocks = x.par_chunks(ROWS * d).zip(to_x.par_chunks_mut(ROWS * d));
    let parts: Vec<Vec<f32>> = blocks
        .map(|(x, gradient)| {
            let (mut sums, mut room) = (vec![0.0; 2 * d], vec![0.0; 2 * d]);
            dispatch.run(Backward { x, gamma, eps, gradient, sums: &mut sums, room: &mut room });
            sums
        })
        .collect();
    to_gamma.fill(0.0);
    to_beta.fill(0.0);
    for part in &parts {
        dispatch.run(AddRows { rows: &part[..d], sum: to_gamma });
        dispatch.run(AddRows { rows: &part[d..], sum: to_beta });
    }
}

fn check(x: &[f32], gamma: &[f32]) -> usize {
    let d = gamma.len();
    assert!(d > 0 && x.len().is_multiple_of(d), "{} values in rows of {d}", x.len());
    d
}

struct Forward<'a> {
    x: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let d = self.gamma.len();
        for (x, y) in self.x.chunks_exact(d).zip(self.y.chunks_exact_mut(d)) {
            normalize(simd, x, self.eps, y);
            let ((y, y_rest), (gamma, gamma_rest)) = (S::as_mut_simd_f32s(y), S::as_simd_f32s(self.gamma));
            let (beta, beta_rest) = S::as_simd_f32s(self.beta);
            for ((y, gamma), beta) in y.iter_mut().zip(gamma).zip(beta) {
                *y = simd.mul_add_e_f32s(*y, *gamma, *beta);
            }
            for ((y, gamma), beta) in y_rest.iter_mut().zip(gamma_rest).zip(beta_rest) {
                *y = *y * gamma + beta;
            }
        }
    }
}

/// Writes `(x - mean) s`, and gives `s`.
#[inline(always)]
fn normalize<S: Simd>(simd: S, x: &[f32], eps: f32, y: &mut [f32]) -> f32 {
    let n = x.len() as f32;
    let mean = sum(simd, x) / n;
    let scale = 1.0 / (squares(simd, x, mean) / n + eps).sqrt();
    let (means, scales) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
    let ((x, x_rest), (y, y_rest)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(y));
    for (x, y) in x.iter().zip(y) {
        *y = simd.mul_f32s(simd.sub_f32s(*x, means), scales);
    }
    for (x, y) in x_rest.iter().zip(y_rest) {
        *y = (x - mean) * scale;
    }
    scale
}

struct Backward<'a> {
    x: &'a [f32],
    gamma: &'a [f32],
    eps: f32,
    gradient: &'a mut [f32],
    /// Of the weight, then of the bias.
    sums: &'a mut [f32],
    /// Two rows.
    room: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let d = self.gamma.len();
        let (normal, g) = self.room.split_at_mut(d);
        let (dgamma, dbeta) = self.sums.split_at_mut(d);
        for (x, gradient) in self.x.chunks_exact(d).zip(self.gradient.chunks_exact_mut(d)) {
            let scale = normalize(simd, x, self.eps, normal);
            add_product(simd, dgamma, gradient, normal);
            product(simd, g, gradient, self.gamma);
            crate::norm::add(simd, dbeta, gradient);
            let mean = sum(simd, g) / d as f32;
            let along = dot(simd, g, normal) / d as f32;
            combine(simd, gradient, g, normal, [mean, along, scale]);
        }
    }
}

/// `to += a b`.
#[inline(always)]
fn add_product<S: Simd>(simd: S, to: &mut [f32], a: &[f32], b: &[f32]) {
    let ((to, to_rest), (a, a_rest)) = (S::as_mut_simd_f32s(to), S::as_simd_f32s(a));
    let (b, b_rest) = S::as_simd_f32s(b);
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = simd.mul_add_e_f32s(*a, *b, *to);
    }
    for ((to, a), b) in to_rest.iter_mut().zip(a_rest).zip(b_rest) {
        *to += a * b;
    }
}

/// `to = a b`.
#[inline(always)]
fn product<S: Simd>(simd: S, to: &mut [f32], a: &[f32], b: &[f32]) {
    let ((to, to_rest), (a, a_rest)) = (S::as_mut_simd_f32s(to), S::as_simd_f32s(a));
    let (b, b_rest) = S::as_simd_f32s(b);
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = simd.mul_f32s(*a, *b);
    }
    for ((to, a), b) in to_rest.iter_mut().zip(a_rest).zip(b_rest) {
        *to = a * b;
    }
}

/// `sum a b`.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sums = [simd.splat_f32s(0.0); 2];
    let ((a_pairs, a_last), (b_pairs, b_last)) = (a.as_chunks::<2>(), b.as_chunks::<2>());
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        for at in 0..2 {
            sums[at] = simd.mul_add_e_f32s(a[at], b[at], sums[at]);
        }
    }
    for (a, b) in a_last.iter().zip(b_last) {
        sums[0] = simd.mul_add_e_f32s(*a, *b, sums[0]);
    }
    let mut last = 0.0;
    for (a, b) in a_rest.iter().zip(b_rest) {
        last += a * b;
    }
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1])) + last
}

/// `to = scale (g - mean - normal along)`.
#[inline(always)]
fn combine<S: Simd>(simd: S, to: &mut [f32], g: &[f32], normal: &[f32], [mean, along, scale]: [f32; 3]) {
    let (means, scales, alongs) = (simd.splat_f32s(mean), simd.splat_f32s(scale), simd.splat_f32s(-along));
    let ((to, to_rest), (g, g_rest)) = (S::as_mut_simd_f32s(to), S::as_simd_f32s(g));
    let (normal, normal_rest) = S::as_simd_f32s(normal);
    for ((to, g), normal) in to.iter_mut().zip(g).zip(normal) {
        let centred = simd.sub_f32s(*g, means);
        *to = simd.mul_f32s(scales, simd.mul_add_e_f32s(*normal, alongs, centred));
    }
    for ((to, g), normal) in to_rest.iter_mut().zip(g_rest).zip(normal_rest) {
        *to = scale * (g - mean - normal * along);
    }
}
