use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// The shape of a transformer: everything its forward pass depends on besides the weights.
///
/// Families differ in these values and in how their checkpoints spell them, not in the block that runs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    /// Rows of the token embedding.
    pub vocab_size: usize,
    /// Values in a token state.
    pub d_model: usize,
    /// Values in a row of the embeddings; a linear map leads to `d_model` where it differs (ALBERT).
    pub d_embedding: usize,
    /// What token embeddings are multiplied by (Gemma: `sqrt(d_model)`).
    pub embedding_scale: f64,
    /// Rows of the token-type embedding; 0 if there is none.
    pub n_token_types: usize,
    /// The longest input in tokens.
    pub max_len: usize,
    /// The learned, absolute position embedding, if there is one.
    pub positions: Option<LearnedPositions>,
    /// The learned bias on attention logits by distance, if there is one.
    pub relative_bias: Option<RelativeBias>,
    /// The layers in order: whose weights each runs, and how far it sees.
    pub layers: Vec<Layer>,
    /// The kinds of attention that layers choose from.
    pub spans: Vec<Span>,
    /// Whether a position sees only itself and earlier ones.
    pub causal: bool,
    /// The attention of every block.
    pub attention: AttentionConfig,
    /// The feed-forward part of every block.
    pub feed_forward: FeedForwardConfig,
    /// Which normalisation, and where.
    pub norms: Norms,
}

/// A learned embedding of absolute positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedPositions {
    /// Rows of the table.
    pub n_rows: usize,
    /// The row of the first token: RoBERTa starts after its padding index.
    pub first_row: usize,
}

/// A learned bias for each head and bucket of distances (Raffel et al. 2020, section 2.1), shared by all layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelativeBias {
    /// Rows of the table, half of them for keys behind the query and half for keys before it.
    pub n_buckets: usize,
    /// From this distance on all are in the last bucket.
    pub max_distance: usize,
}

/// One step of the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The block whose weights it uses; ALBERT's layers share one.
    pub block: usize,
    /// Its entry in [`TransformerConfig::spans`].
    pub span: usize,
}

/// How far a layer sees, and how it knows distances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The largest distance between a query and a key; `None` for all.
    pub reach: Option<usize>,
    /// Rotary position embedding, if the family has it.
    pub rotary: Option<Rotary>,
}

/// Rotary position embedding (Su et al. 2021, "RoFormer", section 3.2): pair `i` of a head's `d` values, `(x_i, x_{i+d/2})`,
/// turns by `position * theta^(-2i/d)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rotary {
    /// The base of the angles.
    pub theta: f64,
    /// How angles change for inputs longer than those of pretraining.
    pub scaling: RotaryScaling,
}

/// How a checkpoint stretches rotary positions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RotaryScaling {
    /// Not at all.
    None,
    /// Every angle divided by the factor.
    Linear(f64),
    /// Slow pairs divided, fast ones kept, those between interpolated (Llama 3.1).
    Llama3 {
        /// What slow pairs are divided by.
        factor: f64,
        /// Pairs that turn fewer times over the original length are slow.
        low_freq_factor: f64,
        /// Pairs that turn more often than this are fast.
        high_freq_factor: f64,
        /// The longest input of pretraining.
        original_max_len: usize,
    },
}

/// The attention of a block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AttentionConfig {
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads, each shared by `n_heads / n_kv_heads` query heads (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    /// Values in a head.
    pub d_head: usize,
    /// What logits are multiplied by; `1 / sqrt(d_head)` in most families.
    pub scale: f64,
    /// Whether queries, keys and values have a bias.
    pub bias: bool,
    /// Whether the output map has one.
    pub output_bias: bool,
    /// Whether queries and keys are normalised within each head (Qwen3, Gemma 3).
    pub qk_norm: bool,
}

/// The feed-forward part of a block: `down(f(up(x)))`, or `down(f(gate(x)) * up(x))` if gated (Shazeer 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedForwardConfig {
    /// Values between the two linear maps.
    pub d_ff: usize,
    /// The function `f`.
    pub activation: Activation,
    /// Whether there is a gate.
    pub gated: bool,
    /// Whether the maps have biases.
    pub bias: bool,
}

/// Which normalisation, and where it stands. Each branch of a block is `sum(x + output(f(input(x))))` with those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Norms {
    /// The function.
    pub kind: NormKind,
    /// Inside the square root.
    pub eps: f64,
    /// Whether layer norms add a bias.
    pub bias: bool,
    /// After the embeddings.
    pub embeddings: bool,
    /// On what enters a branch ("pre-norm").
    pub input: bool,
    /// Whether the first block's attention has its input norm, too; ModernBERT's has not.
    pub first_input: bool,
    /// On what a branch gives, before it is added.
    pub output: bool,
    /// On the sum ("post-norm").
    pub sum: bool,
    /// After the last block.
    pub last: bool,
}

/// A normalisation over the values of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormKind {
    /// `(x - mean) / sqrt(var + eps) * weight + bias` (Ba et al. 2016).
    Layer,
    /// `x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich 2019).
    Rms,
}

/// An elementwise non-linearity, under the names that checkpoints use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `x Phi(x)` with the exact error function.
    Gelu,
    /// The tanh approximation of GELU: up to 4.7e-4 away from the exact one.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x sigmoid(x)`.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl TransformerConfig {
    /// Blocks with weights of their own.
    #[must_use]
    pub fn n_blocks(&self) -> usize {
        self.layers.iter().map(|layer| layer.block + 1).max().unwrap_or(0)
    }

    /// Checks what no tensor's shape can reveal.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let (attention, fail) = (&self.attention, |message| Err(Error::new(Kind::Config, message)));
        let sizes = [
            ("vocabulary", self.vocab_size),
            ("model dimension", self.d_model),
            ("embedding dimension", self.d_embedding),
            ("number of layers", self.layers.len()),
            ("number of heads", attention.n_heads),
            ("number of key and value heads", attention.n_kv_heads),
            ("head dimension", attention.d_head),
            ("feed-forward dimension", self.feed_forward.d_ff),
            ("number of positions", self.max_len),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return fail(format!("the {name} is zero"));
        }
        // Products of these sizes must not overflow; no file holds a tensor near this.
        const LIMIT: usize = 1 << 40;
        if let Some((name, size)) = sizes.iter().find(|(_, size)| *size > LIMIT) {
            return fail(format!("the {name} is {size}"));
        }
        if attention.n_heads > LIMIT / attention.d_head {
            return fail(format!("{} heads of {} dimensions", attention.n_heads, attention.d_head));
        }
        if !attention.n_heads.is_multiple_of(attention.n_kv_heads) {
            let (heads, kv) = (attention.n_heads, attention.n_kv_heads);
            return fail(format!("{kv} key and value heads cannot be shared by {heads} heads"));
        }
        if self.spans.iter().any(|span| span.rotary.is_some()) && !attention.d_head.is_multiple_of(2) {
            return fail(format!("rotary positions need an even head dimension, not {}", attention.d_head));
        }
        if self
            .relative_bias
            .is_some_and(|bias| bias.n_buckets < 4 || bias.max_distance <= bias.n_buckets / 4)
        {
            return fail("the buckets of relative attention do not fit their largest distance".to_owned());
        }
        if self.norms.eps <= 0.0 {
            return fail(format!("the epsilon of norms is {}, not positive", self.norms.eps));
        }
        let numbers = [
            ("epsilon of norms", self.norms.eps),
            ("attention scale", attention.scale),
            ("embedding scale", self.embedding_scale),
        ];
        if let Some((name, value)) = numbers.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return fail(format!("the {name} is {value}"));
        }
        if let Some(rotary) =
            self.spans.iter().filter_map(|span| span.rotary).find(|rotary| !rotary.is_valid())
        {
            return fail(format!("these rotary positions have no meaning: {rotary:?}"));
        }
        Ok(())
    }
}

impl Rotary {
    fn is_valid(&self) -> bool {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        positive(self.theta)
            && match self.scaling {
                RotaryScaling::None => true,
                RotaryScaling::Linear(factor) => positive(factor),
                RotaryScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_len } => {
                    positive(factor)
                        && positive(low_freq_factor)
                        && high_freq_factor > low_freq_factor
                        && original_max_len > 0
                }
            }
    }
}
