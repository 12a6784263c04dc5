//! Scores and ranked lists: from a user's interests and item vectors to an answer.
//!
//! ```
//! use rec_core::{Fingerprint, Interests, VectorTable};
//! use rec_score::{Cosine, Filter, FlatIndex, mmr, reasons};
//!
//! let space = Fingerprint::declared("taste: space, romance");
//! let items = VectorTable::from_rows(
//!     space,
//!     [("dune", [1.0, 0.1]), ("foundation", [0.9, 0.0]), ("emma", [0.0, 1.0]), ("solaris", [0.8, 0.4])],
//! )?;
//! let user = Interests::new(vec![1.0, 0.2], 2, space)?;
//! let index = FlatIndex::with_scorer(items.clone(), &Cosine)?;
//!
//! // The best items that the user has not seen, and why.
//! let seen = ["dune".into()];
//! let list = index.top_k(&user, 2, &Filter::exclude(&seen))?;
//! assert_eq!(list[0].id, "foundation");
//! assert_eq!(reasons(&list[0].id, &seen, &items, 1)?[0].id, "dune");
//!
//! // Less of the same.
//! let all = index.top_k(&user, 4, &Filter::none())?;
//! let diverse = mmr(&all, &items, 0.2, 2)?;
//! assert_eq!((diverse[0].id.as_str(), diverse[1].id.as_str()), ("dune", "emma"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! - A [`Scorer`] gives logits `[batch, n]` from interests and candidates, both a [`Sequence`](rec_core::Sequence):
//!   [`Dot`], [`Cosine`], [`AdditiveLinear`] (calibrated, but *not personal*), [`Bilinear`] (personal), and learned from a seed
//!   [`FactorizationMachine`], [`MlpScorer`] and [`TargetAttention`] (DIN).
//! - Scorers that [factor](Scorer::factors) into a query vector and a bias are served by [`FlatIndex`]: exact top-k, in
//!   parallel, over a snapshot that may change. The others [`rank`] blocks of candidates on a device.
//! - A [`Filter`] says which items may be answered: seen items, deny and allow lists, predicates.
//! - [`OnlineLogistic`] goes on learning the linear models, click by click.
//! - [`mmr`] re-ranks for diversity; [`reasons`] names the history items nearest to a recommendation.
//!
//! # Conventions
//!
//! **Scores are logits.** [`probability`] is the last step, if at all: in `f32` the sigmoid saturates and makes ties.
//! **Lists have one order**, score descending and then id ascending, for any number of threads and in any batch.
//! **Several interests** of a user merge by the best interest for each item. **Two vectors meet only in one space**: a
//! mismatch of fingerprints is an [`Error`].
//!
//! # Features
//!
//! `flex` (default), `ndarray` and `wgpu` switch on the burn backends, as in `rec-core`.

mod additive;
mod bilinear;
mod cosine;
mod dot;
mod error;
mod factorization_machine;
mod file;
mod filter;
mod flat_index;
mod kernel;
mod mlp;
mod mmr;
mod online;
mod rank;
mod reasons;
mod scorer;
mod target_attention;

pub use additive::AdditiveLinear;
pub use bilinear::{Bilinear, BilinearConfig, Form};
pub use cosine::Cosine;
pub use dot::Dot;
pub use error::Error;
pub use factorization_machine::{FactorizationMachine, FactorizationMachineConfig};
pub use filter::Filter;
pub use flat_index::FlatIndex;
pub use mlp::{MlpScorer, MlpScorerConfig};
pub use mmr::mmr;
pub use online::{Click, OnlineConfig, OnlineLogistic, StepSize};
pub use rank::rank;
pub use reasons::reasons;
pub use scorer::{Factors, PADDED_LOGIT, Query, Scorer, best_interest, probability};
pub use target_attention::{TargetAttention, TargetAttentionConfig};
