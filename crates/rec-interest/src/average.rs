use burn::tensor::Tensor;
use rec_core::{EventWeights, HistoryBatch, Sequence};
use serde::{Deserialize, Serialize};

use crate::{Decay, UserEncoder};

/// The weighted average of the items of a history, newer ones and stronger signals counting more.
///
/// `u = sum_i w_i d_i x_i / sum_i |w_i| d_i`, with the item vectors `x_i`, the events' weights `w_i` ([`EventWeights`],
/// ratings) and the [`Decay`] `d_i`.
///
/// An item with a negative weight pushes the interest away from itself. The weights' common factor does not matter.
/// Without a known item, and where all weights are zero, the interest is the zero vector. No value exceeds the largest
/// one of the items in magnitude, so finite items give finite interests, whatever the weights.
///
/// The interest keeps the dimension and the space of the items. Its length says how much the items agree; a cosine or an
/// order by dot product ignores it. Item vectors are taken as they are, and a longer one counts more. Many sentence
/// encoders do not return unit vectors: [`normalized`](Self::normalized) makes each event count by its weight alone.
///
/// ```
/// use rec_core::{EventWeights, Fingerprint, VectorTable};
/// use rec_data::{History, Interaction};
/// use rec_interest::{Average, UserEncoder};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?;
/// let history = History::new([
///     Interaction::new("dune", 0.0).with_event("buy"),
///     Interaction::new("emma", 1.0).with_event("skip"),
/// ])?;
/// let model = Average::new().with_event_weights(EventWeights::new([("buy", 3.0), ("skip", -1.0)]));
/// let user = model.interest(&items, &history);
/// assert_eq!(user.iter().next().unwrap(), [0.75, -0.25]); // (3 dune - 1 emma) / (3 + 1)
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    decay: Decay,
    event_weights: EventWeights,
    normalized: bool,
}

impl Average {
    /// The average without decay.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The average with a decay.
    #[must_use]
    pub fn with_decay(decay: Decay) -> Self {
        Self { decay, ..Self::default() }
    }

    /// What event types weigh, for [`interest`](UserEncoder::interest) and [`interests`](UserEncoder::interests).
    #[must_use]
    pub fn with_event_weights(mut self, weights: EventWeights) -> Self {
        self.event_weights = weights;
        self
    }

    /// Scales every item vector to length 1 before it is averaged; a zero vector stays zero. The interest itself is not
    /// scaled.
    ///
    /// ```
    /// use rec_core::{Fingerprint, VectorTable};
    /// use rec_data::{History, days};
    /// use rec_interest::{Average, UserEncoder};
    ///
    /// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [8.0, 0.0]), ("b", [0.0, 2.0])])?;
    /// let history = History::from_iter([("a", days(1)), ("b", days(2))]);
    /// assert_eq!(Average::new().interest(&items, &history).iter().next().unwrap(), [4.0, 1.0]);
    /// assert_eq!(Average::new().normalized().interest(&items, &history).iter().next().unwrap(), [0.5, 0.5]);
    /// # Ok::<(), rec_core::Error>(())
    /// ```
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.normalized = true;
        self
    }

    /// `w_i d_i / sum_j |w_j| d_j`, `[batch, len]`; zeros where all weights are zero.
    fn shares(&self, histories: &HistoryBatch) -> Tensor<2> {
        let weights = histories.weights().clone() * self.decay.weights(histories); // [batch, len]
        // Scaled by the largest one first, so that no sum of weights overflows and none of tiny ones vanishes.
        let largest = weights.clone().abs().max_dim(1); // [batch, 1]
        let weights = weights / largest.clamp_min(f32::MIN_POSITIVE);
        let sum = weights.clone().abs().sum_dim(1); // [batch, 1], at least 1 unless all are zero
        weights / sum.clamp_min(0.5)
    }
}

impl UserEncoder for Average {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        // Zeros at padding: a NaN there would survive its share of zero.
        let items = histories.items().zero_padded(); // [batch, len, d]
        let items = if self.normalized { unit(items) } else { items };
        let shares = self.shares(histories).unsqueeze_dim::<3>(2); // [batch, len, 1]
        // A product and a sum, as in `Pooling`: matrix units of some devices would round to half precision.
        let interest = (items * shares).sum_dim(1); // [batch, 1, d]
        // The shares add up to 1, and items at the end of the range of f32 could still round past it.
        Sequence::new(interest.clamp(f32::MIN, f32::MAX), None)
    }

    fn event_weights(&self) -> EventWeights {
        self.event_weights.clone()
    }
}

/// Vectors scaled to length 1, `[batch, len, d]`; zero vectors stay.
fn unit(vectors: Tensor<3>) -> Tensor<3> {
    // Scaled by the largest value first, so that no square overflows and the length is at least 1.
    let largest = vectors.clone().abs().max_dim(2); // [batch, len, 1]
    let vectors = vectors / largest.clamp_min(f32::MIN_POSITIVE);
    let length = vectors.clone().square().sum_dim(2).sqrt(); // [batch, len, 1]
    vectors / length.clamp_min(0.5)
}

#[cfg(test)]
mod tests {
    use rec_core::{Fingerprint, Interests, VectorTable};
    use rec_data::{History, Interaction, days};

    use super::*;

    fn interest(model: &Average, rows: &[(&str, [f32; 2])], events: &[(&str, f64, f32)]) -> Vec<f32> {
        let space = Fingerprint::declared("d");
        let items = VectorTable::from_rows(space, rows.iter().copied()).unwrap();
        let history = History::new(
            events.iter().map(|&(item, time, weight)| Interaction::new(item, time).with_weight(weight)),
        )
        .unwrap();
        let batch = HistoryBatch::new(&items, [&history], &rec_testkit::device());
        let user =
            Interests::from_sequence(&model.encode(&batch), model.space(space)).unwrap().swap_remove(0);
        assert_eq!((user.len(), user.dim(), user.space()), (1, 2, space));
        user.iter().next().unwrap().to_vec()
    }

    const ITEMS: [(&str, [f32; 2]); 2] = [("a", [2.0, 0.0]), ("b", [0.0, 4.0])];

    #[test]
    fn by_hand() {
        let u = interest(&Average::new(), &ITEMS, &[("a", 0.0, 3.0), ("b", 1.0, -1.0)]);
        assert_eq!(u, [1.5, -1.0]); // (3 a - b) / 4
        let decay = Average::with_decay(Decay::geometric(0.5));
        let u = interest(&decay, &ITEMS, &[("a", 0.0, 2.0), ("b", 1.0, 1.0)]);
        rec_testkit::assert_close("decay", &u, &[1.0, 2.0], 1e-6); // (2 * 0.5 a + b) / 2
        let u = interest(&Average::new(), &ITEMS, &[("a", 0.0, -1.0)]);
        assert_eq!(u, [-2.0, 0.0]); // what is only disliked points away
    }

    #[test]
    fn what_is_written_is_read() {
        let weights = EventWeights::new([("buy", 3.0), ("skip", -0.1)]).with_other(0.5);
        let model = Average::with_decay(Decay::half_life(days(30))).normalized().with_event_weights(weights);
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Average>(&json).unwrap(), model, "{json}");
        for (part, other) in [("0.5", "1e39"), ("true", "1"), ("decay", "delay")] {
            let json = json.replacen(part, other, 1);
            assert!(serde_json::from_str::<Average>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn nothing_known_is_the_zero_vector() {
        for model in
            [Average::new(), Average::with_decay(Decay::half_life(days(1))), Average::new().normalized()]
        {
            assert_eq!(interest(&model, &ITEMS, &[]), [0.0, 0.0]);
            assert_eq!(interest(&model, &ITEMS, &[("gone", 0.0, 1.0)]), [0.0, 0.0]);
            assert_eq!(interest(&model, &ITEMS, &[("a", 0.0, 0.0), ("b", 0.0, 0.0)]), [0.0, 0.0]);
            assert_eq!(interest(&model, &ITEMS, &[("a", 0.0, 1.0), ("a", 1e9, 0.0)])[1], 0.0);
            assert!(interest(&model, &ITEMS, &[("a", 0.0, 1.0), ("a", 1e9, 0.0)])[0] > 0.9);
        }
    }

    #[test]
    fn extreme_numbers_stay_finite() {
        let max = f32::MAX;
        let items = [("a", [max, 1e-30]), ("b", [max, -1e-30])];
        for weight in [max, 1.0, f32::MIN_POSITIVE] {
            let events = [("a", 0.0, weight), ("b", 1.0, weight), ("a", 2.0, weight)];
            let u = interest(&Average::new(), &items, &events);
            assert!(u[0] > 0.999 * max, "weight {weight}: {u:?}");
            rec_testkit::assert_close(
                "unit",
                &interest(&Average::new().normalized(), &items, &events),
                &[1.0, 0.0],
                1e-6,
            );
        }
    }
}
