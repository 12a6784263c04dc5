//! A tagger that is trained on tagged sentences.

mod dictionary;
mod features;
mod file;
mod hash;
mod keys;
mod recase;
mod train;
mod weights;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use self::dictionary::Dictionary;
use self::features::Sentence;
pub use self::train::{TrainingOptions, TrainingProgress};
use self::weights::Weights;
use super::Tagger;
use crate::{Error, Tag};

/// Parts of speech by an averaged perceptron.
///
/// Each feature `f` of a word has a weight for each tag, and the word gets the tag `argmax_t sum_f w[f, t]`; of equal
/// tags, the first in [`Tag::ALL`]. Words are decided from left to right, because the tags of the two words before are
/// part of the features. The others are the word as it is and in lower case, its prefixes and suffixes of up to five
/// characters, its shape, the two words at either side, how many words of the sentence begin with a capital, and for
/// frequent words a dictionary of the tags that they had in training (Ratnaparkhi 1996 has most of them). Features are named by 30 bits of a hash, and no word is stored
/// (Ganchev and Dredze 2008).
///
/// [`train`](Self::train) is the averaged perceptron of Collins (2002, "Discriminative training methods for hidden
/// Markov models", section 2.5) with four changes. It decides and updates word by word, not sentence by sentence with
/// Viterbi. Some features are hidden at random in training, so that words that were never seen are left with enough
/// evidence (Søgaard 2013, "Part-of-speech tagging with antagonistic adversaries"). Sentences are also learned in title case
/// and in lower case. And the perceptrons of several shuffles are averaged (McDonald, Hall and Mann 2010, "Distributed
/// training strategies for the structured perceptron").
///
/// Tagging takes time linear in the characters of a sentence, computes with integers only, and so gives the same tags
/// everywhere.
///
/// ```
/// use rec_text::{PerceptronTagger, Tag, Tagger, TrainingOptions};
///
/// let sentence = |words: &[(&str, Tag)]| words.iter().map(|(word, tag)| ((*word).to_owned(), *tag)).collect();
/// let sentences: [Vec<(String, Tag)>; 2] = [
///     sentence(&[("the", Tag::Determiner), ("worm", Tag::Noun), ("is", Tag::Auxiliary), ("walking", Tag::Verb)]),
///     sentence(&[("a", Tag::Determiner), ("quick", Tag::Adjective), ("fox", Tag::Noun), ("is", Tag::Auxiliary)]),
/// ];
/// let options = TrainingOptions { min_count: 1, ..TrainingOptions::default() };
/// let tagger = PerceptronTagger::train(&options, sentences, |_| {});
/// assert_eq!(tagger.tag(&["a", "worm", "is", "talking"]), [Tag::Determiner, Tag::Noun, Tag::Auxiliary, Tag::Verb]);
///
/// let again = PerceptronTagger::from_bytes(&tagger.to_bytes())?;
/// assert_eq!(again.to_bytes(), tagger.to_bytes());
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Clone)]
pub struct PerceptronTagger {
    dictionary: Dictionary,
    weights: Weights,
}

impl PerceptronTagger {
    fn new(dictionary: Dictionary, weights: Weights) -> Self {
        Self { dictionary, weights }
    }

    /// Trains on sentences whose tags are known, and reports after each epoch.
    ///
    /// The same options and sentences give the same tagger, bit for bit: sentences are shuffled and features hidden by
    /// hashes of the seed, the epoch and the position. Empty sentences are passed over. Without any, without epochs or
    /// without shuffles, the tagger knows nothing and calls every word an adjective, the first tag.
    ///
    /// Memory is about 2.5 kB a word of training; time is that of tagging all sentences `4 * epochs * shuffles` times, or a
    /// quarter of both where sentences are not recased.
    #[must_use]
    pub fn train(
        options: &TrainingOptions,
        sentences: impl IntoIterator<Item = Vec<(String, Tag)>>,
        progress: impl FnMut(&TrainingProgress),
    ) -> Self {
        train::train(options, sentences, progress)
    }

    /// The tagger for English in the crate `rec-tagger-en`, whose README has its figures and its licence.
    ///
    /// # Errors
    ///
    /// None in practice: the bytes are part of the program, and a test reads them.
    ///
    /// ```
    /// use rec_text::{PerceptronTagger, Tag, Tagger};
    ///
    /// let tagger = PerceptronTagger::english()?;
    /// let tags = tagger.tag(&["A", "wireless", "controller", "for", "two", "players"]);
    /// assert_eq!(tags, [Tag::Determiner, Tag::Adjective, Tag::Noun, Tag::Adposition, Tag::Numeral, Tag::Noun]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    #[cfg(feature = "english-tagger")]
    pub fn english() -> Result<Self, Error> {
        Self::parse(rec_tagger_en::WEIGHTS, rec_tagger_en::NAME)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no such file; the error names the file, and the byte at which the field begins
    /// that is wrong. A checksum finds what is damaged.
    ///
    /// ```
    /// let error = rec_text::PerceptronTagger::from_file("no/such/file").unwrap_err();
    /// assert!(error.is_read());
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&bytes, &path.display().to_string())
    }

    /// The tagger in the bytes of a file.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file).
    ///
    /// ```
    /// let error = rec_text::PerceptronTagger::from_bytes(b"RECTAG99........").unwrap_err();
    /// assert_eq!(error.to_string(), "tagger bytes, byte 0: the format is not RECTAG01");
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(bytes, "tagger bytes")
    }

    fn parse(bytes: &[u8], file: &str) -> Result<Self, Error> {
        file::parse(bytes).map_err(|malformed| Error::tagger(file, malformed.offset, malformed.problem))
    }

    /// The bytes of the file that [`save`](Self::save) writes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Writes the tagger as one file, whole or not at all: into a temporary file beside `path`, then renamed.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the error names it.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("empty.tagger");
    /// use rec_text::{PerceptronTagger, TrainingOptions};
    ///
    /// let tagger = PerceptronTagger::train(&TrainingOptions::default(), [], |_| {});
    /// tagger.save(&path)?;
    /// assert_eq!(PerceptronTagger::from_file(&path)?.n_features(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        write_whole(path, &self.to_bytes()).map_err(|source| Error::write(path, source))
    }

    /// How many features have a weight.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.weights.features().len()
    }

    /// How many weights are not zero.
    #[must_use]
    pub fn n_weights(&self) -> usize {
        self.weights.entries().len()
    }
}

impl Tagger for PerceptronTagger {
    fn tag(&self, words: &[&str]) -> Vec<Tag> {
        let sentence = Sentence::new(words.iter().copied(), &self.dictionary);
        let mut tags = Vec::with_capacity(words.len());
        for index in 0..words.len() {
            // Room for every number that five bits can be, which spares a check for each weight.
            let mut scores = [0; 32];
            sentence.fixed(index, |feature| self.weights.add(feature, &mut scores));
            sentence.history(index, train::before(&tags, index), |feature| {
                self.weights.add(feature, &mut scores)
            });
            // The last of equals, and so the first of them in the order of the tags.
            let best = Tag::ALL.into_iter().rev().max_by_key(|&tag| scores[tag as usize]);
            tags.push(best.unwrap_or(Tag::Other));
        }
        tags
    }
}

impl fmt::Debug for PerceptronTagger {
    /// The numbers, not the weights.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerceptronTagger")
            .field("n_words", &self.dictionary.iter().len())
            .field("n_features", &self.n_features())
            .field("n_weights", &self.n_weights())
            .finish()
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)
    });
    if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists) {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}
