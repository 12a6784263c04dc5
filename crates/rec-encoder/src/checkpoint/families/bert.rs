//! BERT (Devlin et al. 2019), and RoBERTa (Liu et al. 2019) with XLM-RoBERTa and CamemBERT, which differ in their positions.

use serde::Deserialize;
use serde_json::Value;

use super::{
    EVERYWHERE, Family, activation, fields, gelu, head_dim, inverse_sqrt, layers, only, post_norm,
    unsupported,
};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::{Error, Kind};
use crate::transformer::{AttentionConfig, FeedForwardConfig, LearnedPositions, TransformerConfig};

const NAMES: Names = Names {
    tokens: "embeddings.word_embeddings",
    positions: "embeddings.position_embeddings",
    types: "embeddings.token_type_embeddings",
    embedding_norm: "embeddings.LayerNorm",
    block: "encoder.layer.{}.",
    qkv: &["attention.self.query", "attention.self.key", "attention.self.value"],
    output: "attention.output.dense",
    attention_norms: ["", "", "attention.output.LayerNorm"],
    up: &["intermediate.dense"],
    down: "output.dense",
    feed_forward_norms: ["", "", "output.LayerNorm"],
    ..Names::NONE
};

pub(super) const BERT: Family = Family {
    model_types: &["bert"],
    config: |value| config(value, false),
    names: NAMES,
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "bert.",
    may_ignore: |name| {
        name == "embeddings.position_ids" || starts_with(name, &["pooler.", "cls.", "classifier."])
    },
};

pub(super) const ROBERTA: Family = Family {
    model_types: &["roberta", "xlm-roberta", "camembert"],
    config: |value| config(value, true),
    names: NAMES,
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "roberta.",
    may_ignore: |name| {
        name == "embeddings.position_ids" || starts_with(name, &["pooler.", "lm_head.", "classifier."])
    },
};

pub(super) fn starts_with(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The fields that a forward pass depends on. Defaults are those of `transformers`.
#[derive(Debug, Deserialize)]
struct Fields {
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
    #[serde(default = "eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default)]
    pad_token_id: Option<usize>,
}

fn two() -> usize {
    2
}

fn eps() -> f64 {
    1e-12
}

fn config(value: Value, is_roberta: bool) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    if let Some(kind) = fields.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
        return unsupported("position_embedding_type", kind);
    }
    only("is_decoder", fields.is_decoder, false)?;
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    // RoBERTa counts positions from the row after its padding's.
    let first_row = if is_roberta { fields.pad_token_id.unwrap_or(1).saturating_add(1) } else { 0 };
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: 1.0,
        n_token_types: match fields.type_vocab_size {
            0 => return Err(Error::new(Kind::Config, "field `type_vocab_size` is zero")),
            n => n,
        },
        max_len: fields.max_position_embeddings.saturating_sub(first_row),
        positions: Some(LearnedPositions { n_rows: fields.max_position_embeddings, first_row }),
        relative_bias: None,
        layers: layers(fields.num_hidden_layers)?,
        spans: vec![EVERYWHERE],
        causal: false,
        attention: AttentionConfig {
            n_heads: fields.num_attention_heads,
            n_kv_heads: fields.num_attention_heads,
            d_head,
            scale: inverse_sqrt(d_head),
            bias: true,
            output_bias: true,
            qk_norm: false,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.intermediate_size,
            activation: activation("hidden_act", &fields.hidden_act)?,
            gated: false,
            bias: true,
        },
        norms: post_norm(fields.layer_norm_eps),
    })
}
