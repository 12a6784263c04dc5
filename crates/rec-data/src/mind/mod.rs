//! MIND, the news of Microsoft News with the impressions that users saw: `news.tsv` and `behaviors.tsv`.
//!
//! Fangzhao Wu et al.: *MIND: A Large-scale Dataset for News Recommendation*, ACL 2020. The formats are those of the data
//! set's description; the small and the large version share them. Files are UTF-8, without a header, their fields between tabs,
//! nothing quoted. Blank lines are skipped, and a path that ends in `.gz` is read through gzip.
//!
//! ```
//! use rec_data::mind;
//!
//! let file = "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0\n";
//! let impressions: Vec<_> = mind::behaviors_from(file.as_bytes(), "behaviors.tsv").collect::<Result<_, _>>()?;
//! assert_eq!(impressions[0].user, "U13740");
//! assert_eq!(impressions[0].time, 1_573_463_158.0);
//! assert!(impressions[0].clicked().eq(["N55689"]));
//! # Ok::<(), rec_data::Error>(())
//! ```

mod behaviors;
mod news;
mod time;

pub use behaviors::{Candidate, Impression, Impressions, behaviors, behaviors_from};
pub use news::{read_news, read_news_from};
