//! What users do, as weights of interactions.

use std::collections::BTreeMap;

use rec_data::{EventWeights, History, Interaction, Interactions, Signal};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// What the numbers of a log are, and what they weigh.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Numbers {
    /// Weights already: they stay.
    Weights,
    /// Ratings: `w = (r - neutral) / scale`. Three of five stars say nothing and five weigh 1 with `neutral: 3.0, scale: 2.0`.
    Ratings {
        /// The rating that says nothing.
        neutral: f32,
        /// How far from it a rating weighs 1; positive.
        scale: f32,
    },
    /// Ratings against what the user usually gives (the deviations from the mean of Resnick et al., *GroupLens*, CSCW 1994):
    /// `w = (r - m) / scale`, with `m = (sum r + prior * neutral) / (n + prior)` over the ratings of the history.
    ///
    /// A later rating changes the mean, and so the weights of earlier ones: weigh what a model is trained on by itself.
    RatingsOfUser {
        /// The mean of a user without ratings.
        neutral: f32,
        /// How far from the mean a rating weighs 1; positive.
        scale: f32,
        /// How many ratings `neutral` counts for; not negative.
        prior: f32,
    },
    /// Seconds that the user stayed: `w = (t - half) / (t + half)`, which is -1 for none, 0 for `half`, and towards 1 for ever. It is
    /// `2 sigma(ln t - ln half) - 1`: times are compared by their ratios (Yi et al., *Beyond Clicks: Dwell Time for Personalization*,
    /// RecSys 2014, who take logarithms of them, by kind of item and device).
    Dwell {
        /// The seconds that say nothing: 30 is usual for a page that was read (Kim et al., *Modeling Dwell Time to Predict Click-level
        /// Satisfaction*, WSDM 2014); positive.
        half: f32,
    },
}

/// From what users did to weights of interactions: positive for what they liked, negative for what they did not, 0 for what says
/// nothing.
///
/// Numbers of the log are what [`Numbers`] says. Events weigh what [`EventWeights`] say, by default:
///
/// | event | weight | |
/// |---|---|---|
/// | `purchase` | 3 | |
/// | `like`, `share` | 2 | |
/// | `click`, `view`, and any other | 1 | |
/// | `skip` | -0.5 | it may have been the wrong moment |
/// | `dislike`, `hide` | -2 | |
///
/// These are a start and no law: what predicts best on held-out interactions is right.
///
/// # What takes weights
///
/// The average of `rec-interest` subtracts what is negative, and its decay multiplies the weights. The models of `rec-cf` take weights
/// as the values of their matrix, negative ones as evidence against an item where they can. Some learned user models see weights,
/// and none subtracts: leave out what is not positive. Online updates take a label and a weight: [`label`].
///
/// ```
/// use rec_data::{Interaction, Interactions};
/// use rec_feedback::{FeedbackWeights, Numbers};
///
/// let log = Interactions::new([
///     ("ann", Interaction::new("dune", 1.0).with_weight(5.0)),
///     ("ann", Interaction::new("emma", 2.0).with_event("skip")),
///     ("ann", Interaction::new("solaris", 3.0).with_weight(2.0)),
/// ])?;
/// let weights = FeedbackWeights::new(Numbers::Ratings { neutral: 3.0, scale: 2.0 });
/// let weighted = weights.of_log(&log)?;
/// let expected = [("dune", 1.0), ("emma", -0.5), ("solaris", -0.5)]
///     .map(|(item, weight)| (item.into(), rec_data::Signal::Weight(weight)));
/// assert!(weighted.get("ann").unwrap().interactions().iter().map(|i| (i.item.clone(), i.signal.clone())).eq(expected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct FeedbackWeights {
    numbers: Numbers,
    events: EventWeights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    numbers: Numbers,
    events: EventWeights,
}

impl TryFrom<Written> for FeedbackWeights {
    type Error = String;

    fn try_from(Written { numbers, events }: Written) -> Result<Self, String> {
        match numbers.is_valid() {
            true => Ok(Self { numbers, events }),
            false => Err(format!("{numbers:?} must be finite, scales positive")),
        }
    }
}

impl Numbers {
    fn is_valid(self) -> bool {
        match self {
            Numbers::Weights => true,
            Numbers::Ratings { neutral, scale } => neutral.is_finite() && scale.is_finite() && scale > 0.0,
            Numbers::RatingsOfUser { neutral, scale, prior } => {
                neutral.is_finite() && scale.is_finite() && scale > 0.0 && prior.is_finite() && prior >= 0.0
            }
            Numbers::Dwell { half } => half.is_finite() && half > 0.0,
        }
    }
}

impl FeedbackWeights {
    /// Weights of numbers as said, and of events as in the table.
    ///
    /// # Panics
    ///
    /// A setting is not finite, a scale or a half is not positive, or a prior is negative.
    #[must_use]
    pub fn new(numbers: Numbers) -> Self {
        assert!(numbers.is_valid(), "{numbers:?} must be finite, scales positive");
        let events = BTreeMap::from([
            ("purchase", 3.0),
            ("like", 2.0),
            ("share", 2.0),
            ("click", 1.0),
            ("view", 1.0),
            ("skip", -0.5),
            ("dislike", -2.0),
            ("hide", -2.0),
        ]);
        Self { numbers, events: EventWeights::new(events) }
    }

    /// Sets what events weigh.
    #[must_use]
    pub fn with_events(self, events: EventWeights) -> Self {
        Self { events, ..self }
    }

    /// A history with weights in place of its signals.
    ///
    /// # Errors
    ///
    /// A dwell time is negative, or a weight is not finite.
    pub fn of_history(&self, history: &History) -> Result<History, Error> {
        let ratings = history.interactions().iter().filter_map(number);
        let mean = match self.numbers {
            Numbers::RatingsOfUser { neutral, prior, .. } => {
                let (mut sum, mut n) = (f64::from(prior) * f64::from(neutral), f64::from(prior));
                ratings.for_each(|rating| (sum, n) = (sum + f64::from(rating), n + 1.0));
                // Without ratings and without a prior there is nothing that would be compared with it.
                if n > 0.0 { (sum / n) as f32 } else { neutral }
            }
            _ => 0.0,
        };
        if let Numbers::Dwell { .. } = self.numbers {
            for event in history.interactions() {
                if let Some(seconds) = number(event).filter(|&seconds| seconds < 0.0) {
                    return Err(Kind::Dwell { item: event.item.clone(), seconds }.into());
                }
            }
        }
        Ok(history.with_weights(|event| match (self.numbers, number(event)) {
            (_, None) | (Numbers::Weights, _) => self.events.of(event),
            (Numbers::Ratings { neutral, scale }, Some(rating)) => (rating - neutral) / scale,
            (Numbers::RatingsOfUser { scale, .. }, Some(rating)) => (rating - mean) / scale,
            (Numbers::Dwell { half }, Some(seconds)) => {
                // As a ratio, so that no sum overflows.
                let ratio = half / seconds.max(f32::MIN_POSITIVE);
                if ratio.is_finite() { (1.0 - ratio) / (1.0 + ratio) } else { -1.0 }
            }
        })?)
    }

    /// A log with weights in place of its signals.
    ///
    /// # Errors
    ///
    /// As [`of_history`](Self::of_history).
    pub fn of_log(&self, log: &Interactions) -> Result<Interactions, Error> {
        let mut weighted = Vec::with_capacity(log.n_interactions());
        for (user, history) in log.iter() {
            let history = self.of_history(history)?;
            weighted.extend(history.interactions().iter().map(|event| (user.clone(), event.clone())));
        }
        Ok(Interactions::new(weighted)?)
    }
}

fn number(interaction: &Interaction) -> Option<f32> {
    match interaction.signal {
        Signal::Weight(number) => Some(number),
        Signal::Event(_) => None,
    }
}

/// A weight as a label and how much it counts: positive or not, and the magnitude. A weight of 0 counts nothing.
///
/// This is what a logistic update takes: a purchase of weight 3 is a positive that counts three times (as watch time weighs positives
/// in Covington, Adams and Sargin, *Deep Neural Networks for YouTube Recommendations*, RecSys 2016, section 4.2).
///
/// ```
/// assert_eq!(rec_feedback::label(3.0), (true, 3.0));
/// assert_eq!(rec_feedback::label(-0.5), (false, 0.5));
/// ```
#[must_use]
pub fn label(weight: f32) -> (bool, f32) {
    (weight > 0.0, weight.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(numbers: Numbers, signals: &[f32]) -> Result<Vec<f32>, Error> {
        let events = (0..).zip(signals).map(|(i, &w)| Interaction::new("x", f64::from(i)).with_weight(w));
        let history = FeedbackWeights::new(numbers).of_history(&History::new(events)?)?;
        Ok(history.interactions().iter().filter_map(number).collect())
    }

    #[test]
    fn ratings_are_against_the_neutral_or_the_users_mean() {
        let of_user = |prior| Numbers::RatingsOfUser { neutral: 3.0, scale: 2.0, prior };
        assert_eq!(weights(of_user(0.0), &[5.0, 4.0, 3.0]).unwrap(), [0.5, 0.0, -0.5]);
        // (5 + 5 + 2 * 3) / 4 = 4
        assert_eq!(weights(of_user(2.0), &[5.0, 5.0]).unwrap(), [0.5, 0.5]);
        assert!(weights(of_user(0.0), &[]).unwrap().is_empty());
        assert_eq!(weights(Numbers::Weights, &[-2.0]).unwrap(), [-2.0]);
    }

    #[test]
    fn dwell_is_a_ratio() {
        let dwell = Numbers::Dwell { half: 30.0 };
        let found = weights(dwell, &[0.0, 10.0, 30.0, 90.0, f32::MAX]).unwrap();
        for (found, expected) in found.into_iter().zip([-1.0, -0.5, 0.0, 0.5, 1.0]) {
            assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        }
        let error = weights(dwell, &[-1.0]).unwrap_err();
        assert_eq!(error.to_string(), "the dwell time on `x` is -1 seconds");
    }

    #[test]
    fn what_is_written_is_read() {
        let model = FeedbackWeights::new(Numbers::Dwell { half: 30.0 })
            .with_events(EventWeights::new([("buy", 4.0)]).with_other(0.0));
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<FeedbackWeights>(&json).unwrap(), model, "{json}");
        assert!(serde_json::from_str::<FeedbackWeights>(&json.replace("30.0", "0.0")).is_err());
    }
}
