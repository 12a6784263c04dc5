//! Amazon Reviews 2023 as the McAuley Lab publishes it: reviews and item metadata as JSON lines, and 5-core ratings as CSV.
//!
//! Yupeng Hou et al.: *Bridging Language and Items for Retrieval and Recommendation*, 2024 (arXiv:2403.03952). The fields are
//! those of the data set's web page. Blank lines are skipped, and a path that ends in `.gz` is read through gzip.
//!
//! An item is a `parent_asin`: products that differ in colour or size have one parent, and the metadata are its own.
//!
//! The benchmark files (`user_id,parent_asin,rating,timestamp`, perhaps with a `history`) are [CSV](crate::csv):
//!
//! ```
//! use rec_data::csv::{self, Dialect};
//! use rec_data::amazon;
//!
//! let file = &b"user_id,parent_asin,rating,timestamp,history\nAE22,B07,5.0,1577836800500,B01 B02\n"[..];
//! let fields = amazon::interaction_fields();
//! let log = csv::read_interactions_from(file, "Movies_and_TV.train.csv", &fields, Dialect::COMMA)?;
//! assert_eq!(log.get("AE22").unwrap().now(), 1_577_836_800.5);
//! # Ok::<(), rec_data::Error>(())
//! ```

mod metadata;
mod reviews;

pub use metadata::{read_metadata, read_metadata_from};
pub use reviews::{Review, Reviews, read_interactions, read_interactions_from, reviews, reviews_from};

use crate::fields::{InteractionFields, TimeUnit};

/// The columns of the benchmark files: users, parent ASINs, ratings, and times in milliseconds.
///
/// The [module](crate::amazon) has an example.
#[must_use]
pub fn interaction_fields() -> InteractionFields {
    let fields = InteractionFields::default().item("parent_asin").rating("rating");
    fields.time("timestamp").time_unit(TimeUnit::Milliseconds)
}
