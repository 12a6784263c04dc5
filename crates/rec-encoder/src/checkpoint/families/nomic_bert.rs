//! NomicBERT (Nussbaum et al. 2024): BERT with rotary positions and gated feed-forward parts, in two spellings.

use serde::Deserialize;
use serde_json::Value;

use super::bert::starts_with;
use super::rope::RopeFields;
use super::{Family, fields, head_dim, inverse_sqrt, layers, only, post_norm, unsupported};
use crate::checkpoint::names::Names;
use crate::checkpoint::weights::Storage;
use crate::error::Error;
use crate::transformer::{Activation, AttentionConfig, FeedForwardConfig, Span, TransformerConfig};

/// As the checkpoints of nomic-embed-text are published.
pub(super) const PUBLISHED: Family = Family {
    model_types: &["nomic_bert"],
    config,
    names: Names {
        tokens: "embeddings.word_embeddings",
        types: "embeddings.token_type_embeddings",
        embedding_norm: "emb_ln",
        block: "encoder.layers.{}.",
        qkv: &["attn.Wqkv"],
        output: "attn.out_proj",
        attention_norms: ["", "", "norm1"],
        up: &["mlp.fc12", "mlp.fc11"],
        down: "mlp.fc2",
        feed_forward_norms: ["", "", "norm2"],
        ..Names::NONE
    },
    storage: Storage { is_transposed: false, norm_offset: 0.0 },
    prefix: "bert.",
    may_ignore: |name| starts_with(name, &["pooler.", "cls.", "classifier."]),
};

/// As `transformers` names the modules of the same model.
pub(super) const NATIVE: Family = Family {
    names: Names {
        tokens: "embeddings.word_embeddings",
        types: "embeddings.token_type_embeddings",
        embedding_norm: "embeddings.LayerNorm",
        block: "layers.{}.",
        qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
        output: "self_attn.o_proj",
        attention_norms: ["", "", "post_attention_layernorm"],
        up: &["mlp.gate_proj", "mlp.up_proj"],
        down: "mlp.down_proj",
        feed_forward_norms: ["", "", "post_mlp_layernorm"],
        ..Names::NONE
    },
    prefix: "nomic_bert.",
    ..PUBLISHED
};

#[derive(Debug, Deserialize)]
struct Fields {
    vocab_size: usize,
    #[serde(alias = "n_embd")]
    hidden_size: usize,
    #[serde(alias = "n_layer")]
    num_hidden_layers: usize,
    #[serde(alias = "n_head")]
    num_attention_heads: usize,
    #[serde(alias = "n_inner")]
    intermediate_size: usize,
    #[serde(alias = "activation_function", default = "silu")]
    hidden_act: String,
    #[serde(alias = "n_positions")]
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(alias = "layer_norm_epsilon", default = "eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    head_dim: Option<usize>,
    #[serde(default)]
    rotary_emb_base: Option<f64>,
    #[serde(default = "one")]
    rotary_emb_fraction: f64,
    #[serde(default)]
    rotary_emb_interleaved: bool,
    #[serde(default)]
    prenorm: bool,
    #[serde(default)]
    qkv_proj_bias: bool,
    #[serde(default)]
    mlp_fc1_bias: bool,
    #[serde(default)]
    mlp_fc2_bias: bool,
    #[serde(flatten)]
    rope: RopeFields,
}

fn silu() -> String {
    super::silu()
}

fn one() -> f64 {
    1.0
}

fn two() -> usize {
    2
}

fn eps() -> f64 {
    1e-12
}

fn config(value: Value) -> Result<TransformerConfig, Error> {
    let fields: Fields = fields(value)?;
    only("rotary_emb_fraction", fields.rotary_emb_fraction, 1.0)?;
    for (field, value) in [
        ("rotary_emb_interleaved", fields.rotary_emb_interleaved),
        ("prenorm", fields.prenorm),
        ("qkv_proj_bias", fields.qkv_proj_bias),
        ("mlp_fc1_bias", fields.mlp_fc1_bias),
        ("mlp_fc2_bias", fields.mlp_fc2_bias),
    ] {
        only(field, value, false)?;
    }
    let activation = match &*fields.hidden_act {
        "silu" | "swish" | "swiglu" => Activation::Silu,
        "gelu" | "geglu" => Activation::Gelu,
        other => return unsupported("hidden_act", other),
    };
    let d_head =
        head_dim(fields.head_dim, "num_attention_heads", fields.hidden_size, fields.num_attention_heads)?;
    Ok(TransformerConfig {
        vocab_size: fields.vocab_size,
        d_model: fields.hidden_size,
        d_embedding: fields.hidden_size,
        embedding_scale: 1.0,
        n_token_types: fields.type_vocab_size,
        max_len: fields.max_position_embeddings,
        positions: None,
        relative_bias: None,
        layers: layers(fields.num_hidden_layers)?,
        spans: vec![Span {
            reach: None,
            rotary: Some(fields.rope.single(fields.rotary_emb_base.unwrap_or(1000.0))?),
        }],
        causal: false,
        attention: AttentionConfig {
            n_heads: fields.num_attention_heads,
            n_kv_heads: fields.num_attention_heads,
            d_head,
            scale: inverse_sqrt(d_head),
            bias: false,
            output_bias: false,
            qk_norm: false,
        },
        feed_forward: FeedForwardConfig {
            d_ff: fields.intermediate_size,
            activation,
            gated: true,
            bias: false,
        },
        norms: post_norm(fields.layer_norm_eps),
    })
}
