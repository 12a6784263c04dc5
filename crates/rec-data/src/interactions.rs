//! The histories of many users.

use crate::error::Error;
use crate::history::History;
use crate::id::{Id, IdMap};
use crate::interaction::{Interaction, Signal};

/// What many users did: one [`History`] for each, in the order in which the users first appear.
///
/// ```
/// use rec_data::{Interaction, Interactions};
///
/// let log = Interactions::new([
///     ("ann", Interaction::new("dune", 20.0)),
///     ("bob", Interaction::new("emma", 15.0)),
///     ("ann", Interaction::new("emma", 10.0)),
/// ])?;
/// assert_eq!((log.len(), log.n_interactions(), log.items().len()), (2, 3, 2));
/// assert!(log.get("ann").unwrap().items().eq(["emma", "dune"]));
/// assert!(log.get("eve").is_none());
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interactions {
    users: IdMap,
    /// One per user, in the order of `users`.
    histories: Vec<History>,
    items: IdMap,
}

impl Interactions {
    /// Groups a log of `(user, interaction)` pairs, in any order, by user.
    ///
    /// # Errors
    ///
    /// A time or a weight that is NaN or infinite; the message names the item and its position within the user's part.
    pub fn new<U: Into<Id>>(log: impl IntoIterator<Item = (U, Interaction)>) -> Result<Interactions, Error> {
        let mut grouping = Grouping::default();
        for (user, interaction) in log {
            grouping.push(&user.into(), &interaction.item, interaction.time, interaction.signal);
        }
        let Grouping { users, items, of_user } = grouping;
        let histories = of_user.into_iter().map(History::new).collect::<Result<_, _>>()?;
        Ok(Interactions { users, histories, items })
    }

    /// The history of a user; `None` for a user without interactions.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<&History> {
        self.histories.get(self.users.row(user)?)
    }

    /// The users with their histories, in the order of [`users`](Interactions::users).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Id, &History)> + Clone {
        self.users.iter().zip(&self.histories)
    }

    /// The users, in the order of their first appearance.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The distinct items, in the order of their first appearance.
    #[must_use]
    pub fn items(&self) -> &IdMap {
        &self.items
    }

    /// The number of users.
    #[must_use]
    pub fn len(&self) -> usize {
        self.histories.len()
    }

    /// Whether there are no users.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty()
    }

    /// The number of interactions of all users together.
    #[must_use]
    pub fn n_interactions(&self) -> usize {
        self.histories.iter().map(History::len).sum()
    }

    /// How many interactions each item has, in the order of [`items`](Interactions::items); at least 1 each.
    ///
    /// ```
    /// use rec_data::{Interaction, Interactions};
    ///
    /// let log = [("ann", "dune"), ("ann", "emma"), ("bob", "dune")];
    /// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
    /// let dune = log.items().row("dune").unwrap();
    /// assert_eq!(log.popularity()[dune], 2);
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn popularity(&self) -> Vec<usize> {
        let mut counts = vec![0; self.items.len()];
        for row in self.histories.iter().flat_map(History::items).filter_map(|item| self.items.row(item)) {
            counts[row] += 1;
        }
        counts
    }

    /// Only the interactions that a function wants; users and items without any are left out.
    ///
    /// The reference time of each history is that of its latest interaction.
    ///
    /// ```
    /// use rec_data::{Interaction, Interactions, Signal};
    ///
    /// let log = [("ann", "dune", 5.0), ("ann", "emma", 2.0), ("bob", "emma", 1.0)];
    /// let log = log.map(|(user, item, stars)| (user, Interaction::new(item, 0.0).with_weight(stars)));
    /// let liked = Interactions::new(log)?.filter(|_, interaction| match interaction.signal {
    ///     Signal::Weight(stars) => stars >= 4.0,
    ///     Signal::Event(_) => false,
    /// });
    /// assert_eq!((liked.len(), liked.items().len()), (1, 1));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&Id, &Interaction) -> bool) -> Interactions {
        let mut grouping = Grouping::default();
        for (user, history) in self.iter() {
            for interaction in history.interactions() {
                if keep(user, interaction) {
                    grouping.push_shared(user, interaction);
                }
            }
        }
        grouping.finish()
    }

    /// Only the interactions of these users; those without any are no loss.
    ///
    /// ```
    /// use rec_data::{IdMap, Interaction, Interactions};
    ///
    /// let log = [("ann", "dune"), ("bob", "emma")];
    /// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
    /// let some = log.of_users(&IdMap::try_from_ids(["bob", "eve"])?);
    /// assert!(some.users().iter().eq(["bob"]));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn of_users(&self, users: &IdMap) -> Interactions {
        self.filter(|user, _| users.contains(user))
    }

    /// These interactions and others, such as those for training and for validation.
    ///
    /// Where times are equal, these come first. Nothing is taken for a repetition: what is in both is there twice.
    ///
    /// ```
    /// use rec_data::{Interaction, Interactions};
    ///
    /// let train = Interactions::new([("ann", Interaction::new("dune", 1.0))])?;
    /// let valid = Interactions::new([("ann", Interaction::new("emma", 2.0))])?;
    /// assert!(train.merged(&valid).get("ann").unwrap().items().eq(["dune", "emma"]));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn merged(&self, others: &Interactions) -> Interactions {
        let mut grouping = Grouping::default();
        for (user, history) in self.iter().chain(others.iter()) {
            for interaction in history.interactions() {
                grouping.push_shared(user, interaction);
            }
        }
        grouping.finish()
    }
}

/// Groups a log by user, with one allocation per distinct id however often it occurs.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    users: IdMap,
    items: IdMap,
    of_user: Vec<Vec<Interaction>>,
}

impl Grouping {
    pub(crate) fn push(&mut self, user: &str, item: &str, time: f64, signal: Signal) {
        let (user, _) = self.users.intern(user);
        if user == self.of_user.len() {
            self.of_user.push(Vec::new());
        }
        let (_, item) = self.items.intern(item);
        self.of_user[user].push(Interaction { item: item.clone(), time, signal });
    }

    /// Takes in an interaction of another log, and shares its ids.
    pub(crate) fn push_shared(&mut self, user: &Id, interaction: &Interaction) {
        let (row, is_new) = self.users.insert(user);
        if is_new {
            self.of_user.push(Vec::new());
        }
        self.items.insert(&interaction.item);
        self.of_user[row].push(interaction.clone());
    }

    /// The histories, where every number that came in is known to be finite.
    pub(crate) fn finish(self) -> Interactions {
        let histories = self.of_user.into_iter().map(History::sorted).collect();
        Interactions { users: self.users, histories, items: self.items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shared_between_interactions() {
        let log = [("u", 1.0), ("v", 2.0)].map(|(user, time)| (user, Interaction::new("same", time)));
        let log = Interactions::new(log).unwrap();
        let texts: Vec<*const u8> = log.iter().map(|(_, h)| h.interactions()[0].item.as_ptr()).collect();
        assert_eq!(texts[0], texts[1]);
    }

    #[test]
    fn bad_numbers_are_errors() {
        let error = Interactions::new([("u", Interaction::new("x", f64::NAN))]).unwrap_err();
        assert!(error.is_not_finite());
    }
}
