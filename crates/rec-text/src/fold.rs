use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// The form in which words are compared: Unicode form KC, in lower case, with a straight apostrophe.
///
/// Folding again changes nothing. Lower case is Unicode's, which knows no language: a Turkish `I` becomes `i`.
pub(crate) fn fold(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(word);
    }
    let folded = word.nfkc().collect::<String>().to_lowercase().replace('\u{2019}', "'");
    // Lower case can leave a pair that composes, or split one.
    if is_nfkc(&folded) { Cow::Owned(folded) } else { Cow::Owned(folded.nfkc().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded() {
        for (word, folded) in [
            ("Straße", "straße"),
            ("ＩＰｈｏｎｅ", "iphone"),
            ("Cafe\u{301}", "café"),
            ("Don\u{2019}t", "don't"),
            ("ΟΔΟΣ", "οδος"),
            ("ﬁn", "fin"),
            ("", ""),
        ] {
            assert_eq!(fold(word), folded);
        }
        assert!(matches!(fold("plain-1"), Cow::Borrowed(_)));
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for c in '\0'..=char::MAX {
            let once = fold(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }
}
