//! One thing that a user did.

use crate::id::Id;

/// What an interaction says about the item.
///
/// ```
/// use rec_data::Signal;
///
/// assert_eq!(Signal::default(), Signal::Weight(1.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A rating or another explicit weight. A negative weight is negative feedback, zero says nothing.
    Weight(f32),
    /// A type of event, such as `click`, `purchase` or `skip`: what it weighs is for the model to say.
    Event(Id),
}

impl Default for Signal {
    /// A weight of 1: the interaction happened, and no more is known.
    fn default() -> Signal {
        Signal::Weight(1.0)
    }
}

/// One user's interaction with one item.
///
/// Any value is allowed here; a [`History`](crate::History) accepts only finite times and weights.
///
/// ```
/// use rec_data::{Interaction, Signal};
///
/// let rated = Interaction::new("dune", 1_700_000_000.0).with_weight(4.5);
/// assert_eq!(rated.signal, Signal::Weight(4.5));
///
/// let skipped = Interaction::new("emma", 1_700_000_060.0).with_event("skip");
/// assert_eq!(skipped.signal, Signal::Event("skip".into()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// The item.
    pub item: Id,
    /// When, in seconds from an origin that all interactions of a data set share (Unix time, for example).
    pub time: f64,
    /// What it says about the item.
    pub signal: Signal,
}

impl Interaction {
    /// An interaction with an item at a time in seconds, of weight 1.
    pub fn new(item: impl Into<Id>, time: f64) -> Interaction {
        Interaction { item: item.into(), time, signal: Signal::default() }
    }

    /// The same interaction with a rating or another explicit weight.
    #[must_use]
    pub fn with_weight(self, weight: f32) -> Interaction {
        Interaction { signal: Signal::Weight(weight), ..self }
    }

    /// The same interaction with an event type.
    #[must_use]
    pub fn with_event(self, event: impl Into<Id>) -> Interaction {
        Interaction { signal: Signal::Event(event.into()), ..self }
    }
}
