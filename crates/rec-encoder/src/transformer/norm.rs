use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, RmsNorm, RmsNormConfig};
use burn::tensor::{Device, Tensor};

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
            NormKind::Layer => {
                let config = LayerNormConfig::new(d).with_epsilon(norms.eps).with_bias(norms.bias);
                Self::Layer(config.init(device))
            }
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
