use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::{Initializer, linear};

/// The affine map `y = x W + b`, or `y = x W` without a bias.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::{Initializer, Linear};
///
/// let device = Device::flex();
/// let map = Linear::new(3, 2, true, &mut Initializer::new(1, &device));
/// assert_eq!(map.forward(Tensor::<3>::zeros([4, 5, 3], &device)).dims(), [4, 5, 2]);
/// ```
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A map from `d_in` to `d_out` dimensions: `W` `[d_in, d_out]` drawn by [`xavier`](Initializer::xavier), `b` zero.
    ///
    /// # Panics
    ///
    /// A dimension is zero.
    #[must_use]
    pub fn new(d_in: usize, d_out: usize, bias: bool, draw: &mut Initializer) -> Self {
        let weight = draw.xavier([d_in, d_out]);
        Self { weight, bias: bias.then(|| draw.constant([d_out], 0.0)) }
    }

    /// Maps the last dimension.
    ///
    /// # Shapes
    ///
    /// `[.., d_in]` to `[.., d_out]`.
    ///
    /// # Panics
    ///
    /// The last dimension is not `d_in`.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }

    /// `W`, `[d_in, d_out]`.
    #[must_use]
    pub fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }

    /// `b`, `[d_out]`, if there is one.
    #[must_use]
    pub fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.weight.val().device()
    }
}
