//! Losses: from scores, or from vectors, to one number whose gradient training follows.
//!
//! Each is a mean over the rows of its batch, `[1]`, and differentiable on a device with autodiff; on one without, it is a number
//! to validate with. Logits are natural logarithms up to a constant. A negative whose logit is
//! [`PADDED_LOGIT`](rec_score::PADDED_LOGIT) takes no part: that is how padding and known positives are left out.
//!
//! Every objective, values and gradients, agrees with PyTorch within 1e-5 relative to the largest value (`tests/objectives.rs`).

mod bce;
mod bpr;
mod disagreement;
mod distillation;
mod full_softmax;
mod info_nce;
mod label_aware;
mod masked_language;
mod sampled_softmax;

pub use bce::bce;
pub use bpr::bpr;
pub use disagreement::disagreement;
pub use distillation::{margin_mse, mean_squared, soft_labels};
pub use full_softmax::full_softmax;
pub use info_nce::{InBatch, InfoNce};
pub use label_aware::LabelAware;
pub use masked_language::masked_language;
pub use sampled_softmax::sampled_softmax;

use burn::tensor::{Device, Int, Tensor, TensorData};

/// `log(sum_j exp(x_j))` of each row, `[rows, 1]`.
///
/// The maximum is a constant here: what it adds to the gradient cancels.
pub(crate) fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let max = x.clone().detach().max_dim(1);
    (x - max.clone()).exp().sum_dim(1).log() + max
}

/// Row numbers on a device.
pub(crate) fn indices(rows: impl IntoIterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.into_iter().map(|row| row as i64).collect();
    let n = rows.len();
    Tensor::from_data(TensorData::new(rows, [n]), device)
}
