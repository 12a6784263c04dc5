//! What one user did, in the order of time.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::id::Id;
use crate::interaction::{Interaction, Signal};

/// The interactions of one user, oldest first, seen from a reference time.
///
/// Interactions at the same time keep the order in which they came. The reference time [`now`](History::now) is that of the
/// latest interaction unless [`as_of`](History::as_of) sets another one. All times and weights are finite, and no
/// interaction is later than the reference time, so ages are never negative.
///
/// ```
/// use rec_data::{History, Interaction};
///
/// let history = History::new([
///     Interaction::new("emma", 300.0),
///     Interaction::new("dune", 100.0).with_weight(5.0),
/// ])?;
/// assert!(history.items().eq(["dune", "emma"]));
/// assert_eq!(history.now(), 300.0);
/// assert!(history.ages().eq([200.0, 0.0]));
/// # Ok::<(), rec_data::Error>(())
/// ```
///
/// By hand, with ages instead of times:
///
/// ```
/// use rec_data::{History, days};
///
/// let history = History::from_iter([("dune", days(3)), ("foundation", days(40))]);
/// assert!(history.items().eq(["foundation", "dune"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Sorted by time, ascending, all finite.
    interactions: Vec<Interaction>,
    now: f64,
}

impl History {
    /// Sorts interactions by time. An empty history has the reference time 0.
    ///
    /// # Errors
    ///
    /// A time or a weight that is NaN or infinite; the message names the item and its position in the input.
    pub fn new(interactions: impl IntoIterator<Item = Interaction>) -> Result<History, Error> {
        let interactions: Vec<Interaction> = interactions.into_iter().collect();
        for (position, interaction) in interactions.iter().enumerate() {
            check_finite("time", interaction.time, interaction, position)?;
            if let Signal::Weight(weight) = interaction.signal {
                check_finite("weight", weight.into(), interaction, position)?;
            }
        }
        Ok(History::sorted(interactions))
    }

    /// Sorts interactions whose numbers are known to be finite.
    pub(crate) fn sorted(mut interactions: Vec<Interaction>) -> History {
        // A stable sort; adding 0.0 turns -0.0 into 0.0, so that the two tie.
        interactions.sort_by(|a, b| (a.time + 0.0).total_cmp(&(b.time + 0.0)));
        let now = interactions.last().map_or(0.0, |latest| latest.time);
        History { interactions, now }
    }

    /// Sorts interactions whose numbers are known to be finite, and which are not later than `now`.
    pub(crate) fn sorted_at(interactions: Vec<Interaction>, now: f64) -> History {
        History { now, ..History::sorted(interactions) }
    }

    /// The history as it was known at `time`: only what happened until then, and `now` is `time`.
    ///
    /// This is the guard against leaks: a model that predicts what happens after `time` may see no more than this. A `time`
    /// after the last interaction only makes everything older.
    ///
    /// # Errors
    ///
    /// `time` is NaN or infinite.
    ///
    /// ```
    /// use rec_data::{History, Interaction};
    ///
    /// let whole = History::new([Interaction::new("dune", 10.0), Interaction::new("emma", 20.0)])?;
    /// let past = whole.as_of(15.0)?;
    /// assert!(past.items().eq(["dune"]));
    /// assert!(past.ages().eq([5.0]));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    pub fn as_of(&self, time: f64) -> Result<History, Error> {
        if !time.is_finite() {
            return Err(Kind::NotFiniteTime(time).into());
        }
        let n_known = self.interactions.partition_point(|interaction| interaction.time <= time);
        Ok(History { interactions: self.interactions[..n_known].to_vec(), now: time })
    }

    /// The latest `n` interactions (all of them if there are fewer), with the same `now`.
    ///
    /// ```
    /// use rec_data::{History, days};
    ///
    /// let history = History::from_iter([("a", days(3)), ("b", days(2)), ("c", days(1))]);
    /// assert!(history.last_n(2).items().eq(["b", "c"]));
    /// assert!(history.last_n(0).is_empty());
    /// ```
    #[must_use]
    pub fn last_n(&self, n: usize) -> History {
        let first = self.len().saturating_sub(n);
        History { interactions: self.interactions[first..].to_vec(), now: self.now }
    }

    /// The same interactions with the weights that a function gives them, in place of their signals.
    ///
    /// It turns ratings into feedback with a sign, and event types into weights:
    ///
    /// ```
    /// use rec_data::{History, Interaction, Signal};
    ///
    /// let history = History::new([
    ///     Interaction::new("dune", 1.0).with_weight(5.0),
    ///     Interaction::new("emma", 2.0).with_event("skip"),
    /// ])?;
    /// let weighted = history.with_weights(|interaction| match &interaction.signal {
    ///     Signal::Weight(rating) => rating - 3.0,
    ///     Signal::Event(event) if *event == "skip" => -0.5,
    ///     Signal::Event(_) => 1.0,
    /// })?;
    /// assert_eq!(weighted.interactions()[0].signal, Signal::Weight(2.0));
    /// assert_eq!(weighted.interactions()[1].signal, Signal::Weight(-0.5));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The function returns NaN or an infinity; the message names the item and its position in the history.
    pub fn with_weights(&self, weight: impl Fn(&Interaction) -> f32) -> Result<History, Error> {
        let mut interactions = Vec::with_capacity(self.len());
        for (position, interaction) in self.interactions.iter().enumerate() {
            let weight = weight(interaction);
            check_finite("weight", weight.into(), interaction, position)?;
            interactions.push(interaction.clone().with_weight(weight));
        }
        Ok(History { interactions, now: self.now })
    }

    /// The items, oldest interaction first; an item comes as often as the user came back to it.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Id> + DoubleEndedIterator + Clone {
        self.interactions.iter().map(|interaction| &interaction.item)
    }

    /// The interactions, oldest first.
    #[must_use]
    pub fn interactions(&self) -> &[Interaction] {
        &self.interactions
    }

    /// How long ago each interaction was, in seconds: `now - time`, never negative, always finite, oldest first.
    pub fn ages(&self) -> impl ExactSizeIterator<Item = f64> + DoubleEndedIterator + Clone {
        // The difference of two finite numbers may overflow.
        self.interactions.iter().map(|interaction| (self.now - interaction.time).min(f64::MAX))
    }

    /// The reference time in seconds, from the same origin as the interactions.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.now
    }

    /// The number of interactions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.interactions.len()
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.interactions.is_empty()
    }
}

/// Items with their ages: `now` is 0, and an interaction of age `a` has the time `-a` seconds.
impl<I: Into<Id>> FromIterator<(I, Duration)> for History {
    fn from_iter<T: IntoIterator<Item = (I, Duration)>>(items: T) -> History {
        let interactions =
            items.into_iter().map(|(item, age)| Interaction::new(item, 0.0 - age.as_secs_f64())).collect();
        // A `Duration` is at most 2^64 seconds, so every time is finite.
        History::sorted_at(interactions, 0.0)
    }
}

fn check_finite(what: &'static str, value: f64, of: &Interaction, position: usize) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Kind::NotFinite { what, item: of.item.clone(), position, value }.into())
}

/// A span of `n` days of 24 hours; spans beyond what a [`Duration`] can hold become the longest whole-second one.
///
/// ```
/// assert_eq!(rec_data::days(2).as_secs(), 172_800);
/// ```
#[must_use]
pub fn days(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(24 * 60 * 60))
}

/// A span of `n` hours; spans beyond what a [`Duration`] can hold become the longest whole-second one.
///
/// ```
/// assert_eq!(rec_data::hours(24), rec_data::days(1));
/// ```
#[must_use]
pub fn hours(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_keep_the_input_order_and_the_zeros_tie() {
        let at = |(item, time)| Interaction::new(item, time);
        let history = History::new([("a", 0.0), ("b", -0.0), ("c", -1.0), ("d", 0.0)].map(at)).unwrap();
        assert!(history.items().eq(["c", "a", "b", "d"]));
    }

    #[test]
    fn numbers_that_are_not_finite_are_errors_with_item_and_position() {
        let ok = Interaction::new("ok", 0.0);
        for (bad, message) in [
            (Interaction::new("x", f64::NAN), "the time of `x` at position 1 is NaN, not a finite number"),
            (
                Interaction::new("x", 1.0).with_weight(f32::INFINITY),
                "the weight of `x` at position 1 is inf, not a finite number",
            ),
        ] {
            let error = History::new([ok.clone(), bad]).unwrap_err();
            assert!(error.is_not_finite());
            assert_eq!(error.to_string(), message);
        }
        let history = History::new([ok]).unwrap();
        assert!(history.with_weights(|_| f32::NAN).unwrap_err().is_not_finite());
        assert!(history.as_of(f64::NEG_INFINITY).unwrap_err().is_not_finite());
    }

    #[test]
    fn empty_history_is_defined() {
        let empty = History::new([]).unwrap();
        assert_eq!(empty, History::default());
        assert_eq!((empty.now(), empty.len(), empty.ages().len()), (0.0, 0, 0));
        assert_eq!(empty.as_of(5.0).unwrap().now(), 5.0);
        assert!(empty.last_n(3).is_empty());
    }

    #[test]
    fn ages_from_durations_are_exact_and_the_longest_is_finite() {
        let history = History::from_iter([("a", Duration::ZERO), ("b", Duration::MAX), ("c", hours(1))]);
        assert!(history.items().eq(["b", "c", "a"]));
        assert_eq!(history.interactions()[2].time.to_bits(), 0.0f64.to_bits());
        assert!(history.ages().all(f64::is_finite));
        assert_eq!(days(u64::MAX), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn ages_stay_finite_between_extreme_times() {
        let history = History::new([-f64::MAX, f64::MAX].map(|time| Interaction::new("a", time))).unwrap();
        assert!(history.ages().eq([f64::MAX, 0.0]));
    }

    #[test]
    fn as_of_keeps_what_happened_at_that_very_second() {
        let history = History::new([Interaction::new("a", 1.0), Interaction::new("b", 2.0)]).unwrap();
        assert_eq!(history.as_of(2.0).unwrap().len(), 2);
        assert_eq!(history.as_of(1.5).unwrap().len(), 1);
        assert_eq!(history.as_of(0.0).unwrap().len(), 0);
    }
}
