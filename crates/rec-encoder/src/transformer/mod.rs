//! The transformer: one block, driven by a config.

mod activation;
pub(crate) mod attention;
pub(crate) mod block;
mod config;
pub(crate) mod embeddings;

pub use config::{Activation, TransformerConfig};

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rec_core::Sequence;
use rec_text::TokenBatch;

use crate::TokenEncoder;
use block::Block;
use embeddings::Embeddings;

/// A transformer encoder with its weights, on one device.
///
/// Made from a checkpoint by [`TextEncoder::from_dir`](crate::TextEncoder::from_dir). It is a burn module: its
/// parameters can be visited, trained and quantized.
#[derive(Module, Debug)]
pub struct Transformer {
    pub(crate) embeddings: Embeddings,
    pub(crate) blocks: Vec<Block>,
    #[module(skip)]
    pub(crate) config: TransformerConfig,
}

impl Transformer {
    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// The states after the embeddings and after every block: `n_layers + 1` sequences `[batch, len, d_model]`.
    ///
    /// # Panics
    ///
    /// As [`TokenEncoder::encode`].
    #[must_use]
    pub fn hidden_states(&self, tokens: &TokenBatch) -> Vec<Sequence> {
        let mut states = Vec::with_capacity(self.blocks.len() + 1);
        self.run(tokens, |state| states.push(state));
        states
    }

    /// Runs the model and hands every layer's states to `visit`, last the output.
    fn run(&self, tokens: &TokenBatch, mut visit: impl FnMut(Sequence)) {
        let config = self.config();
        let (batch, len) = (tokens.batch(), tokens.len());
        assert!(
            len <= config.n_positions,
            "{len} tokens exceed the model's {} positions",
            config.n_positions
        );
        if let Some(id) = tokens.ids().iter().find(|&&id| id as usize >= config.vocab_size) {
            panic!("token id {id} is outside the vocabulary of {}", config.vocab_size);
        }
        let mask_pad: Option<Tensor<2, Bool>> = tokens
            .has_padding()
            .then(|| Tensor::from_data(TensorData::new(tokens.mask_pad(), [batch, len]), &self.device()));
        // The same keys are hidden from every query of a text: [batch, len] -> [batch, 1, len, len].
        let mask = mask_pad.clone().map(|mask| mask.reshape([batch, 1, 1, len]).expand([batch, 1, len, len]));
        let d_model = config.d_model;
        let sequence = |x: Tensor<2>| Sequence::new(x.reshape([batch, len, d_model]), mask_pad.clone());
        let mut x = self.embeddings.forward(tokens);
        for block in &self.blocks {
            visit(sequence(x.clone()));
            x = block.forward(x, [batch, len], mask.clone());
        }
        visit(sequence(x));
    }
}

impl TokenEncoder for Transformer {
    fn encode(&self, tokens: &TokenBatch) -> Sequence {
        let mut last = None;
        self.run(tokens, |state| last = Some(state));
        last.unwrap_or_else(|| unreachable!("the embeddings are a state"))
    }

    fn d_model(&self) -> usize {
        self.config().d_model
    }

    fn vocab_size(&self) -> usize {
        self.config().vocab_size
    }

    fn n_token_types(&self) -> usize {
        self.config().n_token_types
    }

    fn max_len(&self) -> usize {
        self.config().n_positions
    }

    fn device(&self) -> Device {
        self.embeddings.tokens.weight.val().device()
    }
}
