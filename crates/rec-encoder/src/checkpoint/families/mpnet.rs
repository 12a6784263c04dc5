//! MPNet (Song et al. 2020): BERT with a bias on attention by distance, and without token types.

use serde::Deserialize;
use serde_json::Value;

use super::bert::starts_with;
use super::{EVERYWHERE, Family, activation, fields, gelu, head_dim, inverse_sqrt, layers, post_norm};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{
    AttentionConfig, FeedForwardConfig, LearnedPositions, RelativeBias, TransformerConfig,
};

/// Positions begin after this row of their table, whatever the config says.
const PADDING_ROW: usize = 1;

pub(super) const MPNET: Family = Family {
    model_types: &["mpnet"],
    config,
    names: Names {
        tokens: "embeddings.word_embeddings",
        positions: "embeddings.position_embeddings",
        embedding_norm: "embeddings.LayerNorm",
        relative_bias: "encoder.relative_attention_bias",
        block: "encoder.layer.{}.",
        qkv: &["attention.attn.q", "attention.attn.k", "attention.attn.v"],
        output: "attention.attn.o",
        attention_norms: ["", "", "attention.LayerNorm"],
        up: &["intermediate.dense"],
        down: "output.dense",
        feed_forward_norms: ["", "", "output.LayerNorm"],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "mpnet.",
    may_ignore: |name| {
        name == "embeddings.position_ids" || starts_with(name, &["pooler.", "lm_head.", "classifier."])
    },
};

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
    #[serde(default = "eps")]
    layer_norm_eps: f64,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default = "n_buckets")]
    relative_attention_num_buckets: usize,
}

fn eps() -> f64 {
    1e-12
}

fn n_buckets() -> usize {
    32
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: 1.0,
        n_token_types: 0,
        max_len: fields.max_position_embeddings.saturating_sub(PADDING_ROW + 1),
        positions: Some(LearnedPositions {
            n_rows: fields.max_position_embeddings,
            first_row: PADDING_ROW + 1,
        }),
        relative_bias: Some(RelativeBias {
            n_buckets: fields.relative_attention_num_buckets,
            max_distance: 128,
        }),
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
