use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rec_data::{Id, IdMap};

use super::MinHash;
use crate::Error;
use crate::terms::number;

/// The documents as sets of numbered shingles, and the hash of each shingle.
#[derive(Debug)]
pub(super) struct ShingleSets {
    pub(super) ids: IdMap,
    /// By the number of the shingle.
    hashes: Vec<u64>,
    /// The set of document `row` ends at `ends[row]` and begins where those before it end.
    ends: Vec<usize>,
    /// Ascending within a set.
    numbers: Vec<u32>,
}

impl ShingleSets {
    pub(super) fn collect<I, D, S>(
        documents: impl IntoIterator<Item = (I, D)>,
        min_hash: MinHash,
    ) -> Result<Self, Error>
    where
        I: Into<Id>,
        D: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut sets = Self { ids: IdMap::new(), hashes: Vec::new(), ends: Vec::new(), numbers: Vec::new() };
        // Numbers instead of hashes: the verification is exact whatever collides.
        let mut shingles = IdMap::new();
        let mut set = Vec::new();
        for (row, (id, document)) in documents.into_iter().enumerate() {
            let id = id.into();
            if let (first, false) = sets.ids.insert(&id) {
                return Err(Error::duplicate_document(id, first, row));
            }
            u32::try_from(row).map_err(|_| Error::too_many("documents"))?;
            set.clear();
            for shingle in document {
                let number = number(&mut shingles, shingle.as_ref());
                set.push(u32::try_from(number).map_err(|_| Error::too_many("distinct shingles"))?);
            }
            set.sort_unstable();
            set.dedup();
            sets.numbers.extend_from_slice(&set);
            sets.ends.push(sets.numbers.len());
        }
        sets.hashes = shingles.iter().map(|shingle| min_hash.hash(shingle)).collect();
        Ok(sets)
    }

    pub(super) fn set(&self, row: u32) -> &[u32] {
        let row = row as usize;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[start..self.ends[row]]
    }

    pub(super) fn hashes(&self, row: u32) -> impl Iterator<Item = u64> {
        self.set(row).iter().map(|&number| self.hashes[number as usize])
    }

    /// The first row of each distinct set, without the empty one, and `(first, row)` for the others.
    pub(super) fn distinct(&self) -> (Vec<u32>, Vec<(u32, u32)>) {
        let (mut distinct, mut equal) = (Vec::new(), Vec::new());
        let mut first_rows = HashMap::new();
        for row in (0..self.ends.len() as u32).filter(|&row| !self.set(row).is_empty()) {
            match first_rows.entry(self.set(row)) {
                Entry::Occupied(first) => equal.push((*first.get(), row)),
                Entry::Vacant(vacant) => {
                    vacant.insert(row);
                    distinct.push(row);
                }
            }
        }
        (distinct, equal)
    }

    /// The Jaccard similarity of two sets that are not both empty, if it is at least `threshold`.
    pub(super) fn similarity(&self, a: u32, b: u32, threshold: f64) -> Option<f64> {
        let (a, b) = (self.set(a), self.set(b));
        let ratio = |common: usize| common as f64 / (a.len() + b.len() - common) as f64;
        // At best the smaller set is within the larger one.
        if ratio(a.len().min(b.len())) < threshold {
            return None;
        }
        let similarity = ratio(n_common(a, b));
        (similarity >= threshold).then_some(similarity)
    }
}

/// The number of values that two ascending slices share.
fn n_common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        // Without a branch on the order, which is unpredictable.
        let (x, y) = (a[i], b[j]);
        n += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(documents: &[&[&str]]) -> ShingleSets {
        let documents = documents.iter().enumerate().map(|(row, shingles)| (row.to_string(), *shingles));
        ShingleSets::collect(documents, MinHash::new(1, 0)).unwrap()
    }

    #[test]
    fn similarity_is_exact() {
        let sets = sets(&[&["a", "b", "c", "d"], &["e", "d", "c", "b", "a", "a"], &["a", "f"], &[]]);
        assert_eq!(sets.similarity(0, 1, 0.8), Some(0.8));
        assert_eq!(sets.similarity(0, 1, 0.81), None);
        assert_eq!(sets.similarity(0, 2, 0.2), Some(0.2));
        assert_eq!(sets.similarity(0, 3, 0.1), None);
    }

    #[test]
    fn equal_sets_collapse_and_empty_ones_are_left_out() {
        let sets = sets(&[&["a", "b"], &[], &["b", "a", "b"], &["c"], &[], &["a", "b"]]);
        assert_eq!(sets.distinct(), (vec![0, 3], vec![(0, 2), (0, 5)]));
    }
}
