//! What the tagger sees of a word: hashes of its form and of its surroundings.

use super::dictionary::Dictionary;
use super::hash::{key, text_hash};

/// The longest prefix and suffix that is a feature, in characters.
const MAX_AFFIX: usize = 5;
/// How many words at either side of a word are seen.
const CONTEXT: usize = 2;
/// The bits of a word's traits that its sentence asks for.
const CAPITAL: u64 = 1;
const LETTER: u64 = 1 << 4;
/// The tag before the first word of a sentence.
pub(super) const NO_TAG: u8 = 17;

/// A sentence with everything that its features are made of.
#[derive(Debug)]
pub(super) struct Sentence {
    /// The words, with [`CONTEXT`] placeholders on both sides.
    words: Vec<Word>,
    /// How the sentence as a whole is capitalised: in a title, a capital tells little.
    case: u64,
}

/// The parts of one word's features. Texts are hashed, and all but `form` is blind to case and to which digits.
#[derive(Debug, Clone, Copy)]
struct Word {
    form: u64,
    lower: u64,
    /// Which kinds of characters follow each other: `Xx` for "Dune", `d-x` for "4-in".
    shape: u64,
    traits: u64,
    /// What the dictionary knows of the word.
    class: u64,
    /// By length, from 1; the whole word where it is shorter.
    prefixes: [u64; MAX_AFFIX],
    suffixes: [u64; MAX_AFFIX],
    /// How many of them are real.
    n_affixes: usize,
}

impl Sentence {
    pub(super) fn new<'a>(words: impl IntoIterator<Item = &'a str>, dictionary: &Dictionary) -> Self {
        let mut padded = vec![Word::outside(1); CONTEXT];
        let mut buffer = Vec::new();
        padded.extend(words.into_iter().map(|word| Word::new(word, dictionary, &mut buffer)));
        let case = case(&padded[CONTEXT..]);
        padded.extend([Word::outside(2); CONTEXT]);
        Self { words: padded, case }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() - 2 * CONTEXT
    }

    /// Gives `see` the features of a word that no tag is part of.
    pub(super) fn fixed(&self, index: usize, mut see: impl FnMut(u32)) {
        let [before2, before, word, after, after2] = self.around(index);
        let initial = u64::from(index == 0);

        see(key(0, &[]));
        see(key(1, &[word.form]));
        see(key(2, &[word.lower]));
        see(key(3, &[word.shape]));
        see(key(4, &[word.traits, initial]));
        for (n, (prefix, suffix)) in (0..).zip(word.prefixes.iter().zip(&word.suffixes)).take(word.n_affixes)
        {
            see(key(5, &[n, *prefix]));
            see(key(6, &[n, *suffix]));
        }

        see(key(7, &[before2.lower]));
        see(key(8, &[before.lower]));
        see(key(9, &[after.lower]));
        see(key(10, &[after2.lower]));
        see(key(11, &[before.lower, word.lower]));
        see(key(12, &[word.lower, after.lower]));
        see(key(13, &[before.lower, after.lower]));
        see(key(14, &[word.suffix(3), after.lower]));
        see(key(15, &[after.suffix(3)]));
        see(key(16, &[after.suffix(2)]));
        see(key(17, &[after.shape]));

        see(key(18, &[word.class]));
        see(key(19, &[after.class]));
        see(key(20, &[after2.class]));
        see(key(21, &[word.class, after.class]));
        see(key(22, &[word.lower, after.class]));

        see(key(31, &[self.case, word.traits, initial]));
        see(key(32, &[self.case, word.lower]));
    }

    /// Gives `see` the features of a word that the tags of the two words before it are part of, the nearer one first.
    pub(super) fn history(&self, index: usize, tags: [u8; 2], mut see: impl FnMut(u32)) {
        let [_, _, word, after, _] = self.around(index);
        let [before, before2] = tags.map(u64::from);

        see(key(23, &[before]));
        see(key(24, &[before2]));
        see(key(25, &[before, before2]));
        see(key(26, &[before, word.lower]));
        see(key(27, &[before, word.suffix(3)]));
        see(key(28, &[before, after.lower]));
        see(key(29, &[before, before2, word.lower]));
        see(key(30, &[before, word.class, after.class]));
    }

    fn around(&self, index: usize) -> [&Word; 2 * CONTEXT + 1] {
        std::array::from_fn(|offset| &self.words[index + offset])
    }
}

impl Word {
    fn new(word: &str, dictionary: &Dictionary, buffer: &mut Vec<char>) -> Self {
        normalize_into(word, buffer);
        let lower = text_hash(buffer.iter().copied());
        let n_affixes = buffer.len().min(MAX_AFFIX);
        let (mut prefixes, mut suffixes) = ([lower; MAX_AFFIX], [lower; MAX_AFFIX]);
        for n in 0..n_affixes {
            prefixes[n] = text_hash(buffer[..=n].iter().copied());
            suffixes[n] = text_hash(buffer[buffer.len() - 1 - n..].iter().copied());
        }
        Self {
            form: text_hash(word.chars()),
            lower,
            shape: text_hash(shape(word)),
            traits: traits(word),
            class: dictionary.class(lower),
            prefixes,
            suffixes,
            n_affixes,
        }
    }

    /// What stands before (1) or after (2) a sentence.
    fn outside(mark: u64) -> Self {
        let affixes = [mark; MAX_AFFIX];
        Self {
            form: mark,
            lower: mark,
            shape: mark,
            traits: mark,
            class: mark,
            prefixes: affixes,
            suffixes: affixes,
            n_affixes: 0,
        }
    }

    /// The last `n` characters, or the whole word where it is shorter.
    fn suffix(&self, n: usize) -> u64 {
        self.suffixes[n - 1]
    }
}

/// The hash of a word by which the dictionary knows it.
pub(super) fn lower_hash(word: &str, buffer: &mut Vec<char>) -> u64 {
    normalize_into(word, buffer);
    text_hash(buffer.iter().copied())
}

/// Lower case, every digit a zero, and one apostrophe.
fn normalize_into(word: &str, buffer: &mut Vec<char>) {
    buffer.clear();
    for c in word.chars() {
        match c {
            '\u{2019}' => buffer.push('\''),
            _ if c.is_numeric() => buffer.push('0'),
            _ => buffer.extend(c.to_lowercase()),
        }
    }
}

/// The kind of each character, `X`, `x`, `d` or itself; of equal ones in a row, the first two.
fn shape(word: &str) -> impl Iterator<Item = char> {
    let kinds = word.chars().map(|c| match c {
        _ if c.is_uppercase() => 'X',
        _ if c.is_alphabetic() => 'x',
        _ if c.is_numeric() => 'd',
        _ => c,
    });
    let mut last = [None; 2];
    kinds.filter(move |&kind| {
        let third = last == [Some(kind); 2];
        last = [last[1], Some(kind)];
        !third
    })
}

/// How many of the words with letters begin with a capital (none, half at most, not all, or all), and whether there are
/// more than three.
fn case(words: &[Word]) -> u64 {
    let letters = words.iter().filter(|word| word.traits & LETTER > 0).count();
    let capital = words.iter().filter(|word| word.traits & CAPITAL > 0).count();
    let share = [capital > 0, 2 * capital > letters, capital == letters].iter().filter(|&&more| more).count();
    2 * share as u64 + u64::from(letters > 3)
}

/// One bit each: begins with a capital, is all capitals, has a digit, has a hyphen, has a letter.
fn traits(word: &str) -> u64 {
    let has = |test: fn(char) -> bool| word.chars().any(test);
    let bits = [
        word.starts_with(char::is_uppercase),
        has(char::is_uppercase) && !has(char::is_lowercase) && word.chars().nth(1).is_some(),
        has(char::is_numeric),
        has(|c| c == '-'),
        has(char::is_alphabetic),
    ];
    bits.iter().rev().fold(0, |all, &bit| all << 1 | u64::from(bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(word: &str) -> String {
        shape(word).collect()
    }

    fn fixed(words: &[&str], index: usize) -> Vec<u32> {
        let mut keys = Vec::new();
        Sentence::new(words.iter().copied(), &Dictionary::default()).fixed(index, |key| keys.push(key));
        keys
    }

    #[test]
    fn shapes_and_traits() {
        assert_eq!(
            ["Dune", "IBM", "4-in-1", "1965", "e-mail", ""].map(shape_of),
            ["Xxx", "XX", "d-xx-d", "dd", "x-xx", ""]
        );
        assert_eq!(
            ["Dune", "IBM", "A", "x-1", "42", "--"].map(traits),
            [0b10001, 0b10011, 0b10001, 0b11100, 0b100, 0b1000]
        );
    }

    #[test]
    fn case_digits_and_apostrophes_fold() {
        let mut buffer = Vec::new();
        for (word, same) in [("Don\u{2019}t", "don't"), ("1965", "2049"), ("İ", "i\u{307}")] {
            assert_eq!(lower_hash(word, &mut buffer), lower_hash(same, &mut buffer), "{word}");
        }
    }

    #[test]
    fn features_reach_two_words_and_no_further() {
        let near = fixed(&["a", "b", "c", "d", "e"], 2);
        assert_eq!(near, fixed(&["x", "a", "b", "c", "d", "e", "y"], 3));
        assert_ne!(near, fixed(&["a", "b", "c", "d", "f"], 2));
        assert_ne!(near, fixed(&["f", "b", "c", "d", "e"], 2));
    }

    #[test]
    fn case_of_a_sentence() {
        let case = |text: &str| Sentence::new(text.split(' '), &Dictionary::default()).case;
        assert_eq!(["a b c", "A b c", "A B c", "A B C", "2 - !"].map(case), [0, 2, 4, 6, 2]);
        assert_eq!(["a b c d", "A B c d 1", "A B C d", "A B C D"].map(case), [1, 3, 5, 7]);
    }

    #[test]
    fn every_template_is_another_feature() {
        let words = ["The", "longest", "sentence", "has", "words"];
        let sentence = Sentence::new(words, &Dictionary::default());
        let mut keys = fixed(&words, 2);
        sentence.history(2, [3, 4], |key| keys.push(key));
        assert_eq!(keys.len(), 23 + 2 * MAX_AFFIX + 8);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 23 + 2 * MAX_AFFIX + 8);
    }
}
