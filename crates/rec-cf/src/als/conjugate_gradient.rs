//! The least squares problems of some rows, solved approximately.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::rows::{Entries, Fixed};
use crate::factors::Factors;
use crate::factors::kernel::{add_scaled, add_scaled4, dot, dot4, vectorized};
use crate::fetch::fetch;

/// Rows that are solved together, so that products with the Gram matrix are products of matrices.
pub(super) const BATCH: usize = 32;
/// A squared residual that is small enough to stop.
const CONVERGED: f32 = 1e-20;
/// Groups of four entries between the beginning of a load and its use, which `scripts/peers/cf --large` measures.
const AHEAD: usize = 2;

/// Steps of the conjugate gradient method in `f32` for up to [`BATCH`] rows at once.
pub(super) struct ConjugateGradient<'a> {
    fixed: Fixed<'a>,
    gram: &'a [f32],
    residuals: Vec<f32>,
    directions: Vec<f32>,
    /// `A p` of each direction `p`.
    images: Vec<f32>,
    /// The squared residual of each row; `None` once it is done.
    squared: Vec<Option<f32>>,
}

impl<'a> ConjugateGradient<'a> {
    /// `gram` is that of `fixed`, rounded.
    pub(super) fn new(fixed: Fixed<'a>, gram: &'a [f32]) -> ConjugateGradient<'a> {
        let zeros = vec![0.0; BATCH * fixed.factors.n_factors()];
        ConjugateGradient {
            fixed,
            gram,
            residuals: zeros.clone(),
            directions: zeros.clone(),
            images: zeros,
            squared: vec![None; BATCH],
        }
    }

    /// Improves the solutions in `x`, one row for each of `entries`.
    pub(super) fn solve(&mut self, entries: &[Entries<'_>], x: &mut [f32], n_steps: usize) {
        self.multiply_gram(x);
        vectorized(
            #[inline(always)]
            || self.begin(entries, x),
        );
        for _ in 0..n_steps {
            if self.squared[..entries.len()].iter().all(Option::is_none) {
                return;
            }
            let directions = std::mem::take(&mut self.directions);
            self.multiply_gram(&directions[..x.len()]);
            self.directions = directions;
            vectorized(
                #[inline(always)]
                || self.step(entries, x),
            );
        }
    }

    /// `images = G p` for each vector `p`.
    fn multiply_gram(&mut self, vectors: &[f32]) {
        let n = self.fixed.factors.n_factors();
        let n_vectors = vectors.len() / n;
        matmul(
            MatMut::from_column_major_slice_mut(&mut self.images[..vectors.len()], n, n_vectors),
            Accum::Replace,
            MatRef::from_column_major_slice(self.gram, n, n),
            MatRef::from_column_major_slice(vectors, n, n_vectors),
            1.0,
            Par::Seq,
        );
    }

    /// The residuals `b - A x` are the first directions.
    #[inline(always)]
    fn begin(&mut self, entries: &[Entries<'_>], x: &mut [f32]) {
        let Fixed { factors, .. } = self.fixed;
        let n = factors.n_factors();
        for (k, (&entries, x)) in entries.iter().zip(x.chunks_exact_mut(n)).enumerate() {
            let place = k * n..(k + 1) * n;
            let residual = &mut self.residuals[place.clone()];
            let direction = &mut self.directions[place.clone()];
            if entries.rows.is_empty() {
                x.fill(0.0);
                direction.fill(0.0);
                self.squared[k] = None;
                continue;
            }
            let penalty = self.fixed.penalty(entries.rows.len()) as f32;
            for ((residual, image), x) in residual.iter_mut().zip(&self.images[place]).zip(&*x) {
                *residual = -image - penalty * x;
            }
            add_products(
                residual,
                (factors, entries),
                x,
                #[inline(always)]
                |confidence, score| confidence.max(0.0) - (confidence.abs() - 1.0) * score,
            );
            direction.copy_from_slice(residual);
            let squared = dot(residual, residual);
            self.squared[k] = (squared >= CONVERGED).then_some(squared);
        }
    }

    /// A step along the directions, whose products with the Gram matrix are there.
    #[inline(always)]
    fn step(&mut self, entries: &[Entries<'_>], x: &mut [f32]) {
        let Fixed { factors, .. } = self.fixed;
        let n = factors.n_factors();
        for (k, (&entries, x)) in entries.iter().zip(x.chunks_exact_mut(n)).enumerate() {
            let Some(squared) = self.squared[k] else { continue };
            let place = k * n..(k + 1) * n;
            let residual = &mut self.residuals[place.clone()];
            let direction = &mut self.directions[place.clone()];
            let image = &mut self.images[place];
            add_scaled(image, self.fixed.penalty(entries.rows.len()) as f32, direction);
            add_products(
                image,
                (factors, entries),
                direction,
                #[inline(always)]
                |confidence, score| (confidence.abs() - 1.0) * score,
            );
            let curvature = dot(direction, image);
            if curvature <= 0.0 {
                // Rounding, or a singular matrix: no step along this direction helps.
                self.squared[k] = None;
                continue;
            }
            let length = squared / curvature;
            add_scaled(x, length, direction);
            add_scaled(residual, -length, image);
            let smaller = dot(residual, residual);
            self.squared[k] = (smaller >= CONVERGED).then_some(smaller);
            let kept = smaller / squared;
            for (direction, residual) in direction.iter_mut().zip(&*residual) {
                *direction = residual + kept * *direction;
            }
        }
    }
}

/// `out += sum_k scale(c_k, y_k' vector) y_k` over the entries, four at a time.
#[inline(always)]
fn add_products(
    out: &mut [f32],
    (factors, entries): (&Factors, Entries<'_>),
    vector: &[f32],
    scale: impl Fn(f32, f32) -> f32,
) {
    let (rows, rest) = entries.rows.as_chunks::<4>();
    let (confidences, rest_confidences) = entries.confidences.as_chunks::<4>();
    for (group, (&of_group, &confidences)) in rows.iter().zip(confidences).enumerate() {
        for &row in rows.get(group + AHEAD).into_iter().flatten() {
            fetch(factors.row(row as usize));
        }
        let rows = of_group.map(
            #[inline(always)]
            |row| factors.row(row as usize),
        );
        let scores = dot4(rows, vector);
        let mut scales = [0.0; 4];
        for ((out, confidence), score) in scales.iter_mut().zip(confidences).zip(scores) {
            *out = scale(confidence, score);
        }
        add_scaled4(out, scales, rows);
    }
    for (&row, &confidence) in rest.iter().zip(rest_confidences) {
        let row = factors.row(row as usize);
        add_scaled(out, scale(confidence, dot(row, vector)), row);
    }
}
