//! Groups of users or of items, for results that a mean over all would hide.

use std::collections::HashMap;

use rec_data::{Id, IdMap, Interactions};

use crate::beyond::Popularity;
use crate::error::{Error, Kind};

/// A way to group users or items: a label for each id.
///
/// Results by group show what a mean over all hides: new users, rare items.
///
/// ```
/// use rec_eval::Groups;
///
/// let by_plan = Groups::new("plan", [("ann", "free"), ("bob", "paid"), ("cid", "free")])?;
/// assert!(by_plan.labels().eq(["free", "paid"]));
/// assert_eq!(by_plan.label("cid"), Some("free"));
/// assert_eq!(by_plan.label("eve"), None);
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    name: String,
    labels: Vec<String>,
    /// The place of the label of each id.
    of: HashMap<Id, usize>,
    /// The place of the label of all other ids.
    rest: Option<usize>,
}

impl Groups {
    /// Groups by hand. The labels are in the order of their first appearance; an id without a label is in no group.
    ///
    /// # Errors
    ///
    /// An id that gets two different labels; the message names it.
    pub fn new<I: Into<Id>, L: Into<String>>(
        name: impl Into<String>,
        labelled: impl IntoIterator<Item = (I, L)>,
    ) -> Result<Groups, Error> {
        let mut groups = Groups { name: name.into(), labels: Vec::new(), of: HashMap::new(), rest: None };
        let mut known = IdMap::new();
        for (id, label) in labelled {
            let (id, label) = (id.into(), label.into());
            let (place, is_new) = known.insert(label.as_str());
            if is_new {
                groups.labels.push(label);
            }
            if groups.of.insert(id.clone(), place).is_some_and(|earlier| earlier != place) {
                return Err(Kind::TwoLabels { grouping: groups.name, id }.into());
            }
        }
        Ok(groups)
    }

    /// Items by the number of their training events: `bounds` are the smallest counts of all groups but the first.
    ///
    /// The name is `item popularity`. Items that do not occur in the training data have 0 events: with 1 as the first bound
    /// they, the cold items, are a group of their own.
    ///
    /// ```
    /// use rec_data::{Interaction, Interactions};
    /// use rec_eval::Groups;
    ///
    /// let train = Interactions::new(["dune", "dune", "emma"].map(|item| ("ann", Interaction::new(item, 0.0))))?;
    /// let groups = Groups::by_popularity(&train, &[1, 2]);
    /// assert!(groups.labels().eq(["0", "1", "2+"]));
    /// assert_eq!([groups.label("ulysses"), groups.label("emma"), groups.label("dune")], [Some("0"), Some("1"), Some("2+")]);
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// The bounds are not ascending, or the first is 0.
    #[must_use]
    pub fn by_popularity(train: &Interactions, bounds: &[usize]) -> Groups {
        let popularity = Popularity::new(train);
        let counts = train.items().iter().map(|item| (item, popularity.n_events(item)));
        Groups::by_count("item popularity", counts, bounds)
    }

    /// Users by the number of their training events: `bounds` are the smallest counts of all groups but the first.
    ///
    /// The name is `history length`. Users who do not occur in the training data have 0 events: with 1 as the first bound
    /// they, the cold users, are a group of their own.
    ///
    /// # Panics
    ///
    /// The bounds are not ascending, or the first is 0.
    #[must_use]
    pub fn by_history_length(train: &Interactions, bounds: &[usize]) -> Groups {
        let counts = train.iter().map(|(user, history)| (user, history.len()));
        Groups::by_count("history length", counts, bounds)
    }

    fn by_count<'a>(name: &str, counts: impl Iterator<Item = (&'a Id, usize)>, bounds: &[usize]) -> Groups {
        let is_ascending = bounds.is_sorted_by(|a, b| a < b) && bounds.first() != Some(&0);
        assert!(is_ascending, "the bounds {bounds:?} of the groups are not ascending from 1 on");
        let firsts = [0].into_iter().chain(bounds.iter().copied());
        let lasts = bounds.iter().map(|bound| Some(bound - 1)).chain([None]);
        let label = |(first, last): (usize, Option<usize>)| match last {
            Some(last) if last == first => first.to_string(),
            Some(last) => format!("{first}-{last}"),
            None => format!("{first}+"),
        };
        let labels = firsts.zip(lasts).map(label).collect();
        let place = |count: usize| bounds.partition_point(|bound| *bound <= count);
        let of = counts.map(|(id, count)| (id.clone(), place(count))).collect();
        Groups { name: name.to_owned(), labels, of, rest: Some(0) }
    }

    /// What the ids are grouped by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels of the groups.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.labels.iter().map(String::as_str)
    }

    /// The label of an id; `None` if it is in no group.
    #[must_use]
    pub fn label(&self, id: &str) -> Option<&str> {
        self.place(&id.into()).map(|place| self.labels[place].as_str())
    }

    /// The place of the label of an id among the [`labels`](Groups::labels).
    pub(crate) fn place(&self, id: &Id) -> Option<usize> {
        self.of.get(id).copied().or(self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_labels_for_one_id_are_an_error() {
        let error = Groups::new("plan", [("ann", "free"), ("ann", "free"), ("ann", "paid")]).unwrap_err();
        assert!(error.is_duplicate());
        assert_eq!(error.to_string(), "`ann` has two labels in the grouping `plan`");
    }

    #[test]
    fn everybody_is_in_one_group_without_bounds() {
        let groups = Groups::by_history_length(&Interactions::default(), &[]);
        assert!(groups.labels().eq(["0+"]));
        assert_eq!(groups.label("ann"), Some("0+"));
    }

    #[test]
    #[should_panic(expected = "the bounds [5, 5] of the groups are not ascending from 1 on")]
    fn bounds_must_ascend() {
        let _ = Groups::by_history_length(&Interactions::default(), &[5, 5]);
    }
}
