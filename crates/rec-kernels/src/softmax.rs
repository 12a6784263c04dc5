use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::function::exp;

/// Softmax over the keys that a query sees, for the rows of a tile of logits.
///
/// What a query does not see gets the weight 0, whatever its logit is.
pub(crate) struct Softmax<'a> {
    /// Rows of `stride` logits, a multiple of the vectors' lanes.
    pub(crate) logits: &'a mut [f32],
    pub(crate) stride: usize,
    /// The key of the first column.
    pub(crate) first_key: usize,
    /// The query of the first row.
    pub(crate) first_query: usize,
    /// What logits are multiplied by.
    pub(crate) scale: f32,
    /// Added to scaled logits.
    pub(crate) bias: Option<OffsetBias<'a>>,
    pub(crate) sight: Sight,
}

/// The biases of a head by the offset of key and query: the offset 0 stands in the middle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OffsetBias<'a> {
    pub(crate) values: &'a [f32],
}

/// Which keys of a sequence a query sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) len: usize,
    pub(crate) reach: Option<usize>,
    pub(crate) is_causal: bool,
}

impl Sight {
    /// Never empty: a query sees itself.
    #[inline(always)]
    pub(crate) fn keys(self, query: usize) -> Range<usize> {
        let reach = self.reach.unwrap_or(self.len);
        let end = if self.is_causal { query + 1 } else { query.saturating_add(reach).saturating_add(1) };
        query.saturating_sub(reach)..end.min(self.len)
    }
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for (index, row) in self.logits.chunks_exact_mut(self.stride).enumerate() {
            let query = self.first_query + index;
            let keys = self.sight.keys(query);
            let (from, to) = (keys.start - self.first_key, keys.end - self.first_key);
            row[..from].fill(f32::NEG_INFINITY);
            row[to..].fill(f32::NEG_INFINITY);
            if let Some(bias) = self.bias {
                let middle = bias.values.len() / 2;
                let bias = &bias.values[middle + keys.start - query..][..to - from];
                scale_and_add(simd, &mut row[from..to], self.scale, bias);
            }
            // Scaled already, or all equal; and infinity times zero would be NaN.
            let is_scaled = self.bias.is_some() || self.scale == 0.0;
            if self.bias.is_none() && is_scaled {
                row[from..to].fill(0.0);
            }
            let scale = simd.splat_f32s(if is_scaled { 1.0 } else { self.scale });
            let (logits, _) = S::as_mut_simd_f32s(row);
            let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
            for logit in logits.iter() {
                largest = simd.max_f32s(largest, *logit);
            }
            let largest = simd.splat_f32s(simd.reduce_max_f32s(largest));
            let mut sum = zero;
            for logit in logits.iter_mut() {
                *logit = exp(simd, simd.mul_f32s(simd.sub_f32s(*logit, largest), scale));
                sum = simd.add_f32s(sum, *logit);
            }
            // At least 1: the largest logit gives `e^0`.
            let inverse = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
            for weight in logits {
                *weight = simd.mul_f32s(*weight, inverse);
            }
        }
    }
}

#[inline(always)]
fn scale_and_add<S: Simd>(simd: S, row: &mut [f32], scale: f32, bias: &[f32]) {
    let scales = simd.splat_f32s(scale);
    let ((row, row_rest), (bias, bias_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(bias));
    for (value, bias) in row.iter_mut().zip(bias) {
        *value = simd.mul_add_e_f32s(*value, scales, *bias);
    }
    for (value, bias) in row_rest.iter_mut().zip(bias_rest) {
        *value = *value * scale + bias;
    }
}
