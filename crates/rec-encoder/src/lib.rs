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
//! - [`TextEncoder`]: texts to vectors; loads folders, encodes lists, streams and catalogues.
//! - [`TokenEncoder`]: the trait behind it, from token ids to token states. [`Transformer`] is the one that loads BERT
//!   checkpoints; bring your own to [`TextEncoder::from_parts`].
//! - [`Block4`]: 4-bit weights, as the bundled model stores them.
//!
//! # Features
//!
//! - `flex` (default), `ndarray`, `wgpu`: burn backends, as in `rec-core`.
//! - `bundled` (default): `TextEncoder::bundled`, a small English model of 9 MB compiled into the program. Turn it off
//!   when you load a folder of your own and care about download size; the linker drops it anyway when it is not used.

mod checkpoint;
mod error;
mod folder;
mod head;
mod source;
mod text_encoder;
mod token_encoder;
mod transformer;

pub use burn;
pub use checkpoint::LoadReport;
pub use checkpoint::block4::Block4;
pub use error::Error;
pub use text_encoder::{Chunks, Encoded, Progress, TextEncoder};
pub use token_encoder::TokenEncoder;
pub use transformer::{Activation, Transformer, TransformerConfig};
