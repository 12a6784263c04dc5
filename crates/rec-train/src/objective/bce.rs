use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;

/// Binary cross-entropy of logits: `-y log(sigmoid(x)) - (1 - y) log(sigmoid(-x))`, the mean over all values.
///
/// Labels may be soft, in `[0, 1]`. No logit overflows.
///
/// # Shapes
///
/// `logits` and `labels` have one shape; the result is `[1]`.
///
/// # Panics
///
/// The shapes differ.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::bce;
///
/// let device = Device::flex();
/// let logits = Tensor::<1>::from_data([0.0, 100.0], &device);
/// let loss = bce(logits, Tensor::from_data([1.0, 1.0], &device)).into_scalar::<f32>();
/// assert!((loss - 2f32.ln() / 2.0).abs() < 1e-6);
/// ```
#[must_use]
pub fn bce<const D: usize>(logits: Tensor<D>, labels: Tensor<D>) -> Tensor<1> {
    assert_eq!(logits.dims(), labels.dims(), "logits {:?} and labels {:?}", logits.dims(), labels.dims());
    let positive = labels.clone() * log_sigmoid(logits.clone());
    let negative = labels.neg().add_scalar(1.0) * log_sigmoid(logits.neg());
    (positive + negative).mean().neg()
}
