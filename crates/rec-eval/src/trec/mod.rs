//! Runs and relevance judgements in the files of TREC, which trec_eval, ir-measures, ranx and pytrec_eval read.
//!
//! | file  | a line                             | here                                             |
//! |-------|------------------------------------|--------------------------------------------------|
//! | run   | `qid Q0 docno rank score tag`      | an item of a user's [`RankedList`](rec_data::RankedList) |
//! | qrels | `qid 0 docno rel`                  | the gain of an item for a user, in [`Relevant`](crate::Relevant) |
//!
//! A topic (`qid`) is a user, a document (`docno`) an item. Fields are separated by white space, so ids cannot have any. Text
//! is UTF-8; blank lines and a byte order mark are fine. The lines of a user must stand together (`sort -s -k1,1` brings them
//! together), which is why a file is read and written user by user, in the memory of one list and the ids of the users.
//!
//! # Order and ties
//!
//! A list is ordered by its scores, descending, and then by [`Id`](rec_data::Id), ascending, as all lists here. The second
//! field and the rank are not looked at. **trec_eval and pytrec_eval order equal scores by document, descending as text**,
//! and other tools as they please, so the same run has other values there. [`RunWriter::with_distinct_scores`] writes scores
//! without ties, by which every tool finds the order of the list.
//!
//! Scores are `f32`, as in trec_eval: numbers in a file that are closer than that are tied.
//!
//! # Gains
//!
//! Relevance levels are whole numbers. Levels of 0 and below mean that an item was judged and is not relevant.
//!
//! # Users without lines
//!
//! A user whose list is empty, or for whom nothing is relevant, has no line and vanishes. Tools then average over other users:
//! trec_eval by default over those that both files have. Compare the numbers of users first.
//!
//! ```
//! use rec_data::{Hit, RankedList};
//! use rec_eval::trec::{QrelsReader, RunReader};
//!
//! let run = "ann Q0 dune 1 0.5 ours\nann Q0 emma 2 0.75 ours\nbob Q0 emma 1 0.5 ours\n";
//! let lists = RunReader::new(run.as_bytes(), "ours.run").collect::<Result<Vec<_>, _>>()?;
//! let (user, list) = &lists[0];
//! assert_eq!((user.as_str(), list[0].id.as_str(), lists.len()), ("ann", "emma", 2));
//!
//! let qrels = "ann 0 dune 2\nann 0 emma 0\n";
//! let (user, relevant) = QrelsReader::new(qrels.as_bytes(), "test.qrels").next().unwrap()?;
//! assert_eq!((user.as_str(), relevant.len(), relevant.gain("dune")), ("ann", 1, 2.0));
//! # Ok::<(), rec_eval::Error>(())
//! ```

mod lines;
mod read;
mod write;

pub use self::read::{QrelsReader, RunReader, read_qrels};
pub use self::write::{QrelsWriter, RunWriter};
