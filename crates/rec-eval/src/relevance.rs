//! What users found relevant: the truth that lists are judged by.

use rec_data::{Id, IdMap, Interaction, Interactions, Signal};

use crate::error::{Error, Kind};
use crate::groups::Groups;

/// The relevant items of one user, each with a gain: how relevant it is, finite and above 0.
///
/// An item of gain 0 or less is judged and found not relevant, which for every metric here is the same as not judged: it is
/// left out, and does not count in `|R|`. So a negative gain is clipped to 0, as LensKit does. An item that comes several
/// times is one relevant item, with the greatest of its gains.
///
/// ```
/// use rec_eval::Relevant;
///
/// let relevant = Relevant::with_gains([("dune", 2.0), ("emma", -1.0), ("dune", 3.0)])?;
/// assert_eq!((relevant.len(), relevant.gain("dune"), relevant.gain("emma")), (1, 3.0, 0.0));
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relevant {
    items: IdMap,
    /// One per item, in the order of `items`: finite and above 0.
    gains: Vec<f64>,
}

impl Relevant {
    /// Relevant items of gain 1.
    ///
    /// ```
    /// use rec_eval::Relevant;
    ///
    /// assert_eq!(Relevant::binary(["dune", "emma", "dune"]).len(), 2);
    /// ```
    pub fn binary<I: Into<Id>>(items: impl IntoIterator<Item = I>) -> Relevant {
        let mut relevant = Relevant::default();
        items.into_iter().for_each(|item| relevant.insert(&item.into(), 1.0));
        relevant
    }

    /// Items with their gains.
    ///
    /// # Errors
    ///
    /// A gain that is NaN or infinite; the message names the item.
    pub fn with_gains<I: Into<Id>>(items: impl IntoIterator<Item = (I, f64)>) -> Result<Relevant, Error> {
        let mut relevant = Relevant::default();
        for (item, gain) in items {
            relevant.try_insert(&item.into(), gain)?;
        }
        Ok(relevant)
    }

    /// The gain of an item; 0 for an item that is not relevant.
    #[must_use]
    pub fn gain(&self, item: &str) -> f64 {
        self.items.row(item).map_or(0.0, |row| self.gains[row])
    }

    /// Whether an item is relevant.
    #[must_use]
    pub fn contains(&self, item: &str) -> bool {
        self.items.contains(item)
    }

    /// The relevant items with their gains, in the order of their first appearance.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Id, f64)> + Clone {
        self.items.iter().zip(self.gains.iter().copied())
    }

    /// The number of relevant items, `|R|`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gains.len()
    }

    /// Whether nothing is relevant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gains.is_empty()
    }

    /// The relevant items of each group; those in no group are in none of them.
    pub(crate) fn split(&self, groups: &Groups) -> Vec<Relevant> {
        let mut of_group = vec![Relevant::default(); groups.labels().len()];
        for (item, gain) in self.iter() {
            if let Some(place) = groups.place(item) {
                of_group[place].insert(item, gain);
            }
        }
        of_group
    }

    fn try_insert(&mut self, item: &Id, gain: f64) -> Result<(), Error> {
        if !gain.is_finite() {
            return Err(Kind::NotFinite { what: "gain", item: item.clone(), value: gain }.into());
        }
        self.insert(item, gain);
        Ok(())
    }

    fn insert(&mut self, item: &Id, gain: f64) {
        if gain <= 0.0 {
            return;
        }
        match self.items.insert(item) {
            (_, true) => self.gains.push(gain),
            (row, false) => self.gains[row] = self.gains[row].max(gain),
        }
    }
}

/// What many users found relevant: one [`Relevant`] for each, in the order in which the users first appear.
///
/// A user all of whose items have a gain of 0 or less is kept, without relevant items: metrics skip and count such users.
///
/// ```
/// use rec_data::{Interaction, Interactions};
/// use rec_eval::Relevance;
///
/// let test = Interactions::new([
///     ("ann", Interaction::new("dune", 1.0).with_weight(5.0)),
///     ("ann", Interaction::new("emma", 2.0).with_weight(2.0)),
///     ("bob", Interaction::new("emma", 3.0).with_weight(1.0)),
/// ])?;
/// let relevance = Relevance::binary(&test);
/// assert_eq!(relevance.get("ann").unwrap().len(), 2);
///
/// // Only what was liked, from 3 stars on.
/// let liked = Relevance::from_ratings(&test, 3.0);
/// assert_eq!(liked.get("ann").unwrap().gain("dune"), 5.0);
/// assert_eq!((liked.len(), liked.get("bob").unwrap().len()), (2, 0));
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relevance {
    users: IdMap,
    /// One per user, in the order of `users`.
    of_user: Vec<Relevant>,
}

impl Relevance {
    /// Every item that a user interacted with has gain 1, but for interactions with a weight of 0 or less: a negative weight
    /// is negative feedback, and 0 says nothing.
    #[must_use]
    pub fn binary(interactions: &Interactions) -> Relevance {
        Relevance::of(interactions, |interaction| match interaction.signal {
            Signal::Weight(weight) if weight <= 0.0 => 0.0,
            _ => 1.0,
        })
    }

    /// An item that the user rated `threshold` or higher has its rating as gain; all others are not relevant.
    ///
    /// The rating is the weight of the interaction. An interaction with an event type has no rating, and is not relevant;
    /// nor is a rating of 0 or less, whatever the threshold.
    #[must_use]
    pub fn from_ratings(interactions: &Interactions, threshold: f32) -> Relevance {
        Relevance::of(interactions, |interaction| match interaction.signal {
            Signal::Weight(rating) if rating >= threshold => rating.into(),
            _ => 0.0,
        })
    }

    /// The gain of each interaction is what a function says.
    ///
    /// ```
    /// use rec_data::{Interaction, Interactions, Signal};
    /// use rec_eval::Relevance;
    ///
    /// let test = Interactions::new([
    ///     ("ann", Interaction::new("dune", 1.0).with_event("purchase")),
    ///     ("ann", Interaction::new("emma", 2.0).with_event("click")),
    /// ])?;
    /// let relevance = Relevance::with_gains(&test, |interaction| match &interaction.signal {
    ///     Signal::Event(event) if *event == "purchase" => 3.0,
    ///     Signal::Event(_) => 1.0,
    ///     Signal::Weight(weight) => f64::from(*weight),
    /// })?;
    /// assert_eq!(relevance.get("ann").unwrap().gain("dune"), 3.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A gain that is NaN or infinite; the message names the item.
    pub fn with_gains(
        interactions: &Interactions,
        gain: impl Fn(&Interaction) -> f64,
    ) -> Result<Relevance, Error> {
        let mut relevance = Relevance::default();
        for (user, history) in interactions.iter() {
            let relevant = relevance.entry(user);
            for interaction in history.interactions() {
                relevant.try_insert(&interaction.item, gain(interaction))?;
            }
        }
        Ok(relevance)
    }

    /// From judgements `(user, item, gain)`, in any order.
    ///
    /// ```
    /// use rec_eval::Relevance;
    ///
    /// let relevance = Relevance::from_judgements([("ann", "dune", 2.0), ("bob", "emma", 0.0)])?;
    /// assert_eq!(relevance.get("ann").unwrap().gain("dune"), 2.0);
    /// assert!(relevance.get("bob").unwrap().is_empty());
    /// # Ok::<(), rec_eval::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A gain that is NaN or infinite; the message names the item.
    pub fn from_judgements<U: Into<Id>, I: Into<Id>>(
        judgements: impl IntoIterator<Item = (U, I, f64)>,
    ) -> Result<Relevance, Error> {
        let mut relevance = Relevance::default();
        for (user, item, gain) in judgements {
            relevance.entry(&user.into()).try_insert(&item.into(), gain)?;
        }
        Ok(relevance)
    }

    /// The relevant items of a user; `None` for a user who does not appear.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<&Relevant> {
        self.of_user.get(self.users.row(user)?)
    }

    /// The users with their relevant items, in the order of [`users`](Relevance::users).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Id, &Relevant)> + Clone {
        self.users.iter().zip(&self.of_user)
    }

    /// The users, in the order of their first appearance.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The number of users, those without relevant items included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of_user.len()
    }

    /// Whether there are no users.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_user.is_empty()
    }

    /// Gains that are known to be finite.
    fn of(interactions: &Interactions, gain: impl Fn(&Interaction) -> f64) -> Relevance {
        let mut relevance = Relevance::default();
        for (user, history) in interactions.iter() {
            let relevant = relevance.entry(user);
            history.interactions().iter().for_each(|event| relevant.insert(&event.item, gain(event)));
        }
        relevance
    }

    fn entry(&mut self, user: &Id) -> &mut Relevant {
        let (row, is_new) = self.users.insert(user);
        if is_new {
            self.of_user.push(Relevant::default());
        }
        &mut self.of_user[row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_must_be_finite() {
        let error = Relevant::with_gains([("dune", f64::INFINITY)]).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "the gain of `dune` is inf, not a finite number");
    }

    #[test]
    fn negative_feedback_is_not_relevance() {
        let events = [("a", 1.0), ("b", 0.0), ("c", -1.0)]
            .map(|(item, weight)| ("u", Interaction::new(item, 0.0).with_weight(weight)));
        let bought = ("u", Interaction::new("d", 0.0).with_event("purchase"));
        let log = Interactions::new(events.into_iter().chain([bought])).unwrap();
        let binary = Relevance::binary(&log);
        assert!(binary.get("u").unwrap().iter().eq([(&"a".into(), 1.0), (&"d".into(), 1.0)]));
        assert_eq!(Relevance::from_ratings(&log, -5.0).get("u").unwrap().len(), 1);
    }
}
