use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Bool, Tensor};

use super::Activation;
use super::attention::SelfAttention;

/// One encoder block, norms after the residual sums:
/// `h = norm(x + attention(x))`, `y = norm(h + down(activation(up(h))))`.
#[derive(Module, Debug)]
pub(crate) struct Block {
    pub(crate) attention: SelfAttention,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) up: Linear,
    #[module(skip)]
    pub(crate) activation: Activation,
    pub(crate) down: Linear,
    pub(crate) output_norm: LayerNorm,
}

impl Block {
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        shape: [usize; 2],
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<2> {
        let attended = self.attention.forward(x.clone(), shape, mask);
        let hidden = self.attention_norm.forward(x + attended);
        let fed = self.down.forward(self.activation.forward(self.up.forward(hidden.clone())));
        self.output_norm.forward(hidden + fed)
    }
}
