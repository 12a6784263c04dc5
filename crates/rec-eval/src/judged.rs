//! A ranked list with the truth beside it: what a metric of one user needs to know.

use rec_data::RankedList;
use serde::{Deserialize, Serialize};

use crate::relevance::Relevant;

/// What equal scores mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The list is as it stands: equal scores are in the order of their ids, as users would see them.
    #[default]
    ById,
    /// Items of equal score could be in any order: metrics take their expected value over all of these orders.
    ///
    /// So a model that scores all items the same gets what chance gets, whatever the items are called. The list must not be
    /// cut between items of equal score, or the others of their group are unknown: judge lists that are longer than the
    /// cut-off. McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence of
    /// tied scores" (ECIR 2008).
    Expected,
}

/// One user's list as metrics see it: the gains in the order of the ranks, and those of the best possible list.
///
/// ```
/// use rec_eval::{Formula, JudgedList};
///
/// // Of four relevant items, the list has one at rank 1 and one at rank 3.
/// let list = JudgedList::from_gains([1.0, 0.0, 1.0], [1.0, 1.0]);
/// assert_eq!((list.len(), list.n_relevant()), (3, 4));
/// assert_eq!(Formula::Recall.at(3).value(&list), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedList {
    /// In the order of the ranks, none below 0.
    gains: Vec<f64>,
    /// Of all relevant items, descending, all above 0.
    ideal: Vec<f64>,
    /// The rank behind each group of items whose order is open, ascending; the last is the length of the list.
    group_ends: Vec<usize>,
}

impl JudgedList {
    /// Judges a list.
    #[must_use]
    pub fn new(list: &RankedList, relevant: &Relevant, ties: Ties) -> JudgedList {
        let gains = list.iter().map(|hit| relevant.gain(&hit.id)).collect();
        let ideal = relevant.iter().map(|(_, gain)| gain).collect();
        let is_end = |rank: &usize| {
            ties == Ties::ById || *rank == list.len() || list[*rank - 1].score != list[*rank].score
        };
        JudgedList::sorted(gains, ideal, (1..=list.len()).filter(is_end).collect())
    }

    /// A list by hand: the gain at each rank (0 for an item that is not relevant), and the gains of the relevant items that
    /// are not in the list.
    ///
    /// Gains below 0, and NaN, are taken as 0.
    #[must_use]
    pub fn from_gains(
        gains: impl IntoIterator<Item = f64>,
        missed: impl IntoIterator<Item = f64>,
    ) -> JudgedList {
        let gains: Vec<f64> = gains.into_iter().map(|gain| gain.max(0.0)).collect();
        let ideal = gains.iter().copied().chain(missed).filter(|gain| *gain > 0.0).collect();
        let group_ends = (1..=gains.len()).collect();
        JudgedList::sorted(gains, ideal, group_ends)
    }

    fn sorted(gains: Vec<f64>, mut ideal: Vec<f64>, group_ends: Vec<usize>) -> JudgedList {
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        JudgedList { gains, ideal, group_ends }
    }

    /// The number of items in the list.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gains.len()
    }

    /// Whether the list has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gains.is_empty()
    }

    /// The number of relevant items, `|R|`, whether the list has them or not.
    #[must_use]
    pub fn n_relevant(&self) -> usize {
        self.ideal.len()
    }

    /// The gains of the relevant items, descending.
    pub(crate) fn ideal(&self) -> &[f64] {
        &self.ideal
    }

    /// The gains of the first `depth` items if their order is known; `None` if ties leave it open.
    pub(crate) fn known_gains(&self, depth: usize) -> Option<&[f64]> {
        self.groups(depth).all(|group| group.gains.len() == 1).then(|| &self.gains[..depth])
    }

    /// The groups of items whose order is open, from the first rank to the one that has rank `depth`.
    pub(crate) fn groups(&self, depth: usize) -> impl Iterator<Item = Group<'_>> {
        let starts = [0].into_iter().chain(self.group_ends.iter().copied());
        let bounds = starts.zip(&self.group_ends).take_while(move |(start, _)| *start < depth);
        bounds.map(move |(start, end)| Group {
            start,
            n_counted: *end.min(&depth) - start,
            gains: &self.gains[start..*end],
        })
    }
}

/// Items of one list whose order is open; one item, where there are no ties.
pub(crate) struct Group<'a> {
    /// The number of items before the group.
    pub(crate) start: usize,
    /// How many of its ranks are within the depth that was asked for.
    pub(crate) n_counted: usize,
    /// The gains of all its items.
    pub(crate) gains: &'a [f64],
}

impl Group<'_> {
    /// The mean over the group of a value of the gain: what each of its ranks has in expectation.
    pub(crate) fn mean(&self, value: impl Fn(f64) -> f64) -> f64 {
        self.gains.iter().map(|gain| value(*gain)).sum::<f64>() / self.gains.len() as f64
    }

    /// The number of relevant items in the group.
    pub(crate) fn n_relevant(&self) -> usize {
        self.gains.iter().filter(|gain| **gain > 0.0).count()
    }

    /// The ranks within the depth, counted from 1.
    pub(crate) fn ranks(&self) -> std::ops::RangeInclusive<usize> {
        self.start + 1..=self.start + self.n_counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rec_data::Hit;

    #[test]
    fn groups_are_runs_of_equal_scores() {
        let scores = [("a", 2.0), ("b", 1.0), ("c", 1.0), ("d", 1.0), ("e", -0.0), ("f", 0.0)];
        let list = RankedList::new(scores.map(|(id, score)| Hit { id: id.into(), score })).unwrap();
        let bounds = |ties, depth| -> Vec<(usize, usize, usize)> {
            let judged = JudgedList::new(&list, &Relevant::default(), ties);
            judged.groups(depth).map(|group| (group.start, group.n_counted, group.gains.len())).collect()
        };
        assert_eq!(bounds(Ties::Expected, 6), [(0, 1, 1), (1, 3, 3), (4, 2, 2)]);
        assert_eq!(bounds(Ties::Expected, 2), [(0, 1, 1), (1, 1, 3)]);
        assert_eq!(bounds(Ties::Expected, 1), [(0, 1, 1)]);
        assert_eq!(bounds(Ties::ById, 2), [(0, 1, 1), (1, 1, 1)]);
        assert!(bounds(Ties::Expected, 0).is_empty());
    }

    #[test]
    fn gains_below_zero_are_clipped() {
        let list = JudgedList::from_gains([-6.0, 2.0, f64::NAN, 0.0], [-1.0, 3.0]);
        assert_eq!((list.gains.as_slice(), list.ideal()), (&[0.0, 2.0, 0.0, 0.0][..], &[3.0, 2.0][..]));
    }
}
