use burn::module::Module;
use burn::tensor::{Bool, Tensor};
use rec_core::nn::{Dropout, Initializer, LayerNorm, Linear, gelu};

use crate::self_attention::SelfAttention;

/// Layer norm with the epsilon of BERT.
pub(crate) fn norm(d_model: usize, draw: &Initializer) -> LayerNorm {
    LayerNorm::new(d_model, 1e-12, true, draw.device())
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
            attention_norm: norm(d_model, draw),
            inner: Linear::new(d_model, d_inner, true, draw),
            outer: Linear::new(d_inner, d_model, true, draw),
            output_norm: norm(d_model, draw),
        }
    }

    /// `[batch, len, d_model]` to the same.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        hidden: Option<Tensor<3, Bool>>,
        dropout: &mut Dropout,
        rate: f32,
    ) -> Tensor<3> {
        let attended = dropout.apply(self.attention.forward(&x, hidden, None), rate);
        let x = self.attention_norm.forward(x + attended);
        let inner = gelu(self.inner.forward(x.clone()));
        let outer = dropout.apply(self.outer.forward(inner), rate);
        self.output_norm.forward(x + outer)
    }
}
