//! Operations over the positions of a [`Sequence`](crate::Sequence) that leave padding out.
//!
//! A row in which everything is masked gives zeros, and zero gradients, never NaN.

use burn::tensor::{Bool, Tensor};

/// Far below any score and still finite, so that a row without a real position does not turn into `inf - inf`.
const EXCLUDED: f32 = -1e30;

/// Softmax over dimension `dim` with the positions where `mask` is `true` left out.
///
/// `p_i = exp(s_i - m) / sum_j exp(s_j - m)`, `m = max_j s_j`, all over unmasked positions; masked ones get exactly
/// zero. A row with no unmasked position is all zeros.
///
/// # Shapes
///
/// `scores` and `mask` have the same shape, and so has the result.
///
/// # Panics
///
/// The shapes differ.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::masked::softmax;
///
/// let device = Device::flex();
/// let scores = Tensor::<2>::from_data([[0.0, 0.0, 50.0], [1.0, 2.0, 3.0]], &device);
/// let mask = Tensor::from_data([[false, false, true], [true, true, true]], &device);
/// let p = softmax(scores, Some(mask), 1).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(p, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn softmax<const D: usize>(scores: Tensor<D>, mask: Option<Tensor<D, Bool>>, dim: usize) -> Tensor<D> {
    let Some(mask) = mask else {
        return burn::tensor::activation::softmax(scores, dim);
    };
    assert_eq!(scores.dims(), mask.dims(), "mask {:?} does not fit scores {:?}", mask.dims(), scores.dims());
    let scores = scores.mask_fill(mask.clone(), EXCLUDED);
    let max = scores.clone().max_dim(dim).detach();
    let exp = (scores - max).exp().mask_fill(mask, 0.0);
    // The largest unmasked position contributes exp(0) = 1, so the floor only acts on rows without one.
    let sum = exp.clone().sum_dim(dim).clamp_min(0.5);
    exp / sum
}
