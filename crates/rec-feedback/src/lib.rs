//! What users do with recommendations, and what to learn from it, without tensors.
//!
//! - [`FeedbackWeights`]: ratings, skips, purchases and seconds as weights of interactions, negative ones included.
//! - [`PlattScaling`] and [`IsotonicCalibration`]: scores as probabilities that hold.
//! - [`Bandit`]: a choice from a ranked list that explores, with its propensity: [`EpsilonGreedy`], and [`LinearBandit`], which learns
//!   (LinUCB, Thompson sampling).
//!
//! What another policy would have earned is estimated by `rec_eval::OffPolicy`, from logs that `rec_data::decisions` reads and writes.
//!
//! ```
//! use rec_data::{Hit, RankedList};
//! use rec_feedback::{Arms, Bandit, Exploration, LinearBandit, PlattScaling};
//!
//! // A ranker's logits, and what happened to earlier ones.
//! let platt = PlattScaling::fit(&[-1.0, 0.0, 0.5, 1.0, 2.0, 3.0], &[false, false, true, false, true, true])?;
//! let list = RankedList::new([("dune", 1.5), ("emma", 1.4)].map(|(id, score)| Hit { id: id.into(), score }))?;
//!
//! // A bandit over the list. Its features: the probability of a click, and whether the item is new.
//! let items: Vec<_> = list.iter().map(|hit| hit.id.clone()).collect();
//! let p = |i: usize| platt.probability(f64::from(list[i].score));
//! let features = [p(0), 0.0, p(1), 1.0];
//! let arms = Arms::new(&items, &features)?;
//! let mut bandit = LinearBandit::new(2, Exploration::Thompson { v: 0.3, n_draws: 1000 }).with_epsilon(0.05);
//! let (shown, choice) = bandit.rerank(&list, &arms, 17);
//! assert!(choice.propensity >= 0.025);
//!
//! // Ann clicked on what stood first.
//! bandit.update(&shown[0].id, arms.features(choice.arm), 1.0)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Conventions
//!
//! Everything random comes from a seed that is an argument. A number that is not finite is an [`Error`] where it enters, and changes
//! nothing. Models are saved as JSON, whole or not at all, and read back bit for bit.

mod bandit;
mod calibration;
mod error;
mod file;
mod random;
mod weights;

pub use bandit::{Arms, Bandit, Choice, EpsilonGreedy, Exploration, LinearBandit};
pub use calibration::{IsotonicCalibration, PlattScaling};
pub use error::Error;
pub use weights::{FeedbackWeights, Numbers, label};
