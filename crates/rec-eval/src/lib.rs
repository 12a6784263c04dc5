//! Evaluation of recommenders: metrics that say what they divide by, how far they might be off, and whom they left out.
//!
//! No models and no tensors: ranked lists and what users did go in, numbers come out.
//!
//! # A small program
//!
//! ```
//! use rec_data::{Hit, Id, Interaction, Interactions, RankedList};
//! use rec_eval::{BeyondAccuracy, Bootstrap, Evaluator, Popularity, Relevance};
//!
//! let log = |events: &[(&'static str, &'static str)]| {
//!     Interactions::new(events.iter().map(|(user, item)| (*user, Interaction::new(*item, 0.0))))
//! };
//! let train = log(&[("ann", "dune"), ("ann", "emma"), ("bob", "dune"), ("cid", "dune"), ("cid", "solaris")])?;
//! let test = log(&[("ann", "solaris"), ("bob", "emma"), ("cid", "ulysses")])?;
//!
//! // Everybody gets the most popular items that they do not know.
//! let popularity = Popularity::new(&train);
//! let recommend = |user: &Id| {
//!     let is_known = |item: &Id| train.get(user).is_some_and(|history| history.items().any(|known| known == item));
//!     let items = train.items().iter().filter(|item| !is_known(item));
//!     RankedList::new(items.map(|item| Hit { id: item.clone(), score: popularity.n_events(item) as f32 }))
//! };
//!
//! let mut evaluator = Evaluator::new(["ndcg@2".parse()?, "recall@2".parse()?])
//!     .with_beyond_accuracy(BeyondAccuracy::at(2).with_train(&train));
//! evaluator.push_all(&Relevance::binary(&test), recommend)?;
//! let report = evaluator.report(Some(&Bootstrap::new(7)));
//!
//! // Ann and Bob get what they want; nobody could have known of Ulysses.
//! assert_eq!(report.value("recall@2"), Some(2.0 / 3.0));
//! assert_eq!(report.value("coverage_of_train@2"), Some(2.0 / 3.0));
//! assert_eq!(report.tie_counts[0].n_within, 1);
//! println!("{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The concepts
//!
//! - [`Relevant`] items of a user, and [`Relevance`] of many, are the truth. A [`RankingMetric`] is a [`Formula`] and a cut-off,
//!   such as `ndcg@10`; [`JudgedList`] is what it looks at.
//! - An [`Evaluator`] takes one list after the other and gives a [`Report`]: also of coverage, novelty and so on
//!   ([`BeyondAccuracy`]), and by [`Groups`] of users and items.
//! - A [`Bootstrap`] gives confidence intervals. [`PairedValues`] tell whether two runs differ, and [`holm`] corrects for many
//!   comparisons.
//! - [`Impressions`] are what was shown and clicked or not: AUCs, log loss, calibration. [`Ratings`] have errors.
//! - [`OffPolicy`] estimates what another policy would have earned, from a log of choices with their propensities.
//! - [`trec`] exchanges runs and judgements with other tools.
//!
//! # Conventions
//!
//! **Denominators are in the names**: `recall` and `recall_capped`, `precision` and `precision_of_list`, `group_auc` and
//! `global_auc`. [`Formula`] says which library calls what how.
//! **Nothing is left out in silence.** Users without relevant items are in no mean, and counted; so is what is undefined.
//! **Ties** stand in the order of ids, are counted, and can be [averaged over](Ties::Expected).
//! **All items are ranked.** [`Candidates`] can sample, to repeat published numbers.
//! **The same input gives the same bits**, for any number of threads; resampling has a seed.
//!
//! # Features
//!
//! `plot` draws charts as SVG files. Leave it out where nobody looks: it brings a drawing library.

mod atomic_file;
mod beyond;
mod candidates;
mod error;
mod evaluator;
mod groups;
mod impressions;
mod judged;
mod metric;
mod off_policy;
mod ratings;
mod relevance;
mod report;
mod resampling;
mod significance;

#[cfg(feature = "plot")]
pub mod plot;
pub mod trec;

pub use beyond::{
    BeyondAccuracy, CoOccurrence, Popularity, Satisfaction, SatisfiedHits, entropy_bits, gini,
    intra_list_diversity, serendipity,
};
pub use candidates::Candidates;
pub use error::Error;
pub use evaluator::Evaluator;
pub use groups::Groups;
pub use impressions::{CalibrationBin, ImpressionReport, Impressions};
pub use judged::{JudgedList, Ties};
pub use metric::{Formula, RankingMetric};
pub use off_policy::{ExpectedReward, LoggedChoice, OffPolicy, OffPolicyReport};
pub use ratings::{RatingReport, Ratings};
pub use relevance::{Relevance, Relevant};
pub use report::{GroupReport, Grouped, MetricReport, Recommended, Report, TieCount};
pub use resampling::{Bootstrap, Estimate, Interval};
pub use significance::{PairedTest, PairedValues, holm};
