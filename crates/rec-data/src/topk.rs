//! The best k of a stream.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;

use crate::error::{Error, Kind};
use crate::ranked::rank_order;

/// The best `k` of any number of scored keys, by [`rank_order`], in `O(k)` memory and `O(log k)` time per key.
///
/// The result is the same for any order of the keys and for any way of splitting them over heaps that are merged: ties at
/// the edge go to the smaller key. A key that is pushed twice is held twice. A score of -0.0 is kept as 0.0.
///
/// ```
/// use rec_data::TopK;
///
/// let mut top = TopK::new(2);
/// for (row, score) in [0.1, 0.7, 0.4, 0.7].into_iter().enumerate() {
///     top.push(score, row)?;
/// }
/// assert_eq!(top.into_sorted(), [(0.7, 1), (0.7, 3)]);
///
/// assert!(TopK::new(2).push(f32::NAN, "dune").unwrap_err().is_not_finite());
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TopK<T> {
    k: usize,
    /// At most `k` entries; the top of the heap is the one that ranks last.
    heap: BinaryHeap<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    score: f32,
    key: T,
}

impl<T: Ord> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        rank_order(self.score, &self.key, other.score, &other.key)
    }
}

impl<T: Ord> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Ord> Eq for Entry<T> {}

impl<T: Ord> TopK<T> {
    /// An empty heap for the best `k`. With `k = 0` it stays empty, and a `k` beyond the number of keys keeps all of them;
    /// memory grows with the keys that are held, not with `k`.
    #[must_use]
    pub fn new(k: usize) -> TopK<T> {
        TopK { k, heap: BinaryHeap::new() }
    }

    /// Offers a key; tells whether it is among the best `k` so far.
    ///
    /// # Errors
    ///
    /// The score is NaN; the message names the key, and the heap is as before.
    pub fn push(&mut self, score: f32, key: T) -> Result<bool, Error>
    where
        T: fmt::Debug,
    {
        if score.is_nan() {
            return Err(Kind::NanScore { key: format!("{key:?}") }.into());
        }
        // One zero only, so that equal keys with either zero give the same bits in any order.
        Ok(self.offer(Entry { score: score + 0.0, key }))
    }

    fn offer(&mut self, entry: Entry<T>) -> bool {
        if self.heap.len() < self.k {
            self.heap.push(entry);
            return true;
        }
        match self.heap.peek_mut() {
            Some(mut last) if entry < *last => {
                *last = entry;
                true
            }
            _ => false,
        }
    }

    /// Whether a key of this score may enter: `false` only if it surely does not, whatever the key.
    ///
    /// A cheap test before a key is made or looked up. It is `true` for NaN, so that [`push`](TopK::push) gets to report it.
    ///
    /// ```
    /// use rec_data::TopK;
    ///
    /// let mut top = TopK::new(1);
    /// top.push(0.5, "b")?;
    /// assert!(!top.would_enter(0.4));
    /// assert!(top.would_enter(0.5)); // the key may be smaller
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn would_enter(&self, score: f32) -> bool {
        if self.heap.len() < self.k || score.is_nan() {
            return true;
        }
        self.heap.peek().is_some_and(|last| score >= last.score)
    }

    /// The score to reach: a key with one below it surely does not enter. Minus infinity while fewer than `k` keys are held, and
    /// infinity if `k = 0`.
    ///
    /// For comparing many scores at once with one number, which only rises.
    ///
    /// ```
    /// use rec_data::TopK;
    ///
    /// let mut top = TopK::new(1);
    /// assert_eq!(top.threshold(), f32::NEG_INFINITY);
    /// top.push(0.5, "b")?;
    /// assert_eq!(top.threshold(), 0.5);
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn threshold(&self) -> f32 {
        match self.heap.peek() {
            _ if self.heap.len() < self.k => f32::NEG_INFINITY,
            Some(last) => last.score,
            None => f32::INFINITY,
        }
    }

    /// Takes in what another heap holds, as if its keys had been pushed here.
    ///
    /// The result is the best `k` of all keys that either heap was offered, provided that the other heap's `k` is at least
    /// that of this one.
    ///
    /// ```
    /// use rec_data::TopK;
    ///
    /// let (mut left, mut right) = (TopK::new(2), TopK::new(2));
    /// left.push(0.1, 'a')?;
    /// left.push(0.3, 'b')?;
    /// right.push(0.2, 'c')?;
    /// left.merge(right);
    /// assert_eq!(left.into_sorted(), [(0.3, 'b'), (0.2, 'c')]);
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    pub fn merge(&mut self, other: TopK<T>) {
        for entry in other.heap {
            self.offer(entry);
        }
    }

    /// The number of keys held, at most `k`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The scores and keys, best first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<(f32, T)> {
        self.heap.into_sorted_vec().into_iter().map(|entry| (entry.score, entry.key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_k_holds_nothing_but_still_refuses_nan() {
        let mut top = TopK::new(0);
        assert!(!top.would_enter(1.0));
        assert!(!top.push(1.0, 'a').unwrap());
        assert_eq!(top.push(f32::NAN, 'a').unwrap_err().to_string(), "the score of 'a' is NaN");
        assert!(top.is_empty());
    }

    #[test]
    fn huge_k_costs_nothing() {
        let mut top = TopK::new(usize::MAX);
        assert!(top.push(f32::NEG_INFINITY, 1).unwrap());
        assert_eq!((top.len(), top.into_sorted()), (1, vec![(f32::NEG_INFINITY, 1)]));
    }

    #[test]
    fn push_tells_whether_the_key_entered() {
        let mut top = TopK::new(1);
        assert!(top.push(1.0, 5).unwrap());
        assert!(!top.push(1.0, 6).unwrap());
        assert!(top.push(1.0, 4).unwrap());
        assert!(!top.push(0.5, 0).unwrap());
    }
}
