use std::marker::PhantomData;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use rec_core::FingerprintBuilder;
use rec_data::{History, Id, Interactions};
use rec_encoder::{TextEncoder, TextModel};
use rec_interest::UserEncoder;

use super::describe_held_out;
use super::item_texts::{ItemTexts, scores};
use super::next_item::check;
use super::sampled::{Events, recall};
use super::{NextBatch, Objective};
use crate::error::Error;
use crate::objective::LabelAware;
use crate::{Draw, Task};

/// An encoder of texts and a model of users, trained together.
#[derive(Module, Debug)]
pub struct TextAndUser<U: Module> {
    /// From an item's text to its vector.
    pub text: TextModel,
    /// From the vectors of a history to interests.
    pub user: U,
}

/// Next-item prediction end to end: the loss of users' choices reaches the encoder of the items' texts (PLM-NR, Wu et al. 2021,
/// section 3.2).
///
/// Every batch encodes the texts of the items that it needs, each once. That is the cost of it: with histories of `len` events and `n`
/// negatives some `batch (len + 1 + n)` texts a step, forward and backward. A [`FineTuning`](crate::encoder::FineTuning) of the few
/// top layers keeps it within reach.
#[derive(Debug, Clone)]
pub struct Clicks<U> {
    items: ItemTexts,
    events: Events,
    objective: Objective,
    choice: LabelAware,
    held_out: Vec<(History, usize)>,
    k: usize,
    model: PhantomData<fn(U)>,
}

impl<U: UserEncoder + Module> Clicks<U> {
    /// The events of a log whose items have a text.
    ///
    /// # Errors
    ///
    /// An id comes twice, a text cannot be tokenized, no user has two events with known items, or the objective is
    /// [`Objective::FullSoftmax`], which would encode the whole catalogue in every step.
    pub fn new<I: Into<Id>, S: AsRef<str>>(
        encoder: &TextEncoder,
        items: impl IntoIterator<Item = (I, S)>,
        log: &Interactions,
        objective: Objective,
    ) -> Result<Self, Error> {
        check(objective)?;
        if matches!(objective, Objective::FullSoftmax { .. }) {
            return Err(Error::unusable("a whole catalogue is not encoded in every step: sample negatives"));
        }
        let items = ItemTexts::new(encoder, items)?;
        let mut events = Events::new(log, items.ids(), items.space())?;
        (events.batch_size, events.max_len) = (16, 10);
        Ok(Self {
            items,
            events,
            objective,
            choice: LabelAware::Best,
            held_out: Vec::new(),
            k: 10,
            model: PhantomData,
        })
    }

    /// With events a batch (16 by default), and the latest events of a history (10).
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

    /// With the metric of [`NextItem::with_held_out`](super::NextItem::with_held_out). A validation encodes the texts of all items.
    #[must_use]
    pub fn with_held_out(mut self, log: &Interactions, held_out: &Interactions, k: usize) -> Self {
        self.k = k;
        self.held_out.extend(super::held_out(self.items.ids(), log, held_out));
        self
    }
}

impl<U: UserEncoder + Module + ModuleDisplay> Task for Clicks<U> {
    type Module = TextAndUser<U>;
    type Batch = NextBatch;

    fn sample(&self, draw: Draw) -> NextBatch {
        self.events.sample(draw, self.objective.n_negatives())
    }

    fn loss(&self, module: &TextAndUser<U>, batch: &NextBatch) -> Result<Tensor<1>, Error> {
        let (interests, items) = self.items.encode(module, batch);
        Ok(self.events.loss(self.objective, &interests, batch, self.choice, items))
    }

    fn validate(&self, module: &TextAndUser<U>) -> Result<Option<f64>, Error> {
        if self.held_out.is_empty() {
            return Ok(None);
        }
        let (table, device) = (self.items.embed(module)?, module.user.device());
        let items = table.gather(&(0..table.len()).collect::<Vec<_>>(), &device);
        let scores = |histories: &[History]| {
            let latest: Vec<History> =
                histories.iter().map(|history| history.last_n(self.events.max_len)).collect();
            scores(&module.user, &table, &items, &latest, &device)
        };
        let seen = |history: &History| {
            history.items().filter_map(|item| self.items.ids().row(item.as_str())).collect()
        };
        recall(&self.held_out, self.k, scores, seen)
    }

    fn describe(&self) -> String {
        let mut texts = FingerprintBuilder::default();
        self.items.hash(&mut texts);
        let (events, objective, choice) = (self.events.describe(), self.objective, self.choice);
        let (texts, metric) = (texts.finish(), describe_held_out(&self.held_out, self.k));
        format!("{events}; {objective:?}, {choice:?}, end to end on texts {texts}; {metric}")
    }

    fn activation_bytes(&self, module: &TextAndUser<U>) -> Option<u64> {
        let n = self.events.batch_size * (self.events.max_len + 1 + self.objective.n_negatives());
        Some(self.items.activation_bytes(module, n))
    }
}
