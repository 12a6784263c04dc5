//! Repeated punctuation and letters, as they are typed for emphasis.
//!
//! Each function borrows exactly when it would change nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::unicode::{regex, unless_equal};

/// A tag, whose letters are its name, or a word of letters that have case.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[@＠#＃][\p{L}\p{N}\p{M}_]+|[\p{Lowercase}\p{Uppercase}\p{N}\p{M}]+"));

/// Clothing sizes (`XXXL`) and Roman numerals.
static SIZE_OR_NUMERAL: LazyLock<Regex> =
    LazyLock::new(|| regex("(?i)^(?:X+[LS]|M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))$"));

/// `!!!` to `!`, `?!?!` to `?!`, `.....` to `...`: see [`Cleaner::repeated_punctuation`](super::Cleaner::repeated_punctuation).
pub(super) fn punctuation(text: &str) -> Cow<'_, str> {
    let pairs = text.chars().zip(text.chars().skip(1));
    if !pairs.into_iter().any(|(a, b)| (a == b && most(a).is_some()) || (is_mark(a) && is_mark(b))) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if is_mark(c) {
            let mut other = None;
            while let Some(next) = chars.next_if(|&next| is_mark(next)) {
                if is_question(next) != is_question(c) {
                    other = other.or(Some(next));
                }
            }
            out.extend(other);
        } else if let Some(most) = most(c) {
            let mut n = 1;
            while let Some(same) = chars.next_if_eq(&c) {
                if n < most {
                    out.push(same);
                }
                n += 1;
            }
        }
    }
    unless_equal(text, out)
}

fn is_mark(c: char) -> bool {
    matches!(c, '!' | '！') || is_question(c)
}

fn is_question(c: char) -> bool {
    matches!(c, '?' | '？')
}

/// How many of this punctuation may stand in a row; none when any number may.
fn most(c: char) -> Option<usize> {
    match c {
        ',' | '，' | '、' | ';' | '；' | '~' | '～' => Some(1),
        // The Chinese ellipsis is two of them.
        '…' => Some(2),
        '.' | '．' | '。' | '-' | '=' | '_' => Some(3),
        _ => None,
    }
}

/// `soooo` to `soo`: see [`Cleaner::repeated_letters`](super::Cleaner::repeated_letters).
pub(super) fn letters(text: &str) -> Cow<'_, str> {
    let (mut last, mut n) = ('\0', 0);
    let repeats = |c: char| {
        n = if c == last { n + 1 } else { 1 };
        last = c;
        n > 2 && is_letter(c)
    };
    if !text.chars().any(repeats) {
        return Cow::Borrowed(text);
    }
    let shorter = WORD.replace_all(text, |word: &Captures<'_>| shorten(&word[0]));
    unless_equal(text, shorter.into_owned())
}

/// A letter of a script that has case.
fn is_letter(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

fn shorten(word: &str) -> String {
    let is_short_capitals = word.chars().all(char::is_uppercase) && word.chars().nth(4).is_none();
    let is_name = word.starts_with(['@', '＠', '#', '＃']) || word.contains(char::is_numeric);
    if is_short_capitals || is_name || SIZE_OR_NUMERAL.is_match(word) {
        return word.to_owned();
    }
    let mut chars = word.chars();
    let is_one_letter = chars.next().is_some_and(|first| chars.all(|c| c == first));
    let most = if is_one_letter { 3 } else { 2 };
    let mut out = String::with_capacity(word.len());
    let (mut last, mut n) = ('\0', 0);
    for c in word.chars() {
        n = if c == last { n + 1 } else { 1 };
        last = c;
        if n <= most || !is_letter(c) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_said_once() {
        for (text, expected) in [
            ("wow!!!! so?? yes!", "wow! so? yes!"),
            ("what?!?!?! no!?!! 真的！！？？", "what?! no!? 真的！？"),
            ("wait..... 等……………… 好。。。。。", "wait... 等…… 好。。。"),
            ("好吃~~~~ ok,, 好，，，", "好吃~ ok, 好，"),
            ("---------- ====", "--- ==="),
        ] {
            assert_eq!(punctuation(text), expected);
        }
        for text in ["", "!", "?!", "... .. …… …", "a--b ---", "C++ :: ***** ((", "!.!", "哈哈哈", "- - - -"]
        {
            assert!(matches!(punctuation(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn letters_are_said_twice() {
        for (text, expected) in [
            ("soooo coool", "soo cool"),
            ("NOOOOO yessss", "NOO yess"),
            ("aaaaaah hmmmm", "aah hmm"),
            ("zzzzzz", "zzz"),
            ("спасибооооо", "спасибоо"),
            ("好sooo好", "好soo好"),
            ("soooó", "sooó"),
        ] {
            assert_eq!(letters(text), expected);
        }
        for text in [
            "",
            "book",
            "III VIII xviii XXXIII",
            "Stage IIIA",
            "AAA AAAA www zzz",
            "XXXL XXXXL xxxs",
            "1000 0xFFFF9",
            "哈哈哈哈",
            "すごーーーい",
            "ㅋㅋㅋㅋ",
            "@annna #sooo @a_bbb",
            "5555",
            "ABC1112",
            "!!!",
        ] {
            assert!(matches!(letters(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
