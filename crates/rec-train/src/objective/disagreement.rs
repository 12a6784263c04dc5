use burn::tensor::Tensor;
use rec_core::Sequence;

/// What keeps the interests of a user apart: the mean cosine of all pairs, `(1 / K^2) sum_i sum_j cos(e_i, e_j)`, the mean over
/// users (MINER, Li et al. 2022, equation 5). Added to a loss with a small weight (MINER: 0.8).
///
/// Each interest is in a pair with itself, as in the paper; that is a constant. `K` counts real interests; a user without one
/// counts as 0. Norms are at least 1e-6, so that a zero interest has cosine 0 with all.
///
/// # Shapes
///
/// `interests` `[batch, k, d]`, result `[1]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_train::objective::disagreement;
///
/// let device = Device::flex();
/// let loss = |x: [[[f32; 2]; 2]; 1]| disagreement(&Sequence::new(Tensor::from_data(x, &device), None)).into_scalar::<f32>();
/// assert!((loss([[[1.0, 1.0], [2.0, 2.0]]]) - 1.0).abs() < 1e-6); // the same interest twice
/// assert!((loss([[[1.0, 0.0], [0.0, 2.0]]]) - 0.5).abs() < 1e-6); // two that share nothing
/// ```
#[must_use]
pub fn disagreement(interests: &Sequence) -> Tensor<1> {
    let per_user = rec_interest::disagreement(interests); // [batch], over k^2 pairs
    match interests.mask_pad() {
        None => per_user.mean(),
        Some(mask) => {
            let [batch, k, _] = interests.dims();
            let n_real = mask.clone().bool_not().float().sum_dim(1).clamp_min(1.0).reshape([batch]);
            (per_user / n_real.div_scalar(k as f64).square()).mean()
        }
    }
}
