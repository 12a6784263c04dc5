/// The shingles of `n` characters of a text: every substring of `n` consecutive Unicode scalar values, in order,
/// repetitions included.
///
/// They suit short texts, and languages that are written without spaces; 3 to 5 characters for titles, 2 or 3 for
/// Chinese. A text of fewer characters is one shingle, the empty text none. Case, width and white space count: normalise
/// before. Nothing is copied.
///
/// ```
/// use rec_text::character_shingles;
///
/// assert!(character_shingles("沙丘魔堡", 2).eq(["沙丘", "丘魔", "魔堡"]));
/// assert!(character_shingles("it", 5).eq(["it"]));
/// assert_eq!(character_shingles("", 5).count(), 0);
/// ```
///
/// # Panics
///
/// `n` is 0.
pub fn character_shingles(text: &str, n: usize) -> impl Iterator<Item = &str> + Clone {
    assert!(n > 0, "shingles of no characters");
    let starts = text.char_indices().map(|(start, _)| start);
    // The start of the character after the shingle: that of the n-th after its first, or the end of the text.
    let ends = starts.clone().chain([text.len()]).skip(n);
    let whole = (!text.is_empty() && ends.clone().next().is_none()).then_some(text);
    starts.zip(ends).map(|(start, end)| &text[start..end]).chain(whole)
}

/// The shingles of `n` terms of a text (Broder et al. 1997, "Syntactic clustering of the Web"): every run of `n`
/// consecutive terms, in order, repetitions included.
///
/// They suit descriptions; 1 makes the text a bag of words. The terms of a shingle are joined by the control character
/// U+001F, which no term should have. Fewer terms than `n` are one shingle, no terms none.
///
/// ```
/// use rec_text::term_shingles;
///
/// let shingles = term_shingles(["a", "rose", "is", "a"], 2);
/// assert_eq!(shingles, ["a\u{1f}rose", "rose\u{1f}is", "is\u{1f}a"]);
/// assert_eq!(term_shingles(["a"], 2), ["a"]);
/// ```
///
/// # Panics
///
/// `n` is 0.
#[must_use]
pub fn term_shingles<T: AsRef<str>>(terms: impl IntoIterator<Item = T>, n: usize) -> Vec<String> {
    assert!(n > 0, "shingles of no terms");
    let terms: Vec<T> = terms.into_iter().collect();
    let terms: Vec<&str> = terms.iter().map(AsRef::as_ref).collect();
    if terms.is_empty() {
        return Vec::new();
    }
    terms.windows(n.min(terms.len())).map(|window| window.join("\u{1f}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_characters_as_the_shingle_has() {
        assert!(character_shingles("abc", 3).eq(["abc"]));
        assert!(character_shingles("ab", 3).eq(["ab"]));
        assert!(character_shingles("abcd", 3).eq(["abc", "bcd"]));
        assert!(character_shingles("é😀", 1).eq(["é", "😀"]));
        assert!(character_shingles("abc", usize::MAX).eq(["abc"]));
    }

    #[test]
    fn borders_of_terms_count() {
        assert_ne!(term_shingles(["ab", "c"], 2), term_shingles(["a", "bc"], 2));
        assert_eq!(term_shingles(["a", "b"], usize::MAX), ["a\u{1f}b"]);
        assert!(term_shingles::<&str>([], 2).is_empty());
    }

    #[test]
    #[should_panic(expected = "shingles of no characters")]
    fn no_characters_panic() {
        let _ = character_shingles("abc", 0);
    }
}
