//! The tensor vocabulary of a recommender that understands text.
//!
//! - [`Sequence`]: a padded batch of vectors with its mask. Words, history items, interests and candidates are all one.
//! - [`Pooling`]: a sequence to one vector a row.
//! - [`VectorTable`]: vectors with ids in one space, named by a [`Fingerprint`]; kept, saved, memory-mapped.
//! - [`HistoryBatch`]: users' histories looked up in a table, with ages, steps and [weights](EventWeights).
//! - [`ItemSource`]: where a model takes item rows from while it is trained: a frozen table, a trainable embedding, both.
//! - [`Interests`]: what a user model makes of a history, on the host, ready for an index.
//! - [`nn`]: what learned models are built of, with every draw from a seed; [`ModelFile`]: their parameters as a file.
//!
//! Padding and the rest of a batch never change a value; a row of padding gives the zero vector, never NaN.
//!
//! # Features
//!
//! - `flex` (default): burn's pure-Rust CPU backend, with SIMD and rayon.
//! - `ndarray`: burn's older CPU backend. Deprecated upstream; for comparison.
//! - `wgpu`: GPUs through Vulkan, Metal, DX12 or WebGPU.
//!
//! Features only add. Types of [`burn`] are part of this API, so `burn` is re-exported; a burn minor release is a
//! breaking release of this crate.

pub use burn;
pub use rec_data::EventWeights;

pub mod device;
mod embedding_bag;
mod error;
mod fingerprint;
mod history_batch;
mod interests;
mod item_source;
pub mod mapped;
pub mod masked;
mod model_file;
pub mod nn;
mod pooling;
mod sequence;
mod vector_table;

pub use embedding_bag::{EmbeddingBag, EmbeddingBagConfig};
pub use error::Error;
pub use fingerprint::{Fingerprint, FingerprintBuilder};
pub use history_batch::HistoryBatch;
pub use interests::Interests;
pub use item_source::{FrozenItems, ItemEmbedding, ItemEmbeddingConfig, ItemSource, Sum};
pub use model_file::ModelFile;
pub use pooling::Pooling;
pub use sequence::{Sequence, mask_from_lengths};
pub use vector_table::VectorTable;
