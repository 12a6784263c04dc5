//! Words of a text.

#[cfg(feature = "chinese")]
mod dictionary;

use std::ops::Range;
#[cfg(feature = "chinese")]
use std::{path::Path, sync::Arc};

use unicode_segmentation::UnicodeSegmentation;

#[cfg(feature = "chinese")]
pub(crate) use dictionary::{Dictionary, Entry};

#[cfg(feature = "chinese")]
use crate::{Error, Tag};

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Segment<'t> {
    /// The piece, as it stands in the text.
    pub text: &'t str,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
    /// What it is.
    pub kind: SegmentKind,
}

/// What a [`Segment`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentKind {
    /// It holds a letter or a number.
    Word,
    /// Punctuation, a symbol or an emoji.
    Punctuation,
    /// White space or control characters.
    Space,
}

/// Cuts texts into words.
///
/// Words are those of [UAX #29](https://www.unicode.org/reports/tr29/#Word_Boundaries): `don't` and `3.5mm` are one
/// word each, `well-known` is two, and of `C++` only the letter is a word.
///
/// **Without spaces.** That standard needs spaces between words. Where a script has none it gives single characters:
/// Chinese characters, hiragana, Thai, Khmer, Burmese. `Segmenter::chinese`, with the feature `chinese`, cuts Chinese
/// characters by a dictionary and leaves all else as it is. A feature that is merely compiled in changes no result.
///
/// Cloning is cheap. The cost is linear in the length of a text, whatever it holds.
///
/// ```
/// use rec_text::Segmenter;
///
/// let segmenter = Segmenter::unicode();
/// assert_eq!(segmenter.words("Don't panic: 42 (1979)"), ["Don't", "panic", "42", "1979"]);
/// assert_eq!(segmenter.words("我爱Rust"), ["我", "爱", "Rust"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Segmenter {
    #[cfg(feature = "chinese")]
    dictionary: Option<Arc<Dictionary>>,
}

impl Segmenter {
    /// Words by the Unicode standard alone. The default.
    #[must_use]
    pub fn unicode() -> Self {
        Self::default()
    }

    /// Words by the Unicode standard, and runs of Chinese characters by the dictionary of
    /// [jieba](https://github.com/fxsjy/jieba): the likeliest path through its words, with a hidden Markov model for
    /// what it does not know.
    ///
    /// The dictionary is of simplified characters; traditional ones are cut less well, and so are the Chinese
    /// characters of a Japanese text. Letters and digits are part of a word where the dictionary has them in one
    /// (`T恤`, `卡拉OK`). [`ChineseTagger`](crate::ChineseTagger) states how well this does.
    ///
    /// The first call in a process unpacks the dictionary, and all segmenters share it.
    ///
    /// ```
    /// use rec_text::Segmenter;
    ///
    /// let segmenter = Segmenter::chinese();
    /// assert_eq!(segmenter.words("小明硕士毕业于中国科学院"), ["小明", "硕士", "毕业", "于", "中国科学院"]);
    /// assert_eq!(segmenter.words("iPhone 15手机壳"), ["iPhone", "15", "手机", "壳"]);
    /// ```
    #[cfg(feature = "chinese")]
    #[must_use]
    pub fn chinese() -> Self {
        Self { dictionary: Some(Dictionary::shared()) }
    }

    /// Adds a word to the dictionary of [`Segmenter::chinese`], which this then is.
    ///
    /// `frequency` is a count of occurrences, beside the 60 million of all built-in words; 0 counts as 1, and `None`
    /// takes one that keeps the word whole. `tag` is for [`ChineseTagger`](crate::ChineseTagger); a word without one
    /// has the tag of the dictionary, or is a noun. A word that is there already gets the new frequency and tag. A
    /// word without Chinese characters, or with spaces or punctuation in it, is never found.
    ///
    /// This copies the dictionary, tens of megabytes, when others share it.
    ///
    /// ```
    /// use rec_text::{Segmenter, Tag};
    ///
    /// assert_eq!(Segmenter::chinese().words("石墨烯床垫"), ["石墨", "烯", "床垫"]);
    /// let own = Segmenter::chinese().with_word("石墨烯", None, Some(Tag::Noun));
    /// assert_eq!(own.words("石墨烯床垫"), ["石墨烯", "床垫"]);
    /// ```
    #[cfg(feature = "chinese")]
    #[must_use]
    pub fn with_word(mut self, word: &str, frequency: Option<u32>, tag: Option<Tag>) -> Self {
        self.dictionary_mut().add(word, frequency, tag);
        self
    }

    /// Adds the words of a file in jieba's format to the dictionary, each as [`with_word`](Segmenter::with_word) does.
    ///
    /// A line is a word, and optionally its frequency and its tag, with white space between them: `云计算 5 n`. Tags
    /// are those of the dictionary, listed at [`ChineseTagger`](crate::ChineseTagger), or of [`Tag`]. Blank lines mean
    /// nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line has a frequency above 4294967295, an unknown tag, more than three fields or
    /// something other than UTF-8. The message names the file and the line.
    #[cfg(feature = "chinese")]
    pub fn with_user_dictionary(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        self.dictionary_mut().load(path.as_ref())?;
        Ok(self)
    }

    /// The words of `text`, in order. Punctuation is left out.
    #[must_use]
    pub fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let words = self.segments(text).into_iter().filter(|segment| segment.kind == SegmentKind::Word);
        words.map(|segment| segment.text).collect()
    }

    /// All of `text` in pieces: words, punctuation and the space between them. Joined they are the text.
    ///
    /// ```
    /// use rec_text::{SegmentKind, Segmenter};
    ///
    /// let segments = Segmenter::unicode().segments("So, what?");
    /// let pieces: Vec<_> = segments.iter().map(|segment| segment.text).collect();
    /// assert_eq!(pieces, ["So", ",", " ", "what", "?"]);
    /// assert_eq!((segments[3].offset, segments[3].kind), (4, SegmentKind::Word));
    /// ```
    #[must_use]
    pub fn segments<'t>(&self, text: &'t str) -> Vec<Segment<'t>> {
        let mut segments = Vec::new();
        let mut done = 0;
        for word in self.known_words(text) {
            push_unicode(&mut segments, text, done, word.start);
            segments.push(Segment::new(text, word.start, word.end));
            done = word.end;
        }
        push_unicode(&mut segments, text, done, text.len());
        segments
    }

    /// The words that the dictionary finds, in order. The Unicode rules see what is between two of them as a whole.
    #[cfg(feature = "chinese")]
    fn known_words(&self, text: &str) -> Vec<Range<usize>> {
        let dictionary = self.dictionary.as_ref().filter(|_| text.contains(crate::language::is_han));
        dictionary.map_or_else(Vec::new, |dictionary| dictionary.words(text).collect())
    }

    #[cfg(not(feature = "chinese"))]
    fn known_words(&self, _text: &str) -> Vec<Range<usize>> {
        Vec::new()
    }

    #[cfg(feature = "chinese")]
    pub(crate) fn dictionary(&self) -> Option<&Arc<Dictionary>> {
        self.dictionary.as_ref()
    }

    #[cfg(feature = "chinese")]
    fn dictionary_mut(&mut self) -> &mut Dictionary {
        Arc::make_mut(self.dictionary.get_or_insert_with(Dictionary::shared))
    }
}

impl<'t> Segment<'t> {
    fn new(text: &'t str, start: usize, end: usize) -> Self {
        let text = &text[start..end];
        let kind = if text.contains(char::is_alphanumeric) {
            SegmentKind::Word
        } else if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            SegmentKind::Space
        } else {
            SegmentKind::Punctuation
        };
        Self { text, offset: start, kind }
    }
}

/// Adds the pieces of `text[start..end]` by the Unicode standard.
fn push_unicode<'t>(segments: &mut Vec<Segment<'t>>, text: &'t str, start: usize, end: usize) {
    let pieces = text[start..end].split_word_bound_indices();
    segments.extend(pieces.map(|(at, piece)| Segment::new(text, start + at, start + at + piece.len())));
}
