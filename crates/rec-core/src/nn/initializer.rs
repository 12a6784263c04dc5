use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Initial values of parameters, drawn on the host: the same seed gives the same values on every device.
///
/// Only uniform draws, which need no function whose last bit depends on the platform.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::nn::Initializer;
///
/// let device = Device::flex();
/// let values = |seed| Initializer::new(seed, &device).xavier([2, 4]).val().into_data().to_vec::<f32>().unwrap();
/// assert_eq!(values(7), values(7));
/// assert_ne!(values(7), values(8));
/// assert!(values(7).iter().all(|value| value.abs() <= 1.0)); // sqrt(6 / (2 + 4))
/// ```
#[derive(Debug)]
pub struct Initializer {
    random: ChaCha8Rng,
    device: Device,
}

impl Initializer {
    /// Draws from a seed, for parameters on a device.
    #[must_use]
    pub fn new(seed: u64, device: &Device) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), device: device.clone() }
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Uniform between `-bound` and `bound`.
    ///
    /// # Panics
    ///
    /// The shape holds no value.
    #[must_use]
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f32) -> Param<Tensor<D>> {
        let n: usize = shape.iter().product();
        assert!(n > 0, "a parameter of shape {shape:?} has no values");
        let values: Vec<f32> = (0..n).map(|_| bound * (2.0 * self.random.random::<f32>() - 1.0)).collect();
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &self.device))
    }

    /// Uniform with the bound `sqrt(6 / (d_in + d_out))` for a matrix `[d_in, d_out]` (Glorot and Bengio, 2010).
    ///
    /// # Panics
    ///
    /// A dimension is zero.
    #[must_use]
    pub fn xavier(&mut self, shape: [usize; 2]) -> Param<Tensor<2>> {
        let [d_in, d_out] = shape;
        self.uniform(shape, (6.0 / (d_in + d_out) as f32).sqrt())
    }

    /// One value everywhere.
    #[must_use]
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::full(shape, value, &self.device))
    }
}
