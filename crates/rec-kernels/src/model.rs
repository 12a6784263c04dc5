use crate::activation::Activation;
use crate::norm::Norm;
use crate::rotary::RotaryTable;

/// A transformer over borrowed weights: all that a forward pass depends on, from the states after the embeddings to the
/// output.
///
/// Matrices are row-major `[d_in, d_out]`, and a row vector is multiplied from the left.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// Values in a state.
    pub d_model: usize,
    /// The attention of every block.
    pub attention: Attention,
    /// The feed-forward part of every block.
    pub feed_forward: FeedForward,
    /// The weights.
    pub blocks: Vec<Block<'a>>,
    /// The kinds of attention that layers choose from.
    pub spans: Vec<Span>,
    /// The layers in order.
    pub layers: Vec<Layer>,
    /// Added to the logits of every layer.
    pub relative_bias: Option<RelativeBias<'a>>,
    /// After the last layer.
    pub last_norm: Option<Norm<'a>>,
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2.2): `softmax(scale QK' + bias) V` in each head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads, each shared by `n_heads / n_kv_heads` query heads in their order (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    /// Values in a head.
    pub d_head: usize,
    /// What logits are multiplied by, finite and not negative.
    pub scale: f32,
    /// Whether a position sees only itself and earlier ones.
    pub is_causal: bool,
}

/// `down(f(up(x)))`, or `down(f(gate(x)) * up(x))` if gated (Shazeer 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedForward {
    /// Values between the two linear maps.
    pub d_ff: usize,
    /// The function `f`.
    pub activation: Activation,
    /// Whether there is a gate.
    pub is_gated: bool,
}

/// How far a layer sees, and how it knows distances.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The largest distance between a query and a key; `None` for all.
    pub reach: Option<usize>,
    /// Rotary position embedding, after the norms of queries and keys.
    pub rotary: Option<RotaryTable>,
}

/// One step of the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The block whose weights it uses; several layers may share one.
    pub block: usize,
    /// Its entry in [`Model::spans`].
    pub span: usize,
}

/// A bias on logits for each head and offset of key and query.
#[derive(Debug, Clone, Copy)]
pub struct RelativeBias<'a> {
    /// `[n_heads, 2 * max_len - 1]`: the offset `key - query` stands at `max_len - 1 + key - query`.
    pub values: &'a [f32],
    /// The longest sequence.
    pub max_len: usize,
}

/// `x W + b`.
#[derive(Debug, Clone, Copy)]
pub struct Linear<'a> {
    /// `[d_in, d_out]`.
    pub weight: &'a [f32],
    /// `d_out` values.
    pub bias: Option<&'a [f32]>,
}

/// The norms around a branch `f`: `sum(x + output(f(input(x))))` with those that are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct BranchNorms<'a> {
    /// On what enters the branch ("pre-norm").
    pub input: Option<Norm<'a>>,
    /// On what the branch gives, before it is added.
    pub output: Option<Norm<'a>>,
    /// On the sum ("post-norm").
    pub sum: Option<Norm<'a>>,
}

/// The weights of a block: attention, then the feed-forward part, each beside a residual connection.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// `d_model` to all query heads, then all key heads, then all value heads.
    pub qkv: Linear<'a>,
    /// `n_heads * d_head` to `d_model`.
    pub output: Linear<'a>,
    /// Over the values of a query head.
    pub query_norm: Option<Norm<'a>>,
    /// Over the values of a key head.
    pub key_norm: Option<Norm<'a>>,
    /// Around the attention.
    pub attention_norms: BranchNorms<'a>,
    /// `d_model` to `d_ff`; with a gate to twice that, the gate first.
    pub up: Linear<'a>,
    /// `d_ff` to `d_model`.
    pub down: Linear<'a>,
    /// Around the feed-forward part.
    pub feed_forward_norms: BranchNorms<'a>,
}
