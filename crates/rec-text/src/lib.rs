//! Item text to token ids: the way from a catalogue's raw strings to what a text encoder reads.
//!
//! Beside it stands the way from strings to *terms*, for what counts words instead of encoding them: [`Analyzer`] detects the
//! [`Language`], segments ([`Segmenter`]), tags ([`Tagger`]) and drops [`StopWords`]; [`TermStatistics`] and
//! [`NearDuplicates`] work on what it gives.
//!
//! Four steps to token ids, each usable alone, none of which knows a tensor:
//!
//! 1. [`Template`] renders an item's fields as one text.
//! 2. [`Cleaner`] makes plain text of markup, entities and invisible characters. A step that the caller
//!    chooses: pretrained encoders expect the text that they were trained on.
//! 3. [`Tokenizer`] turns texts into [`Encoding`]s, by a Hugging Face `tokenizer.json`, and counts what it
//!    truncates.
//! 4. [`Buckets`] groups rows of similar length, and [`TokenBatch`] pads a group into one array.
//!
//! ```
//! use rec_data::Catalogue;
//! use rec_text::{Buckets, Cleaner, PaddingSide, Template, TokenBatch, Tokenizer};
//!
//! // A tokenizer of six words; a real one comes from `Tokenizer::from_file`.
//! let tokenizer = Tokenizer::from_bytes(br#"{
//!     "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
//!     "normalizer": { "type": "Lowercase" }, "pre_tokenizer": { "type": "WhitespaceSplit" },
//!     "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] },
//!     "decoder": null,
//!     "model": { "type": "WordLevel", "unk_token": "[UNK]",
//!                "vocab": { "[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "dune": 4, "(1965)": 5 } }
//! }"#)?
//! .with_max_len(8)?;
//!
//! let template = Template::parse("{title}[ ({year})]")?;
//! let books = Catalogue::from_records([
//!     ("b1", vec![("title", "<b>Dune</b>"), ("year", "1965")]),
//!     ("b2", vec![("title", "Dune&nbsp;Dune")]),
//! ])?;
//! let cleaner = Cleaner::new();
//! let texts: Vec<String> = books.iter().map(|item| cleaner.clean(&template.render(&item)).into_owned()).collect();
//! assert_eq!(texts, ["Dune (1965)", "Dune Dune"]);
//!
//! let encodings = tokenizer.encode_batch(&texts)?;
//! let lengths: Vec<_> = encodings.iter().map(|encoding| encoding.ids.len()).collect();
//! for planned in Buckets::new(4096).multiple_of(8).plan(&lengths) {
//!     let rows = planned.rows.iter().map(|&row| &encodings[row]);
//!     let batch = TokenBatch::collate(rows, tokenizer.pad_id(), PaddingSide::Right, Some(planned.len));
//!     assert_eq!(batch.ids(), [1, 4, 5, 2, 0, 0, 0, 0, 1, 4, 4, 2, 0, 0, 0, 0]);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod analyzer;
mod batch;
mod buckets;
mod cleaner;
mod error;
mod fold;
mod history_text;
mod language;
mod near_duplicates;
mod segment;
mod stop_words;
mod tags;
mod template;
mod terms;
mod tokenizer;
mod windows;

pub mod prompts;

pub use analyzer::{Analyzer, Word};
pub use batch::{PaddingSide, TokenBatch};
pub use buckets::{Buckets, PlannedBatch};
pub use cleaner::{Cleaner, Found};
pub use error::Error;
pub use history_text::HistoryText;
pub use language::{Detection, Language, Script};
pub use near_duplicates::{
    Bands, MinHash, NearDuplicateGroups, NearDuplicates, Signature, SimilarPair, character_shingles,
    term_shingles,
};
pub use segment::{Segment, SegmentKind, Segmenter};
pub use stop_words::StopWords;
#[cfg(feature = "chinese")]
pub use tags::ChineseTagger;
pub use tags::{PerceptronTagger, Tag, Tagger, TrainingOptions, TrainingProgress, UnknownTag, read_tagged};
pub use template::Template;
pub use terms::{Bm25, Idf, TermStatistics, TfIdf, Weighting};
pub use tokenizer::{Encoding, Tokenizer};
pub use windows::Windows;
