use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::fold::fold;
use crate::{Language, Script, Segment, SegmentKind, Segmenter, StopWords, Tag, Tagger};

/// Texts to terms: the one way from a text to the words that statistics and search count.
///
/// The steps, in their order:
///
/// | step | what it does | default |
/// |---|---|---|
/// | language | finds the language of the text, see [`language_of`](Analyzer::language_of) | detection |
/// | segmentation | cuts the text into words, by a [`Segmenter`] | [`Segmenter::unicode`] |
/// | folding | Unicode form KC, lower case, a straight apostrophe | always |
/// | tags | gives each word its part of speech, by the [`Tagger`] of the language | no tagger |
/// | stop words | drops the [`StopWords`] of the language | those that [`StopWords::of`] gives |
/// | filter on parts of speech | keeps the tags asked for | all |
/// | length | drops words that are shorter | 1 character |
///
/// A tagger sees whole sentences, as they stand in the text: with punctuation, stop words and capitals. There is no
/// stemming. Text without words, such as the empty text, gives no terms. The cost is linear in the length of the text
/// where the tagger's is. Cloning is cheap.
///
/// ```
/// use rec_text::{Analyzer, Language};
///
/// let analyzer = Analyzer::new(Language::ENGLISH);
/// assert_eq!(analyzer.terms("The Wizards of ＥＡＲＴＨＳＥＡ"), ["wizards", "earthsea"]);
/// ```
#[derive(Clone)]
pub struct Analyzer {
    language: Language,
    detects: bool,
    segmenter: Segmenter,
    /// Whether languages that are not in `stop_words` have their standard list.
    standard_stop_words: bool,
    stop_words: HashMap<Language, StopWords>,
    taggers: HashMap<Language, Arc<dyn Tagger>>,
    kept: Option<Vec<Tag>>,
    min_chars: usize,
}

/// A word that an [`Analyzer`] has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Word {
    /// The word, folded: what [`Analyzer::terms`] gives.
    pub text: String,
    /// Its part of speech, where the language of the text has a tagger.
    pub tag: Option<Tag>,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
}

impl Analyzer {
    /// An analyzer of texts in any language, most of them in `default_language`.
    #[must_use]
    pub fn new(default_language: Language) -> Self {
        Self {
            language: default_language,
            detects: true,
            segmenter: Segmenter::unicode(),
            standard_stop_words: true,
            stop_words: HashMap::new(),
            taggers: HashMap::new(),
            kept: None,
            min_chars: 1,
        }
    }

    /// An analyzer that takes every text to be in `language`.
    ///
    /// ```
    /// use rec_text::{Analyzer, Language};
    ///
    /// let german = Analyzer::fixed(Language::from_code("de").unwrap());
    /// assert_eq!(german.terms("Die unendliche Geschichte"), ["unendliche", "geschichte"]);
    /// ```
    #[must_use]
    pub fn fixed(language: Language) -> Self {
        Self { detects: false, ..Self::new(language) }
    }

    /// Cuts texts with `segmenter`: `Segmenter::chinese` where texts are Chinese.
    #[must_use]
    pub fn with_segmenter(self, segmenter: Segmenter) -> Self {
        Self { segmenter, ..self }
    }

    /// Drops these stop words from texts in `language`, in place of the standard ones.
    ///
    /// ```
    /// use rec_text::{Analyzer, Language, StopWords};
    ///
    /// let words = StopWords::of(Language::ENGLISH).unwrap().without(["world"]);
    /// let analyzer = Analyzer::new(Language::ENGLISH).with_stop_words(Language::ENGLISH, words);
    /// assert_eq!(analyzer.terms("The World"), ["world"]);
    /// ```
    #[must_use]
    pub fn with_stop_words(mut self, language: Language, words: StopWords) -> Self {
        self.stop_words.insert(language, words);
        self
    }

    /// Drops no stop words in any language, apart from those that [`with_stop_words`](Analyzer::with_stop_words) sets
    /// after this.
    #[must_use]
    pub fn without_stop_words(self) -> Self {
        Self { standard_stop_words: false, stop_words: HashMap::new(), ..self }
    }

    /// Tags the words of texts in `language` with `tagger`.
    #[must_use]
    pub fn with_tagger(mut self, language: Language, tagger: impl Tagger + 'static) -> Self {
        self.taggers.insert(language, Arc::new(tagger));
        self
    }

    /// A filter on parts of speech: keeps the words with one of these tags.
    ///
    /// Texts in a language without a tagger are not filtered. To keep what carries content, ask for the tags of which
    /// [`Tag::is_content`] is true, and for [`Tag::Other`] where names in foreign letters have that tag: `iPhone` does
    /// in a Chinese text.
    ///
    /// ```
    /// use rec_text::{Analyzer, Language, Tag, Tagger};
    ///
    /// /// Takes every word in capitals for a name.
    /// struct Capitals;
    ///
    /// impl Tagger for Capitals {
    ///     fn tag(&self, words: &[&str]) -> Vec<Tag> {
    ///         let is_name = |word: &&str| word.starts_with(char::is_uppercase);
    ///         words.iter().map(|word| if is_name(word) { Tag::ProperNoun } else { Tag::Other }).collect()
    ///     }
    /// }
    ///
    /// let analyzer = Analyzer::new(Language::ENGLISH)
    ///     .with_tagger(Language::ENGLISH, Capitals)
    ///     .keep_tags(&[Tag::ProperNoun]);
    /// assert_eq!(analyzer.terms("sailing from Roke to Gont"), ["roke", "gont"]);
    /// ```
    #[must_use]
    pub fn keep_tags(self, tags: &[Tag]) -> Self {
        Self { kept: Some(tags.to_vec()), ..self }
    }

    /// Drops words of fewer than `n_chars` characters, counted after folding. Many Chinese words have only one.
    #[must_use]
    pub fn min_chars(self, n_chars: usize) -> Self {
        Self { min_chars: n_chars, ..self }
    }

    /// The language that `text` is taken to be in.
    ///
    /// It is what [`Language::detect`] finds where the script decides. Where a script has many languages, the detection
    /// counts only when it is reliable. Otherwise, and for text without letters, it is the default language; but a
    /// script that the default language is not written in, other than the Latin one, keeps the unreliable detection,
    /// which is the better guess.
    ///
    /// ```
    /// use rec_text::{Analyzer, Language};
    ///
    /// let analyzer = Analyzer::new(Language::ENGLISH);
    /// assert_eq!(analyzer.language_of("Star Wars"), Language::ENGLISH);
    /// assert_eq!(analyzer.language_of("三体"), Language::CHINESE);
    /// assert_eq!(Analyzer::fixed(Language::JAPANESE).language_of("三体"), Language::JAPANESE);
    /// ```
    #[must_use]
    pub fn language_of(&self, text: &str) -> Language {
        let Some(found) = Language::detect(text).filter(|_| self.detects) else { return self.language };
        match found.script {
            Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari | Script::Hebrew
                if !found.is_reliable
                    && (found.script == Script::Latin || self.language.is_written_in(found.script)) =>
            {
                self.language
            }
            _ => found.language,
        }
    }

    /// The terms of `text`, in order, each as often as it stands there.
    ///
    /// # Panics
    ///
    /// A tagger gives another number of tags than it got words.
    #[must_use]
    pub fn terms(&self, text: &str) -> Vec<String> {
        // Tags that no filter looks at are not worth their time.
        self.analyze(text, self.kept.is_some()).into_iter().map(|word| word.text).collect()
    }

    /// The terms of `text` with their tags and places.
    ///
    /// ```
    /// use rec_text::{Analyzer, Language};
    ///
    /// let words = Analyzer::new(Language::ENGLISH).words("A Wizard of Earthsea");
    /// assert_eq!((words[0].text.as_str(), words[0].range.clone(), words[0].tag), ("wizard", 2..8, None));
    /// ```
    ///
    /// # Panics
    ///
    /// A tagger gives another number of tags than it got words.
    #[must_use]
    pub fn words(&self, text: &str) -> Vec<Word> {
        self.analyze(text, true)
    }

    fn analyze(&self, text: &str, tagged: bool) -> Vec<Word> {
        let language = self.language_of(text);
        let stop_words = self.stop_words_of(language);
        let segments: Vec<_> = self.segmenter.segments(text);
        let tagger = self.taggers.get(&language).filter(|_| tagged);
        let tags =
            tagger.map_or_else(|| vec![None; segments.len()], |tagger| tags(tagger.as_ref(), &segments));
        let mut words = Vec::new();
        for (segment, tag) in segments.iter().zip(tags) {
            if segment.kind != SegmentKind::Word || !self.keeps(tag) {
                continue;
            }
            let folded = fold(segment.text);
            if !stop_words.contains_folded(&folded) && folded.chars().count() >= self.min_chars {
                let range = segment.offset..segment.offset + segment.text.len();
                words.push(Word { text: folded.into_owned(), tag, range });
            }
        }
        words
    }

    fn stop_words_of(&self, language: Language) -> StopWords {
        match self.stop_words.get(&language) {
            Some(own) => own.clone(),
            None if self.standard_stop_words => StopWords::of(language).unwrap_or_default(),
            None => StopWords::none(),
        }
    }

    fn keeps(&self, tag: Option<Tag>) -> bool {
        match (&self.kept, tag) {
            (Some(kept), Some(tag)) => kept.contains(&tag),
            _ => true,
        }
    }
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyzer")
            .field("language", &self.language)
            .field("detects", &self.detects)
            .field("segmenter", &self.segmenter)
            .field("standard_stop_words", &self.standard_stop_words)
            .field("stop_words", &self.stop_words.keys())
            .field("taggers", &self.taggers.keys())
            .field("kept", &self.kept)
            .field("min_chars", &self.min_chars)
            .finish()
    }
}

/// The tag of each segment that is no space, sentence by sentence.
fn tags(tagger: &dyn Tagger, segments: &[Segment<'_>]) -> Vec<Option<Tag>> {
    let mut tags = vec![None; segments.len()];
    for sentence in sentences(segments) {
        let places: Vec<_> = sentence.filter(|&at| segments[at].kind != SegmentKind::Space).collect();
        let words: Vec<_> = places.iter().map(|&at| segments[at].text).collect();
        let found = tagger.tag(&words);
        assert_eq!(found.len(), words.len(), "a tagger gave {} tags for {} words", found.len(), words.len());
        for (at, tag) in places.into_iter().zip(found) {
            tags[at] = Some(tag);
        }
    }
    tags
}

/// The sentences among `segments`: they end at line ends, after the full stops of East Asian scripts, and after other
/// ends of sentences where a space follows, with whatever punctuation stands between.
///
/// Simpler than the rules of Unicode, whose implementation is quadratic, and good enough for the few words around each
/// word that a tagger looks at.
fn sentences(segments: &[Segment<'_>]) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let (mut ended, mut may_end) = (false, false);
    for (at, segment) in segments.iter().enumerate() {
        let ends_here = match segment.kind {
            SegmentKind::Space => {
                ended || may_end || segment.text.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
            }
            SegmentKind::Word => ended,
            SegmentKind::Punctuation => false,
        };
        if ends_here && start < at {
            sentences.push(start..at);
            start = at;
        }
        match segment.kind {
            SegmentKind::Punctuation => {
                ended |= segment.text.starts_with(['。', '！', '？', '｡']);
                may_end |= segment.text.starts_with(['.', '!', '?', '…', '؟', '।']);
            }
            _ => (ended, may_end) = (false, false),
        }
    }
    if start < segments.len() {
        sentences.push(start..segments.len());
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let segments = Segmenter::unicode().segments(text);
        let join =
            |range: Range<usize>| segments[range].iter().map(|segment| segment.text).collect::<String>();
        sentences(&segments).into_iter().map(|range| join(range).trim().to_owned()).collect()
    }

    #[test]
    fn sentences_end_where_they_should() {
        assert_eq!(split("One. Two!\nThree"), ["One.", "Two!", "Three"]);
        assert_eq!(split("He said \"no.\" So 3.5 at a.b?"), ["He said \"no.\"", "So 3.5 at a.b?"]);
        assert_eq!(split("好。”他说！走"), ["好。”", "他说！", "走"]);
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split("...").len(), 1);
    }

    #[test]
    fn an_analyzer_can_be_shared() {
        fn shared<T: Send + Sync + Clone>() {}
        shared::<Analyzer>();
    }
}
