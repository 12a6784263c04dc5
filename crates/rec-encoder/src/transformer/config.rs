use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// The shape of a transformer encoder: everything its forward pass depends on besides the weights.
///
/// Families differ in how their checkpoints spell these numbers, not in the block that runs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    /// Rows of the token embedding.
    pub vocab_size: usize,
    /// Values in a token state.
    pub d_model: usize,
    /// Blocks.
    pub n_layers: usize,
    /// Attention heads a block; a divisor of `d_model`.
    pub n_heads: usize,
    /// Values between the two linear maps of the feed-forward part.
    pub d_ff: usize,
    /// Between these two maps.
    pub activation: Activation,
    /// Rows of the learned, absolute position embedding: the longest input.
    pub n_positions: usize,
    /// Rows of the token-type embedding.
    pub n_token_types: usize,
    /// The epsilon inside every layer norm's square root: `(x - mean) / sqrt(var + eps)`.
    pub norm_eps: f64,
}

/// An elementwise non-linearity, under the names that checkpoints use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `x Phi(x)` with the exact error function.
    Gelu,
    /// The tanh approximation of GELU: up to 4.7e-4 away from the exact one.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x sigmoid(x)`.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl TransformerConfig {
    /// Checks what no tensor's shape can reveal.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let sizes = [
            ("vocabulary", self.vocab_size),
            ("model dimension", self.d_model),
            ("number of layers", self.n_layers),
            ("number of heads", self.n_heads),
            ("feed-forward dimension", self.d_ff),
            ("number of positions", self.n_positions),
            ("number of token types", self.n_token_types),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(Error::new(Kind::Config, format!("the {name} is zero")));
        }
        if !self.d_model.is_multiple_of(self.n_heads) {
            let message = format!("{} heads do not divide {} dimensions", self.n_heads, self.d_model);
            return Err(Error::new(Kind::Config, message));
        }
        if !(self.norm_eps.is_finite() && self.norm_eps >= 0.0) {
            return Err(Error::new(Kind::Config, format!("the layer norm epsilon is {}", self.norm_eps)));
        }
        Ok(())
    }
}
