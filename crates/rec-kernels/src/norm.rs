use pulp::{Simd, WithSimd};

use crate::product::Columns;

/// A normalisation over the values of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// `(x - mean) / sqrt(var + eps) * weight + bias` (Ba et al. 2016), with the variance of the population.
    Layer,
    /// `x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich 2019).
    Rms,
}

/// A normalisation with its weights.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// The function.
    pub kind: NormKind,
    /// Inside the square root.
    pub eps: f32,
    /// One for each value.
    pub weight: &'a [f32],
    /// One for each value; no bias adds nothing.
    pub bias: Option<&'a [f32]>,
}

/// A [`Norm`] that owns its weights.
#[derive(Debug, Clone)]
pub(crate) struct OwnedNorm {
    kind: NormKind,
    eps: f32,
    weight: Vec<f32>,
    /// Empty if there is none.
    bias: Vec<f32>,
}

impl OwnedNorm {
    /// # Panics
    ///
    /// The norm is not over `d` values.
    pub(crate) fn new(norm: &Norm<'_>, d: usize, name: &str) -> Self {
        assert_eq!(norm.weight.len(), d, "weights of {name}");
        assert!(norm.bias.is_none_or(|bias| bias.len() == d), "biases of {name} for {d} values");
        let (weight, bias) = (norm.weight.to_vec(), norm.bias.unwrap_or_default().to_vec());
        Self { kind: norm.kind, eps: norm.eps, weight, bias }
    }

    /// Normalises a row in place.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(&self, simd: S, row: &mut [f32]) {
        let n = row.len() as f32;
        let mean = match self.kind {
            NormKind::Layer => sum(simd, row) / n,
            NormKind::Rms => 0.0,
        };
        let scale = 1.0 / (squares(simd, row, mean) / n + self.eps).sqrt();
        let (means, scales) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
        let (body, rest) = S::as_mut_simd_f32s(row);
        let n_body = body.len() * S::F32_LANES;
        let ((weights, _), (biases, _)) = (S::as_simd_f32s(&self.weight), S::as_simd_f32s(&self.bias));
        if self.bias.is_empty() {
            for (value, weight) in body.iter_mut().zip(weights) {
                let normal = simd.mul_f32s(simd.sub_f32s(*value, means), scales);
                *value = simd.mul_f32s(normal, *weight);
            }
        } else {
            for ((value, weight), bias) in body.iter_mut().zip(weights).zip(biases) {
                let normal = simd.mul_f32s(simd.sub_f32s(*value, means), scales);
                *value = simd.mul_add_e_f32s(normal, *weight, *bias);
            }
        }
        for (at, value) in rest.iter_mut().enumerate() {
            let bias = self.bias.get(n_body + at).copied().unwrap_or_default();
            *value = (*value - mean) * scale * self.weight[n_body + at] + bias;
        }
    }
}

/// In four chains: additions of one would wait for each other.
#[inline(always)]
pub(crate) fn sum<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (body, rest) = S::as_simd_f32s(row);
    let (blocks, single) = body.as_chunks::<4>();
    let mut sums = [simd.splat_f32s(0.0); 4];
    for block in blocks {
        for at in 0..4 {
            sums[at] = simd.add_f32s(sums[at], block[at]);
        }
    }
    for value in single {
        sums[0] = simd.add_f32s(sums[0], *value);
    }
    total(simd, sums) + rest.iter().sum::<f32>()
}

/// The sum of `(x - mean)^2`.
#[inline(always)]
pub(crate) fn squares<S: Simd>(simd: S, row: &[f32], mean: f32) -> f32 {
    let (body, rest) = S::as_simd_f32s(row);
    let (blocks, single) = body.as_chunks::<4>();
    let (mut sums, means) = ([simd.splat_f32s(0.0); 4], simd.splat_f32s(mean));
    for block in blocks {
        for at in 0..4 {
            let deviation = simd.sub_f32s(block[at], means);
            sums[at] = simd.mul_add_e_f32s(deviation, deviation, sums[at]);
        }
    }
    for value in single {
        let deviation = simd.sub_f32s(*value, means);
        sums[0] = simd.mul_add_e_f32s(deviation, deviation, sums[0]);
    }
    let mut last = 0.0;
    for value in rest {
        last += (value - mean) * (value - mean);
    }
    total(simd, sums) + last
}

#[inline(always)]
fn total<S: Simd>(simd: S, sums: [S::f32s; 4]) -> f32 {
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3])))
}

/// Normalises every row of `d` values in place.
pub(crate) struct Normalize<'a> {
    pub(crate) norm: &'a OwnedNorm,
    pub(crate) values: &'a mut [f32],
    pub(crate) d: usize,
}

impl WithSimd for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.values.chunks_exact_mut(self.d) {
            self.norm.apply(simd, row);
        }
    }
}

/// The end of a branch in one pass over its rows: `x = sum(x + output(branch + bias))`.
pub(crate) struct Finish<'a> {
    pub(crate) x: &'a mut [f32],
    /// Chunks of columns, side by side.
    pub(crate) branch: &'a [Columns<'a>],
    pub(crate) bias: &'a [f32],
    pub(crate) output: Option<&'a OwnedNorm>,
    pub(crate) sum: Option<&'a OwnedNorm>,
    /// Room for a row.
    pub(crate) row: &'a mut [f32],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let d = self.row.len();
        for (index, x) in self.x.chunks_exact_mut(d).enumerate() {
            let mut at = 0;
            for chunk in self.branch {
                self.row[at..at + chunk.width]
                    .copy_from_slice(&chunk.values[index * chunk.stride..][..chunk.width]);
                at += chunk.width;
            }
            if !self.bias.is_empty() {
                add(simd, self.row, &self.bias[..d]);
            }
            if let Some(norm) = self.output {
                norm.apply(simd, self.row);
            }
            add(simd, x, self.row);
            if let Some(norm) = self.sum {
                norm.apply(simd, x);
            }
        }
    }
}

/// `to += from`.
#[inline(always)]
pub(crate) fn add<S: Simd>(simd: S, to: &mut [f32], from: &[f32]) {
    let ((to, to_rest), (from, from_rest)) = (S::as_mut_simd_f32s(to), S::as_simd_f32s(from));
    for (to, from) in to.iter_mut().zip(from) {
        *to = simd.add_f32s(*to, *from);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to += from;
    }
}
