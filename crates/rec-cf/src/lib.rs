//! Collaborative filtering without tensors: interactions in, ranked lists out, on a CPU.
//!
//! - [`InteractionMatrix`]: users by items, sparse, from [`Interactions`](rec_data::Interactions).
//! - A config with a `fit` for each model. `fit` tells how far it is and can be stopped ([`Progress`]), and refuses before it
//!   begins if it would need more memory than its limit, [`DEFAULT_MEMORY_LIMIT`] unless set.
//! - [`Recommender`], what every model is then: scores for a history, the best `k`, and what of the history they come from.
//!   Histories are all that a model is told, so that users who are new need no training.
//! - [`FoldIn`]: from a [`History`](rec_data::History) to what a model takes, with decay.
//!
//! ```
//! use rec_cf::{Aggregation, FoldIn, InteractionMatrix, Popularity, PopularityConfig, Progress, Recommender};
//! use rec_data::{Interaction, Interactions};
//!
//! let log = [("ann", "emma"), ("bob", "emma"), ("ann", "dune"), ("cid", "dune"), ("cid", "emma")];
//! let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
//! let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
//! let model = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
//!
//! let history = FoldIn::new(Aggregation::Binary).rows(model.items(), log.get("bob").unwrap())?;
//! assert_eq!(model.top_k(&history, 1)?[0].id, "dune");
//!
//! let path = std::env::temp_dir().join("rec-cf-doc.model");
//! model.save(&path)?;
//! assert_eq!(Popularity::load(&path)?, model);
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Models
//!
//! | model | scores by | state for `n` items |
//! |---|---|---|
//! | [`Popularity`] | how many met the item, of late if wished | `n` counts |
//! | [`ItemKnn`] | items like those of the history | `k n` similarities |
//! | [`UserKnn`] | what users like this one have | the interactions |
//! | [`Ease`] | a linear model in closed form, weights of both signs | `n^2` weights |
//! | [`Slim`] | a linear model by coordinate descent, few weights, none negative | as many as there are |
//! | [`Slit`] | a linear model in closed form of what comes next | `n^2` weights |
//! | [`ImplicitAls`] | factors by alternating least squares | `f` factors for each user and item |
//! | [`Bpr`] | factors that rank, by stochastic gradient descent | the same, and biases |
//! | [`Bilinear`] | a learned measure between vectors of items, new ones too | the vectors, and one matrix |
//! | [`Transitions`] | what comes after the newest items | pairs that occurred |
//! | [`SessionKnn`] | what recent sessions like this one have | the sessions |
//!
//! [`Popularity`], [`CoOccurrence`] (and with it [`ItemKnn`] and the matrix of [`Ease`]) and [`Transitions`] follow interactions
//! as they come in; the others are trained again.
//!
//! # Conventions
//!
//! **Items are numbered in the order of their ids**, so rows of two models of the same items agree, and ties go to the smaller
//! id. **The same input gives the same bits** for any number of threads, unless a model's documentation says otherwise.
//! **Files** are written whole or not at all, have a version and a check sum, and give an [`Error`] when they are damaged.

mod als;
mod bilinear;
mod bpr;
mod co_occurrence;
mod ease;
mod error;
mod factors;
mod fetch;
mod file;
mod fold_in;
mod linear;
mod lists;
mod matrix;
mod memory;
mod neighbours;
mod popularity;
mod products;
mod progress;
mod recommender;
mod session_knn;
mod slim;
mod slit;
mod sparse;
mod tiles;
mod transitions;
mod whitening;

pub use als::{AlsSolver, Confidence, ImplicitAls, ImplicitAlsConfig};
pub use bilinear::{Bilinear, BilinearConfig};
pub use bpr::{Bpr, BprConfig, Negatives, Schedule};
pub use co_occurrence::CoOccurrence;
pub use ease::{Ease, EaseConfig};
pub use error::Error;
pub use fold_in::FoldIn;
pub use matrix::{Aggregation, InteractionMatrix};
pub use memory::DEFAULT_MEMORY_LIMIT;
pub use neighbours::{ItemKnn, KnnConfig, Similarity, UserKnn, Weighting};
pub use popularity::{Popularity, PopularityConfig};
pub use progress::Progress;
pub use recommender::Recommender;
pub use session_knn::{Recency, SessionKnn, SessionKnnConfig};
pub use slim::{Slim, SlimConfig};
pub use slit::{Slit, SlitConfig};
pub use transitions::{Transitions, TransitionsConfig};
