//! Evaluation of recommenders that cannot lie.

mod atomic_file;
mod beyond;
mod candidates;
mod error;
mod evaluator;
mod groups;
mod impressions;
mod judged;
mod metric;
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
pub use impressions::{ImpressionReport, Impressions};
pub use judged::{JudgedList, Ties};
pub use metric::{Formula, RankingMetric};
pub use ratings::{RatingReport, Ratings};
pub use relevance::{Relevance, Relevant};
pub use report::{GroupReport, Grouped, MetricReport, Recommended, Report, TieCount};
pub use resampling::{Bootstrap, Estimate, Interval};
pub use significance::{PairedTest, PairedValues, holm};
