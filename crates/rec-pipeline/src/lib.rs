//! Everything that recommends, saved and loaded as one folder: build once at night, load in the server.
//!
//! ```
//! use burn::tensor::Device;
//! use rec_data::{History, days};
//! use rec_encoder::TextEncoder;
//! use rec_interest::{Average, Decay};
//! use rec_pipeline::{EncoderSource, Pipeline};
//! use rec_score::{Cosine, Filter};
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("pipeline");
//!
//! // At night: vectors for all items, and what to do with them.
//! let device = Device::flex();
//! let encoder = TextEncoder::bundled(&device)?;
//! let items = encoder.embed([
//!     ("dune", "A desert planet and its worms"),
//!     ("solaris", "A station above an ocean planet"),
//!     ("emma", "A matchmaker in a village"),
//! ])?;
//! let user = Average::with_decay(Decay::half_life(days(30)));
//! let pipeline = Pipeline::new(items, user, Cosine)?
//!     .with_encoder(encoder, EncoderSource::Bundled)?
//!     .with_provenance("template", "{about}");
//! pipeline.save(&folder)?;
//!
//! // In the server, shared by its threads.
//! let pipeline = Pipeline::load(&folder, &device)?;
//! let history = History::from_iter([("dune", days(1))]);
//! let list = pipeline.recommend(&history, 1, &Filter::exclude(history.items()))?;
//! assert_eq!(list[0].id, "solaris");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The folder
//!
//! | file | has |
//! |---|---|
//! | `pipeline.json` | the format's version, every part by kind, file and fingerprint, the settings, provenance, and last its own fingerprint |
//! | `items.safetensors` | the [`VectorTable`](rec_core::VectorTable) that is ranked |
//! | `history.safetensors` | the table that histories are looked up in, if it is another one |
//! | `scorer.safetensors` | the parameters of the scorer, if it has any |
//! | `encoder/` | the encoder, if it is [saved](EncoderSource::Saved) with the rest |
//!
//! A folder appears complete or not at all, and is never changed: the next build is another folder. Loading refuses what does
//! not belong together: a changed or missing file, a table, scorer or encoder of another space, a newer format.
//!
//! Models of your own ([`UserEncoder`](rec_interest::UserEncoder), [`Scorer`](rec_score::Scorer)) work with all the crates
//! beneath this one, but nothing here could load them: a [`UserModel`] and a [`ScoreModel`] are those that the workspace
//! brings.
//!
//! # Features
//!
//! `flex` (default), `ndarray` and `wgpu` compile burn's devices in, as in `rec-core`; `bundled` (default) the encoder of
//! [`EncoderSource::Bundled`].

mod error;
mod files;
mod manifest;
mod parts;
mod pipeline;

pub use error::Error;
pub use parts::{EncoderSource, ScoreModel, UserModel};
pub use pipeline::Pipeline;
