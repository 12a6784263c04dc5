//! The BERT family: `config.json` of `model_type` `bert` and the tensor names of its checkpoints.

use burn::tensor::Device;
use serde::Deserialize;

use super::{Checkpoint, LoadReport, Weights};
use crate::error::{Error, Kind};
use crate::source::Source;
use crate::transformer::attention::SelfAttention;
use crate::transformer::block::Block;
use crate::transformer::embeddings::Embeddings;
use crate::transformer::{Activation, Transformer, TransformerConfig};

/// The fields of a BERT `config.json` that a forward pass depends on. Defaults are those of `transformers`.
#[derive(Debug, Deserialize)]
struct BertConfig {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "bert_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn two() -> usize {
    2
}

fn bert_eps() -> f64 {
    1e-12
}

impl BertConfig {
    fn into_config(self) -> Result<TransformerConfig, Error> {
        let unsupported = |field: &str, value: &str| {
            Err(Error::new(Kind::Config, format!("field `{field}`: `{value}` is not supported")))
        };
        if self.model_type != "bert" {
            return unsupported("model_type", &self.model_type);
        }
        if let Some(kind) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return unsupported("position_embedding_type", kind);
        }
        if self.is_decoder {
            return unsupported("is_decoder", "true");
        }
        let activation = match self.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            other => return unsupported("hidden_act", other),
        };
        let config = TransformerConfig {
            vocab_size: self.vocab_size,
            d_model: self.hidden_size,
            n_layers: self.num_hidden_layers,
            n_heads: self.num_attention_heads,
            d_ff: self.intermediate_size,
            activation,
            n_positions: self.max_position_embeddings,
            n_token_types: self.type_vocab_size,
            norm_eps: self.layer_norm_eps,
        };
        config.validate()?;
        Ok(config)
    }
}

/// Tensors that BERT checkpoints carry and an encoder does not need.
fn may_ignore(name: &str) -> bool {
    name == "embeddings.position_ids" || name.starts_with("pooler.") || name.starts_with("cls.")
}

/// Loads a BERT encoder from the folder `folder` of `source`.
pub(crate) fn load(
    source: &Source,
    folder: &str,
    checkpoint: &Checkpoint,
    device: &Device,
) -> Result<(Transformer, LoadReport), Error> {
    let file = if folder.is_empty() { "config.json".to_owned() } else { format!("{folder}/config.json") };
    let config: BertConfig = source.json(&file)?;
    let config = config.into_config().map_err(|e| e.file(source.display(&file)))?;

    // Checkpoints saved from a model with a head put the encoder under `bert.`.
    let prefix = if checkpoint.names().any(|name| name.starts_with("bert.")) { "bert." } else { "" };
    let mut weights = Weights::new(checkpoint, prefix, device);
    let (d, d_ff, eps) = (config.d_model, config.d_ff, config.norm_eps);
    let embeddings = Embeddings {
        tokens: weights.embedding("embeddings.word_embeddings", config.vocab_size, d)?,
        positions: weights.embedding("embeddings.position_embeddings", config.n_positions, d)?,
        types: weights.embedding("embeddings.token_type_embeddings", config.n_token_types, d)?,
        norm: weights.layer_norm("embeddings.LayerNorm", d, eps)?,
    };
    let mut blocks = Vec::new();
    for i in 0..config.n_layers {
        let layer = |name: &str| format!("encoder.layer.{i}.{name}");
        blocks.push(Block {
            attention: SelfAttention {
                query: weights.linear(&layer("attention.self.query"), d, d, true)?,
                key: weights.linear(&layer("attention.self.key"), d, d, true)?,
                value: weights.linear(&layer("attention.self.value"), d, d, true)?,
                output: weights.linear(&layer("attention.output.dense"), d, d, true)?,
                n_heads: config.n_heads,
            },
            attention_norm: weights.layer_norm(&layer("attention.output.LayerNorm"), d, eps)?,
            up: weights.linear(&layer("intermediate.dense"), d, d_ff, true)?,
            activation: config.activation,
            down: weights.linear(&layer("output.dense"), d_ff, d, true)?,
            output_norm: weights.layer_norm(&layer("output.LayerNorm"), d, eps)?,
        });
    }
    let report = weights.finish(may_ignore)?;
    Ok((Transformer { embeddings, blocks, config }, report))
}
