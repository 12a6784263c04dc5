use burn::module::{Module, Param};
use burn::tensor::{Bool, Tensor, module::layer_norm};
use rec_core::nn::{Dropout, Initializer, Linear, gelu};

use crate::self_attention::SelfAttention;

/// Layer norm with the epsilon 1e-12 of BERT.
#[derive(Module, Debug)]
pub(crate) struct LayerNorm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
}

impl LayerNorm {
    pub(crate) fn new(d_model: usize, draw: &Initializer) -> Self {
        Self { gamma: draw.constant([d_model], 1.0), beta: draw.constant([d_model], 0.0) }
    }

    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.gamma.val(), Some(self.beta.val()), 1e-12)
    }
}

/// Self-attention and a feed-forward step with GELU, each added to its input and normalised after.
#[derive(Module, Debug)]
pub(crate) struct TransformerBlock {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    inner: Linear,
    outer: Linear,
    output_norm: LayerNorm,
}

impl TransformerBlock {
    pub(crate) fn new(d_model: usize, n_heads: usize, d_inner: usize, draw: &mut Initializer) -> Self {
        Self {
            attention: SelfAttention::new(d_model, n_heads, true, true, draw),
            attention_norm: LayerNorm::new(d_model, draw),
            inner: Linear::new(d_model, d_inner, true, draw),
            outer: Linear::new(d_inner, d_model, true, draw),
            output_norm: LayerNorm::new(d_model, draw),
        }
    }

    /// `[batch, len, d_model]` to the same.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        hidden: Option<Tensor<4, Bool>>,
        dropout: &mut Dropout,
        rate: f32,
    ) -> Tensor<3> {
        let attended = dropout.apply(self.attention.forward(&x, hidden), rate);
        let x = self.attention_norm.forward(x + attended);
        let inner = gelu(self.inner.forward(x.clone()));
        let outer = dropout.apply(self.outer.forward(inner), rate);
        self.output_norm.forward(x + outer)
    }
}
