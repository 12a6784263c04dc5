use burn::tensor::Tensor;

use super::log_sum_exp;

/// Softmax over the positive and sampled negatives: `-log(exp(p) / (exp(p) + sum_j exp(n_j)))`, the mean over rows.
///
/// The loss of NRMS, LSTUR and their kind (Wu et al., "NPA", 2019, equation 10), with one positive among the candidates of a
/// row. If negatives are not drawn uniformly, subtract `log(n q_j)` from their logits before, `q_j` being the probability that a
/// draw gives `j`, and the loss estimates that over the whole catalogue (Bengio and Senécal 2008).
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
/// use rec_train::objective::sampled_softmax;
///
/// let device = Device::flex();
/// let (positives, negatives) = (Tensor::from_data([1.0], &device), Tensor::from_data([[1.0, 1.0, -1e30]], &device));
/// // Three alike, and one that takes no part: log 3.
/// let loss = sampled_softmax(positives, negatives).into_scalar::<f32>();
/// assert!((loss - 3f32.ln()).abs() < 1e-6);
/// ```
#[must_use]
pub fn sampled_softmax(positives: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    let positives = column(positives, &negatives);
    let all = Tensor::cat(vec![positives.clone(), negatives], 1);
    (log_sum_exp(all) - positives).mean()
}

/// The positives beside their negatives, `[batch, 1]`.
pub(super) fn column(positives: Tensor<1>, negatives: &Tensor<2>) -> Tensor<2> {
    let ([batch], [rows, n]) = (positives.dims(), negatives.dims());
    assert!(batch == rows && n > 0, "{batch} positives and negatives [{rows}, {n}]");
    positives.reshape([batch, 1])
}
