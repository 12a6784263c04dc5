//! Languages, and which one a text is in.

mod script;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use whatlang::Lang;

pub use script::Script;
pub(crate) use script::{is_han, is_kana};

/// A language: one of the 70 that [`Language::detect`] tells apart.
///
/// ```
/// use rec_text::Language;
///
/// let german = Language::from_code("de").unwrap();
/// assert_eq!(german.code(), "deu");
/// assert_eq!(german.to_string(), "German");
/// assert_eq!(Language::from_code("zh"), Some(Language::CHINESE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language(Lang);

/// What [`Language::detect`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Detection {
    /// The likeliest language.
    pub language: Language,
    /// The script that most of the text is in.
    pub script: Script,
    /// How far the likeliest language is ahead of the next one, in [0, 1]. No probability.
    pub confidence: f64,
    /// Whether the language can be relied on: a confidence above 0.9.
    pub is_reliable: bool,
}

/// Above this confidence a detection counts as reliable: the threshold of whatlang.
const RELIABLE_CONFIDENCE: f64 = 0.9;

impl Language {
    /// English.
    pub const ENGLISH: Language = Language(Lang::Eng);
    /// Chinese. Its code is `cmn`, Mandarin, and it stands for all that is written in Chinese characters alone.
    pub const CHINESE: Language = Language(Lang::Cmn);
    /// Japanese.
    pub const JAPANESE: Language = Language(Lang::Jpn);
    /// Korean.
    pub const KOREAN: Language = Language(Lang::Kor);

    /// The language of an ISO 639-1 code (`en`) or an ISO 639-3 code (`eng`), in any case; `None` when it is none of
    /// the 70.
    ///
    /// The codes of Chinese (`zho`), Norwegian (`no`, `nor`) and Persian (`fas`), which ISO 639-3 calls
    /// macrolanguages, stand for the member that is known here: Mandarin, Bokmål and Iranian Persian. A tag with a
    /// region (`en-US`) is no code.
    ///
    /// ```
    /// use rec_text::Language;
    ///
    /// assert_eq!(Language::from_code("en"), Some(Language::ENGLISH));
    /// assert_eq!(Language::from_code("ENG"), Some(Language::ENGLISH));
    /// assert_eq!(Language::from_code("tlh"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.to_ascii_lowercase();
        match code.as_str() {
            "zho" => Some(Self::CHINESE),
            "no" | "nor" => Some(Self(Lang::Nob)),
            "fas" => Some(Self(Lang::Pes)),
            _ => Self::all().find(|language| language.code() == code || language.code2() == Some(&code)),
        }
    }

    /// All languages, in a fixed order.
    ///
    /// ```
    /// assert_eq!(rec_text::Language::all().count(), 70);
    /// ```
    pub fn all() -> impl Iterator<Item = Language> {
        Lang::all().iter().map(|&lang| Self(lang))
    }

    /// The code in ISO 639-3, three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The code in ISO 639-1, two letters, where there is one.
    ///
    /// ```
    /// use rec_text::Language;
    ///
    /// assert_eq!(Language::CHINESE.code2(), Some("zh"));
    /// assert_eq!(Language::from_code("nob").and_then(Language::code2), Some("nb"));
    /// ```
    #[must_use]
    pub fn code2(self) -> Option<&'static str> {
        Some(match self.0 {
            Lang::Afr => "af",
            Lang::Aka => "ak",
            Lang::Amh => "am",
            Lang::Ara => "ar",
            Lang::Aze => "az",
            Lang::Bel => "be",
            Lang::Ben => "bn",
            Lang::Bul => "bg",
            Lang::Cat => "ca",
            Lang::Ces => "cs",
            Lang::Cmn => "zh",
            Lang::Cym => "cy",
            Lang::Dan => "da",
            Lang::Deu => "de",
            Lang::Ell => "el",
            Lang::Eng => "en",
            Lang::Epo => "eo",
            Lang::Est => "et",
            Lang::Fin => "fi",
            Lang::Fra => "fr",
            Lang::Guj => "gu",
            Lang::Heb => "he",
            Lang::Hin => "hi",
            Lang::Hrv => "hr",
            Lang::Hun => "hu",
            Lang::Hye => "hy",
            Lang::Ind => "id",
            Lang::Ita => "it",
            Lang::Jav => "jv",
            Lang::Jpn => "ja",
            Lang::Kan => "kn",
            Lang::Kat => "ka",
            Lang::Khm => "km",
            Lang::Kor => "ko",
            Lang::Lat => "la",
            Lang::Lav => "lv",
            Lang::Lit => "lt",
            Lang::Mal => "ml",
            Lang::Mar => "mr",
            Lang::Mkd => "mk",
            Lang::Mya => "my",
            Lang::Nep => "ne",
            Lang::Nld => "nl",
            Lang::Nob => "nb",
            Lang::Ori => "or",
            Lang::Pan => "pa",
            Lang::Pes => "fa",
            Lang::Pol => "pl",
            Lang::Por => "pt",
            Lang::Ron => "ro",
            Lang::Rus => "ru",
            Lang::Sin => "si",
            Lang::Slk => "sk",
            Lang::Slv => "sl",
            Lang::Sna => "sn",
            Lang::Spa => "es",
            Lang::Srp => "sr",
            Lang::Swe => "sv",
            Lang::Tam => "ta",
            Lang::Tel => "te",
            Lang::Tgl => "tl",
            Lang::Tha => "th",
            Lang::Tuk => "tk",
            Lang::Tur => "tr",
            Lang::Ukr => "uk",
            Lang::Urd => "ur",
            Lang::Uzb => "uz",
            Lang::Vie => "vi",
            Lang::Yid => "yi",
            Lang::Zul => "zu",
        })
    }

    /// The language of `text`, with how sure that is; `None` when it has no letters.
    ///
    /// The script decides first. Characters of East Asian scripts win over words of other scripts when there is one
    /// for each two of those (`Apple iPhone 15 手机壳` is Chinese, `The meaning of 道 in Daoism` is not). Among them
    /// Hangul means Korean, kana (more than one character in twenty) Japanese, and Chinese characters alone Chinese,
    /// which a short Japanese title can also be. For the Latin, Cyrillic, Arabic, Devanagari and Hebrew scripts the
    /// alphabet and the frequencies of trigrams decide, by whatlang; every other script has one language.
    ///
    /// **Short texts.** A title is often too short for trigrams: of 16,859 titles of video games, nearly all English,
    /// the likeliest language is English for 45 %. Only 8 % are [reliable](Detection::is_reliable), and of those 98 %
    /// are English. So never use the language of a short text without looking at that, and fall back on the language
    /// of the catalogue, as [`Analyzer`](crate::Analyzer) does.
    ///
    /// Full-width letters and the like are read as what they stand for. The cost is linear in the length of the text.
    ///
    /// ```
    /// use rec_text::{Language, Script};
    ///
    /// let text = "An orphaned boy enrolls in a school of wizardry, where he learns the truth about himself.";
    /// let found = Language::detect(text).unwrap();
    /// assert_eq!((found.language, found.script, found.is_reliable), (Language::ENGLISH, Script::Latin, true));
    ///
    /// assert_eq!(Language::detect("我爱Rust").unwrap().language, Language::CHINESE);
    /// assert!(!Language::detect("Star Wars").unwrap().is_reliable);
    /// assert_eq!(Language::detect("2001: 10/10"), None);
    /// ```
    #[must_use]
    pub fn detect(text: &str) -> Option<Detection> {
        // The detector takes full-width punctuation for Hangul.
        let text: String = text.nfkc().collect();
        let counts = Counts::of(&text);
        if counts.is_east_asian() {
            return Some(counts.east_asian());
        }
        let text: String = text.chars().map(|c| if script::is_east_asian(c) { ' ' } else { c }).collect();
        let info = whatlang::detect(&text).filter(|_| counts.letters > 0)?;
        let confidence = info.confidence().clamp(0.0, 1.0);
        // `max` of a NaN and a number is the number.
        let confidence = confidence.max(0.0);
        let script = Script::of(info.script());
        let is_reliable = confidence > RELIABLE_CONFIDENCE;
        Some(Detection { language: Self(info.lang()), script, confidence, is_reliable })
    }

    /// Whether `script` is one that the language is written in.
    pub(crate) fn is_written_in(self, script: Script) -> bool {
        whatlang::Script::all().iter().any(|&s| Script::of(s) == script && s.langs().contains(&self.0))
    }
}

/// The English name.
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            Lang::Cmn => "Chinese",
            lang => lang.eng_name(),
        })
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.code())
    }
}

/// How much of a text is in which kind of script.
#[derive(Default)]
struct Counts {
    han: usize,
    kana: usize,
    hangul: usize,
    /// Runs of letters of other scripts.
    words: usize,
    /// Letters of other scripts.
    letters: usize,
}

impl Counts {
    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        let mut in_word = false;
        for c in text.chars() {
            let east_asian = script::is_east_asian(c);
            counts.han += usize::from(is_han(c));
            counts.kana += usize::from(is_kana(c));
            counts.hangul += usize::from(script::is_hangul(c));
            let letter = c.is_alphabetic() && !east_asian;
            counts.letters += usize::from(letter);
            counts.words += usize::from(letter && !in_word);
            in_word = letter;
        }
        counts
    }

    fn is_east_asian(&self) -> bool {
        let east_asian = self.han + self.kana + self.hangul;
        east_asian > 0 && 2 * east_asian >= self.words
    }

    fn east_asian(&self) -> Detection {
        let found = |language, script, confidence| {
            let is_reliable = confidence > RELIABLE_CONFIDENCE;
            Detection { language, script, confidence, is_reliable }
        };
        if self.hangul > self.han + self.kana {
            return found(Language::KOREAN, Script::Hangul, 1.0);
        }
        let script = if self.kana > self.han { Script::Kana } else { Script::Han };
        // The shares at which whatlang changes its mind.
        match self.kana as f64 / (self.han + self.kana) as f64 {
            share if share > 0.2 => found(Language::JAPANESE, script, 1.0),
            share if share > 0.05 => found(Language::JAPANESE, script, 0.5),
            share if share > 0.02 => found(Language::CHINESE, script, 0.5),
            _ => found(Language::CHINESE, script, 1.0),
        }
    }
}
