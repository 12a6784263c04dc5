//! From a history to what a model scores.

use rec_data::{History, IdMap};

use crate::error::{Error, Kind};
use crate::matrix::Aggregation;

/// How the history of a user, known or not, becomes rows of items with weights.
///
/// Each event weighs what [`Aggregation`] says, times `decay^step`, where the step counts events from the end of the history: the
/// newest is 0. An item that comes several times is one row, at the place of its latest event: with [`Aggregation::Binary`] and
/// [`Aggregation::Last`] that event is the one that counts, otherwise the weights add up. Items that the model does not know are
/// left out, though they count as steps.
///
/// ```
/// use rec_cf::{Aggregation, FoldIn};
/// use rec_data::{History, IdMap, Interaction};
///
/// let items = IdMap::try_from_ids(["dune", "emma", "solaris"])?;
/// let history = ["emma", "dune", "ulysses", "emma", "solaris"];
/// let history = History::new(history.iter().enumerate().map(|(t, &item)| Interaction::new(item, t as f64)))?;
///
/// assert_eq!(FoldIn::new(Aggregation::Binary).rows(&items, &history)?, [(0, 1.0), (1, 1.0), (2, 1.0)]);
/// assert_eq!(
///     FoldIn::new(Aggregation::Binary).with_decay(0.5).rows(&items, &history)?,
///     [(0, 0.125), (1, 0.5), (2, 1.0)],
/// );
/// assert_eq!(
///     FoldIn::new(Aggregation::Count).with_decay(0.5).with_last_n(4).rows(&items, &history)?,
///     [(0, 0.125), (1, 0.5), (2, 1.0)],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldIn {
    aggregation: Aggregation,
    decay: f32,
    last_n: usize,
}

impl FoldIn {
    /// All events, without decay: what a row of the matrix with the same `aggregation` holds, in the order of time.
    #[must_use]
    pub fn new(aggregation: Aggregation) -> FoldIn {
        FoldIn { aggregation, decay: 1.0, last_n: usize::MAX }
    }

    /// Multiplies the weight of an event by `decay` for each step that it is away from the end.
    ///
    /// # Panics
    ///
    /// `decay` is not from 0 to 1.
    #[must_use]
    pub fn with_decay(self, decay: f32) -> FoldIn {
        assert!((0.0..=1.0).contains(&decay), "a decay of {decay}, which is not from 0 to 1");
        FoldIn { decay, ..self }
    }

    /// Takes the latest `n` events only.
    #[must_use]
    pub fn with_last_n(self, n: usize) -> FoldIn {
        FoldIn { last_n: n, ..self }
    }

    /// The rows of the history's items with their weights, oldest first. An empty history gives no rows.
    ///
    /// # Errors
    ///
    /// An event where `aggregation` asks for weights, or a sum that overflows.
    pub fn rows(&self, items: &IdMap, history: &History) -> Result<Vec<(usize, f32)>, Error> {
        let interactions = history.interactions();
        let interactions = &interactions[interactions.len().saturating_sub(self.last_n)..];
        // A row, its value, and its place in the history.
        let mut rows: Vec<(usize, f32, usize)> = Vec::with_capacity(interactions.len());
        for (place, interaction) in interactions.iter().enumerate() {
            let weight = self.aggregation.weight(None, interaction)?;
            let Some(item) = items.row(&interaction.item) else { continue };
            let steps = i32::try_from(interactions.len() - 1 - place).unwrap_or(i32::MAX);
            rows.push((item, weight * self.decay.powi(steps), place));
        }
        rows.sort_by_key(|&(item, _, place)| (item, place));
        let mut merged: Vec<(usize, f32, usize)> = Vec::with_capacity(rows.len());
        for (item, weight, place) in rows {
            match merged.last_mut() {
                Some((last, sum, at)) if *last == item => {
                    (*sum, *at) = (self.aggregation.add(*sum, weight), place);
                }
                _ => merged.push((item, weight, place)),
            }
        }
        if let Some(&(item, value, _)) = merged.iter().find(|(_, value, _)| !value.is_finite()) {
            let item = items.id(item).cloned().unwrap_or_else(|| "".into());
            return Err(Kind::NotFinite { user: None, item, value }.into());
        }
        merged.sort_unstable_by_key(|&(_, _, place)| place);
        Ok(merged.into_iter().map(|(item, weight, _)| (item, weight)).collect())
    }
}
