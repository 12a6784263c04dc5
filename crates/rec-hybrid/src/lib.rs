//! Several recommenders as one, without tensors: fused, blended, stacked, or in the order of evidence; and lists made diverse or
//! calibrated afterwards.
//!
//! - [`Source`]: any [`Recommender`](rec_cf::Recommender) with a name and a decay. Besides the models of `rec-cf` there are
//!   [`ContentModel`], on vectors from anywhere, and [`Lexical`], on the terms of texts.
//! - [`fuse`], [`reciprocal_rank_fusion`]: ranked lists into one, untrained.
//! - [`Blend`]: a weighted sum of normalised scores. [`StackingConfig`] learns the weights, or trees, from held-out targets.
//! - [`ColdStart`]: a prior, content and a collaborative model, each as far as there is evidence for it.
//! - [`determinantal`] and [`Calibration`]: lists in another order.
//!
//! What combines models is a [`Recommender`](rec_cf::Recommender) again, and takes histories whose weights do not decay yet: each
//! source has its own decay. Everything is the same for any number of threads.
//!
//! ```
//! use rec_cf::{Aggregation, EaseConfig, FoldIn, InteractionMatrix, PopularityConfig, Progress, Recommender};
//! use rec_data::{Interaction, Interactions};
//! use rec_hybrid::{Blend, Normalization, Source};
//!
//! let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("cid", "emma"), ("dan", "emma")];
//! let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
//! let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
//! let ease = EaseConfig::new(0.5).fit(&matrix, Progress::ignore)?;
//! let popular = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
//! let sources = vec![(Source::new("EASE", ease).with_decay(0.8), 1.0), (Source::new("popularity", popular), 0.1)];
//! let model = Blend::new(sources, Normalization::ZScore)?;
//!
//! let history = FoldIn::new(Aggregation::Binary).rows(model.items(), log.get("bob").unwrap())?;
//! assert_eq!(model.top_k(&history, 1)?[0].id, "solaris");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blend;
mod cold_start;
mod content;
mod error;
mod example;
mod fusion;
mod lexical;
mod normalization;
mod rerank;
mod source;
mod stacking;

pub use blend::Blend;
pub use cold_start::{ColdStart, ColdStartConfig};
pub use content::ContentModel;
pub use error::Error;
pub use example::Example;
pub use fusion::{Combination, fuse, reciprocal_rank_fusion};
pub use lexical::Lexical;
pub use normalization::Normalization;
pub use rerank::{Calibration, category_distribution, determinantal};
pub use source::Source;
pub use stacking::{
    BoostedTrees, BoostingConfig, Learner, Logistic, LogisticConfig, Stacker, StackingConfig,
};
