//! GPT-2 (Radford et al. 2019): a decoder with learned positions, whose linear maps are stored transposed.

use serde::Deserialize;
use serde_json::Value;

use super::{
    EVERYWHERE, Family, activation, fields, gelu_new, head_dim, inverse_sqrt, layers, only, pre_norm, yes,
};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, LearnedPositions, NormKind, TransformerConfig};

pub(super) const GPT2: Family = Family {
    model_types: &["gpt2"],
    config,
    names: Names {
        tokens: "wte",
        positions: "wpe",
        last_norm: "ln_f",
        block: "h.{}.",
        qkv: &["attn.c_attn"],
        output: "attn.c_proj",
        attention_norms: ["ln_1", "", ""],
        up: &["mlp.c_fc"],
        down: "mlp.c_proj",
        feed_forward_norms: ["ln_2", "", ""],
        ..Names::NONE
    },
    storage: Storage { is_transposed: true, norm_offset: 0.0 },
    prefix: "transformer.",
    // Older files carry the causal mask of every layer.
    may_ignore: |name| {
        name == "lm_head.weight" || name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")
    },
};

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    n_positions: usize,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    #[serde(default)]
    n_inner: Option<usize>,
    #[serde(default = "gelu_new")]
    activation_function: String,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default = "eps")]
    layer_norm_epsilon: f64,
    #[serde(default = "yes")]
    scale_attn_weights: bool,
    #[serde(default)]
    scale_attn_by_inverse_layer_idx: bool,
    #[serde(default)]
    add_cross_attention: bool,
}

fn eps() -> f64 {
    1e-5
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    only("scale_attn_by_inverse_layer_idx", fields.scale_attn_by_inverse_layer_idx, false)?;
    only("add_cross_attention", fields.add_cross_attention, false)?;
    let d_head = head_dim(fields.head_dim, "n_head", fields.n_embd, fields.n_head)?;
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.n_embd,
        d_embedding: fields.n_embd,
        embedding_scale: 1.0,
        n_token_types: 0,
        max_len: fields.n_positions,
        positions: Some(LearnedPositions { n_rows: fields.n_positions, first_row: 0 }),
        relative_bias: None,
        layers: layers(fields.n_layer)?,
        spans: vec![EVERYWHERE],
        causal: true,
        attention: AttentionConfig {
            n_heads: fields.n_head,
            n_kv_heads: fields.n_head,
            d_head,
            scale: if fields.scale_attn_weights { inverse_sqrt(d_head) } else { 1.0 },
            bias: true,
            output_bias: true,
            qk_norm: false,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.n_inner.unwrap_or(fields.n_embd.saturating_mul(4)),
            activation: activation("activation_function", &fields.activation_function)?,
            gated: false,
            bias: true,
        },
        norms: pre_norm(NormKind::Layer, fields.layer_norm_epsilon),
    })
}
