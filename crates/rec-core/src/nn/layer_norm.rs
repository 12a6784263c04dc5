use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::layer_norm;

/// A [norm](layer_norm) with its weights.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::LayerNorm;
///
/// let device = Device::flex();
/// let y = LayerNorm::new(2, 1e-12, true, &device).forward(Tensor::<2>::from_data([[1.0, 3.0]], &device));
/// assert!(y.sum().into_scalar::<f32>().abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// What normal values are multiplied by, `[d]`.
    pub gamma: Param<Tensor<1>>,
    /// What is added to them, `[d]`.
    pub beta: Option<Param<Tensor<1>>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    /// Over `d` values: weights of one, and, with a bias, zeros.
    #[must_use]
    pub fn new(d: usize, epsilon: f64, bias: bool, device: &Device) -> Self {
        let vector = |value: f32| Param::from_tensor(Tensor::full([d], value, device));
        Self { gamma: vector(1.0), beta: bias.then(|| vector(0.0)), epsilon }
    }

    /// Normalises the last dimension.
    ///
    /// # Panics
    ///
    /// The last dimension is another.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.gamma.val(), self.beta.as_ref().map(Param::val), self.epsilon)
    }
}
