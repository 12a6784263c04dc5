use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::layer_norm::dot;
use crate::attention::{columns, copied};
use crate::dispatch::Dispatch;
use crate::function::exp;
use crate::packed::Panels;
use crate::product::{Columns, Product, Target};

/// Multi-head self-attention, `softmax(scale QK') V` in each head (Vaswani et al. 2017), over sequences padded to one length.
///
/// A row of the input is the queries of all heads, then their keys, then their values: `3 n_heads d_head` values.
#[derive(Debug, Clone, Copy)]
pub struct SelfAttention<'a> {
    /// The number of heads.
    pub n_heads: usize,
    /// Values of a head.
    pub d_head: usize,
    /// Rows of a sequence.
    pub len: usize,
    /// What products of queries and keys are multiplied by.
    pub scale: f32,
    /// Which keys a query does not see, `[batch, len, len]`; a query that sees none gets zeros.
    pub hidden: Option<&'a [bool]>,
}

/// What each position takes from those that it sees, `[batch * len, n_heads d_head]`.
///
/// # Panics
///
/// The shapes do not fit.
///
/// ```
/// use rec_kernels::training::{SelfAttention, self_attention};
///
/// // Both queries are zero, so that a position sees the mean of the values; the first may not see the second.
/// let attention = SelfAttention { n_heads: 1, d_head: 1, len: 2, scale: 1.0, hidden: Some(&[false, true, false, false]) };
/// let mut mixed = [0.0; 2];
/// self_attention(attention, &[0.0, 5.0, 1.0, 0.0, 7.0, 3.0], &mut mixed);
/// assert_eq!(mixed, [1.0, 2.0]);
/// ```
pub fn self_attention(attention: SelfAttention<'_>, qkv: &[f32], mixed: &mut [f32]) {
    let d = attention.check(qkv, mixed.len());
    let (len, dispatch) = (attention.len, Dispatch::native());
    let sequences = qkv.par_chunks(3 * d * len).zip(mixed.par_chunks_mut(d * len)).enumerate();
    sequences.for_each_init(Room::default, |room, (index, (qkv, mixed))| {
        for head in 0..attention.n_heads {
            let weights = attention.weights(dispatch, index, head, qkv, room);
            let values = attention.panels(dispatch, len, attention.d_head);
            let values = Panels {
                values: copied(&qkv[2 * d + head * attention.d_head..], 3 * d, values, &mut room.panels),
                ..values
            };
            let left = [Columns { values: &room.weights, stride: weights, width: len }];
            let target =
                Target { values: &mut mixed[head * attention.d_head..], stride: d, width: attention.d_head };
            run(dispatch, len, &left, values, target);
        }
    });
}

/// The gradient of [`self_attention`] from that of its output; the weights `P` are computed anew.
///
/// `dV = P' dO`, `dS = P * (dO V' - rowsum(P * dO V'))`, `dQ = scale dS K`, `dK = scale dS' Q`.
///
/// # Panics
///
/// The shapes do not fit.
pub fn self_attention_gradient(attention: SelfAttention<'_>, qkv: &[f32], dmixed: &[f32], dqkv: &mut [f32]) {
    let d = attention.check(qkv, dmixed.len());
    assert_eq!(dqkv.len(), qkv.len(), "values of a gradient");
    let (len, d_head, dispatch) = (attention.len, attention.d_head, Dispatch::native());
    let sequences =
        qkv.par_chunks(3 * d * len).zip(dmixed.par_chunks(d * len)).zip(dqkv.par_chunks_mut(3 * d * len));
    sequences.enumerate().for_each_init(Room::default, |room, (index, ((qkv, dmixed), dqkv))| {
        let by_key = attention.panels(dispatch, d_head, len); // [d_head, len]
        let by_value = attention.panels(dispatch, len, d_head); // [len, d_head]
        for head in 0..attention.n_heads {
            let [query, key, value] = [0, 1, 2].map(|part| part * d + head * d_head);
            let stride = attention.weights(dispatch, index, head, qkv, room);
            let Room { weights, changes, panels, turned } = room;
            // dV
            transpose(weights, stride, len, turned);
            let right = Panels { values: copied(&dmixed[head * d_head..], d, by_value, panels), ..by_value };
            run(
                dispatch,
                len,
                &[Columns { values: turned, stride: len, width: len }],
                right,
                part(dqkv, value, 3 * d, d_head),
            );
            // dP, and with it dS
            changes.resize(len * stride, 0.0);
            let right = Panels { values: columns(&qkv[value..], 3 * d, by_key, panels), ..by_key };
            let left = [Columns { values: &dmixed[head * d_head..], stride: d, width: d_head }];
            run(dispatch, len, &left, right, Target { values: changes, stride, width: stride });
            dispatch.run(SoftmaxGradient { weights, changes, stride, scale: attention.scale });
            // dQ
            let right = Panels { values: copied(&qkv[key..], 3 * d, by_value, panels), ..by_value };
            run(
                dispatch,
                len,
                &[Columns { values: changes, stride, width: len }],
                right,
                part(dqkv, query, 3 * d, d_head),
            );
            // dK
            transpose(changes, stride, len, turned);
            let right = Panels { values: copied(&qkv[query..], 3 * d, by_value, panels), ..by_value };
            run(
                dispatch,
                len,
                &[Columns { values: turned, stride: len, width: len }],
                right,
                part(dqkv, key, 3 * d, d_head),
            );
        }
    });
}

/// Memory that is used again for every head.
#[derive(Default)]
struct Room {
    weights: Vec<f32>,
    changes: Vec<f32>,
    panels: Vec<f32>,
    turned: Vec<f32>,
}

impl SelfAttention<'_> {
    /// The values of all heads.
    fn check(&self, qkv: &[f32], n_mixed: usize) -> usize {
        let (d, len) = (self.n_heads * self.d_head, self.len);
        assert!(d > 0 && len > 0, "{} heads of {} values over {len} rows", self.n_heads, self.d_head);
        let batch = n_mixed / (d * len);
        assert_eq!(n_mixed, batch * len * d, "values of {batch} sequences of {len} rows");
        assert_eq!(qkv.len(), 3 * n_mixed, "values of queries, keys and values");
        assert!(
            self.hidden.is_none_or(|hidden| hidden.len() == batch * len * len),
            "a mask [{batch}, {len}, {len}]"
        );
        d
    }

    fn panels(&self, dispatch: Dispatch, depth: usize, columns: usize) -> Panels<'static> {
        Panels { values: &[], depth, columns, shape: dispatch.shape() }
    }

    /// Writes the softmax of a head to `room.weights`, and gives its stride.
    fn weights(&self, dispatch: Dispatch, index: usize, head: usize, qkv: &[f32], room: &mut Room) -> usize {
        let (len, d_head, d) = (self.len, self.d_head, self.n_heads * self.d_head);
        let keys = self.panels(dispatch, d_head, len);
        let stride = len.next_multiple_of(keys.shape.lanes);
        let keys =
            Panels { values: columns(&qkv[d + head * d_head..], 3 * d, keys, &mut room.panels), ..keys };
        room.weights.resize(len * stride, 0.0);
        let left = [Columns { values: &qkv[head * d_head..], stride: 3 * d, width: d_head }];
        run(dispatch, len, &left, keys, Target { values: &mut room.weights, stride, width: stride });
        let hidden = self.hidden.map(|hidden| &hidden[index * len * len..][..len * len]);
        dispatch.run(MaskedSoftmax { logits: &mut room.weights, stride, len, scale: self.scale, hidden });
        stride
    }
}

/// Some columns of a row-major matrix, to be written.
fn part(values: &mut [f32], at: usize, stride: usize, width: usize) -> Target<'_> {
    Target { values: &mut values[at..], stride, width }
}

fn run(dispatch: Dispatch, n_rows: usize, left: &[Columns<'_>], right: Panels<'_>, target: Target<'_>) {
    dispatch.run(Product { n_rows, left, right, first_row: 0, panels: 0..right.len(), target });
}

/// The transpose of `n` rows of `n` values, without gaps.
fn transpose(rows: &[f32], stride: usize, n: usize, to: &mut Vec<f32>) {
    to.resize(n * n, 0.0);
    for (row, values) in rows.chunks_exact(stride).enumerate() {
        for (column, value) in values[..n].iter().enumerate() {
            to[column * n + row] = *value;
        }
    }
}

struct MaskedSoftmax<'a> {
    logits: &'a mut [f32],
    stride: usize,
    len: usize,
    scale: f32,
    /// `[rows, len]`
    hidden: Option<&'a [bool]>,
}

impl WithSimd for MaskedSoftmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (none, scales) = (simd.splat_f32s(f32::NEG_INFINITY), simd.splat_f32s(self.scale));
        for (index, row) in self.logits.chunks_exact_mut(self.stride).enumerate() {
            let (logits, _) = S::as_mut_simd_f32s(&mut *row);
            for logit in logits {
                *logit = simd.mul_f32s(*logit, scales);
            }
            row[self.len..].fill(f32::NEG_INFINITY);
            if let Some(hidden) = self.hidden {
                for (logit, &hidden) in row.iter_mut().zip(&hidden[index * self.len..][..self.len]) {
                    *logit = if hidden { f32::NEG_INFINITY } else { *logit };
                }
            }
            let (logits, _) = S::as_mut_simd_f32s(row);
            let largest = logits.iter().fold(none, |largest, logit| simd.max_f32s(largest, *logit));
            let largest = simd.reduce_max_f32s(largest);
            // Minus infinity less itself would be NaN.
            let (seen, largest) = (largest > f32::NEG_INFINITY, simd.splat_f32s(largest.max(f32::MIN)));
            let mut sum = simd.splat_f32s(0.0);
            for logit in &mut *logits {
                *logit = exp(simd, simd.sub_f32s(*logit, largest));
                sum = simd.add_f32s(sum, *logit);
            }
            let inverse = simd.splat_f32s(if seen { 1.0 / simd.reduce_sum_f32s(sum) } else { 0.0 });
            for weight in logits {
                *weight = simd.mul_f32s(*weight, inverse);
            }
        }
    }
}

/// `changes = scale weights * (changes - rowsum(weights * changes))`.
struct SoftmaxGradient<'a> {
    weights: &'a [f32],
    changes: &'a mut [f32],
    stride: usize,
    scale: f32,
}

impl WithSimd for SoftmaxGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scales = simd.splat_f32s(self.scale);
        for (weights, changes) in
            self.weights.chunks_exact(self.stride).zip(self.changes.chunks_exact_mut(self.stride))
        {
            let mean = simd.splat_f32s(dot(simd, weights, changes));
            let ((weights, _), (changes, _)) = (S::as_simd_f32s(weights), S::as_mut_simd_f32s(changes));
            for (weight, change) in weights.iter().zip(changes) {
                *change = simd.mul_f32s(simd.mul_f32s(scales, *weight), simd.sub_f32s(*change, mean));
            }
        }
    }
}
