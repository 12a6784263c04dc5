//! Part-of-speech tags.

#[cfg(feature = "chinese")]
pub(crate) mod chinese;
mod perceptron;
mod tag;
mod tagged_text;

#[cfg(feature = "chinese")]
pub use chinese::ChineseTagger;
pub use perceptron::{PerceptronTagger, TrainingOptions, TrainingProgress};
pub use tag::{Tag, UnknownTag};
pub use tagged_text::read_tagged;

/// Gives the words of a sentence their parts of speech.
pub trait Tagger: Send + Sync {
    /// The tag of each word, in order: as many tags as words.
    fn tag(&self, words: &[&str]) -> Vec<Tag>;
}
