use burn::tensor::{Tensor, activation};

/// The Gaussian error linear unit `x Phi(x) = x (1 + erf(x / sqrt 2)) / 2` (Hendrycks and Gimpel, 2016), with its own derivative.
///
/// burn's function is the same forward; but a backend that has no derivative of its own for it, as that of wgpu, takes the
/// one of the approximation by tanh, which is up to some 1e-4 off.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let x = Tensor::<1>::from_data([-1.0, 0.0, 2.0], &Device::flex());
/// let y = rec_core::nn::gelu(x).into_data().try_to_vec::<f32>().unwrap();
/// assert!((y[0] + 0.158_655).abs() < 1e-6 && y[1] == 0.0 && (y[2] - 1.954_5).abs() < 1e-6);
/// ```
#[must_use]
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(all(feature = "flex", feature = "autodiff"))]
    if super::fused::serves(&x) {
        return super::fused::gelu(x);
    }
    if !x.device().is_autodiff() {
        return activation::gelu(x);
    }
    let phi = x.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5);
    x * phi
}
