use burn::tensor::Device;
use rec_core::{Error, EventWeights, Fingerprint, HistoryBatch, Interests, Pooling, Sequence, VectorTable};
use rec_data::History;

/// How many item vectors times dimensions one batch of [`UserEncoder::interests`] holds, padding included: 16 MiB.
const BATCH_VALUES: usize = 1 << 22;

/// A model of the user: histories to interest vectors.
///
/// The one required method works on a batch. The provided ones look histories up in a table and read the interests back.
/// The trait is object-safe.
///
/// A model of one's own, the newest item:
///
/// ```
/// use rec_core::{Fingerprint, HistoryBatch, Pooling, Sequence, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::UserEncoder;
///
/// struct Newest;
///
/// impl UserEncoder for Newest {
///     fn encode(&self, histories: &HistoryBatch) -> Sequence {
///         Sequence::single(Pooling::LastToken.pool(histories.items()))
///     }
/// }
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 2.0]), ("b", [3.0, 4.0])])?;
/// let history = History::from_iter([("b", days(1)), ("a", days(2))]);
/// let user = Newest.interest(&items, &history);
/// assert_eq!(user.iter().next().unwrap(), [3.0, 4.0]);
/// # Ok::<(), rec_core::Error>(())
/// ```
pub trait UserEncoder {
    /// The interests of each user of a batch.
    ///
    /// # Shapes
    ///
    /// - histories: items `[batch, len, d_item]`
    /// - result: `[batch, n_interests, d_model]`, padded where users have different numbers of interests
    fn encode(&self, histories: &HistoryBatch) -> Sequence;

    /// [`encode`](Self::encode) in a step of training: with the model's dropout, drawn from the seed of the step. Models without
    /// dropout encode as always, which is the default.
    fn encode_training(&self, histories: &HistoryBatch, seed: u64) -> Sequence {
        let _ = seed;
        self.encode(histories)
    }

    /// Where the model computes, and so where [`interests`](Self::interests) puts its batches. A model with parameters
    /// returns the device that they live on. The default is the [host](rec_core::device::host).
    fn device(&self) -> Device {
        rec_core::device::host()
    }

    /// What [`interests`](Self::interests) weighs events by. A [`HistoryBatch`] that is given to [`encode`](Self::encode)
    /// has its weights already. By default every event type weighs 1.
    fn event_weights(&self) -> EventWeights {
        EventWeights::default()
    }

    /// The space of the interests for items of the space `items`. By default the same: what the model gives is compared with
    /// items, be it an average of them or a query that was trained to meet them. A model whose vectors are nothing that such
    /// items can be multiplied with leads to a [space of its own](Fingerprint::derive).
    fn space(&self, items: Fingerprint) -> Fingerprint {
        items
    }

    /// The interests of one user, on the host. See [`interests`](Self::interests), whose panics it shares.
    fn interest(&self, items: &VectorTable, history: &History) -> Interests {
        self.interests(items, &[history]).swap_remove(0)
    }

    /// The interests of many users, on the host, in the order of the histories.
    ///
    /// Users are encoded in batches of at most about four million values, so that memory stays bounded. No histories
    /// give no interests.
    ///
    /// # Panics
    ///
    /// The model returns a value that is not finite, or the device fails. [`Average`](crate::Average) never returns such a
    /// value. A program that must survive a model that diverged calls [`try_interests`](Self::try_interests).
    ///
    /// ```
    /// use rec_core::{Fingerprint, VectorTable};
    /// use rec_data::{History, days};
    /// use rec_interest::{Average, UserEncoder};
    ///
    /// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 2.0]), ("b", [3.0, 4.0])])?;
    /// let (ann, new) = (History::from_iter([("b", days(1)), ("a", days(2))]), History::default());
    /// let users = Average::new().interests(&items, &[&ann, &new]);
    /// assert_eq!(users[0].iter().next().unwrap(), [2.0, 3.0]);
    /// assert_eq!(users[1].iter().next().unwrap(), [0.0, 0.0]);
    /// # Ok::<(), rec_core::Error>(())
    /// ```
    fn interests(&self, items: &VectorTable, histories: &[&History]) -> Vec<Interests> {
        match self.try_interests(items, histories) {
            Ok(interests) => interests,
            Err(error) => panic!("the user encoder has no finite interests: {error}"),
        }
    }

    /// [`interests`](Self::interests) without its panics.
    ///
    /// # Errors
    ///
    /// The model returns a value that is not finite ([`Error::is_not_finite`]), or the device fails.
    fn try_interests(&self, items: &VectorTable, histories: &[&History]) -> Result<Vec<Interests>, Error> {
        let (device, weights, space) = (self.device(), self.event_weights(), self.space(items.space()));
        let mut interests = Vec::with_capacity(histories.len());
        for users in batches(histories, BATCH_VALUES / items.dim()) {
            let batch = HistoryBatch::with_event_weights(items, users.iter().copied(), &weights, &device);
            interests.extend(Interests::from_sequence(&self.encode(&batch), space)?);
        }
        Ok(interests)
    }
}

/// Splits histories, in order, so that a batch of users padded to its longest history has at most `max_events` events, or
/// one user.
fn batches<'h>(histories: &'h [&'h History], max_events: usize) -> impl Iterator<Item = &'h [&'h History]> {
    let mut rest = histories;
    std::iter::from_fn(move || {
        let mut longest = 1;
        let fits = |(n, history): &(usize, &&History)| {
            longest = longest.max(history.len());
            (n + 1).saturating_mul(longest) <= max_events
        };
        let n = rest.iter().enumerate().take_while(fits).count().max(1).min(rest.len());
        let (batch, later) = rest.split_at(n);
        rest = later;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The items of a history pooled, whatever their age and weight: [`Pooling::Mean`] is their mean,
/// [`Pooling::LastToken`] the newest one.
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{Pooling, UserEncoder};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 4.0]), ("b", [3.0, 2.0])])?;
/// let history = History::from_iter([("b", days(1)), ("a", days(2))]);
/// let first = |pooling: Pooling| pooling.interest(&items, &history).iter().next().unwrap().to_vec();
/// assert_eq!(first(Pooling::LastToken), [3.0, 2.0]);
/// assert_eq!(first(Pooling::Max), [3.0, 4.0]);
/// # Ok::<(), rec_core::Error>(())
/// ```
impl UserEncoder for Pooling {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        Sequence::single(self.pool(histories.items()))
    }
}

#[cfg(test)]
mod tests {
    use rec_data::Interaction;

    use super::*;
    use crate::Average;

    fn history(len: usize) -> History {
        (0..len).map(|i| (if i % 2 == 0 { "a" } else { "b" }, rec_data::hours(i as u64))).collect()
    }

    #[test]
    fn batches_keep_order_and_bound() {
        let histories: Vec<History> = [3, 1, 0, 9, 2, 2, 2, 0, 0].map(history).into();
        let users: Vec<&History> = histories.iter().collect();
        let lengths: Vec<Vec<usize>> =
            batches(&users, 6).map(|batch| batch.iter().map(|h| h.len()).collect()).collect();
        assert_eq!(lengths, [vec![3, 1], vec![0], vec![9], vec![2, 2, 2], vec![0, 0]]);
        assert_eq!(batches(&[], 6).count(), 0);
        assert_eq!(batches(&users, 0).count(), users.len());
    }

    #[test]
    fn is_object_safe() {
        let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0]), ("b", [3.0])]).unwrap();
        let models: [Box<dyn UserEncoder>; 2] = [Box::new(Average::new()), Box::new(Pooling::Mean)];
        for model in models {
            assert_eq!(model.interest(&items, &history(2)).iter().next().unwrap(), [2.0]);
            assert!(model.interests(&items, &[]).is_empty());
        }
    }

    #[test]
    fn event_weights_and_space_come_from_the_model() {
        struct Model;
        impl UserEncoder for Model {
            fn encode(&self, histories: &HistoryBatch) -> Sequence {
                Sequence::single(histories.weights().clone())
            }
            fn event_weights(&self) -> EventWeights {
                EventWeights::new([("skip", -0.5)])
            }
            fn space(&self, items: Fingerprint) -> Fingerprint {
                items.derive("model", b"1")
            }
        }
        let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0])]).unwrap();
        let history = History::new([Interaction::new("a", 0.0).with_event("skip")]).unwrap();
        let user = Model.interest(&items, &history);
        assert_eq!(user.iter().next().unwrap(), [-0.5]);
        assert_eq!(user.space(), items.space().derive("model", b"1"));
    }

    #[test]
    #[should_panic(expected = "no finite interests")]
    fn a_model_that_diverged_panics() {
        struct Diverged;
        impl UserEncoder for Diverged {
            fn encode(&self, histories: &HistoryBatch) -> Sequence {
                Sequence::single(histories.weights().clone().add_scalar(f32::NAN))
            }
        }
        let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0])]).unwrap();
        let history = history(1);
        assert!(Diverged.try_interests(&items, &[&history]).unwrap_err().is_not_finite());
        let _ = Diverged.interest(&items, &history);
    }
}
