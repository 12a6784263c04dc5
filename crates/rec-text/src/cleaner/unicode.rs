//! The steps on characters: control and zero-width characters, full-width forms, NFKC, white space.
//!
//! Each step borrows exactly when it would change nothing.

use std::borrow::Cow;

use regex::Regex;
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// ZWNJ and ZWJ.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// A neighbour that a joiner can act on.
fn is_joinable(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !is_joiner(c)
}

/// Control characters except white space, and format characters that show nothing.
///
/// The format characters that Arabic and Kaithi *do* show (number signs, end of ayah) stay.
fn is_invisible(c: char) -> bool {
    match c {
        '\0'..='\u{9f}' => c.is_control() && !c.is_whitespace(),
        // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        // ZWSP; the direction marks; embeddings and overrides.
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        // Word joiner, invisible operators, isolates; BOM; interlinear annotation.
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // Shorthand and musical format controls; tag characters.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// Removes invisible characters, and joiners that join nothing.
pub(super) fn strip_control(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_invisible(c) || is_joiner(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // A joiner waits here until its right neighbour is known: looking ahead for it would be quadratic.
    let mut joiner = None;
    for c in text.chars().filter(|&c| !is_invisible(c)) {
        if is_joiner(c) {
            joiner = joiner.or_else(|| out.chars().next_back().is_some_and(is_joinable).then_some(c));
        } else {
            out.extend(joiner.take().filter(|_| is_joinable(c)));
            out.push(c);
        }
    }
    unless_equal(text, out)
}

/// The full-width forms of ASCII, and the space that is as wide, as ASCII.
pub(super) fn fold_full_width(text: &str) -> Cow<'_, str> {
    let fold = |c: char| match c {
        '\u{3000}' => ' ',
        // Each stands this far above the ASCII that it is a wide form of.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    if text.is_ascii() || text.chars().all(|c| fold(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(fold).collect())
}

/// Unicode normalisation form KC.
pub(super) fn nfkc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    // The quick check may answer "maybe": only the normalised text itself tells.
    unless_equal(text, text.nfkc().collect())
}

/// One space for each run of white space, none at the ends.
pub(super) fn collapse_whitespace(text: &str) -> Cow<'_, str> {
    let mut last = ' ';
    let ragged = text.chars().any(|c| {
        let bad = c.is_whitespace() && (c != ' ' || last == ' ');
        last = c;
        bad
    });
    if !ragged && !text.ends_with(' ') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// A character of the scripts that put no spaces between words, or their punctuation and wide forms.
///
/// Han, kana, bopomofo, and Hangul, whose particles follow a name or a link without a space.
pub(super) fn is_cjk(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{303f}'
            | '\u{3040}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{a960}'..='\u{a97f}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff00}'..='\u{ffef}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// A letter, digit, mark or joiner, or `_`: what names and tags are made of.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || (!c.is_ascii() && (is_combining_mark(c) || is_joiner(c)))
}

/// A regular expression that is known to be right.
pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

/// `out`, or `text` itself when they are the same.
pub(super) fn unless_equal(text: &str, out: String) -> Cow<'_, str> {
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joiners_stay_where_they_join() {
        // Persian "I want" (ZWNJ) and the woman technologist (ZWJ).
        for kept in ["می\u{200c}خواهم", "👩\u{200d}💻", "❤\u{fe0f}\u{200d}🔥"] {
            assert!(matches!(strip_control(kept), Cow::Borrowed(same) if same == kept), "{kept}");
        }
        assert_eq!(strip_control("a\u{200d}b"), "ab");
        assert_eq!(strip_control("\u{200c}می \u{200c}خ\u{200c}"), "می خ");
        assert_eq!(strip_control("م\u{200c}\u{200b}\u{200d}ی"), "م\u{200c}ی");
    }

    #[test]
    fn control_characters_go_and_white_space_stays() {
        assert_eq!(strip_control("\u{feff}a\0b\u{7f}c\u{85}d\te\r\n"), "abc\u{85}d\te\r\n");
        assert_eq!(strip_control("\u{202e}txt\u{2066}\u{e0041}"), "txt");
    }

    #[test]
    fn full_width_forms_are_folded() {
        assert_eq!(fold_full_width("ＡＢＣ　１２３！～（，）"), "ABC 123!~(,)");
        for kept in ["", "abc", "中文。、", "ｶﾞ￥", "\u{ff00}\u{ff5f}"] {
            assert!(matches!(fold_full_width(kept), Cow::Borrowed(same) if same == kept), "{kept}");
        }
    }

    #[test]
    fn nfkc_composes_and_folds() {
        assert_eq!(nfkc("ﬁ Ａ e\u{301} ①"), "fi A é 1");
        assert!(matches!(nfkc("é 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn white_space_collapses() {
        assert_eq!(collapse_whitespace("\u{a0}a \u{3000}\t b\r\n"), "a b");
        for clean in ["", "a", "a b c"] {
            assert!(matches!(collapse_whitespace(clean), Cow::Borrowed(_)));
        }
        for (ragged, clean) in [(" ", ""), ("a ", "a"), (" a", "a"), ("a\tb", "a b"), ("a  b", "a b")] {
            assert_eq!(collapse_whitespace(ragged), clean);
        }
    }
}
