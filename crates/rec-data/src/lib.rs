//! The plain vocabulary of a recommender: ids, interactions, histories, catalogues and ranked lists.
//!
//! No tensors, no text processing, no models: this crate only says *what there is*, so that encoders, user models, indexes
//! and metrics agree about it. It reads the world (files, hand-written records), checks it once at the door, and hands out
//! types whose invariants hold from then on.
//!
//! # A small program
//!
//! A catalogue, a reader's history, and a list ranked by how many tags an item shares with what the reader liked:
//!
//! ```
//! use rec_data::{Catalogue, History, Hit, RankedList, Value, days};
//!
//! let catalogue = Catalogue::from_records([
//!     ("dune", [("title", "Dune"), ("tags", "desert space politics")]),
//!     ("foundation", [("title", "Foundation"), ("tags", "space politics")]),
//!     ("emma", [("title", "Emma"), ("tags", "romance")]),
//!     ("hyperion", [("title", "Hyperion"), ("tags", "space pilgrims")]),
//! ])?;
//! let history = History::from_iter([("dune", days(3)), ("foundation", days(40))]);
//!
//! let tags = |id: &str| match catalogue.get(id).and_then(|item| item.get("tags")) {
//!     Some(Value::Token(tags)) => tags.split(' ').collect(),
//!     _ => Vec::new(),
//! };
//! let liked: Vec<&str> = history.items().flat_map(|id| tags(id)).collect();
//! let unseen = catalogue.iter().filter(|item| history.items().all(|seen| seen != item.id()));
//! let list = RankedList::new(unseen.map(|item| {
//!     let shared = liked.iter().filter(|tag| tags(item.id()).contains(tag)).count();
//!     Hit { id: item.id().clone(), score: shared as f32 }
//! }))?;
//!
//! let shown: Vec<String> = list.iter().map(|hit| format!("{:<9} {}", hit.id, hit.score)).collect();
//! assert_eq!(shown, ["hyperion  2", "emma      0"]);
//! # Ok::<(), rec_data::Error>(())
//! ```
//!
//! # The concepts
//!
//! - An [`Id`] names an item or a user. An [`IdMap`] numbers distinct ids as dense rows, in the order of their arrival.
//! - An [`Interaction`] is one thing that a user did with an item at a time; its [`Signal`] is a weight or an event type, which
//!   [`EventWeights`] turn into weights. A
//!   [`History`] is the interactions of one user in the order of time, and [`Interactions`] are the histories of many.
//! - A [`Catalogue`] holds what is known of the items (or of the users): a row per id, and named, typed [`Column`]s.
//! - A [`RankedList`] is an answer: [`Hit`]s in *the* order, score descending and then id ascending. [`TopK`] finds the best
//!   of a stream by the same order, and [`rank_order`] is that order.
//! - [`atomic`] reads and writes all of it as the tab-separated "atomic files" of the RecBole ecosystem. [`movielens`],
//!   [`mind`] and [`amazon`] read these data sets as they are published, and [`csv`] reads tables with a header. Files whose
//!   names end in `.gz` are read through gzip.
//! - [`decisions`] reads and writes logs of what a recommender chose, and with which probability.
//! - [`split`] divides interactions into those for training, validation and test, and counts what a split leaks.
//!
//! # Conventions
//!
//! **Times are seconds** from any origin, as `f64`: Unix time, or zero for *now* and negative before it.
//! **Ids have one order**, and it is not the order of strings: decimal integers come first, by value. See [`Id`].
//! **Numbers are finite.** A NaN is an [`Error`] where it enters, and so nothing behind that door checks again.
//! **Bad data is an [`Error`], never a panic**, and its message names the file, the line and the field.
//!
//! # Features
//!
//! - `arrow`: the module `arrow`, catalogues and interactions from RecordBatches. Types of `arrow-array` are in its API.
//! - `parquet`: the module `parquet`, the same from Parquet files; turns on `arrow`.
//! - `parquet-zstd`: Parquet files that are compressed with Zstandard, too; builds C.
//!
//! None is on by default, and features only add.

mod catalogue;
mod column;
mod error;
mod event_weights;
mod fields;
mod history;
mod id;
mod interaction;
mod interactions;
mod random;
mod ranked;
mod table;
mod topk;

pub mod amazon;
#[cfg(feature = "arrow")]
pub mod arrow;
pub mod atomic;
pub mod csv;
pub mod decisions;
pub mod mind;
pub mod movielens;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod split;

pub use catalogue::{Catalogue, Item};
pub use column::{Column, Value, Values};
pub use error::Error;
pub use event_weights::EventWeights;
pub use fields::{CatalogueFields, InteractionFields, TimeUnit};
pub use history::{History, days, hours};
pub use id::{Id, IdMap};
pub use interaction::{Interaction, Signal};
pub use interactions::Interactions;
pub use ranked::{Hit, RankedList, rank_order};
pub use table::replace_file;
pub use topk::TopK;
