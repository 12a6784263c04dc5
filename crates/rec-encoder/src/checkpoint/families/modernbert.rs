//! ModernBERT (Warner et al. 2024): rotary positions, gated feed-forward parts, and attention that is local in most layers.

use serde::Deserialize;
use serde_json::Value;

use super::bert::starts_with;
use super::rope::RopeFields;
use super::{Family, activation, fields, gelu, head_dim, inverse_sqrt, layers, pre_norm, unsupported};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, NormKind, Norms, Span, TransformerConfig};

pub(super) const MODERNBERT: Family = Family {
    model_types: &["modernbert"],
    config,
    names: Names {
        tokens: "embeddings.tok_embeddings",
        embedding_norm: "embeddings.norm",
        last_norm: "final_norm",
        block: "layers.{}.",
        qkv: &["attn.Wqkv"],
        output: "attn.Wo",
        attention_norms: ["attn_norm", "", ""],
        up: &["mlp.Wi"],
        down: "mlp.Wo",
        feed_forward_norms: ["mlp_norm", "", ""],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "model.",
    may_ignore: |name| starts_with(name, &["head.", "decoder.", "classifier."]),
};

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_activation: String,
    max_position_embeddings: usize,
    /// Not of `transformers`: models whose heads were pruned need it.
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default = "eps")]
    norm_eps: f64,
    #[serde(default)]
    norm_bias: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default = "three")]
    global_attn_every_n_layers: usize,
    #[serde(default)]
    layer_types: Option<Vec<String>>,
    #[serde(default = "window")]
    local_attention: usize,
    #[serde(default = "global_theta")]
    global_rope_theta: f64,
    #[serde(default = "local_theta")]
    local_rope_theta: f64,
    #[serde(flatten)]
    rope: RopeFields,
}

fn eps() -> f64 {
    1e-5
}

fn three() -> usize {
    3
}

fn window() -> usize {
    128
}

fn global_theta() -> f64 {
    160_000.0
}

fn local_theta() -> f64 {
    10_000.0
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    let mut layers = layers(fields.num_hidden_layers)?;
    for (i, layer) in layers.iter_mut().enumerate() {
        layer.span = match fields.layer_types.as_deref().map(|types| types.get(i).map_or("", String::as_str))
        {
            None => {
                usize::from(i.checked_rem(fields.global_attn_every_n_layers).is_none_or(|rest| rest != 0))
            }
            Some("full_attention") => 0,
            Some("sliding_attention") => 1,
            Some(other) => return unsupported("layer_types", other),
        };
    }
    let rotary = |layer_type: &str, theta: f64| fields.rope.of_layers(layer_type, theta, true);
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: 1.0,
        n_token_types: 0,
        max_len: fields.max_position_embeddings,
        positions: None,
        relative_bias: None,
        layers,
        spans: vec![
            Span { reach: None, rotary: Some(rotary("full_attention", fields.global_rope_theta)?) },
            Span {
                reach: Some(fields.local_attention / 2),
                rotary: Some(rotary("sliding_attention", fields.local_rope_theta)?),
            },
        ],
        causal: false,
        attention: AttentionConfig {
            n_heads: fields.num_attention_heads,
            n_kv_heads: fields.num_attention_heads,
            d_head,
            scale: inverse_sqrt(d_head),
            bias: fields.attention_bias,
            output_bias: fields.attention_bias,
            qk_norm: false,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.intermediate_size,
            activation: activation("hidden_activation", &fields.hidden_activation)?,
            gated: true,
            bias: fields.mlp_bias,
        },
        norms: Norms {
            bias: fields.norm_bias,
            embeddings: true,
            first_input: false,
            ..pre_norm(NormKind::Layer, fields.norm_eps)
        },
    })
}
