//! How alike items are, and what follows for a list: diversity and serendipity.

use rec_data::{Id, IdMap, Interactions};

/// The users of each item in training data, and the similarity of items that follows from them.
///
/// ```
/// use rec_data::{Id, Interaction, Interactions};
/// use rec_eval::CoOccurrence;
///
/// let train = Interactions::new(
///     [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("cid", "emma")]
///         .map(|(user, item)| (user, Interaction::new(item, 0.0))),
/// )?;
/// let co_occurrence = CoOccurrence::new(&train);
/// let [dune, solaris, emma] = ["dune", "solaris", "emma"].map(Id::from);
/// assert_eq!(co_occurrence.cosine(&dune, &solaris), 1.0 / 2f64.sqrt());
/// assert_eq!(co_occurrence.cosine(&dune, &emma), 0.0);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CoOccurrence {
    items: IdMap,
    /// The distinct users of each item, ascending.
    users_of: Vec<Vec<u32>>,
}

impl CoOccurrence {
    /// Collects the distinct users of each item, whatever the signals of the interactions.
    ///
    /// # Panics
    ///
    /// There are more than `u32::MAX` users.
    #[must_use]
    pub fn new(train: &Interactions) -> CoOccurrence {
        assert!(u32::try_from(train.len()).is_ok(), "{} users, expected at most {}", train.len(), u32::MAX);
        let items = train.items().clone();
        let mut users_of = vec![Vec::new(); items.len()];
        for (user, (_, history)) in (0..).zip(train.iter()) {
            for row in history.items().filter_map(|item| items.row(item)) {
                if users_of[row].last() != Some(&user) {
                    users_of[row].push(user);
                }
            }
        }
        CoOccurrence { items, users_of }
    }

    /// The cosine similarity of two items: `n_ab / sqrt(n_a n_b)`, with the numbers of users of both, of `a` and of `b`.
    ///
    /// In [0, 1]: 1 for the same users, and 0 if no user has both, or if one of the items does not occur.
    #[must_use]
    pub fn cosine(&self, a: &Id, b: &Id) -> f64 {
        let (Some(a), Some(b)) = (self.items.row(a), self.items.row(b)) else {
            return 0.0;
        };
        let (a, b) = (&self.users_of[a], &self.users_of[b]);
        n_common(a, b) as f64 / (a.len() as f64 * b.len() as f64).sqrt()
    }
}

/// How many numbers two ascending lists share.
fn n_common(a: &[u32], b: &[u32]) -> usize {
    let (short, mut long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut n = 0;
    // Steps that double find the place in the long list: lists of like length cost a merge, unlike ones a search each.
    for user in short {
        let mut bound = 1;
        while bound < long.len() && long[bound] < *user {
            bound *= 2;
        }
        long = &long[long[..long.len().min(bound + 1)].partition_point(|other| other < user)..];
        n += usize::from(long.first() == Some(user));
    }
    n
}

/// How different the items of a list are: 1 minus the mean similarity of its pairs, each pair once.
///
/// `None` for fewer than two items. (Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005.)
/// The value says as much about the similarity as about the list: name it along with the number.
///
/// ```
/// use rec_data::Id;
/// use rec_eval::intra_list_diversity;
///
/// let items = ["dune", "dune messiah", "emma"].map(Id::from);
/// let same_series = |a: &Id, b: &Id| if a[..4] == b[..4] { 1.0 } else { 0.0 };
/// assert_eq!(intra_list_diversity(&items, same_series), Some(1.0 - 1.0 / 3.0));
/// assert_eq!(intra_list_diversity(&items[..1], same_series), None);
/// ```
pub fn intra_list_diversity(items: &[Id], similarity: impl Fn(&Id, &Id) -> f64) -> Option<f64> {
    let others = |i: usize| items[i + 1..].iter().map(move |other| (i, other));
    let pairs = (0..items.len()).flat_map(others);
    let mean = mean(pairs.map(|(i, other)| similarity(&items[i], other)))?;
    Some(1.0 - mean)
}

/// How far a list leads from what the user knows, and is right: the mean over its items of `rel (1 - s)`.
///
/// `rel` is 1 if the item is relevant and 0 if not, and `s` is the mean similarity of the item to those of the history.
/// `None` if the list or the history is empty. (Microsoft Recommenders' serendipity, after Kotkov et al., "A survey of
/// serendipity in recommender systems", 2016.)
///
/// ```
/// use rec_data::Id;
/// use rec_eval::serendipity;
///
/// let (list, history) = (["emma", "dune"].map(Id::from), ["dune messiah", "ulysses"].map(Id::from));
/// let same_series = |a: &Id, b: &Id| if a[..4] == b[..4] { 1.0 } else { 0.0 };
/// // Emma is not relevant; half of the history is like Dune.
/// assert_eq!(serendipity(&list, |item| item == "dune", &history, same_series), Some((0.0 + 0.5) / 2.0));
/// assert_eq!(serendipity(&list, |_| true, &[], same_series), None);
/// ```
pub fn serendipity(
    items: &[Id],
    is_relevant: impl Fn(&Id) -> bool,
    history: &[Id],
    similarity: impl Fn(&Id, &Id) -> f64,
) -> Option<f64> {
    if history.is_empty() {
        return None;
    }
    let unexpected =
        |item: &Id| 1.0 - mean(history.iter().map(|known| similarity(item, known))).unwrap_or(0.0);
    mean(items.iter().map(|item| if is_relevant(item) { unexpected(item) } else { 0.0 }))
}

/// `None` without values.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0usize), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        #[test]
        fn common_numbers_are_those_of_sets(
            a in prop::collection::btree_set(0u32..40, 0..8),
            b in prop::collection::btree_set(0u32..40, 0..40),
        ) {
            let list = |set: &BTreeSet<u32>| set.iter().copied().collect::<Vec<u32>>();
            let expected = a.intersection(&b).count();
            prop_assert_eq!(n_common(&list(&a), &list(&b)), expected);
            prop_assert_eq!(n_common(&list(&b), &list(&a)), expected);
        }
    }
}
