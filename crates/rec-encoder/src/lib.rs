//! Text encoders on burn: a sentence-transformers folder in, vectors out, on CPU or GPU, in pure Rust.
//!
//! ```
//! use burn::tensor::Device;
//! use rec_encoder::TextEncoder;
//!
//! let encoder = TextEncoder::bundled(&Device::flex())?; // or TextEncoder::from_dir("models/all-MiniLM-L6-v2", &device)?
//! let items = encoder.embed([("dune", "Dune. A desert planet"), ("emma", "Emma. A matchmaker errs")])?;
//! assert_eq!((items.len(), items.dim()), (2, 384));
//! assert_eq!(items.space(), encoder.space());
//! # Ok::<(), rec_encoder::Error>(())
//! ```
//!
//! - [`TextEncoder`]: texts to vectors; loads folders and saves them, encodes lists, streams and catalogues.
//! - [`TokenEncoder`]: the trait behind it, from token ids to token states. [`Transformer`] is the one that loads checkpoints
//!   of many families: BERT, RoBERTa, XLM-RoBERTa, DistilBERT, MPNet, ALBERT, ModernBERT and NomicBERT, and the decoders GPT-2,
//!   Llama, Mistral, Qwen2, Qwen3 and Gemma 3. One block runs them all; [`TransformerConfig`] says where they differ. Bring your
//!   own to [`TextEncoder::from_parts`].
//! - [`StaticEncoder`]: the other that is loaded, a table of embeddings, and `Distillation` makes one from a transformer.
//! - [`EmbeddingCache`]: vectors of texts that were encoded before, in memory and in a file.
//! - [`WeightFormat`]: how weights are stored, down to [`Block8`] and [`Block4`], as the bundled model has them.
//!
//! # Features
//!
//! - `distill`: `Distillation`, static encoders from transformers.
//! - `flex` (default), `ndarray`, `wgpu`: burn backends, as in `rec-core`.
//! - `hub`: `Hub`, models by their name on a model hub. Without it nothing here knows a network.
//! - `bundled` (default): `TextEncoder::bundled`, a small English model of 9 MB compiled into the program. Turn it off
//!   when you load a folder of your own and care about download size; the linker drops it anyway when it is not used.

mod cache;
mod checkpoint;
mod compress;
#[cfg(feature = "distill")]
mod distill;
mod error;
mod folder;
mod head;
#[cfg(feature = "hub")]
mod hub;
mod source;
mod static_encoder;
mod text_encoder;
mod token_encoder;
mod tokenizer_json;
mod transformer;

pub use burn;
pub use cache::EmbeddingCache;
pub use checkpoint::LoadReport;
pub use checkpoint::block4::Block4;
pub use checkpoint::block8::Block8;
#[cfg(feature = "distill")]
pub use distill::Distillation;
pub use error::Error;
#[cfg(feature = "hub")]
pub use hub::Hub;
pub use static_encoder::StaticEncoder;
pub use text_encoder::{Chunks, Encoded, Progress, TextEncoder, TextModel, WeightFormat};
pub use token_encoder::TokenEncoder;
pub use transformer::{
    Activation, AttentionConfig, FeedForwardConfig, Layer, LearnedPositions, NormKind, Norms, RelativeBias,
    Rotary, RotaryScaling, Span, Transformer, TransformerConfig,
};
