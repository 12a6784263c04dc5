use std::time::Duration;

use burn::tensor::Tensor;
use rec_core::HistoryBatch;
use serde::{Deserialize, Serialize};

/// More decay than any history has, and still finite: `exp(-1e30)` is zero, and so is the difference of two such.
const GONE: f32 = 1e30;

/// How an event counts less the older it is, by its age or by its step from the end of the history.
///
/// | decay | weight of an event |
/// |---|---|
/// | [`none`](Self::none) | `1` |
/// | [`half_life`](Self::half_life) | `2^(-age / half_life)` |
/// | [`geometric`](Self::geometric) | `factor^step`, the newest event being step 0 |
/// | [`power_law`](Self::power_law) | `(1 + age / scale)^(-exponent)` |
///
/// No weight grows with age. An age below zero counts as zero. Steps count the events whose items are known.
///
/// ```
/// use rec_data::days;
/// use rec_interest::Decay;
///
/// let day = 86400.0;
/// assert_eq!(Decay::half_life(days(30)).at(30.0 * day, 0), 0.5);
/// assert_eq!(Decay::geometric(0.5).at(0.0, 3), 0.125);
/// assert_eq!(Decay::power_law(2.0, days(1)).at(3.0 * day, 0), 1.0 / 16.0);
/// assert_eq!(Decay::none().at(3.0 * day, 7), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Kind")]
pub struct Decay(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Kind {
    #[default]
    None,
    /// Seconds.
    HalfLife(f64),
    Geometric(f64),
    /// The scale is in seconds.
    PowerLaw {
        exponent: f64,
        scale: f64,
    },
}

/// What a file says must satisfy what the constructors ask for.
impl TryFrom<Kind> for Decay {
    type Error = String;

    fn try_from(kind: Kind) -> Result<Self, String> {
        // The shortest `Duration` above zero is a nanosecond.
        let is_duration = |seconds: f64| (1e-9..f64::INFINITY).contains(&seconds);
        let is_valid = match kind {
            Kind::None => true,
            Kind::HalfLife(half_life) => is_duration(half_life),
            Kind::Geometric(factor) => factor > 0.0 && factor <= 1.0,
            Kind::PowerLaw { exponent, scale } => {
                (0.0..f64::INFINITY).contains(&exponent) && is_duration(scale)
            }
        };
        if is_valid { Ok(Self(kind)) } else { Err(format!("there is no decay {kind:?}")) }
    }
}

impl Decay {
    /// Every event counts the same.
    #[must_use]
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// `2^(-age / half_life)`: an event counts half as much as one that is `half_life` younger.
    ///
    /// # Panics
    ///
    /// The half-life is zero.
    #[must_use]
    pub fn half_life(half_life: Duration) -> Self {
        assert!(!half_life.is_zero(), "a half-life is longer than zero");
        Self(Kind::HalfLife(half_life.as_secs_f64()))
    }

    /// `factor^step`: an event counts `factor` times as much as the next newer one, whatever the time between them.
    ///
    /// # Panics
    ///
    /// The factor is not in `(0, 1]`.
    #[must_use]
    pub fn geometric(factor: f64) -> Self {
        assert!(factor > 0.0 && factor <= 1.0, "the factor {factor} of a geometric decay is not in (0, 1]");
        Self(Kind::Geometric(factor))
    }

    /// `(1 + age / scale)^(-exponent)`: fast at first and then ever slower, as human forgetting is modelled
    /// (Wixted and Ebbesen, 1991).
    ///
    /// # Panics
    ///
    /// The exponent is negative or not finite, or the scale is zero.
    #[must_use]
    pub fn power_law(exponent: f64, scale: Duration) -> Self {
        assert!(
            exponent >= 0.0 && exponent.is_finite(),
            "the exponent {exponent} of a power law is negative or not finite"
        );
        assert!(!scale.is_zero(), "the scale of a power law is longer than zero");
        Self(Kind::PowerLaw { exponent, scale: scale.as_secs_f64() })
    }

    /// The weight of an event of an age in seconds, `step` steps from the end.
    #[must_use]
    pub fn at(&self, age: f64, step: usize) -> f64 {
        let age = age.max(0.0);
        match self.0 {
            Kind::None => 1.0,
            Kind::HalfLife(half_life) => (-age / half_life).exp2(),
            Kind::Geometric(factor) => factor.powf(step as f64),
            Kind::PowerLaw { exponent, scale } => (1.0 + age / scale).powf(-exponent),
        }
    }

    /// The weights of a batch's events, `[batch, len]`, relative to the newest event of each user.
    ///
    /// With `d` for [`at`](Self::at): `d_i / d_newest`. The newest event weighs 1, so that a user who was away for years
    /// does not underflow to nothing; in an average the common factor cancels. Events that have a
    /// [weight](HistoryBatch::weights) of zero say nothing, whether they are padding or not: they get 0, and the newest
    /// event is the newest of the others. Weights that are smaller than `f32` can express are 0.
    ///
    /// Ages are `f32`: with a half-life, the relative error is about `age / half_life * 1e-7`.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_core::{Fingerprint, HistoryBatch, VectorTable};
    /// use rec_data::{History, days};
    /// use rec_interest::Decay;
    ///
    /// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0])])?;
    /// let history = History::from_iter([("a", days(10)), ("a", days(11)), ("a", days(12))]);
    /// let batch = HistoryBatch::new(&items, [&history], &Device::flex());
    /// let weights = Decay::half_life(days(1)).weights(&batch).into_data().try_to_vec::<f32>().unwrap();
    /// for (weight, expected) in weights.into_iter().zip([0.25, 0.5, 1.0]) {
    ///     assert!((weight - expected).abs() < 1e-6);
    /// }
    /// # Ok::<(), rec_core::Error>(())
    /// ```
    #[must_use]
    pub fn weights(&self, histories: &HistoryBatch) -> Tensor<2> {
        let ages = || histories.ages().clone().clamp_min(0.0);
        // -ln d_i, [batch, len]
        let decay = match self.0 {
            Kind::None => histories.ages().zeros_like(),
            Kind::HalfLife(half_life) => ages().mul_scalar(std::f64::consts::LN_2 / half_life),
            Kind::Geometric(factor) => histories.steps().clone().mul_scalar(-factor.ln()),
            Kind::PowerLaw { exponent, scale } => {
                ages().mul_scalar(scale.recip()).log1p().mul_scalar(exponent.min(f64::from(GONE)))
            }
        };
        // An age beyond the range of f32 is infinite, and the difference of two infinities would be NaN.
        let decay = decay.clamp(0.0, GONE);
        let silent = histories.weights().clone().equal_elem(0.0);
        let newest = decay.clone().mask_fill(silent.clone(), GONE).min_dim(1); // [batch, 1]
        (newest - decay).exp().mask_fill(silent, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use rec_core::{Fingerprint, VectorTable};
    use rec_data::{History, Interaction, days};

    use super::*;

    const DAY: f64 = 86400.0;

    fn weights(decay: Decay, history: &History) -> Vec<f32> {
        let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0])]).unwrap();
        let batch = HistoryBatch::new(&items, [history], &rec_testkit::device());
        decay.weights(&batch).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn one_half_life_is_exactly_a_half() {
        for n in [1, 7, 30, 365] {
            assert_eq!(Decay::half_life(days(n)).at(n as f64 * DAY, 0), 0.5);
            assert_eq!(Decay::half_life(days(n)).at(2.0 * n as f64 * DAY, 0), 0.25);
        }
        let history = History::from_iter([("a", days(0)), ("a", days(30))]);
        rec_testkit::assert_close(
            "half-life",
            &weights(Decay::half_life(days(30)), &history),
            &[0.5, 1.0],
            6e-8,
        );
    }

    #[test]
    fn negative_ages_count_as_zero() {
        for decay in [Decay::half_life(days(1)), Decay::power_law(1.0, days(1))] {
            assert_eq!(decay.at(-5.0 * DAY, 0), 1.0);
        }
    }

    #[test]
    fn a_user_who_was_away_keeps_a_newest_event() {
        let history = History::from_iter([("a", days(4000)), ("a", days(4001))]);
        for decay in [
            Decay::half_life(days(1)),
            Decay::half_life(Duration::from_nanos(1)),
            Decay::power_law(40.0, Duration::from_nanos(1)),
            Decay::power_law(f64::MAX, days(1)),
        ] {
            let weights = weights(decay, &history);
            assert_eq!(weights[1], 1.0, "{decay:?}");
            assert!((0.0..=1.0).contains(&weights[0]), "{decay:?}: {weights:?}");
        }
    }

    #[test]
    fn ages_beyond_f32_are_gone_and_not_nan() {
        let history = History::new([
            Interaction::new("a", -1e300),
            Interaction::new("a", -1e299),
            Interaction::new("a", 0.0),
        ])
        .unwrap();
        for decay in [Decay::half_life(days(1)), Decay::power_law(1.0, days(1))] {
            let weights = weights(decay, &history);
            assert!(weights[0] < 1e-30 && weights[1] < 1e-30 && weights[2] == 1.0, "{decay:?}: {weights:?}");
            assert!(self::weights(decay, &history.as_of(1e308).unwrap()).iter().all(|w| w.is_finite()));
        }
    }

    #[test]
    fn silent_events_get_nothing_and_are_not_the_newest() {
        let events = [(-2.0 * DAY, 1.0), (-DAY, -1.0), (0.0, 0.0)];
        let history =
            History::new(events.map(|(time, weight)| Interaction::new("a", time).with_weight(weight)))
                .unwrap();
        rec_testkit::assert_close(
            "silent",
            &weights(Decay::half_life(days(1)), &history),
            &[0.5, 1.0, 0.0],
            6e-8,
        );
        rec_testkit::assert_close(
            "silent",
            &weights(Decay::geometric(0.5), &history),
            &[0.5, 1.0, 0.0],
            6e-8,
        );
    }

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        for decay in [
            Decay::none(),
            Decay::half_life(Duration::new(86_400, 123_456_789)),
            Decay::geometric(0.1 + 0.2),
            Decay::power_law(1.0 / 3.0, days(2)),
        ] {
            let json = serde_json::to_string(&decay).unwrap();
            assert_eq!(serde_json::from_str::<Decay>(&json).unwrap(), decay, "{json}");
        }
        assert_eq!(serde_json::to_string(&Decay::geometric(0.7)).unwrap(), r#"{"geometric":0.7}"#);
    }

    #[test]
    fn a_file_makes_no_decay_that_a_program_cannot() {
        for json in [
            r#"{"half_life":0}"#,
            r#"{"half_life":1e-320}"#,
            r#"{"half_life":1e999}"#,
            r#"{"half_life":null}"#,
            r#"{"geometric":1.5}"#,
            r#"{"geometric":0}"#,
            r#"{"power_law":{"exponent":-1,"scale":1}}"#,
            r#"{"power_law":{"exponent":1,"scale":0}}"#,
            r#"{"power_law":{"exponent":1,"scale":1,"other":1}}"#,
            r#""linear""#,
        ] {
            assert!(serde_json::from_str::<Decay>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn bad_parameters_panic_with_the_value() {
        fn assert_panics(message: &str, make: fn() -> Decay) {
            let panic = std::panic::catch_unwind(make).unwrap_err();
            let text = match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(panic) => {
                    panic.downcast::<&str>().map_or_else(|_| String::new(), |text| (*text).to_owned())
                }
            };
            assert!(text.contains(message), "`{text}` lacks `{message}`");
        }
        assert_panics("longer than zero", || Decay::half_life(Duration::ZERO));
        assert_panics("factor 0 ", || Decay::geometric(0.0));
        assert_panics("factor 1.5 ", || Decay::geometric(1.5));
        assert_panics("factor NaN ", || Decay::geometric(f64::NAN));
        assert_panics("exponent -1 ", || Decay::power_law(-1.0, days(1)));
        assert_panics("longer than zero", || Decay::power_law(1.0, Duration::ZERO));
    }
}
