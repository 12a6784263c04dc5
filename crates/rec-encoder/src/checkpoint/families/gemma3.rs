//! The text model of Gemma 3 (Gemma Team 2025), causal or, as EmbeddingGemma has it, looking both ways.

use serde::Deserialize;
use serde_json::Value;

use super::rope::RopeFields;
use super::{Family, activation, fields, layers, llama, pre_norm, unsupported};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{AttentionConfig, FeedForwardConfig, NormKind, Norms, Span, TransformerConfig};

pub(super) const GEMMA3: Family = Family {
    model_types: &["gemma3_text"],
    config,
    names: Names {
        tokens: "embed_tokens",
        last_norm: "norm",
        block: "layers.{}.",
        qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
        query_norm: "self_attn.q_norm",
        key_norm: "self_attn.k_norm",
        output: "self_attn.o_proj",
        attention_norms: ["input_layernorm", "post_attention_layernorm", ""],
        up: &["mlp.gate_proj", "mlp.up_proj"],
        down: "mlp.down_proj",
        feed_forward_norms: ["pre_feedforward_layernorm", "post_feedforward_layernorm", ""],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 1.0 },
    prefix: "model.",
    may_ignore: llama::may_ignore,
};

/// Every field that published configs have is needed: sizes have no default.
#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    intermediate_size: usize,
    #[serde(default = "gelu_tanh")]
    hidden_activation: String,
    max_position_embeddings: usize,
    #[serde(default = "eps")]
    rms_norm_eps: f64,
    #[serde(default)]
    attention_bias: bool,
    query_pre_attn_scalar: f64,
    sliding_window: Option<usize>,
    #[serde(default)]
    layer_types: Option<Vec<String>>,
    #[serde(default = "six", alias = "_sliding_window_pattern")]
    sliding_window_pattern: usize,
    #[serde(default)]
    attn_logit_softcapping: Option<f64>,
    #[serde(default)]
    use_bidirectional_attention: Option<bool>,
    #[serde(default = "local_theta")]
    rope_local_base_freq: f64,
    #[serde(flatten)]
    rope: RopeFields,
}

fn gelu_tanh() -> String {
    "gelu_pytorch_tanh".to_owned()
}

fn eps() -> f64 {
    1e-6
}

fn six() -> usize {
    6
}

fn local_theta() -> f64 {
    10_000.0
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    if let Some(cap) = fields.attn_logit_softcapping {
        return unsupported("attn_logit_softcapping", cap);
    }
    let mut layers = layers(fields.num_hidden_layers)?;
    for (i, layer) in layers.iter_mut().enumerate() {
        layer.span = match fields.layer_types.as_deref().map(|types| types.get(i).map_or("", String::as_str))
        {
            None => {
                usize::from((i + 1).checked_rem(fields.sliding_window_pattern).is_none_or(|rest| rest != 0))
            }
            Some("full_attention") => 0,
            Some("sliding_attention") => 1,
            Some(other) => return unsupported("layer_types", other),
        };
    }
    let causal = !fields.use_bidirectional_attention.unwrap_or(false);
    // Looking both ways, half of the window is on either side of the query; otherwise all of it ends there.
    let reach =
        fields.sliding_window.map(|window| if causal { window.saturating_sub(1) } else { window / 2 });
    let theta = fields.rope.theta().unwrap_or(1_000_000.0);
    let rope = &fields.rope;
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: (fields.hidden_size as f64).sqrt(),
        n_token_types: 0,
        max_len: fields.max_position_embeddings,
        positions: None,
        relative_bias: None,
        layers,
        spans: vec![
            Span { reach: None, rotary: Some(rope.of_layers("full_attention", theta, true)?) },
            Span {
                reach,
                rotary: Some(rope.of_layers("sliding_attention", fields.rope_local_base_freq, false)?),
            },
        ],
        causal,
        attention: AttentionConfig {
            n_heads: fields.num_attention_heads,
            n_kv_heads: fields.num_key_value_heads,
            d_head: fields.head_dim,
            scale: fields.query_pre_attn_scalar.powf(-0.5),
            bias: fields.attention_bias,
            output_bias: fields.attention_bias,
            qk_norm: true,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.intermediate_size,
            activation: activation("hidden_activation", &fields.hidden_activation)?,
            gated: true,
            bias: false,
        },
        norms: Norms { output: true, ..pre_norm(NormKind::Rms, fields.rms_norm_eps) },
    })
}
