use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::dispatch::Dispatch;
use crate::function::{exp, normal};

/// Values of a piece of work.
pub(super) const CHUNK: usize = 1 << 14;

/// `y = x Phi(x)`, exact to 1e-6 (Hendrycks and Gimpel 2016).
///
/// # Panics
///
/// The lengths differ.
pub fn gelu(x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "values in and out");
    let dispatch = Dispatch::native();
    x.par_chunks(CHUNK).zip(y.par_chunks_mut(CHUNK)).for_each(|(x, y)| dispatch.run(Forward { x, y }));
}

/// The gradient of [`gelu`]: `dy` in `gradient` becomes `dx = dy (Phi(x) + x phi(x))`.
///
/// # Panics
///
/// The lengths differ.
///
/// ```
/// use rec_kernels::training::{gelu, gelu_gradient};
///
/// let (mut y, mut gradient) = ([0.0; 2], [1.0, 2.0]);
/// gelu(&[0.0, 1.0], &mut y);
/// gelu_gradient(&[0.0, 1.0], &mut gradient);
/// assert!(y[0] == 0.0 && (y[1] - 0.841_345).abs() < 1e-6);
/// assert!((gradient[0] - 0.5).abs() < 1e-6 && (gradient[1] - 2.0 * 1.083_316).abs() < 1e-6);
/// ```
pub fn gelu_gradient(x: &[f32], gradient: &mut [f32]) {
    assert_eq!(x.len(), gradient.len(), "values in and out");
    let dispatch = Dispatch::native();
    let chunks = x.par_chunks(CHUNK).zip(gradient.par_chunks_mut(CHUNK));
    chunks.for_each(|(x, gradient)| dispatch.run(Backward { x, gradient }));
}

pub(super) struct Forward<'a> {
    pub(super) x: &'a [f32],
    pub(super) y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ((x, x_rest), (y, y_rest)) = (S::as_simd_f32s(self.x), S::as_mut_simd_f32s(self.y));
        for (x, y) in x.iter().zip(y) {
            *y = simd.mul_f32s(*x, normal(simd, *x));
        }
        if !x_rest.is_empty() {
            let x = simd.partial_load_f32s(x_rest);
            simd.partial_store_f32s(y_rest, simd.mul_f32s(x, normal(simd, x)));
        }
    }
}

pub(super) struct Backward<'a> {
    pub(super) x: &'a [f32],
    pub(super) gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (gradient, gradient_rest) = S::as_mut_simd_f32s(self.gradient);
        for (x, gradient) in x.iter().zip(gradient) {
            *gradient = simd.mul_f32s(*gradient, slope(simd, *x));
        }
        if !x_rest.is_empty() {
            let (x, dy) = (simd.partial_load_f32s(x_rest), simd.partial_load_f32s(gradient_rest));
            simd.partial_store_f32s(gradient_rest, simd.mul_f32s(dy, slope(simd, x)));
        }
    }
}

/// `Phi(x) + x phi(x)`.
#[inline(always)]
fn slope<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // 1 / sqrt(2 pi)
    const DENSITY: f32 = 0.398_942_3;
    let half = simd.mul_f32s(simd.mul_f32s(x, x), simd.splat_f32s(-0.5));
    let density = simd.mul_f32s(simd.splat_f32s(DENSITY), exp(simd, half));
    simd.mul_add_e_f32s(x, density, normal(simd, x))
}
