use std::collections::BTreeMap;

use super::features::lower_hash;
use super::hash::name;
use super::keys::Keys;
use crate::Tag;

/// Tags that a word has less often than this are taken for mistakes.
const MIN_SHARE: f64 = 0.02;

/// The tags that frequent words have.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary {
    keys: Keys,
    classes: Vec<Class>,
}

/// Which tags a word has (one bit each), and its most frequent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) tags: u32,
    pub(super) first: u8,
}

impl Dictionary {
    /// `classes` belong to `keys`, one by one.
    pub(super) fn new(keys: Keys, classes: Vec<Class>) -> Self {
        debug_assert_eq!(keys.as_slice().len(), classes.len());
        Self { keys, classes }
    }

    /// The words that come at least `min_count` times.
    pub(super) fn count<'a>(words: impl IntoIterator<Item = (&'a str, Tag)>, min_count: usize) -> Self {
        let mut counts: BTreeMap<u32, [usize; 17]> = BTreeMap::new();
        let mut buffer = Vec::new();
        for (word, tag) in words {
            counts.entry(name(lower_hash(word, &mut buffer))).or_default()[tag as usize] += 1;
        }
        counts.retain(|_, counts| counts.iter().sum::<usize>() >= min_count);
        let classes = counts.values().map(Class::new).collect();
        Self::new(Keys::new(counts.into_keys().collect()), classes)
    }

    /// A number for the class of the word with this hash; 0 for a word that is not here.
    pub(super) fn class(&self, lower_hash: u64) -> u64 {
        self.keys.position(name(lower_hash)).map_or(0, |place| self.classes[place].number())
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (u32, Class)> {
        self.keys.as_slice().iter().copied().zip(self.classes.iter().copied())
    }
}

impl Class {
    fn new(counts: &[usize; 17]) -> Self {
        let least = MIN_SHARE * counts.iter().sum::<usize>() as f64;
        let mut class = Self { tags: 0, first: 0 };
        for (tag, &count) in (0_u8..).zip(counts) {
            if count > 0 && count as f64 >= least {
                class.tags |= 1 << tag;
            }
            if count > counts[class.first as usize] {
                class.first = tag;
            }
        }
        class
    }

    /// Above all marks for what is no word.
    fn number(self) -> u64 {
        1 << 32 | u64::from(self.first) << 17 | u64::from(self.tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_frequent_words_and_drops_rare_tags() {
        let mut words = vec![("run", Tag::Verb); 60];
        words.extend([("Run", Tag::Noun); 39]);
        words.extend([("run", Tag::Other), ("rare", Tag::Adjective)]);
        let dictionary = Dictionary::count(words, 2);
        let classes: Vec<_> = dictionary.iter().map(|(_, class)| class).collect();
        assert_eq!(
            classes,
            [Class { tags: 1 << Tag::Verb as u8 | 1 << Tag::Noun as u8, first: Tag::Verb as u8 }]
        );

        let class = |word| dictionary.class(lower_hash(word, &mut Vec::new()));
        assert_eq!((class("RUN"), class("rare")), (classes[0].number(), 0));
    }
}
