//! ALBERT (Lan et al. 2020): narrow embeddings, and layers that share their weights in groups.

use serde::Deserialize;
use serde_json::Value;

use super::bert::starts_with;
use super::{
    EVERYWHERE, Family, activation, fields, gelu_new, head_dim, inverse_sqrt, layers, only, post_norm,
};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, LearnedPositions, TransformerConfig};

pub(super) const ALBERT: Family = Family {
    model_types: &["albert"],
    config,
    names: Names {
        tokens: "embeddings.word_embeddings",
        positions: "embeddings.position_embeddings",
        types: "embeddings.token_type_embeddings",
        embedding_norm: "embeddings.LayerNorm",
        projection: "encoder.embedding_hidden_mapping_in",
        block: "encoder.albert_layer_groups.{}.albert_layers.0.",
        qkv: &["attention.query", "attention.key", "attention.value"],
        output: "attention.dense",
        attention_norms: ["", "", "attention.LayerNorm"],
        up: &["ffn"],
        down: "ffn_output",
        feed_forward_norms: ["", "", "full_layer_layer_norm"],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "albert.",
    may_ignore: |name| {
        name == "embeddings.position_ids"
            || starts_with(name, &["pooler.", "predictions.", "sop_classifier.", "classifier."])
    },
};

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    embedding_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    #[serde(default = "one")]
    num_hidden_groups: usize,
    #[serde(default = "one")]
    inner_group_num: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu_new")]
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default = "eps")]
    layer_norm_eps: f64,
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn eps() -> f64 {
    1e-12
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    only("inner_group_num", fields.inner_group_num, 1)?;
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    let mut layers = layers(fields.num_hidden_layers)?;
    let n_layers = layers.len();
    for (i, layer) in layers.iter_mut().enumerate() {
        layer.block = i * fields.num_hidden_groups.min(n_layers) / n_layers;
    }
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.embedding_size,
        embedding_scale: 1.0,
        n_token_types: fields.type_vocab_size,
        max_len: fields.max_position_embeddings,
        positions: Some(LearnedPositions { n_rows: fields.max_position_embeddings, first_row: 0 }),
        relative_bias: None,
        layers,
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
