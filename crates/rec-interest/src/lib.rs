//! From what a user did to what the user wants: histories of items to interest vectors.
//!
//! A history's items are looked up in a [`VectorTable`](rec_core::VectorTable); a [`UserEncoder`] turns their vectors, ages,
//! steps and weights into interests, which an index or a scorer then compares with items. Nothing here knows where the
//! vectors came from.
//!
//! ```
//! use rec_core::{Fingerprint, VectorTable};
//! use rec_data::{History, days};
//! use rec_interest::{Average, Decay, UserEncoder};
//!
//! let space = Fingerprint::declared("(space opera, romance)");
//! let items = VectorTable::from_rows(space, [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?;
//!
//! let history = History::from_iter([("dune", days(0)), ("emma", days(30))]);
//! let user = Average::with_decay(Decay::half_life(days(30))).interest(&items, &history);
//!
//! // Emma is one half-life old and counts half as much: (1 * dune + 0.5 * emma) / 1.5.
//! let interest = user.iter().next().unwrap();
//! assert!((interest[0] - 2.0 / 3.0).abs() < 1e-6);
//! assert!((interest[1] - 1.0 / 3.0).abs() < 1e-6);
//! # Ok::<(), rec_core::Error>(())
//! ```
//!
//! # What there is
//!
//! - [`UserEncoder`]: histories to interests; one required method.
//! - [`Average`]: the weighted average of the items, with [`Decay`] by age or by step and with negative feedback.
//! - [`Pooling`] is a user encoder too: the mean, the last item, the largest values.
//! - Learned models, each a config and a seed away: [`AdditiveAttention`] (NAML), [`Nrms`], [`Lstur`], [`SasRec`] (UniSRec);
//!   [`PolyAttention`] (ComiRec-SA, MINER) and [`Capsules`] (MIND) for several interests.
//! - [`TrainedUserEncoder`]: a learned model with the space of its items, saved and loaded.
//! - [`EachItem`]: the history itself, for scorers that attend to it.
//! - [`Adaptor`]: text vectors to item vectors, UniSRec's mixture of experts; [`GatedFusion`]: interests and a profile.
//! - [`TokenAttention`]: the history's items attend to token states of an encoder.
//!
//! # Laws
//!
//! Padding and the other users of a batch change an interest by no more than rounding. Items that the table does not know
//! are left out. A history without a known item gives the zero vector, never NaN.
//!
//! # Features
//!
//! `flex` (default), `ndarray` and `wgpu` compile burn's devices in, as in [`rec_core`]; `autodiff` compiles burn's autodiff
//! devices in, for training. Features only add.

pub use rec_core::Pooling;

mod adaptor;
mod additive_attention;
mod average;
mod capsules;
mod decay;
mod each_item;
mod gated_fusion;
mod lstur;
mod nrms;
mod poly_attention;
mod sasrec;
mod self_attention;
mod token_attention;
mod trained;
mod transformer_block;
mod user_encoder;
mod weighed;

pub use adaptor::{Adapted, Adaptor, AdaptorConfig};
pub use additive_attention::{AdditiveAttention, AdditiveAttentionConfig};
pub use average::Average;
pub use capsules::{Capsules, CapsulesConfig};
pub use decay::Decay;
pub use each_item::EachItem;
pub use gated_fusion::{GatedFusion, GatedFusionConfig};
pub use lstur::{LongTerm, Lstur, LsturConfig};
pub use nrms::{Nrms, NrmsConfig};
pub use poly_attention::{PolyAttention, PolyAttentionConfig, disagreement};
pub use sasrec::{SasRec, SasRecConfig};
pub use token_attention::TokenAttention;
pub use trained::{LearnedUserEncoder, TrainedUserEncoder};
pub use user_encoder::UserEncoder;
