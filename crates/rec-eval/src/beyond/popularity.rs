//! How often items occur in the training data, and how new that makes them.

use rec_data::{IdMap, Interactions};

/// How often each item occurs in training data: the base of novelty and of popularity groups.
///
/// ```
/// use rec_data::{Interaction, Interactions};
/// use rec_eval::Popularity;
///
/// let train = Interactions::new(
///     [("ann", "dune"), ("ann", "dune"), ("ann", "emma"), ("bob", "emma")]
///         .map(|(user, item)| (user, Interaction::new(item, 0.0))),
/// )?;
/// let popularity = Popularity::new(&train);
/// assert_eq!((popularity.n_events("dune"), popularity.n_users("dune")), (2, 1));
///
/// // Half of the four events, and one of the two users.
/// assert_eq!(popularity.novelty_choice("dune"), Some(1.0));
/// assert_eq!(popularity.novelty_user("dune"), Some(1.0));
/// // As if it had occurred once.
/// assert_eq!(popularity.novelty_choice("ulysses"), Some(2.0));
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Popularity {
    items: IdMap,
    /// One per item, in the order of `items`; all at least 1.
    counts: Vec<Count>,
    n_events: usize,
    n_users: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    n_events: usize,
    n_users: usize,
    /// The latest user counted, plus 1.
    latest_user: usize,
}

impl Popularity {
    /// Counts the events and the distinct users of each item, whatever the signals of the interactions.
    #[must_use]
    pub fn new(train: &Interactions) -> Popularity {
        let items = train.items().clone();
        let mut counts = vec![Count::default(); items.len()];
        for (user, (_, history)) in train.iter().enumerate() {
            for row in history.items().filter_map(|item| items.row(item)) {
                let count = &mut counts[row];
                count.n_events += 1;
                if count.latest_user != user + 1 {
                    count.latest_user = user + 1;
                    count.n_users += 1;
                }
            }
        }
        Popularity { items, counts, n_events: train.n_interactions(), n_users: train.len() }
    }

    /// The number of events with an item, `n_i`; 0 for an item that does not occur.
    #[must_use]
    pub fn n_events(&self, item: &str) -> usize {
        self.count(item).n_events
    }

    /// The number of distinct users of an item; 0 for an item that does not occur.
    #[must_use]
    pub fn n_users(&self, item: &str) -> usize {
        self.count(item).n_users
    }

    /// The novelty of an item under the choice model: `-log2(n_i / N)` bits, where `N` is the number of all events.
    ///
    /// How surprising it is that a random event is with this item. (Castells, Hurley and Vargas, "Novelty and diversity in
    /// recommender systems", Recommender Systems Handbook; Microsoft Recommenders' novelty.)
    ///
    /// An item that does not occur would be infinitely novel; it counts as if it occurred once, `log2(N)` bits. `None` if
    /// there are no events.
    #[must_use]
    pub fn novelty_choice(&self, item: &str) -> Option<f64> {
        surprise(self.n_events(item), self.n_events)
    }

    /// The novelty of an item under the user model: `-log2(n_i / |U|)` bits, where `n_i` is the number of its distinct users
    /// and `|U|` that of all users.
    ///
    /// How surprising it is that a random user knows this item. (Zhou et al., "Solving the apparent diversity-accuracy dilemma
    /// of recommender systems", PNAS 2010.) Smaller than under the choice model, and not comparable with it.
    ///
    /// An item that does not occur counts as if one user knew it. `None` if there are no users.
    #[must_use]
    pub fn novelty_user(&self, item: &str) -> Option<f64> {
        surprise(self.n_users(item), self.n_users)
    }

    /// The items that occur.
    #[must_use]
    pub fn items(&self) -> &IdMap {
        &self.items
    }

    fn count(&self, item: &str) -> Count {
        self.items.row(item).map(|row| self.counts[row]).unwrap_or_default()
    }
}

fn surprise(n: usize, total: usize) -> Option<f64> {
    (total > 0).then(|| (total as f64 / n.max(1) as f64).log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_novel_where_nothing_is_known() {
        let empty = Popularity::new(&Interactions::default());
        assert_eq!((empty.novelty_choice("a"), empty.novelty_user("a")), (None, None));
        assert_eq!((empty.n_events("a"), empty.items().len()), (0, 0));
    }
}
