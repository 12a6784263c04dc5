use std::fmt;

use whatlang::Script as Detected;

/// A script, as far as it says something about the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Script {
    /// The Latin alphabet.
    Latin,
    /// The Cyrillic alphabet.
    Cyrillic,
    /// The Arabic script.
    Arabic,
    /// Devanagari: Hindi, Marathi, Nepali.
    Devanagari,
    /// The Hebrew alphabet.
    Hebrew,
    /// Chinese characters.
    Han,
    /// Hiragana and katakana.
    Kana,
    /// The Korean alphabet.
    Hangul,
    /// A script that one known language is written in, such as the Greek or the Thai one.
    Other,
}

impl Script {
    pub(super) fn of(script: Detected) -> Self {
        match script {
            Detected::Latin => Self::Latin,
            Detected::Cyrillic => Self::Cyrillic,
            Detected::Arabic => Self::Arabic,
            Detected::Devanagari => Self::Devanagari,
            Detected::Hebrew => Self::Hebrew,
            Detected::Mandarin => Self::Han,
            Detected::Hiragana | Detected::Katakana => Self::Kana,
            Detected::Hangul => Self::Hangul,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Latin => "Latin",
            Self::Cyrillic => "Cyrillic",
            Self::Arabic => "Arabic",
            Self::Devanagari => "Devanagari",
            Self::Hebrew => "Hebrew",
            Self::Han => "Han",
            Self::Kana => "Kana",
            Self::Hangul => "Hangul",
            Self::Other => "Other",
        })
    }
}

/// Chinese characters, with the marks of iteration and the zero that stand between them: the blocks of the script Han.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Hiragana and katakana, half-width ones included.
pub(crate) fn is_kana(c: char) -> bool {
    // The middle dot and the length mark between them are shared: Chinese writes foreign names with the dot.
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}')
}

/// Hangul syllables and their letters.
pub(super) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{a960}'..='\u{a97c}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{d7b0}'..='\u{d7fb}' | '\u{ffa0}'..='\u{ffdc}')
}

pub(super) fn is_east_asian(c: char) -> bool {
    is_han(c) || is_kana(c) || is_hangul(c)
}
