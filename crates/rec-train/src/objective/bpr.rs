use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;

use super::sampled_softmax::column;

/// Bayesian personalised ranking: `-log(sigmoid(p - n_j))`, the mean over rows and negatives (Rendle et al. 2009, section 4.1,
/// without the regulariser, which is the optimizer's weight decay).
///
/// # Shapes
///
/// `positives` `[batch]`, `negatives` `[batch, n]`, result `[1]`.
///
/// # Panics
///
/// The batches differ, or `n` is 0.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::bpr;
///
/// let device = Device::flex();
/// let loss = bpr(Tensor::from_data([2.0], &device), Tensor::from_data([[2.0]], &device)).into_scalar::<f32>();
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// ```
#[must_use]
pub fn bpr(positives: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    let positives = column(positives, &negatives);
    log_sigmoid(positives - negatives).mean().neg()
}
