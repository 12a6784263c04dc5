//! The transformer: one block, driven by a config.

mod activation;
mod attention;
pub(crate) mod block;
mod config;
pub(crate) mod embeddings;
mod feed_forward;
pub(crate) mod norm;
mod rotary;
mod span;

pub use config::{
    Activation, AttentionConfig, FeedForwardConfig, Layer, LearnedPositions, NormKind, Norms, RelativeBias,
    Rotary, RotaryScaling, Span, TransformerConfig,
};

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rec_core::Sequence;
use rec_text::TokenBatch;

use crate::TokenEncoder;
use block::Block;
use embeddings::Embeddings;
use norm::Norm;
use span::View;

/// A transformer with its weights, on one device: an encoder such as BERT, or a decoder such as Llama read as one.
///
/// Made from a checkpoint by [`from_dir`](Self::from_dir) or within a [`TextEncoder`](crate::TextEncoder). It is a burn module:
/// its parameters can be visited, trained and quantized.
#[derive(Module, Debug)]
pub struct Transformer {
    pub(crate) embeddings: Embeddings,
    /// `[n_buckets, n_heads]`.
    pub(crate) relative_bias: Option<Embedding>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) last_norm: Option<Norm>,
    #[module(skip)]
    pub(crate) config: TransformerConfig,
}

impl Transformer {
    /// Everything but the blocks, with random weights that take memory only once they are used.
    pub(crate) fn without_blocks(config: TransformerConfig, device: &Device) -> Self {
        let table = |n: usize| EmbeddingConfig::new(n, config.attention.n_heads).init(device);
        Self {
            embeddings: Embeddings::new(&config, device),
            relative_bias: config.relative_bias.map(|bias| table(bias.n_buckets)),
            blocks: Vec::new(),
            last_norm: config.norms.last.then(|| Norm::new(&config.norms, config.d_model, device)),
            config,
        }
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// The model without the layers after the first `n`, and without the norm after the last: its output is the state that
    /// [`hidden_states`](Self::hidden_states) has at index `n`.
    ///
    /// # Panics
    ///
    /// There are fewer than `n` layers, or `n` is 0.
    #[must_use]
    pub fn first_layers(mut self, n: usize) -> Self {
        let all = self.config.layers.len();
        assert!((1..=all).contains(&n), "{n} of {all} layers");
        if n < all {
            self.config.layers.truncate(n);
            self.blocks.truncate(self.config.n_blocks());
            self.config.norms.last = false;
            self.last_norm = None;
        }
        self
    }

    /// The states after the embeddings and after every layer: `n_layers + 1` sequences `[batch, len, d_model]`.
    ///
    /// The last is the output, after the norm that some families have there.
    ///
    /// # Panics
    ///
    /// As [`TokenEncoder::encode`].
    #[must_use]
    pub fn hidden_states(&self, tokens: &TokenBatch) -> Vec<Sequence> {
        let mut states = Vec::with_capacity(self.config.layers.len() + 1);
        self.run(tokens, |state| states.push(state));
        states
    }

    /// Runs the model and hands every layer's states to `visit`, last the output.
    fn run(&self, tokens: &TokenBatch, mut visit: impl FnMut(Sequence)) {
        let config = self.config();
        let (batch, len, d_model) = (tokens.batch(), tokens.len(), config.d_model);
        assert!(len <= config.max_len, "{len} tokens exceed the model's {} positions", config.max_len);
        if let Some(id) = tokens.ids().iter().find(|&&id| id as usize >= config.vocab_size) {
            panic!("token id {id} is outside the vocabulary of {}", config.vocab_size);
        }
        let device = self.device();
        let mask_pad: Option<Tensor<2, Bool>> = tokens
            .has_padding()
            .then(|| Tensor::from_data(TensorData::new(tokens.mask_pad(), [batch, len]), &device));
        let sequence = |x: Tensor<2>| Sequence::new(x.reshape([batch, len, d_model]), mask_pad.clone());
        let bias = config
            .relative_bias
            .zip(self.relative_bias.as_ref())
            .map(|(config, table)| span::bias(&config, table.weight.val(), len));
        let views: Vec<View> =
            config.spans.iter().map(|span| View::new(span, config, tokens, bias.clone(), &device)).collect();
        let mut x = self.embeddings.forward(tokens);
        for layer in &config.layers {
            visit(sequence(x.clone()));
            x = self.blocks[layer.block].forward(x, [batch, len], &views[layer.span]);
        }
        visit(sequence(match &self.last_norm {
            Some(norm) => norm.forward(x),
            None => x,
        }));
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
        self.config().n_token_types.max(1)
    }

    fn max_len(&self) -> usize {
        self.config().max_len
    }

    fn device(&self) -> Device {
        self.embeddings.tokens.weight.val().device()
    }
}
