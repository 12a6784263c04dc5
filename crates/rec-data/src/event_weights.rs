//! What events of each type are worth.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::interaction::{Interaction, Signal};

/// What an event of each type is worth: `click` 1, `buy` 3, `skip` -0.5.
///
/// A signal that is a weight already (a rating, say) is taken as it is; an event type that is not listed counts as
/// [`other`](Self::with_other), 1 by default.
///
/// ```
/// use rec_data::{EventWeights, Interaction};
///
/// let weights = EventWeights::new([("buy", 3.0), ("skip", -0.5)]);
/// assert_eq!(weights.of(&Interaction::new("dune", 0.0).with_event("buy")), 3.0);
/// assert_eq!(weights.of(&Interaction::new("dune", 0.0).with_event("view")), 1.0);
/// assert_eq!(weights.of(&Interaction::new("dune", 0.0).with_weight(0.25)), 0.25);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct EventWeights {
    by_event: BTreeMap<Id, f32>,
    other: f32,
}

/// Event weights as they stand in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    by_event: BTreeMap<String, f32>,
    other: f32,
}

impl From<EventWeights> for Written {
    fn from(weights: EventWeights) -> Self {
        let by_event = weights.by_event.iter().map(|(event, &w)| (event.to_string(), w)).collect();
        Self { by_event, other: weights.other }
    }
}

impl TryFrom<Written> for EventWeights {
    type Error = String;

    fn try_from(Written { by_event, other }: Written) -> Result<Self, String> {
        if let Some(w) = by_event.values().chain([&other]).find(|w| !w.is_finite()) {
            return Err(format!("the weight {w} of an event is not finite"));
        }
        Ok(Self::new(by_event).with_other(other))
    }
}

impl Default for EventWeights {
    fn default() -> Self {
        Self { by_event: BTreeMap::new(), other: 1.0 }
    }
}

impl EventWeights {
    /// Weights by event type.
    ///
    /// # Panics
    ///
    /// A weight is not finite.
    #[must_use]
    pub fn new<I: Into<Id>>(weights: impl IntoIterator<Item = (I, f32)>) -> Self {
        let by_event: BTreeMap<Id, f32> = weights.into_iter().map(|(event, w)| (event.into(), w)).collect();
        assert!(by_event.values().all(|w| w.is_finite()), "event weights {by_event:?} must be finite");
        Self { by_event, other: 1.0 }
    }

    /// The weight of event types that are not listed.
    ///
    /// # Panics
    ///
    /// The weight is not finite.
    #[must_use]
    pub fn with_other(mut self, weight: f32) -> Self {
        assert!(weight.is_finite(), "the weight {weight} of other events must be finite");
        self.other = weight;
        self
    }

    /// The weight of one interaction.
    #[must_use]
    pub fn of(&self, interaction: &Interaction) -> f32 {
        match &interaction.signal {
            Signal::Weight(weight) => *weight,
            Signal::Event(event) => self.by_event.get(event).copied().unwrap_or(self.other),
        }
    }
}
