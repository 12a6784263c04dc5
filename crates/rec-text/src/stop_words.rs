use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::Language;
use crate::fold::fold;

/// Words that say nothing about what a text is about, such as `the` and `of`.
///
/// The lists are those of [Stopwords ISO](https://github.com/stopwords-iso/stopwords-iso), 58 of them, which leaves 23
/// of the languages that [`Language`] knows without one. They are
/// broad: the English one has 1,298 words, among them `world`, `important` and country codes such as `tv`. Words that
/// matter in a catalogue are kept with [`without`](StopWords::without). The Chinese list is of simplified characters.
///
/// Words are compared in Unicode form KC, in lower case, and a typographic apostrophe counts as a straight one. Cloning
/// is cheap.
///
/// ```
/// use rec_text::{Language, StopWords};
///
/// let words = StopWords::of(Language::ENGLISH).unwrap();
/// assert!(words.contains("The") && words.contains("don’t") && !words.contains("dune"));
///
/// let own = words.without(["World"]).with(["edition"]);
/// assert!(own.contains("Edition") && !own.contains("world"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopWords {
    /// Folded.
    words: Arc<HashSet<Cow<'static, str>>>,
}

impl StopWords {
    /// No words: the place to start a list of one's own.
    ///
    /// ```
    /// let own = rec_text::StopWords::none().with(["Sale", "NEW"]);
    /// assert!(own.contains("new") && own.len() == 2);
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The list of a language; `None` where there is none.
    ///
    /// ```
    /// use rec_text::{Language, StopWords};
    ///
    /// assert!(StopWords::of(Language::CHINESE).is_some_and(|words| words.contains("的")));
    /// assert_eq!(StopWords::of(Language::from_code("khm").unwrap()), None);
    /// ```
    #[must_use]
    pub fn of(language: Language) -> Option<Self> {
        /// By language. A list is made when it is first asked for.
        static LISTS: LazyLock<Vec<(Language, OnceLock<Option<StopWords>>)>> =
            LazyLock::new(|| Language::all().map(|language| (language, OnceLock::new())).collect());
        let (_, list) = LISTS.iter().find(|(known, _)| *known == language)?;
        list.get_or_init(|| Self::from_code(language.code2()?)).clone()
    }

    /// The list with an ISO 639-1 code, also for a language that no [`Language`] stands for, such as Irish; `None`
    /// where there is none.
    ///
    /// ```
    /// use rec_text::StopWords;
    ///
    /// assert!(StopWords::from_code("ga").is_some_and(|words| words.contains("agus")));
    /// assert_eq!(StopWords::from_code("tlh"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let code = match code.to_ascii_lowercase().as_str() {
            // The list of Norwegian has its older code.
            "nb" => "no".to_owned(),
            code => code.to_owned(),
        };
        let words = stop_words::lookup(&code)?;
        Some(Self { words: Arc::new(words.iter().map(|&word| fold(word)).collect()) })
    }

    /// The list with `words` added.
    #[must_use]
    pub fn with<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        let own = words.into_iter().map(|word| Cow::Owned(fold(word.as_ref()).into_owned()));
        Arc::make_mut(&mut self.words).extend(own);
        self
    }

    /// The list with `words` taken out.
    #[must_use]
    pub fn without<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        let list = Arc::make_mut(&mut self.words);
        for word in words {
            list.remove(&*fold(word.as_ref()));
        }
        self
    }

    /// Whether `word` is in the list, in any case.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.contains_folded(&fold(word))
    }

    /// The same for a word that is folded already.
    pub(crate) fn contains_folded(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_what_they_should() {
        let contains = |code: &str, word: &str| StopWords::from_code(code).unwrap().contains(word);
        for (code, word) in [
            ("en", "THE"),
            ("de", "Über"),
            ("fr", "été"),
            ("ru", "И"),
            ("zh", "因为"),
            ("ja", "これ"),
            ("nb", "og"),
        ] {
            assert!(contains(code, word), "{code} {word}");
        }
        assert!(contains("fr", "e\u{301}te\u{301}"), "decomposed");
        assert!(!contains("en", "guitar") && !contains("zh", "手机"));
    }

    #[test]
    fn most_languages_have_a_list() {
        let without: Vec<_> = Language::all()
            .filter(|&language| StopWords::of(language).is_none())
            .map(Language::code)
            .collect();
        assert_eq!(without.len(), 23, "{without:?}");
        assert!(StopWords::of(Language::JAPANESE).is_some() && StopWords::of(Language::KOREAN).is_some());
    }

    #[test]
    fn changes_do_not_reach_the_shared_list() {
        let own = StopWords::of(Language::ENGLISH).unwrap().without(["the"]).with(["Größe"]);
        assert!(
            !own.contains("The") && own.contains("GRÖSSE") == own.contains("grösse") && own.contains("größe")
        );
        assert!(StopWords::of(Language::ENGLISH).unwrap().contains("the"));
        assert!(StopWords::none().is_empty() && StopWords::none().without(["a"]).is_empty());
    }
}
