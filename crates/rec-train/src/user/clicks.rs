use std::collections::BTreeMap;
use std::marker::PhantomData;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use rec_core::{HistoryBatch, VectorTable};
use rec_data::{Id, IdMap, Interactions};
use rec_encoder::{TextEncoder, TextModel};
use rec_interest::UserEncoder;
use rec_text::Encoding;

use super::next_item::check;
use super::sampled::Events;
use super::{NextBatch, Objective};
use crate::error::Error;
use crate::objective::{LabelAware, indices};
use crate::parameters::device;
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
    encoder: TextEncoder,
    /// The ids; its vectors are placeholders.
    items: VectorTable,
    texts: Vec<Encoding>,
    events: Events,
    objective: Objective,
    choice: LabelAware,
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
        let (ids, texts): (Vec<Id>, Vec<S>) = items.into_iter().map(|(id, text)| (id.into(), text)).unzip();
        let texts = encoder.tokenize(&texts)?;
        let ids = IdMap::try_from_ids(ids).map_err(|e| Error::unusable(e.to_string()))?;
        let n = ids.len();
        let items = VectorTable::new(ids, vec![0.0; n], 1, encoder.space())
            .map_err(|e| Error::unusable(e.to_string()))?;
        let mut events = Events::new(log, items.ids(), items.space())?;
        (events.batch_size, events.max_len) = (16, 10);
        Ok(Self {
            encoder: encoder.clone(),
            items,
            texts,
            events,
            objective,
            choice: LabelAware::Best,
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
}

impl<U: UserEncoder + Module + ModuleDisplay> Task for Clicks<U> {
    type Module = TextAndUser<U>;
    type Batch = NextBatch;

    fn sample(&self, draw: Draw) -> NextBatch {
        self.events.sample(draw, self.objective.n_negatives())
    }

    fn loss(&self, module: &TextAndUser<U>, batch: &NextBatch) -> Result<Tensor<1>, Error> {
        let device = device(module).unwrap_or_else(|| module.user.device());
        let weights = module.user.event_weights();
        let histories = HistoryBatch::with_event_weights(&self.items, &batch.histories, &weights, &device);
        let needed = histories.rows().iter().chain(&batch.negatives).flatten().chain(&batch.targets);
        let mut place: BTreeMap<usize, usize> = needed.map(|&row| (row, 0)).collect();
        place.values_mut().enumerate().for_each(|(at, place)| *place = at);
        let vectors = module.text.forward(&self.encoder.collate(place.keys().map(|&row| &self.texts[row])));
        let select = |places: Vec<usize>| vectors.clone().select(0, indices(places, &vectors.device()));

        let [n, len, _] = histories.items().dims();
        let [_, d] = vectors.dims();
        // Padding has the vector of whatever text is first: a mask hides it.
        let at = |row: Option<&usize>| row.map_or(0, |row| place[row]);
        let events = histories.rows().iter().flat_map(|rows| (0..len).map(|i| at(rows.get(i)))).collect();
        let histories = histories.with_vectors(select(events).reshape([n, len, d]));
        let interests = module.user.encode_training(&histories, batch.seed);
        let items = |rows: &[usize]| select(rows.iter().map(|row| place[row]).collect());
        Ok(self.events.loss(self.objective, &interests, batch, self.choice, items))
    }

    fn describe(&self) -> String {
        format!("{}; {:?}, {:?}, end to end", self.events.describe(), self.objective, self.choice)
    }

    fn activation_bytes(&self, module: &TextAndUser<U>) -> Option<u64> {
        let len = self.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let n = self.events.batch_size * (self.events.max_len + 1 + self.objective.n_negatives());
        Some(crate::encoder::activation_bytes(&module.text, n.min(self.texts.len()), len))
    }
}
