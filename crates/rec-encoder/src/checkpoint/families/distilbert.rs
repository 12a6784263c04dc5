//! DistilBERT (Sanh et al. 2019): BERT without token types, under other names.

use serde::Deserialize;
use serde_json::Value;

use super::bert::starts_with;
use super::{EVERYWHERE, Family, activation, fields, gelu, head_dim, inverse_sqrt, layers, post_norm};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, LearnedPositions, TransformerConfig};

pub(super) const DISTILBERT: Family = Family {
    model_types: &["distilbert"],
    config,
    names: Names {
        tokens: "embeddings.word_embeddings",
        positions: "embeddings.position_embeddings",
        embedding_norm: "embeddings.LayerNorm",
        block: "transformer.layer.{}.",
        qkv: &["attention.q_lin", "attention.k_lin", "attention.v_lin"],
        output: "attention.out_lin",
        attention_norms: ["", "", "sa_layer_norm"],
        up: &["ffn.lin1"],
        down: "ffn.lin2",
        feed_forward_norms: ["", "", "output_layer_norm"],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "distilbert.",
    may_ignore: |name| {
        name == "embeddings.position_ids" || starts_with(name, &["vocab_", "pre_classifier.", "classifier."])
    },
};

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    #[serde(default = "gelu")]
    activation: String,
    max_position_embeddings: usize,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    let d_head = head_dim(fields.head_dim, "n_heads", fields.dim, fields.n_heads)?;
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.dim,
        d_embedding: fields.dim,
        embedding_scale: 1.0,
        n_token_types: 0,
        max_len: fields.max_position_embeddings,
        // Sinusoidal positions are stored like learned ones.
        positions: Some(LearnedPositions { n_rows: fields.max_position_embeddings, first_row: 0 }),
        relative_bias: None,
        layers: layers(fields.n_layers)?,
        spans: vec![EVERYWHERE],
        causal: false,
        attention: AttentionConfig {
            n_heads: fields.n_heads,
            n_kv_heads: fields.n_heads,
            d_head,
            scale: inverse_sqrt(d_head),
            bias: true,
            output_bias: true,
            qk_norm: false,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.hidden_dim,
            activation: activation("activation", &fields.activation)?,
            gated: false,
            bias: true,
        },
        norms: post_norm(1e-12),
    })
}
