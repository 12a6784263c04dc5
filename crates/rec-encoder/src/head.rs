//! What comes after pooling: the modules of a sentence-transformers folder that turn a pooled vector into the final one.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use rec_core::nn::LayerNorm;

use crate::transformer::Activation;

/// One module after pooling, `[batch, d_in]` to `[batch, d_out]`.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    Dense(Dense),
    LayerNorm(LayerNorm),
    /// `x / max(|x|, 1e-12)`: a zero vector stays zero.
    Normalize,
    /// The first values: models trained for it (Matryoshka, Kusupati et al. 2022) put what matters most there.
    Truncate(usize),
}

/// `activation(x W + b)`.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    pub(crate) linear: Linear,
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl Head {
    /// What it is called in a folder's `modules.json`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Dense(_) | Self::Truncate(_) => "Dense",
            Self::LayerNorm(_) => "LayerNorm",
            Self::Normalize => "Normalize",
        }
    }

    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Dense(dense) => dense.activation.forward(dense.linear.forward(x)),
            Self::LayerNorm(norm) => norm.forward(x),
            Self::Normalize => {
                let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
                x / norm
            }
            Self::Truncate(dim) => {
                let [batch, _] = x.dims();
                x.slice([0..batch, 0..*dim])
            }
        }
    }
}
