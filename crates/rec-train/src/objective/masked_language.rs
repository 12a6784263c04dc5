use burn::tensor::Tensor;

use super::full_softmax;

/// Masked language modelling: the cross-entropy of hidden tokens, `-log softmax(h E')_t`, the mean over the hidden positions
/// (Devlin et al. 2019, section 3.1).
///
/// The output matrix is the token embedding `E` itself (Press and Wolf 2017), so that nothing is added to the model that an encoder
/// does not have. Memory is bounded as in [`full_softmax`].
///
/// # Shapes
///
/// `states` `[n, d]` at the hidden positions, `table` `[vocabulary, d]`, `tokens` the ids that stood there; result `[1]`.
///
/// # Panics
///
/// As [`full_softmax`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::masked_language;
///
/// let device = Device::flex();
/// let table = Tensor::from_data([[9.0, 0.0], [0.0, 9.0]], &device);
/// let loss = masked_language(Tensor::from_data([[9.0, 0.0]], &device), table, &[0]);
/// assert!(loss.into_scalar::<f32>() < 1e-6);
/// ```
#[must_use]
pub fn masked_language(states: Tensor<2>, table: Tensor<2>, tokens: &[u32]) -> Tensor<1> {
    let targets: Vec<usize> = tokens.iter().map(|&token| token as usize).collect();
    full_softmax(states, table, &targets)
}
