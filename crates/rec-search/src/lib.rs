//! Top-K search over vectors in memory: exact, over compressed rows, and approximate.
//!
//! Vectors go in as slices and row numbers with scores come out; a score is a dot product, so vectors of length 1 are ranked by
//! cosine. `rec-score` has the index over items with ids, filters and snapshots, which is built on this crate.
//!
//! ```
//! use rec_search::{Int8Rows, Vectors, rescore, top_k};
//!
//! // Three rows of two values, and a query.
//! let rows = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2);
//! let query = Vectors::new(&[0.0, 1.0], 2);
//! let exact = top_k(query, rows, 2, |_| true)?;
//! assert_eq!((exact[0][0].row, exact[0][1].row), (1, 2));
//!
//! // The same from a quarter of the memory traffic: candidates from bytes, scores from the rows.
//! let bytes = Int8Rows::new(rows)?;
//! let candidates = bytes.candidates(query, 3, |_| true)?;
//! let list = rescore(query.row(0), rows, candidates[0].iter().map(|found| found.row), 2)?;
//! assert_eq!(list, exact[0]);
//! # Ok::<(), rec_search::Error>(())
//! ```
//!
//! # Which one
//!
//! | | memory beside the rows | finds |
//! |---|---|---|
//! | [`top_k`] | none | everything |
//! | [`HalfRows`] | 1/2 | nearly everything, of a few candidates more than asked for |
//! | [`Int8Rows`] | 1/4 | nearly everything, of half as many again |
//! | [`SignCodes`] | 1/32 | most, of some thousand candidates |
//! | `Hnsw` | links | as much as `ef` pays for, in logarithmic time |
//!
//! Batches are the better choice where there are several queries: [`top_k`] reads rows once for all of them. `benches/peers/topk`
//! measures all of these, beside other libraries.
//!
//! # One order, one sum
//!
//! Lists are ordered by score descending, then by row ascending. There is one dot product, [`dot`], whose additions have one
//! order, with the fused multiplication and addition of IEEE 754: a score has the same bits alone and in a batch, for any number
//! of threads, and with AVX-512, AVX2, NEON or none of them. On processors without that instruction it is computed in software,
//! many times slower.
//!
//! # Features
//!
//! `hnsw` adds the approximate index.

mod best;
mod compressed;
mod error;
mod exact;
#[cfg(feature = "hnsw")]
mod hnsw;
mod kernel;
mod vectors;

pub use best::visit_reaching;
pub use compressed::{HalfRows, Int8Rows, SignCodes, rescore};
pub use error::Error;
pub use exact::{Found, top_k};
#[cfg(feature = "hnsw")]
pub use hnsw::{Hnsw, HnswConfig, RowSet};
pub use kernel::{dot, scores};
pub use vectors::Vectors;
