use burn::tensor::{Bool, Tensor};
use rec_core::{Sequence, masked};

/// Which of a user's interests an item is trained against.
///
/// A user with several interests has one vector for the loss once the item to predict is known; the choice is part of training
/// only. Padded interests are never chosen; a user without an interest gets the zero vector.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_train::objective::LabelAware;
///
/// let device = Device::flex();
/// let interests = Sequence::new(Tensor::from_data([[[1.0, 0.0], [0.0, 2.0]]], &device), None);
/// let target = Tensor::from_data([[0.0, 1.0]], &device);
/// let chosen = LabelAware::Best.choose(&interests, target).into_data().try_to_vec::<f32>().unwrap();
/// assert_eq!(chosen, [0.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelAware {
    /// The interest with the largest dot product with the item (ComiRec, Cen et al. 2020, equation 8); the first of equals.
    Best,
    /// All of them, weighted: `sum_k softmax((e_k·x)^p)_k e_k` (MIND, Li et al. 2019, section 3.4). Power 0 is the mean, 1 plain
    /// attention; the greater it is, the nearer to [`Best`](Self::Best), where dot products are positive.
    Attention(
        /// The exponent `p`.
        u32,
    ),
}

impl LabelAware {
    /// One vector a user.
    ///
    /// # Shapes
    ///
    /// `interests` `[batch, k, d]`, `targets` `[batch, d]`, result `[batch, d]`.
    ///
    /// # Panics
    ///
    /// The shapes do not fit.
    #[must_use]
    pub fn choose(self, interests: &Sequence, targets: Tensor<2>) -> Tensor<2> {
        let ([batch, k, d], [rows, d_target]) = (interests.dims(), targets.dims());
        assert!(
            batch == rows && d == d_target,
            "interests [{batch}, {k}, {d}] and targets [{rows}, {d_target}]"
        );
        let values = interests.zero_padded();
        if k == 1 {
            return values.squeeze_dim(1);
        }
        let logits: Tensor<2> = values.clone().matmul(targets.unsqueeze_dim::<3>(2)).squeeze_dim(2); // [batch, k]
        let mask = interests.mask_pad().cloned();
        let weights = match self {
            // Products, whose gradients are exact where those of a power go through a logarithm.
            Self::Attention(power) => {
                let ones = logits.ones_like();
                masked::softmax((0..power).fold(ones, |product, _| product * logits.clone()), mask, 1)
            }
            Self::Best => {
                let logits = match mask {
                    Some(mask) => logits.detach().mask_fill(mask, f32::MIN),
                    None => logits.detach(),
                };
                let best = logits.argmax(1); // [batch, 1]
                let all = super::indices(0..k, &best.device()).reshape([1, k]).expand([batch, k]);
                let chosen: Tensor<2, Bool> = all.equal(best.expand([batch, k]));
                chosen.float()
            }
        };
        (values * weights.unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim(1)
    }
}
