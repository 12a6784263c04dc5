//! Llama (Touvron et al. 2023) and those built like it: SmolLM2, Mistral, Qwen2, Qwen3.

use serde::Deserialize;
use serde_json::Value;

use super::rope::RopeFields;
use super::{Family, activation, fields, head_dim, inverse_sqrt, layers, only, pre_norm, silu, yes};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, NormKind, Span, TransformerConfig};

const NAMES: Names = Names {
    tokens: "embed_tokens",
    last_norm: "norm",
    block: "layers.{}.",
    qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    query_norm: "self_attn.q_norm",
    key_norm: "self_attn.k_norm",
    output: "self_attn.o_proj",
    attention_norms: ["input_layernorm", "", ""],
    up: &["mlp.gate_proj", "mlp.up_proj"],
    down: "mlp.down_proj",
    feed_forward_norms: ["post_attention_layernorm", "", ""],
    ..Names::NONE
};

pub(super) const LLAMA: Family = Family {
    model_types: &["llama", "mistral"],
    config: |value| config(value, Kind { qkv_bias: false, qk_norm: false, default_theta: 10_000.0 }),
    names: NAMES,
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "model.",
    may_ignore,
};

pub(super) const QWEN2: Family = Family {
    model_types: &["qwen2"],
    config: |value| config(value, Kind { qkv_bias: true, qk_norm: false, default_theta: 10_000.0 }),
    ..LLAMA
};

pub(super) const QWEN3: Family = Family {
    model_types: &["qwen3"],
    config: |value| config(value, Kind { qkv_bias: false, qk_norm: true, default_theta: 10_000.0 }),
    ..LLAMA
};

pub(super) fn may_ignore(name: &str) -> bool {
    name == "lm_head.weight" || name.ends_with("rotary_emb.inv_freq")
}

/// Where the families differ.
#[derive(Clone, Copy)]
struct Kind {
    qkv_bias: bool,
    qk_norm: bool,
    default_theta: f64,
}

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    #[serde(default)]
    num_key_value_heads: Option<usize>,
    #[serde(default)]
    head_dim: Option<usize>,
    intermediate_size: usize,
    #[serde(default = "silu")]
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default = "eps")]
    rms_norm_eps: f64,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    /// Mistral's, which Qwen2 and Qwen3 name and switch off.
    #[serde(default)]
    sliding_window: Option<usize>,
    #[serde(default)]
    use_sliding_window: Option<bool>,
    #[serde(default = "yes")]
    is_causal: bool,
    #[serde(default)]
    model_type: String,
    #[serde(flatten)]
    rope: RopeFields,
}

fn eps() -> f64 {
    1e-6
}

fn config(value: Value, kind: Kind) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    only("use_sliding_window", fields.use_sliding_window.unwrap_or(false), false)?;
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    // A query sees itself and the keys before it, as many as the window holds in all.
    let window = fields.sliding_window.filter(|_| fields.model_type == "mistral");
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: 1.0,
        n_token_types: 0,
        max_len: fields.max_position_embeddings,
        positions: None,
        relative_bias: None,
        layers: layers(fields.num_hidden_layers)?,
        spans: vec![Span {
            reach: window.map(|window| window.saturating_sub(1)),
            rotary: Some(fields.rope.single(kind.default_theta)?),
        }],
        causal: fields.is_causal,
        attention: AttentionConfig {
            n_heads: fields.num_attention_heads,
            n_kv_heads: fields.num_key_value_heads.unwrap_or(fields.num_attention_heads),
            d_head,
            scale: inverse_sqrt(d_head),
            bias: kind.qkv_bias || fields.attention_bias,
            output_bias: fields.attention_bias,
            qk_norm: kind.qk_norm,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.intermediate_size,
            activation: activation("hidden_act", &fields.hidden_act)?,
            gated: true,
            bias: fields.mlp_bias,
        },
        norms: pre_norm(NormKind::Rms, fields.rms_norm_eps),
    })
}
