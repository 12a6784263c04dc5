//! The weights of a part-of-speech tagger for English, as data.
//!
//! `rec-text` loads them with `PerceptronTagger::english`, by its feature `english-tagger`. There is no code here. Where
//! the weights come from and how good they are stands in `README.md`; they are licensed under CC BY-SA 4.0.
//!
//! ```
//! assert!(rec_tagger_en::WEIGHTS.starts_with(b"RECTAG01"));
//! ```

/// What the tagger is called.
pub const NAME: &str = "UD_English-EWT perceptron";

/// The file of a `rec_text::PerceptronTagger`.
pub const WEIGHTS: &[u8] = include_bytes!("../model/english.tagger");
