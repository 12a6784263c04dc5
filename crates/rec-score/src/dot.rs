use burn::tensor::Tensor;
use rec_core::Sequence;

use crate::scorer::{Factors, Query, Scorer, best_interest, products};

/// The dot product: `logit = u · x = sum_d u_d x_d`.
///
/// On vectors of length 1 it is the cosine, and cheaper.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{Dot, Scorer};
///
/// let device = Device::flex();
/// // One user with two interests, and two items.
/// let interests = Sequence::new(Tensor::from_data([[[1.0, 0.0], [0.0, 2.0]]], &device), None);
/// let candidates = Sequence::new(Tensor::from_data([[[3.0, 1.0], [0.0, 5.0]]], &device), None);
/// let logits = Dot.logits(&interests, &candidates);
/// assert_eq!(logits.into_data().to_vec::<f32>().unwrap(), [3.0, 10.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dot;

impl Scorer for Dot {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let logits = products(interests.zero_padded(), candidates.zero_padded());
        best_interest(logits, interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        Some(Box::new(*self))
    }
}

impl Factors for Dot {
    fn query(&self, interest: &[f32]) -> Query {
        Query { vector: interest.to_vec(), bias: 0.0 }
    }
}
