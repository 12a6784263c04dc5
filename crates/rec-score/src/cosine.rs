use burn::tensor::Tensor;
use rec_core::Sequence;

use crate::kernel;
use crate::scorer::{Factors, Query, Scorer, best_interest, products};

/// The cosine of the angle between interest and item: `logit = u · x / (|u| |x|)`, and 0 if either is the zero vector.
///
/// There is no epsilon in the quotient: a vector is divided by its largest component before it is squared, so the cosine of
/// vectors of any finite length, 1e-30 or 1e30, is that of their directions. Only components below 1e-38 may count as zero,
/// on devices that flush subnormal numbers.
///
/// In an index, items are scaled to length 1 when they enter it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{Cosine, Scorer};
///
/// let device = Device::flex();
/// let interests = Sequence::new(Tensor::from_data([[[2.0, 0.0]]], &device), None);
/// let candidates = Sequence::new(Tensor::from_data([[[9.0, 0.0], [-3.0, 4.0], [0.0, 0.0]]], &device), None);
/// let logits = Cosine.logits(&interests, &candidates).into_data().to_vec::<f32>().unwrap();
/// assert!((logits[0] - 1.0).abs() < 1e-6 && (logits[1] + 0.6).abs() < 1e-6 && logits[2] == 0.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cosine;

impl Scorer for Cosine {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let logits = products(unit(interests.zero_padded()), unit(candidates.zero_padded()));
        best_interest(logits, interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        Some(Box::new(*self))
    }
}

impl Factors for Cosine {
    fn query(&self, interest: &[f32]) -> Query {
        Query { vector: kernel::normalised(interest), bias: 0.0 }
    }

    fn item(&self, vector: &mut [f32]) -> f32 {
        kernel::normalise(vector);
        0.0
    }
}

/// Vectors of length 1, or zero.
fn unit(vectors: Tensor<3>) -> Tensor<3> {
    // The scale is a constant factor of the direction, so no gradient flows through it.
    let scale = vectors.clone().abs().max_dim(2).clamp_min(f32::MIN_POSITIVE).detach();
    let vectors = vectors / scale;
    // The largest component is 1 now, and so the sum is at least 1, unless the vector is zero or subnormal.
    let norm = vectors.clone().powi_scalar(2).sum_dim(2).clamp_min(1e-20).sqrt();
    vectors / norm
}
