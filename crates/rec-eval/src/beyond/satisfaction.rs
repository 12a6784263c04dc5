//! Whether what was recommended and consumed was also liked.

use rec_data::{Id, IdMap, Interactions, Signal};

use crate::beyond::similarity::mean;

/// What users made of the items that they consumed, as ratings or as seconds of dwell time.
///
/// It tells whether recommendations that were taken up also satisfied: a click is not yet a pleasure. A click with a dwell
/// time of 30 seconds or more is the usual sign of a satisfied one (Fox et al., "Evaluating implicit measures to improve web
/// search", TOIS 2005); for ratings the threshold is that from which a user would recommend it on, often 4 of 5.
///
/// The values are the weights of interactions, in any unit. Interactions with an event type have no value and are left out;
/// an item that was consumed several times has the greatest of its values.
///
/// ```
/// use rec_data::{Id, Interaction, Interactions};
/// use rec_eval::Satisfaction;
///
/// let dwell = [("emma", 4.0), ("dune", 95.0), ("ulysses", 300.0)];
/// let test = Interactions::new(dwell.map(|(item, s)| ("ann", Interaction::new(item, 0.0).with_weight(s))))?;
/// let satisfaction = Satisfaction::new(&test, 30.0);
///
/// // Of the list, Emma and Dune were opened, and Dune was read.
/// let list = ["emma", "solaris", "dune"].map(Id::from);
/// let hits = satisfaction.of_list("ann", &list).unwrap();
/// assert_eq!((hits.share_satisfied, hits.mean_value), (0.5, 49.5));
/// // Nothing of this list was opened, which says nothing about satisfaction.
/// assert_eq!(satisfaction.of_list("ann", &list[1..2]), None);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Satisfaction<'a> {
    consumed: &'a Interactions,
    threshold: f64,
}

/// What one user made of the recommended items that the user consumed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SatisfiedHits {
    /// The share of them whose value reaches the threshold.
    pub share_satisfied: f64,
    /// The mean of their values, in the unit of the values.
    pub mean_value: f64,
}

impl<'a> Satisfaction<'a> {
    /// What was consumed, in the time that the recommendations were for, and the value from which on a user was satisfied.
    ///
    /// # Panics
    ///
    /// The threshold is NaN.
    #[must_use]
    pub fn new(consumed: &'a Interactions, threshold: f64) -> Satisfaction<'a> {
        assert!(!threshold.is_nan(), "a threshold of NaN is reached by nothing");
        Satisfaction { consumed, threshold }
    }

    /// The satisfaction of a user with the items of a list that the user consumed; `None` if there are none.
    #[must_use]
    pub fn of_list(&self, user: &str, items: &[Id]) -> Option<SatisfiedHits> {
        let mut listed = IdMap::with_capacity(items.len());
        items.iter().for_each(|item| {
            listed.insert(item);
        });
        let mut values: Vec<Option<f64>> = vec![None; listed.len()];
        for interaction in self.consumed.get(user)?.interactions() {
            if let (Signal::Weight(value), Some(row)) = (&interaction.signal, listed.row(&interaction.item)) {
                let value = f64::from(*value);
                values[row] = Some(values[row].map_or(value, |earlier| earlier.max(value)));
            }
        }
        let values = || values.iter().flatten().copied();
        let satisfied = |value: f64| if value >= self.threshold { 1.0 } else { 0.0 };
        Some(SatisfiedHits { share_satisfied: mean(values().map(satisfied))?, mean_value: mean(values())? })
    }
}
