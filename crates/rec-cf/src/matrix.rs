//! Users by items: what every model is trained on.

use rec_data::{Id, IdMap, Interaction, Interactions, Signal};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::sparse::{self, Sparse};

/// What several interactions of one user with one item amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Aggregation {
    /// 1, whatever the weights or events are: the user met the item. [`Interactions::filter`] leaves out what should not
    /// count, such as low ratings.
    #[default]
    Binary,
    /// The number of interactions.
    Count,
    /// The sum of the weights; an event has none, which is an error.
    Sum,
    /// The weight of the latest interaction; an event has none, which is an error.
    Last,
}

impl Aggregation {
    /// What one interaction is worth by itself.
    pub(crate) fn weight(self, user: Option<&Id>, interaction: &Interaction) -> Result<f32, Error> {
        match (self, &interaction.signal) {
            (Aggregation::Binary | Aggregation::Count, _) => Ok(1.0),
            (Aggregation::Sum | Aggregation::Last, &Signal::Weight(weight)) => Ok(weight),
            (Aggregation::Sum | Aggregation::Last, Signal::Event(event)) => {
                let (user, item, event) = (user.cloned(), interaction.item.clone(), event.clone());
                Err(Kind::NoWeight { user, item, event }.into())
            }
        }
    }

    /// What was worth `sum` until now and meets an interaction of this worth.
    pub(crate) fn add(self, sum: f32, weight: f32) -> f32 {
        match self {
            Aggregation::Binary | Aggregation::Last => weight,
            Aggregation::Count | Aggregation::Sum => sum + weight,
        }
    }
}

/// The values of users (rows) and items (columns), most of them absent; all finite, none of those present is 0.
///
/// Users and items are numbered in the ascending order of their ids. So the order of rows is the order by which ties are
/// broken, and two logs of the same users and items have the same rows.
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("bob", "emma", 4.0), ("ann", "emma", 5.0), ("ann", "dune", 1.0), ("ann", "dune", 2.0)];
/// let log = log.map(|(user, item, stars)| (user, Interaction::new(item, 0.0).with_weight(stars)));
/// let log = Interactions::new(log)?;
///
/// let matrix = InteractionMatrix::new(&log, Aggregation::Sum)?;
/// assert!(matrix.users().iter().eq(["ann", "bob"]) && matrix.items().iter().eq(["dune", "emma"]));
/// assert_eq!(matrix.n_values(), 3);
/// assert_eq!((matrix.value(0, 0), matrix.value(0, 1), matrix.value(1, 0)), (3.0, 5.0, 0.0));
/// assert!(matrix.row(0).eq([(0, 3.0), (1, 5.0)]));
///
/// assert_eq!(InteractionMatrix::new(&log, Aggregation::Binary)?.value(0, 0), 1.0);
/// assert_eq!(InteractionMatrix::new(&log, Aggregation::Last)?.value(0, 0), 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InteractionMatrix {
    users: IdMap,
    items: IdMap,
    rows: Sparse,
}

impl InteractionMatrix {
    /// The matrix of a log. No interactions give a matrix without rows and columns.
    ///
    /// # Errors
    ///
    /// An event where `aggregation` asks for weights, or a sum that overflows; the message names user and item.
    pub fn new(log: &Interactions, aggregation: Aggregation) -> Result<InteractionMatrix, Error> {
        InteractionMatrix::with_items(log, log.items(), aggregation)
    }

    /// The matrix of a log with columns for other items, too: those of a catalogue, or of the log before it was split.
    ///
    /// ```
    /// use rec_cf::{Aggregation, InteractionMatrix};
    /// use rec_data::{IdMap, Interaction, Interactions};
    ///
    /// let log = Interactions::new([("ann", Interaction::new("emma", 0.0))])?;
    /// let catalogue = IdMap::try_from_ids(["dune", "emma", "solaris"])?;
    /// let matrix = InteractionMatrix::with_items(&log, &catalogue, Aggregation::Binary)?;
    /// assert_eq!((matrix.users().len(), matrix.items().len(), matrix.n_values()), (1, 3, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](InteractionMatrix::new).
    ///
    /// # Panics
    ///
    /// There are 2^32 users or items, or more.
    pub fn with_items(
        log: &Interactions,
        items: &IdMap,
        aggregation: Aggregation,
    ) -> Result<InteractionMatrix, Error> {
        let users = ascending(log.users().iter());
        let items = ascending(items.iter().chain(log.items().iter()));
        assert!(u32::try_from(users.len().max(items.len())).is_ok(), "2^32 users or items, or more");
        let mut rows = Vec::with_capacity(users.len());
        for user in users.iter() {
            let Some(history) = log.get(user) else { continue };
            // A stable sort: interactions with one item stay in the order of time.
            let mut events = Vec::with_capacity(history.len());
            for interaction in history.interactions() {
                let weight = aggregation.weight(Some(user), interaction)?;
                events.extend(items.row(&interaction.item).map(|item| (item as u32, weight)));
            }
            events.sort_by_key(|&(item, _)| item);
            let mut row: Vec<(u32, f32)> = Vec::with_capacity(events.len());
            for (item, weight) in events {
                match row.last_mut() {
                    Some((last, sum)) if *last == item => *sum = aggregation.add(*sum, weight),
                    _ => row.push((item, weight)),
                }
            }
            row.retain(|&(_, value)| value != 0.0);
            if let Some(&(item, value)) = row.iter().find(|(_, value)| !value.is_finite()) {
                let item = items.id(item as usize).cloned().unwrap_or_else(|| "".into());
                return Err(Kind::NotFinite { user: Some(user.clone()), item, value }.into());
            }
            row.shrink_to_fit();
            rows.push(row);
        }
        let rows = sparse::from_rows(items.len(), &rows);
        Ok(InteractionMatrix { users, items, rows })
    }

    /// The users in the order of their rows, which is that of their ids.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The items in the order of their columns, which is that of their ids.
    #[must_use]
    pub fn items(&self) -> &IdMap {
        &self.items
    }

    /// The number of values that are there.
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.rows.nnz()
    }

    /// The items of a user with their values, in the order of the items.
    ///
    /// # Panics
    ///
    /// `user` is not below the number of users.
    pub fn row(&self, user: usize) -> impl ExactSizeIterator<Item = (usize, f32)> + '_ {
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        sparse::entries(&self.rows, user)
    }

    /// The value of a user and an item; 0 if there is none.
    ///
    /// # Panics
    ///
    /// `user` or `item` is not below the number of users or items.
    #[must_use]
    pub fn value(&self, user: usize, item: usize) -> f32 {
        assert!(item < self.items.len(), "item {item} of {}", self.items.len());
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        self.rows.get(user, item).copied().unwrap_or(0.0)
    }

    /// Users by items.
    pub(crate) fn by_user(&self) -> &Sparse {
        &self.rows
    }

    /// Items by users.
    pub(crate) fn by_item(&self) -> Sparse {
        sparse::transposed(&self.rows)
    }

    /// An error for models that take no negative values, if there is one.
    pub(crate) fn check_not_negative(&self, model: &'static str) -> Result<(), Error> {
        for (row, user) in self.users.iter().enumerate() {
            if let Some((item, value)) = self.row(row).find(|&(_, value)| value < 0.0) {
                let item = self.items.id(item).cloned().unwrap_or_else(|| "".into());
                return Err(Kind::Negative { model, user: user.clone(), item, value }.into());
            }
        }
        Ok(())
    }
}

/// Ids in ascending order, each once.
pub(crate) fn ascending<'a>(ids: impl Iterator<Item = &'a Id>) -> IdMap {
    let mut ids: Vec<&Id> = ids.collect();
    ids.sort_unstable();
    let mut map = IdMap::with_capacity(ids.len());
    for id in ids {
        map.insert(id);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_cancel_leave_no_value_and_overflow_is_an_error() {
        let log = |weights: [f32; 2]| {
            let log = weights.map(|weight| ("u", Interaction::new("i", 0.0).with_weight(weight)));
            InteractionMatrix::new(&Interactions::new(log).unwrap(), Aggregation::Sum)
        };
        let matrix = log([1.0, -1.0]).unwrap();
        assert_eq!((matrix.n_values(), matrix.items().len(), matrix.value(0, 0)), (0, 1, 0.0));
        let error = log([f32::MAX, f32::MAX]).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "the value of `u` with `i` is inf, not a finite number");
    }

    #[test]
    fn ids_ascend_by_value() {
        let log = ["10", "9", "x"].map(|id| (id, Interaction::new(id, 0.0)));
        let matrix = InteractionMatrix::new(&Interactions::new(log).unwrap(), Aggregation::Count).unwrap();
        assert!(matrix.items().iter().eq(["9", "10", "x"]) && matrix.users().iter().eq(["9", "10", "x"]));
        assert!((0..3).all(|row| matrix.row(row).eq([(row, 1.0)])));
    }
}
