//! Forward passes of transformers on the CPU, without tensors.
//!
//! Texts are *packed*: the states of all their tokens are the rows of one matrix, without padding, and `offsets` says where
//! each begins. [`Embeddings`] make the states, an [`Encoder`] runs the layers in place, and [`PackedLinear`] maps what comes
//! out of them. A [`Model`] describes the layers over borrowed weights; the encoder packs them once, into the order in
//! which the inner loop reads them.
//!
//! ```
//! use rec_kernels::{
//!     Activation, Attention, Block, BranchNorms, Encoder, FeedForward, Layer, Linear, Model, Span,
//! };
//!
//! // A head of two values that mixes every token with the others, and a feed-forward part that adds nothing.
//! let qkv = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
//! let identity = Linear { weight: &[1.0, 0.0, 0.0, 1.0], bias: None };
//! let nothing = Linear { weight: &[0.0; 4], bias: None };
//! let block = Block {
//!     qkv: Linear { weight: &qkv, bias: None },
//!     output: identity,
//!     query_norm: None,
//!     key_norm: None,
//!     attention_norms: BranchNorms::default(),
//!     up: nothing,
//!     down: nothing,
//!     feed_forward_norms: BranchNorms::default(),
//! };
//! let encoder = Encoder::new(&Model {
//!     d_model: 2,
//!     attention: Attention { n_heads: 1, n_kv_heads: 1, d_head: 2, scale: 1.0, is_causal: false },
//!     feed_forward: FeedForward { d_ff: 2, activation: Activation::Gelu, is_gated: false },
//!     blocks: vec![block],
//!     spans: vec![Span { reach: None, rotary: None }],
//!     layers: vec![Layer { block: 0, span: 0 }],
//!     relative_bias: None,
//!     last_norm: None,
//! });
//! // A text of two tokens and one of a single token. All queries are zero, so that a token sees the mean of its text.
//! let mut states = [1.0, 0.0, 3.0, 2.0, 5.0, 5.0];
//! encoder.forward(&mut states, &[0, 2, 3]);
//! assert_eq!(states, [3.0, 1.0, 5.0, 3.0, 10.0, 10.0]);
//! ```
//!
//! # Bits
//!
//! Every value of a product is one chain of multiply-adds in the order of the inner dimension. Blocks, tiles, threads and
//! whatever else is in a batch change which values are computed together, and never a chain: a text has the same bits alone
//! and among others, on one thread and on many. Processors with vectors of another length may differ in the last bits.
//!
//! In eight bits ([`Encoder::int8`]) products are exact integers, with the same bits on every processor; so are the scales. What stands
//! between products is as above, and a last bit that differs can move a code by one.
//!
//! # Speed
//!
//! Kernels are written once, for vectors of any length (crate `pulp`), and chosen at run time: AVX-512 (feature `x86-v4`,
//! on by default), AVX2 with FMA, NEON, or one value at a time. `examples/roofline.rs` measures how near the whole comes to
//! the rate of multiply-adds alone; `benches/peers/encoder` compares encoders on these kernels with PyTorch, ONNX Runtime and
//! what is built on them (`docs/performance.md`).

mod activation;
mod attention;
mod block;
mod dispatch;
mod embeddings;
mod encoder;
mod function;
mod int8;
mod linear;
mod model;
mod norm;
mod packed;
mod product;
#[cfg(test)]
mod reference;
mod rotary;
mod scratch;
mod softmax;
#[cfg(test)]
mod tests;
mod tile;
mod together;
pub mod training;

pub use activation::Activation;
pub use embeddings::{Embeddings, Positions};
pub use encoder::Encoder;
pub use linear::PackedLinear;
pub use model::{Attention, Block, BranchNorms, FeedForward, Layer, Linear, Model, RelativeBias, Span};
pub use norm::{Norm, NormKind};
pub use rotary::RotaryTable;
