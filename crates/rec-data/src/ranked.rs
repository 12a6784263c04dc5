//! Ranked lists and the one order they have.

use std::cmp::Ordering;
use std::ops::Deref;

use crate::error::{Error, Kind};
use crate::id::{Id, IdMap};

/// The order of every ranked list: score descending, then key ascending; `Less` means that `a` ranks first.
///
/// The two zeros tie, and infinities are scores like any other. The order is total even for NaN (a positive NaN ranks before
/// everything), but the lists of this crate never hold one.
///
/// ```
/// use std::cmp::Ordering;
/// use rec_data::{Id, rank_order};
///
/// let (two, ten) = (Id::from("2"), Id::from("10"));
/// assert_eq!(rank_order(0.9, &ten, 0.5, &two), Ordering::Less);
/// assert_eq!(rank_order(0.5, &ten, 0.5, &two), Ordering::Greater);
/// assert_eq!(rank_order(-0.0, &two, 0.0, &two), Ordering::Equal);
/// ```
pub fn rank_order<K: Ord + ?Sized>(a_score: f32, a_key: &K, b_score: f32, b_key: &K) -> Ordering {
    // Adding 0.0 turns -0.0 into 0.0 and changes no other number.
    (b_score + 0.0).total_cmp(&(a_score + 0.0)).then_with(|| a_key.cmp(b_key))
}

/// An item of a ranked list.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The item.
    pub id: Id,
    /// Its score, on the scale of the model that gave it: higher is better.
    pub score: f32,
}

/// Items in the order of [`rank_order`]: distinct, and without NaN.
///
/// ```
/// use rec_data::{Hit, RankedList};
///
/// let hit = |id: &str, score| Hit { id: id.into(), score };
/// let list = RankedList::new([hit("10", 0.5), hit("3", 0.9), hit("2", 0.5)])?;
/// assert!(list.iter().map(|hit| &hit.id).eq(["3", "2", "10"]));
///
/// assert!(RankedList::new([hit("3", f32::NAN)]).unwrap_err().is_not_finite());
/// assert!(RankedList::new([hit("3", 0.1), hit("3", 0.2)]).unwrap_err().is_duplicate());
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankedList {
    hits: Vec<Hit>,
}

impl RankedList {
    /// Ranks scored items, which may come in any order.
    ///
    /// # Errors
    ///
    /// A score that is NaN, or an item that comes twice; the message names the item.
    pub fn new(hits: impl IntoIterator<Item = Hit>) -> Result<RankedList, Error> {
        let mut hits: Vec<Hit> = hits.into_iter().collect();
        let mut seen = IdMap::with_capacity(hits.len());
        for Hit { id, score } in &hits {
            if score.is_nan() {
                return Err(Kind::NanScore { key: format!("`{id}`") }.into());
            }
            if let (_, false) = seen.insert(id) {
                return Err(Kind::DuplicateHit { id: id.clone() }.into());
            }
        }
        // Ids are distinct, so no two hits compare equal and the sort need not be stable.
        hits.sort_unstable_by(|a, b| rank_order(a.score, &a.id, b.score, &b.id));
        Ok(RankedList { hits })
    }

    /// The items, best first; the list also dereferences to them.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Keeps the best `k` items (all of them if there are fewer).
    ///
    /// ```
    /// use rec_data::{Hit, RankedList};
    ///
    /// let mut list = RankedList::new(["a", "b"].map(|id| Hit { id: id.into(), score: 1.0 }))?;
    /// list.truncate(1);
    /// assert_eq!(list.len(), 1);
    /// assert_eq!(list[0].id, "a");
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    pub fn truncate(&mut self, k: usize) {
        self.hits.truncate(k);
    }
}

impl Deref for RankedList {
    type Target = [Hit];

    fn deref(&self) -> &[Hit] {
        &self.hits
    }
}

impl IntoIterator for RankedList {
    type Item = Hit;
    type IntoIter = std::vec::IntoIter<Hit>;

    fn into_iter(self) -> Self::IntoIter {
        self.hits.into_iter()
    }
}

impl<'a> IntoIterator for &'a RankedList {
    type Item = &'a Hit;
    type IntoIter = std::slice::Iter<'a, Hit>;

    fn into_iter(self) -> Self::IntoIter {
        self.hits.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_rank_at_the_ends_and_zeros_tie() {
        let scores = [("a", f32::NEG_INFINITY), ("c", 0.0), ("b", -0.0), ("d", f32::INFINITY)];
        let list = RankedList::new(scores.map(|(id, score)| Hit { id: id.into(), score })).unwrap();
        assert!(list.hits().iter().map(|hit| &hit.id).eq(["d", "b", "c", "a"]));
    }

    #[test]
    fn list_iterates_by_value_and_by_reference() {
        let list = RankedList::new([Hit { id: "a".into(), score: 1.0 }]).unwrap();
        for hit in &list {
            assert_eq!(hit.score, 1.0);
        }
        assert_eq!(list.into_iter().count(), 1);
        assert!(RankedList::new([]).unwrap().is_empty());
    }
}
