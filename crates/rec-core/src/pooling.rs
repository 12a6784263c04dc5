use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use crate::Sequence;

/// From a [`Sequence`] to one vector per row.
///
/// `h_1 .. h_n` are the real vectors of a row in order; padding on either side changes nothing. A row of padding only
/// gives the zero vector. The definitions are those of sentence-transformers' `Pooling` module on right-padded input.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::{Pooling, Sequence};
///
/// let states = Tensor::from_data([[[1.0], [2.0], [6.0], [100.0]]], &Device::flex());
/// let row = Sequence::from_lengths(states, &[3]);
/// let pool = |pooling: Pooling| pooling.pool(&row).into_scalar::<f32>();
/// assert_eq!(pool(Pooling::Cls), 1.0);
/// assert_eq!(pool(Pooling::LastToken), 6.0);
/// assert_eq!(pool(Pooling::Max), 6.0);
/// assert_eq!(pool(Pooling::Mean), 3.0);
/// assert!((pool(Pooling::WeightedMean) - (1.0 + 4.0 + 18.0) / 6.0).abs() < 1e-6);
/// assert!((pool(Pooling::MeanSqrtLen) - 9.0 / 3f32.sqrt()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The first real vector, `h_1`.
    Cls,
    /// `(1/n) sum_i h_i`.
    Mean,
    /// The largest value in each dimension.
    Max,
    /// The last real vector, `h_n`.
    LastToken,
    /// `sum_i i h_i / sum_i i`: later positions count more.
    WeightedMean,
    /// `(1/sqrt(n)) sum_i h_i`.
    MeanSqrtLen,
}

impl Pooling {
    /// Pools `[batch, len, d_model]` into `[batch, d_model]`.
    #[must_use]
    pub fn pool(self, sequence: &Sequence) -> Tensor<2> {
        match self {
            Self::Max => return max(sequence),
            Self::Cls if sequence.mask_pad().is_none() => {
                let [batch, _, d] = sequence.dims();
                return sequence.values().clone().slice([0..batch, 0..1, 0..d]).squeeze_dim(1);
            }
            _ => {}
        }
        let real = real(sequence); // [batch, len], 1.0 at real positions
        let count = || real.clone().sum_dim(1); // [batch, 1]
        let weights = match self {
            Self::Mean => real.clone() / count().clamp_min(1.0),
            Self::MeanSqrtLen => real.clone() / count().clamp_min(1.0).sqrt(),
            Self::WeightedMean => {
                let position = real.clone().cumsum(1) * real.clone();
                position.clone() / position.sum_dim(1).clamp_min(1.0)
            }
            Self::Cls => one_hot(real.clone(), Tensor::ones_like(&count())),
            Self::LastToken => one_hot(real.clone(), count()),
            Self::Max => unreachable!("returned above"),
        };
        // Zeroing first keeps a NaN at a padded position from surviving its weight of zero.
        (sequence.zero_padded() * weights.unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim(1)
    }
}

/// 1.0 at real positions, 0.0 at padding, `[batch, len]`.
fn real(sequence: &Sequence) -> Tensor<2> {
    match sequence.mask_pad() {
        Some(mask) => mask.clone().bool_not().float(),
        None => {
            let [batch, len, _] = sequence.dims();
            Tensor::ones([batch, len], &sequence.device())
        }
    }
}

/// Selects the `nth` (counted from one, `[batch, 1]`) real position of each row.
fn one_hot(real: Tensor<2>, nth: Tensor<2>) -> Tensor<2> {
    let position = real.clone().cumsum(1);
    let hit: Tensor<2, Bool> = position.clone().equal(nth.expand(position.dims()));
    hit.float() * real
}

fn max(sequence: &Sequence) -> Tensor<2> {
    let values = match sequence.mask_pad_full() {
        Some(mask) => sequence.values().clone().mask_fill(mask, f32::MIN),
        None => return sequence.values().clone().max_dim(1).squeeze_dim(1),
    };
    let max: Tensor<2> = values.max_dim(1).squeeze_dim(1);
    let empty = real(sequence).sum_dim(1).equal_elem(0.0).expand(max.dims());
    max.mask_fill(empty, 0.0)
}
