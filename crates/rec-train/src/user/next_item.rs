use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::Tensor;
use rec_core::{HistoryBatch, VectorTable};
use rec_data::{History, Interactions};
use rec_interest::UserEncoder;

use super::describe_held_out;
use super::sampled::{Events, logits, recall};
use super::{NextBatch, Objective};
use crate::error::Error;
use crate::objective::{LabelAware, disagreement};
use crate::parameters::device;
use crate::{Draw, Task};

/// Next-item prediction on vectors that stand still: the fast path, for any user encoder that is a module.
///
/// A row of a batch is an event of a user, with what the user did before it as history (the latest 50 events). Items and interests
/// meet in dot products, so the interests have the dimension of the items; of several interests the one is trained that
/// [`LabelAware`] chooses.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{Interaction, Interactions};
/// use rec_interest::{Nrms, NrmsConfig};
/// use rec_train::user::{NextItem, Objective};
/// use rec_train::{AdamW, Trainer, TrainerConfig};
///
/// // After `a` comes `b`, and after `b` comes `a`.
/// let space = Fingerprint::declared("(a, b)");
/// let items = VectorTable::from_rows(space, [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let log = Interactions::new([
///     ("ann", Interaction::new("a", 1.0)), ("ann", Interaction::new("b", 2.0)),
///     ("bob", Interaction::new("b", 1.0)), ("bob", Interaction::new("a", 2.0)),
/// ])?;
/// let task = NextItem::<Nrms>::new(items, &log, Objective::FullSoftmax { temperature: 0.2 })?;
/// let config = TrainerConfig { n_steps: 100, optimizer: AdamW::new(0.05), ..TrainerConfig::default() };
/// let user = NrmsConfig { d_item: 2, n_heads: 1, d_attention: 4, dropout: 0.0 }.init(&Device::flex(), 1);
/// let mut losses = Vec::new();
/// Trainer::new(config).run(user, &task, |progress| {
///     losses.push(progress.metrics.loss);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert!(losses[99] < 0.5 * losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct NextItem<U> {
    items: VectorTable,
    events: Events,
    objective: Objective,
    choice: LabelAware,
    disagreement: f64,
    held_out: Vec<(History, usize)>,
    k: usize,
    model: PhantomData<fn(U)>,
}

impl<U: UserEncoder + Module> NextItem<U> {
    /// The events of a log whose items have a vector.
    ///
    /// # Errors
    ///
    /// No user has two of them, or an objective's number of negatives is 0.
    pub fn new(items: VectorTable, log: &Interactions, objective: Objective) -> Result<Self, Error> {
        check(objective)?;
        let events = Events::new(log, items.ids(), items.space())?;
        Ok(Self {
            items,
            events,
            objective,
            choice: LabelAware::Best,
            disagreement: 0.0,
            held_out: Vec::new(),
            k: 10,
            model: PhantomData,
        })
    }

    /// With events a batch, 128 by default.
    ///
    /// # Panics
    ///
    /// The size is 0.
    #[must_use]
    pub fn with_batch_size(mut self, batch_size: usize) -> Self {
        assert!(batch_size > 0, "a batch has at least one event");
        self.events.batch_size = batch_size;
        self
    }

    /// Only what users chose at `time` or later, with what they did before it as their histories: for an update on new interactions.
    ///
    /// # Errors
    ///
    /// There is nothing of that time that has an event before it.
    pub fn since(mut self, time: f64) -> Result<Self, Error> {
        self.events.since(time)?;
        Ok(self)
    }

    /// With the latest `max_len` events of a history.
    #[must_use]
    pub fn with_max_len(mut self, max_len: usize) -> Self {
        self.events.max_len = max_len;
        self
    }

    /// With another choice among several interests, and a weight of their [`disagreement`].
    #[must_use]
    pub fn with_interests(self, choice: LabelAware, disagreement: f64) -> Self {
        Self { choice, disagreement, ..self }
    }

    /// With a metric: recall at `k` of each user's first held-out item, among all items that are not in the user's log. Users and
    /// items that are not known are left out.
    #[must_use]
    pub fn with_held_out(mut self, log: &Interactions, held_out: &Interactions, k: usize) -> Self {
        self.k = k;
        self.held_out.extend(super::held_out(self.items.ids(), log, held_out));
        self
    }
}

pub(super) fn check(objective: Objective) -> Result<(), Error> {
    match objective {
        Objective::FullSoftmax { temperature } | Objective::InBatch { temperature }
            if temperature.is_nan() || temperature <= 0.0 =>
        {
            Err(Error::unusable(format!("the temperature {temperature} is not positive")))
        }
        Objective::FullSoftmax { .. } | Objective::InBatch { .. } => Ok(()),
        objective if objective.n_negatives() == 0 => Err(Error::unusable("there is at least one negative")),
        _ => Ok(()),
    }
}

impl<U: UserEncoder + Module> Task for NextItem<U> {
    type Module = U;
    type Batch = NextBatch;

    fn sample(&self, draw: Draw) -> NextBatch {
        self.events.sample(draw, self.objective.n_negatives())
    }

    fn loss(&self, user: &U, batch: &NextBatch) -> Result<Tensor<1>, Error> {
        let device = device(user).unwrap_or_else(|| user.device());
        let histories =
            HistoryBatch::with_event_weights(&self.items, &batch.histories, &user.event_weights(), &device);
        let interests = user.encode_training(&histories, batch.seed);
        let vectors = |rows: &[usize]| self.items.gather(rows, &device);
        let loss = self.events.loss(self.objective, &interests, batch, self.choice, vectors);
        Ok(match self.disagreement {
            0.0 => loss,
            weight => loss + disagreement(&interests) * weight,
        })
    }

    fn validate(&self, user: &U) -> Result<Option<f64>, Error> {
        let device = user.device();
        let all: Vec<usize> = (0..self.items.len()).collect();
        let items = self.items.gather(&all, &device);
        let scores = |histories: &[History]| {
            let latest: Vec<History> =
                histories.iter().map(|history| history.last_n(self.events.max_len)).collect();
            let batch =
                HistoryBatch::with_event_weights(&self.items, &latest, &user.event_weights(), &device);
            logits(&user.encode(&batch), &items)
        };
        let seen = |history: &History| {
            history.items().filter_map(|item| self.items.ids().row(item.as_str())).collect()
        };
        recall(&self.held_out, self.k, scores, seen)
    }

    fn describe(&self) -> String {
        let (events, objective, choice) = (self.events.describe(), self.objective, self.choice);
        let (weight, metric) = (self.disagreement, describe_held_out(&self.held_out, self.k));
        format!("{events}; {objective:?}, {choice:?}, disagreement {weight}; {metric}")
    }
}
