use super::keys::Keys;
use crate::Tag;

/// Sixteen bits: whether it is the last of its feature (1), the tag (5), the weight (10, two's complement).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u16);

/// The weights that are not zero, by feature.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    features: Keys,
    /// The first entry of each feature.
    begins: Vec<u32>,
    entries: Vec<Entry>,
}

impl Entry {
    const LAST: u16 = 1 << 15;
    /// The largest magnitude.
    pub(super) const MAX: i16 = 511;

    pub(super) fn new(tag: Tag, weight: i16) -> Self {
        debug_assert!(weight.abs() <= Self::MAX);
        Self((tag as u16) << 10 | weight as u16 & 0x3ff)
    }

    pub(super) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u16 {
        self.0
    }

    pub(super) fn is_last(self) -> bool {
        self.0 & Self::LAST != 0
    }

    /// The number of the tag, which is below 32.
    pub(super) fn tag(self) -> usize {
        usize::from(self.0 >> 10 & 31)
    }

    pub(super) fn weight(self) -> i16 {
        (self.0 << 6) as i16 >> 6
    }
}

impl Weights {
    /// One row of entries for each feature, none of them empty.
    pub(super) fn new(features: Keys, rows: Vec<Vec<Entry>>) -> Self {
        let mut entries = Vec::new();
        for row in rows {
            entries.extend(row);
            if let Some(last) = entries.last_mut() {
                last.0 |= Entry::LAST;
            }
        }
        Self::from_entries(features, entries)
    }

    /// As many last entries as features.
    pub(super) fn from_entries(features: Keys, entries: Vec<Entry>) -> Self {
        let ends = (1..).zip(&entries).filter(|(_, entry)| entry.is_last()).map(|(end, _)| end);
        let begins: Vec<u32> = std::iter::once(0).chain(ends).take(features.as_slice().len()).collect();
        debug_assert_eq!(begins.len(), features.as_slice().len());
        Self { features, begins, entries }
    }

    /// Adds the weights of a feature to the scores of the tags. Most features have none.
    pub(super) fn add(&self, feature: u32, scores: &mut [i32; 32]) {
        let Some(place) = self.features.position(feature) else { return };
        for entry in &self.entries[self.begins[place] as usize..] {
            scores[entry.tag()] += i32::from(entry.weight());
            if entry.is_last() {
                break;
            }
        }
    }

    pub(super) fn features(&self) -> &[u32] {
        self.features.as_slice()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_hold_every_weight() {
        for weight in -Entry::MAX..=Entry::MAX {
            let entry = Entry::new(Tag::Other, weight);
            assert_eq!((entry.tag(), entry.weight(), entry.is_last()), (16, weight, false));
        }
    }

    #[test]
    fn rows_add_up() {
        let rows =
            vec![vec![Entry::new(Tag::Adverb, 3), Entry::new(Tag::Verb, -3)], vec![Entry::new(Tag::Verb, 5)]];
        let weights = Weights::new(Keys::new(vec![7, 9]), rows);
        let mut scores = [0; 32];
        for feature in [7, 8, 9, 9] {
            weights.add(feature, &mut scores);
        }
        assert_eq!([scores[Tag::Adverb as usize], scores[Tag::Verb as usize]], [3, 7]);
    }
}
