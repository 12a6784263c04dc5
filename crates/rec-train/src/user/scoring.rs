use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rec_core::{HistoryBatch, Sequence, VectorTable};
use rec_data::{History, Interactions};
use rec_interest::UserEncoder;
use rec_score::Scorer;

use super::describe_held_out;
use super::next_item::check;
use super::sampled::{Events, recall, sampled_loss};
use super::{NextBatch, Objective};
use crate::error::Error;
use crate::parameters::{device, values};
use crate::{Draw, Task};

/// How many candidates times users are scored at once in a validation.
const BLOCK: usize = 1 << 16;

/// A scorer learns what users choose next, for a user model that stands still: [`MlpScorer`](rec_score::MlpScorer),
/// [`FactorizationMachine`](rec_score::FactorizationMachine), or [`TargetAttention`](rec_score::TargetAttention) behind
/// [`EachItem`](rec_interest::EachItem) (DIN).
///
/// A row of a batch is an event of a user, with what the user did before it as history (the latest 50 events), and items drawn uniformly
/// beside it. The user model gives interests and the vectors of the table the candidates; neither changes.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{Interaction, Interactions};
/// use rec_interest::EachItem;
/// use rec_score::{TargetAttention, TargetAttentionConfig};
/// use rec_train::user::{Objective, Scoring};
/// use rec_train::{AdamW, Progress, Task, Trainer, TrainerConfig};
///
/// // After `a` comes `b`, and after `b` comes `a`; nobody wants `c`.
/// let space = Fingerprint::declared("(a, b, c)");
/// let items = VectorTable::from_rows(space, [("a", [1.0, 0.0]), ("b", [0.0, 1.0]), ("c", [1.0, 1.0])])?;
/// let log = Interactions::new([
///     ("ann", Interaction::new("a", 1.0)), ("ann", Interaction::new("b", 2.0)),
///     ("bob", Interaction::new("b", 1.0)), ("bob", Interaction::new("a", 2.0)),
/// ])?;
/// let task = Scoring::<_, TargetAttention>::new(EachItem, items, &log, Objective::Bce { n_negatives: 1 })?;
/// let scorer = TargetAttentionConfig { d_item: 2, unit: vec![8], hidden: vec![8] }.init(&Device::flex(), 1);
/// let config = TrainerConfig { n_steps: 200, optimizer: AdamW::new(0.02), ..TrainerConfig::default() };
/// let mut losses = Vec::new();
/// Trainer::new(config).run(scorer, &task, |progress| {
///     losses.push(progress.metrics.loss);
///     Progress::ignore(progress)
/// })?;
/// assert!(losses[199] < 0.3 * losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scoring<U, S> {
    user: U,
    items: VectorTable,
    events: Events,
    objective: Objective,
    held_out: Vec<(History, usize)>,
    k: usize,
    scorer: PhantomData<fn(S)>,
}

impl<U: UserEncoder, S: Scorer + Module> Scoring<U, S> {
    /// The events of a log whose items have a vector.
    ///
    /// # Errors
    ///
    /// No user has two of them, an objective's number of negatives is 0, or it has no sampled negatives: scorers that do not factor are
    /// too slow for a whole catalogue.
    pub fn new(user: U, items: VectorTable, log: &Interactions, objective: Objective) -> Result<Self, Error> {
        check(objective)?;
        if objective.n_negatives() == 0 {
            return Err(Error::unusable("a scorer learns from sampled negatives"));
        }
        let events = Events::new(log, items.ids(), items.space())?;
        Ok(Self { user, items, events, objective, held_out: Vec::new(), k: 10, scorer: PhantomData })
    }

    /// With events a batch (128 by default), and the latest events of a history (50).
    ///
    /// # Panics
    ///
    /// A size is 0.
    #[must_use]
    pub fn with_sizes(mut self, batch_size: usize, max_len: usize) -> Self {
        assert!(batch_size > 0 && max_len > 0, "batches of {batch_size} histories of {max_len}");
        (self.events.batch_size, self.events.max_len) = (batch_size, max_len);
        self
    }

    /// With the metric of [`NextItem::with_held_out`](super::NextItem::with_held_out).
    #[must_use]
    pub fn with_held_out(mut self, log: &Interactions, held_out: &Interactions, k: usize) -> Self {
        self.k = k;
        self.held_out.extend(super::held_out(self.items.ids(), log, held_out));
        self
    }

    /// On the scorer's device, where a model of users with weights must be, too.
    fn interests(&self, histories: &[History], device: &Device) -> Sequence {
        let (device, weights) = (device.clone().without_autodiff(), self.user.event_weights());
        self.user.encode(&HistoryBatch::with_event_weights(&self.items, histories, &weights, &device))
    }
}

impl<U: UserEncoder, S: Scorer + Module> Task for Scoring<U, S> {
    type Module = S;
    type Batch = NextBatch;

    fn sample(&self, draw: Draw) -> NextBatch {
        self.events.sample(draw, self.objective.n_negatives())
    }

    fn loss(&self, scorer: &S, batch: &NextBatch) -> Result<Tensor<1>, Error> {
        let device = device(scorer).unwrap_or_else(|| self.user.device());
        let (n, k) = (batch.targets.len(), self.objective.n_negatives());
        let rows = batch.targets.iter().zip(&batch.negatives);
        let rows: Vec<usize> =
            rows.flat_map(|(target, negatives)| [&[*target], &**negatives].concat()).collect();
        let candidates = self.items.gather(&rows, &device).reshape([n, 1 + k, self.items.dim()]);
        let logits =
            scorer.logits(&self.interests(&batch.histories, &device), &Sequence::new(candidates, None));
        let positives = logits.clone().slice([0..n, 0..1]).reshape([n]);
        Ok(sampled_loss(self.objective, positives, logits.slice([0..n, 1..1 + k])))
    }

    fn validate(&self, scorer: &S) -> Result<Option<f64>, Error> {
        let device = device(scorer).unwrap_or_else(|| self.user.device());
        let items = self.items.gather(&(0..self.items.len()).collect::<Vec<_>>(), &device);
        let items = Sequence::new(items.unsqueeze_dim(0), None);
        let scores = |histories: &[History]| {
            let mut all = Vec::new();
            for users in histories.chunks((BLOCK / self.items.len()).max(1)) {
                let latest: Vec<History> =
                    users.iter().map(|history| history.last_n(self.events.max_len)).collect();
                all.append(&mut values(scorer.logits(&self.interests(&latest, &device), &items))?);
            }
            Ok(all)
        };
        let seen = |history: &History| {
            history.items().filter_map(|item| self.items.ids().row(item.as_str())).collect()
        };
        recall(&self.held_out, self.k, scores, seen)
    }

    fn describe(&self) -> String {
        let (events, objective) = (self.events.describe(), self.objective);
        format!("a scorer on {events}; {objective:?}; {}", describe_held_out(&self.held_out, self.k))
    }
}
