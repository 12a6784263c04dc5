//! What comes after pooling: the modules of a sentence-transformers folder that turn a pooled vector into the final one.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

use crate::transformer::Activation;

/// One module after pooling, `[batch, d_in]` to `[batch, d_out]`.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    Dense(Dense),
    /// `x / max(|x|, 1e-12)`: a zero vector stays zero.
    Normalize,
}

/// `activation(x W + b)`.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    pub(crate) linear: Linear,
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl Head {
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Dense(dense) => dense.activation.forward(dense.linear.forward(x)),
            Self::Normalize => {
                let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
                x / norm
            }
        }
    }
}
