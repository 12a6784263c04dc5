use burn::module::Module;
use burn::nn::{RmsNorm, RmsNormConfig};
use burn::tensor::{Device, Tensor};
use rec_core::nn::LayerNorm;

use super::config::{NormKind, Norms};

/// A normalisation over the last dimension.
#[derive(Module, Debug)]
pub(crate) enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

impl Norm {
    /// Over `d` values, with weights of one.
    pub(super) fn new(norms: &Norms, d: usize, device: &Device) -> Self {
        match norms.kind {
            NormKind::Layer => Self::Layer(LayerNorm::new(d, norms.eps, norms.bias, device)),
            NormKind::Rms => Self::Rms(RmsNormConfig::new(d).with_epsilon(norms.eps).init(device)),
        }
    }

    pub(super) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Layer(norm) => norm.forward(x),
            Self::Rms(norm) => norm.forward(x),
        }
    }
}
