//! What becomes of the things that are found in a text, and how they are taken out of it.

use std::borrow::Cow;
use std::ops::Range;

use super::unicode::unless_equal;

/// What becomes of the things of one kind that are found in a text: of its URLs, say, or its emoji.
///
/// ```
/// use rec_text::{Cleaner, Found};
///
/// let clean = |mentions| Cleaner::none().mentions(mentions).clean("thanks @anna_b!").into_owned();
/// assert_eq!(clean(Found::Keep), "thanks @anna_b!");
/// assert_eq!(clean(Found::Drop), "thanks !");
/// assert_eq!(clean(Found::Replace("[USER]")), "thanks [USER]!");
/// assert_eq!(clean(Found::Words), "thanks anna b!");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Found {
    /// They stay as they are.
    Keep,
    /// They go. A space is left where words would join.
    Drop,
    /// A placeholder stands in their place, parted from words by spaces.
    ///
    /// It is made of ASCII letters, `_`, `[` and `]`, with no character three times in a row: no step
    /// of a cleaner acts on such a text, while `<URL>` would be markup to it. Anything else panics
    /// where it is given to a [`Cleaner`](super::Cleaner).
    Replace(&'static str),
    /// Their words stay, without the mark: of `#SlowFood` `Slow Food`, of `@anna_b` `anna b`.
    ///
    /// Words part at `_`, and at a capital after two small letters, so that `iPhone` stays whole. For
    /// what bears no mark (all but hashtags and mentions) this is [`Keep`](Found::Keep).
    Words,
}

impl Found {
    /// The same, when it can be done.
    ///
    /// # Panics
    ///
    /// The placeholder is empty, or has characters that it must not have.
    pub(super) const fn checked(self) -> Self {
        if let Self::Replace(with) = self {
            let with = with.as_bytes();
            assert!(!with.is_empty(), "an empty placeholder: drop what it is to replace");
            let mut i = 0;
            while i < with.len() {
                assert!(
                    with[i].is_ascii_alphabetic() || matches!(with[i], b'_' | b'[' | b']'),
                    "a placeholder is made of ASCII letters, `_`, `[` and `]`"
                );
                assert!(
                    i < 2 || with[i] != with[i - 1] || with[i] != with[i - 2],
                    "a placeholder has no character three times in a row"
                );
                i += 1;
            }
        }
        self
    }

    /// [`checked`](Self::checked), for what bears no mark.
    pub(super) const fn unmarked(self) -> Self {
        if matches!(self, Self::Words) { Self::Keep } else { self.checked() }
    }

    pub(super) const fn is_keep(self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The text to put in the place of what was found; none to leave that where it is.
    pub(super) fn place(self, words: impl FnOnce() -> String) -> Option<Cow<'static, str>> {
        match self {
            Self::Keep => None,
            Self::Drop => Some(Cow::Borrowed("")),
            Self::Replace(with) => Some(Cow::Borrowed(with)),
            Self::Words => Some(Cow::Owned(words())),
        }
    }
}

/// A part of a text, and what is put in its place; none keeps it untouched by whatever comes later.
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) place: Option<Cow<'static, str>>,
}

/// The text with the spans replaced, in order of their starts, and with what is `between` them changed.
///
/// Of spans that overlap the first counts. Borrows exactly when nothing changes.
pub(super) fn rewrite<'a>(
    text: &'a str,
    spans: &[Span],
    between: impl Fn(&str) -> Cow<'_, str>,
) -> Cow<'a, str> {
    if spans.is_empty() {
        return match between(text) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(changed) => Cow::Owned(changed),
        };
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for Span { range, place } in spans {
        if range.start < at {
            continue;
        }
        out.push_str(&between(&text[at..range.start]));
        match place {
            Some(place) => put(&mut out, place, &text[range.end..]),
            None => out.push_str(&text[range.clone()]),
        }
        at = range.end;
    }
    out.push_str(&between(&text[at..]));
    unless_equal(text, out)
}

/// Appends `place` so that it joins neither the word before it nor the one `after` it.
fn put(out: &mut String, place: &str, after: &str) {
    let parted = out.chars().next_back().is_none_or(|c| c.is_whitespace() || is_opening(c));
    let parts = after.chars().next().is_none_or(|c| c.is_whitespace() || is_closing(c));
    if place.is_empty() && (parted || parts) {
        return;
    }
    if !parted {
        out.push(' ');
    }
    out.push_str(place);
    if !parts && !place.is_empty() {
        out.push(' ');
    }
}

/// Punctuation that stands before a word without a space.
fn is_opening(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '（' | '【' | '《' | '「' | '『' | '“' | '‘')
}

/// Punctuation that stands after a word without a space.
fn is_closing(c: char) -> bool {
    is_closing_bracket(c)
        || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '…')
        || matches!(c, '。' | '，' | '、' | '；' | '：' | '！' | '？')
}

fn is_closing_bracket(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '）' | '】' | '》' | '」' | '』' | '”' | '’')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` with each `%` replaced.
    fn replaced(text: &str, found: Found) -> String {
        let spans: Vec<_> = text
            .match_indices('%')
            .map(|(at, mark)| Span { range: at..at + mark.len(), place: found.place(|| "w".to_owned()) })
            .collect();
        rewrite(text, &spans, |between| Cow::Borrowed(between)).into_owned()
    }

    #[test]
    fn words_do_not_join() {
        for (text, dropped, put) in [
            ("a%b", "a b", "a X b"),
            ("a %b", "a b", "a X b"),
            ("a% b", "a b", "a X b"),
            ("%%%", "", "X X X"),
            ("a%%b", "a b", "a X X b"),
            ("(%)", "()", "(X)"),
            ("a%!", "a!", "a X!"),
            ("看%吧。", "看 吧。", "看 X 吧。"),
            ("看%。", "看。", "看 X。"),
            ("$%$", "$ $", "$ X $"),
        ] {
            assert_eq!(replaced(text, Found::Drop), dropped);
            assert_eq!(replaced(text, Found::Replace("X")), put);
            assert_eq!(replaced(text, Found::Keep), text);
        }
    }

    #[test]
    fn placeholders_are_checked() {
        for good in ["URL", "[URL]", "url_", "aabb"] {
            assert_eq!(Found::Replace(good).checked(), Found::Replace(good));
        }
        for bad in ["", "<URL>", "a b", "URL1", "#", "网址", "aaa", "www"] {
            assert!(std::panic::catch_unwind(|| Found::Replace(bad).checked()).is_err(), "{bad}");
        }
        assert_eq!(Found::Words.unmarked(), Found::Keep);
    }
}
