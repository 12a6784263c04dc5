use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use rec_core::nn::Dropout;
use rec_core::{Fingerprint, FingerprintBuilder, HistoryBatch, ItemSource, Sequence, VectorTable};
use rec_data::{History, IdMap, Interactions};
use rec_interest::{SasRec, SasRecConfig, UserEncoder};

use super::describe_held_out;
use super::sampled::{Events, logits, recall};
use crate::error::Error;
use crate::objective::{full_softmax, indices};
use crate::parameters::values;
use crate::{Draw, Task};

/// Items, and a causal transformer over the histories of users, trained together.
#[derive(Module, Debug)]
pub struct SequenceModel<I: Module> {
    /// Where the vectors of items come from; they have the dimension of the model.
    pub items: I,
    /// From a history to an interest.
    pub user: SasRec,
}

impl<I: Module + ModuleDisplay + ItemSource> SequenceModel<I> {
    /// The vectors of all items, row by row of `ids`, in a space that their values name: what an index serves, and what `user` is
    /// asked with.
    ///
    /// # Errors
    ///
    /// The device fails, or a vector is not finite.
    ///
    /// # Panics
    ///
    /// The source has fewer items.
    pub fn item_vectors(&self, ids: &IdMap) -> Result<VectorTable, Error> {
        let module = self.clone().valid();
        let vectors = values(module.items.all(ids.len()))?;
        let mut space = FingerprintBuilder::default();
        space.part("vectors", &vectors.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        VectorTable::new(ids.clone(), vectors, module.items.dim(), space.finish())
            .map_err(|e| Error::unusable(e.to_string()))
    }
}

/// Some users.
#[derive(Debug, Clone)]
pub struct SequenceBatch {
    /// What each did, but for the last event.
    pub histories: Vec<History>,
    /// The rows of the items that follow each event.
    pub next: Vec<Vec<usize>>,
    /// The seed of dropout.
    pub seed: u64,
}

/// Next-item prediction at every event of a history in one pass, against the whole catalogue: SASRec (Kang and McAuley 2018) with
/// the [full softmax](full_softmax) as its loss, on items from any [`ItemSource`]. UniSRec's transductive setting is a sum of adapted
/// texts and embeddings (Hou et al. 2022); a map of texts alone also serves items that training never saw.
///
/// Items that the log does not have are no candidates of training. They could only ever be wrong, and a model of texts would learn that
/// their words are.
///
/// The model should count positions [from the oldest](rec_interest::SasRecConfig::from_oldest) event, so that every prefix is trained
/// as it will be asked. Batches have users of about the same number of events: sixteen are drawn together and sorted.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::ItemEmbeddingConfig;
/// use rec_data::{IdMap, Interaction, Interactions};
/// use rec_interest::SasRecConfig;
/// use rec_train::user::{SequenceModel, Sequences};
/// use rec_train::{AdamW, Trainer, TrainerConfig};
///
/// // After `a` comes `b`, after `b` comes `c`.
/// let events = |user: &'static str, items: &'static str| {
///     items.chars().zip(0..).map(move |(item, time)| (user, Interaction::new(item.to_string(), f64::from(time))))
/// };
/// let log = Interactions::new(events("ann", "abc").chain(events("bob", "ab")).chain(events("eve", "bc")))?;
/// let task = Sequences::new(&IdMap::try_from_ids(["a", "b", "c"])?, &log)?.with_sizes(3, 5);
/// let (device, d) = (Device::flex(), 8);
/// let user = SasRecConfig {
///     d_item: d, n_layers: 1, n_heads: 1, d_inner: 8, n_positions: 4, from_oldest: true, n_time_buckets: 0, dropout: 0.0,
/// };
/// let items = ItemEmbeddingConfig { n_items: 3, dim: d }.init(&device, 1);
/// let model = SequenceModel { items, user: user.init(&device, 2) };
/// let config = TrainerConfig { n_steps: 60, optimizer: AdamW::new(0.02), ..TrainerConfig::default() };
/// let mut losses = Vec::new();
/// Trainer::new(config).run(model, &task, |progress| {
///     losses.push(progress.metrics.loss);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert!(losses[59] < 0.3 * losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sequences<I> {
    /// The ids; its vectors are placeholders.
    items: VectorTable,
    events: Events,
    /// Unless they are all items.
    candidates: Option<Candidates>,
    temperature: f64,
    held_out: Vec<(History, usize)>,
    k: usize,
    source: std::marker::PhantomData<fn(I)>,
}

/// The items that a log has.
#[derive(Debug, Clone)]
struct Candidates {
    /// Ascending.
    rows: Vec<usize>,
    /// The place of each item among them, if it has one.
    places: Vec<Option<usize>>,
}

impl Candidates {
    /// `None` if they are all `n_items`.
    fn new(users: &[(History, Vec<usize>)], n_items: usize) -> Option<Self> {
        let mut places = vec![None; n_items];
        users.iter().flat_map(|(_, rows)| rows).for_each(|&row| places[row] = Some(0));
        let rows: Vec<usize> = (0..n_items).filter(|&row| places[row].is_some()).collect();
        rows.iter().enumerate().for_each(|(place, &row)| places[row] = Some(place));
        (rows.len() < n_items).then_some(Self { rows, places })
    }
}

/// Batches that are drawn together and sorted by length.
const GROUP: usize = 16;

impl<I: Module + ItemSource> Sequences<I> {
    /// The events of a log whose items are known.
    ///
    /// # Errors
    ///
    /// No user has two of them.
    pub fn new(items: &IdMap, log: &Interactions) -> Result<Self, Error> {
        let space = Fingerprint::declared("items without vectors");
        let items = VectorTable::new(items.clone(), vec![0.0; items.len()], 1, space)
            .map_err(|e| Error::unusable(e.to_string()))?;
        let mut events = Events::new(log, items.ids(), space)?;
        events.max_len = 51;
        let candidates = Candidates::new(&events.users, events.n_items);
        events.users.retain(|(_, rows)| rows.len() > 1);
        Ok(Self {
            items,
            events,
            candidates,
            temperature: 1.0,
            held_out: Vec::new(),
            k: 10,
            source: std::marker::PhantomData,
        })
    }

    /// With users a batch (128 by default), and the latest events of a history (51), the last of which is only predicted. A model
    /// whose positions count from the oldest event needs more events than positions: the last ones would never be trained.
    ///
    /// # Panics
    ///
    /// There is no user, or fewer than two events.
    #[must_use]
    pub fn with_sizes(mut self, batch_size: usize, max_len: usize) -> Self {
        assert!(batch_size > 0 && max_len > 1, "batches of {batch_size} histories of {max_len}");
        (self.events.batch_size, self.events.max_len) = (batch_size, max_len);
        self
    }

    /// With another temperature than 1, by which dot products are divided.
    ///
    /// # Panics
    ///
    /// It is not positive.
    #[must_use]
    pub fn with_temperature(self, temperature: f64) -> Self {
        assert!(temperature > 0.0, "a temperature of {temperature}");
        Self { temperature, ..self }
    }

    /// With a metric: recall at `k` of each user's first held-out item, among all items that are not in the user's log. Users and
    /// items that are not known are left out.
    #[must_use]
    pub fn with_held_out(mut self, log: &Interactions, held_out: &Interactions, k: usize) -> Self {
        self.k = k;
        self.held_out.extend(super::held_out(self.items.ids(), log, held_out));
        self
    }

    /// The steps in which every user comes once, but for those who fill no batch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        (self.events.users.len() / self.events.batch_size).max(1) as u64
    }

    /// Histories with the vectors of their items, which are rows of `all`.
    fn look_up(&self, histories: &[History], all: &Tensor<2>) -> HistoryBatch {
        let batch = HistoryBatch::new(&self.items, histories, &all.device());
        let ([n, len, _], [_, d]) = (batch.items().dims(), all.dims());
        // Padding takes the first item's vector, and a mask hides it.
        let row = |rows: &[usize], at: usize| rows.get(at).copied().unwrap_or(0);
        let rows: Vec<usize> =
            batch.rows().iter().flat_map(|rows| (0..len).map(move |at| row(rows, at))).collect();
        let vectors = all.clone().select(0, indices(rows, &all.device())).reshape([n, len, d]);
        batch.with_vectors(vectors)
    }
}

impl<I: Module + ItemSource + ModuleDisplay> Task for Sequences<I> {
    type Module = SequenceModel<I>;
    type Batch = SequenceBatch;

    fn sample(&self, draw: Draw) -> SequenceBatch {
        let Events { users, batch_size, max_len, .. } = &self.events;
        let per_epoch = self.steps_per_epoch() as usize;
        let (epoch, at) = (draw.index / per_epoch as u64, (draw.index % per_epoch as u64) as usize);
        let (first, at) = (at / GROUP * GROUP, at % GROUP);
        let n = GROUP.min(per_epoch - first);
        // All users of an epoch, and of these the ones that are drawn together.
        let all = Draw { index: epoch, ..draw }.rows(users.len(), batch_size * per_epoch);
        let mut rows: Vec<usize> = all.into_iter().skip(first * batch_size).take(n * batch_size).collect();
        rows.sort_by_key(|&row| (users[row].1.len(), row));
        let mut order: Vec<usize> = (0..n).collect();
        Draw { index: draw.index - at as u64, ..draw }.random().shuffle(&mut order);
        let mut batch = SequenceBatch {
            histories: Vec::new(),
            next: Vec::new(),
            seed: draw.random().below(usize::MAX) as u64,
        };
        for row in rows.into_iter().skip(order[at] * batch_size).take(*batch_size) {
            let (history, items) = &users[row];
            let first = items.len().saturating_sub(*max_len);
            let before = &history.interactions()[first..items.len() - 1];
            // Finite before, and so finite now.
            batch.histories.push(History::new(before.iter().cloned()).unwrap_or_default());
            batch.next.push(items[first + 1..].to_vec());
        }
        batch
    }

    fn loss(&self, module: &SequenceModel<I>, batch: &SequenceBatch) -> Result<Tensor<1>, Error> {
        let (SasRecConfig { n_positions, from_oldest, .. }, max_len) =
            (module.user.config(), self.events.max_len);
        if *from_oldest && max_len <= *n_positions {
            return Err(Error::unusable(format!(
                "{n_positions} positions from the oldest event are trained by histories of {} events, not of {max_len}",
                n_positions + 1
            )));
        }
        let all = module.items.all(self.events.n_items);
        let states = module.user.states(&self.look_up(&batch.histories, &all), Dropout::seeded(batch.seed));
        let [n, len, d] = states.dims();
        // What is older than the model sees is padding to it, and has no state.
        let seen =
            |next: &Vec<usize>| next.len().saturating_sub(module.user.config().n_positions)..next.len();
        let events = batch.next.iter().enumerate();
        let places: Vec<usize> = events.flat_map(|(b, next)| seen(next).map(move |i| b * len + i)).collect();
        let targets: Vec<usize> = batch.next.iter().flat_map(|next| next[seen(next)].to_vec()).collect();
        let queries = states.values().clone().reshape([n * len, d]).select(0, indices(places, &all.device()));
        let queries = if self.temperature == 1.0 { queries } else { queries.div_scalar(self.temperature) };
        Ok(match &self.candidates {
            None => full_softmax(queries, all, &targets),
            Some(Candidates { rows, places }) => {
                let candidates = all.clone().select(0, indices(rows.iter().copied(), &all.device()));
                let targets: Vec<usize> = targets.iter().filter_map(|&row| places[row]).collect();
                full_softmax(queries, candidates, &targets)
            }
        })
    }

    fn validate(&self, module: &SequenceModel<I>) -> Result<Option<f64>, Error> {
        let all = module.items.all(self.events.n_items);
        let scores = |histories: &[History]| {
            let latest: Vec<History> =
                histories.iter().map(|history| history.last_n(self.events.max_len - 1)).collect();
            let interests: Sequence = module.user.encode(&self.look_up(&latest, &all));
            logits(&interests, &all)
        };
        let seen = |history: &History| {
            history.items().filter_map(|item| self.items.ids().row(item.as_str())).collect()
        };
        recall(&self.held_out, self.k, scores, seen)
    }

    fn describe(&self) -> String {
        let (events, temperature) = (self.events.describe(), self.temperature);
        let candidates = match &self.candidates {
            None => String::new(),
            Some(Candidates { rows, .. }) => {
                let mut hash = FingerprintBuilder::default();
                hash.part(
                    "rows",
                    &rows.iter().flat_map(|&row| (row as u64).to_le_bytes()).collect::<Vec<u8>>(),
                );
                format!(" against {}", hash.finish())
            }
        };
        let metric = describe_held_out(&self.held_out, self.k);
        format!("{events}; every event, temperature {temperature}{candidates}; {metric}")
    }

    fn describe_module(&self, module: &SequenceModel<I>) -> String {
        module.items.describe()
    }

    fn activation_bytes(&self, module: &SequenceModel<I>) -> Option<u64> {
        let config = module.user.config();
        let events = self.events.batch_size * (self.events.max_len - 1);
        let values = config.n_layers * (12 * config.d_item + 2 * config.d_inner) + 4 * config.d_item;
        let items = self.events.n_items * config.d_item;
        Some(4 * (events * values + 4 * items) as u64)
    }
}

#[cfg(test)]
mod tests {
    use rec_core::{ItemEmbedding, ItemEmbeddingConfig};
    use rec_data::Interaction;

    use super::*;

    /// Four users with 2 to 5 of six items, and a model that sees two events.
    fn planted() -> (IdMap, Interactions, SequenceModel<ItemEmbedding>) {
        let ids = IdMap::try_from_ids(["a", "b", "c", "d", "e", "f"]).unwrap();
        let events = (0..4).flat_map(|user| {
            (0..user + 2).map(move |at| {
                let item = ["a", "b", "c", "d", "e", "f"][(user * 2 + at) % 6];
                (format!("user {user}"), Interaction::new(item, at as f64))
            })
        });
        let log = Interactions::new(events.collect::<Vec<_>>()).unwrap();
        let (device, d) = (rec_core::device::host().autodiff(), 4);
        let user = SasRecConfig {
            d_item: d,
            n_layers: 1,
            n_heads: 2,
            d_inner: 8,
            n_positions: 2,
            from_oldest: false,
            n_time_buckets: 0,
            dropout: 0.0,
        };
        let items = ItemEmbeddingConfig { n_items: ids.len(), dim: d }.init(&device, 1);
        (ids, log, SequenceModel { items, user: user.init(&device, 2) })
    }

    #[test]
    fn what_the_model_does_not_see_is_not_trained() {
        let (ids, log, model) = planted();
        let loss = |max_len: usize| {
            let task = Sequences::new(&ids, &log).unwrap().with_sizes(4, max_len);
            let batch = task.sample(Draw { seed: 1, index: 0 });
            values(task.loss(&model, &batch).unwrap()).unwrap()[0]
        };
        assert!((loss(6) - loss(3)).abs() < 1e-6, "{} and {}", loss(6), loss(3));
        assert!((loss(6) - loss(2)).abs() > 1e-4, "another event is another loss");
    }

    #[test]
    fn items_without_events_are_no_candidates() {
        let (ids, log, model) = planted();
        let without = log.filter(|_, interaction| interaction.item != "f");
        let loss = |ids: &IdMap| {
            let task = Sequences::new(ids, &without).unwrap().with_sizes(4, 6);
            task.loss(&model, &task.sample(Draw { seed: 1, index: 0 })).unwrap()
        };
        let first_five = IdMap::try_from_ids(["a", "b", "c", "d", "e"]).unwrap();
        let (of_six, of_five) = (values(loss(&ids)).unwrap()[0], values(loss(&first_five)).unwrap()[0]);
        assert!((of_six - of_five).abs() < 1e-5, "{of_six} as if there were no such item, {of_five}");
        let gradients = crate::gradients(&model, loss(&ids)).unwrap();
        let of_items = values(gradients.get("items.weight").unwrap().clone()).unwrap();
        let is_zero = |item: &[f32]| item.iter().all(|&value| value == 0.0);
        let zeros: Vec<bool> = of_items.chunks(4).map(is_zero).collect();
        assert_eq!(zeros, [false, false, false, false, false, true]);
    }

    #[test]
    fn an_epoch_has_everyone_once_and_targets_follow_their_events() {
        let (ids, log, _) = planted();
        let task = Sequences::<ItemEmbedding>::new(&ids, &log).unwrap().with_sizes(2, 6);
        assert_eq!(task.steps_per_epoch(), 2);
        let mut lengths = Vec::new();
        for index in 0..2 {
            let batch = task.sample(Draw { seed: 3, index });
            for (history, next) in batch.histories.iter().zip(&batch.next) {
                let items: Vec<usize> = history.items().filter_map(|item| ids.row(item.as_str())).collect();
                assert_eq!(items[1..], next[..next.len() - 1]);
                lengths.push(items.len());
            }
        }
        lengths.sort_unstable();
        assert_eq!(lengths, [1, 2, 3, 4]);
    }

    #[test]
    fn an_epoch_of_several_groups_has_everyone_once_too() {
        let ids = IdMap::try_from_ids(["a", "b"]).unwrap();
        let events = |user: usize| {
            ["a", "b"].map(|item| (format!("user {user}"), Interaction::new(item, user as f64)))
        };
        let log = Interactions::new((0..40).flat_map(events)).unwrap();
        let task = Sequences::<ItemEmbedding>::new(&ids, &log).unwrap().with_sizes(2, 6);
        for epoch in 0..2 {
            let batches = (0..20).map(|index| task.sample(Draw { seed: 3, index: 20 * epoch + index }));
            let histories = batches.flat_map(|batch| batch.histories);
            let mut users: Vec<f64> = histories.map(|history| history.interactions()[0].time).collect();
            users.sort_by(f64::total_cmp);
            assert_eq!(users, (0..40).map(f64::from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_position_that_is_never_trained_is_an_error() {
        let (ids, log, model) = planted();
        let config = SasRecConfig { from_oldest: true, ..*model.user.config() };
        let model = SequenceModel { user: config.init(&rec_core::device::host().autodiff(), 2), ..model };
        let loss = |max_len| {
            let task = Sequences::new(&ids, &log).unwrap().with_sizes(4, max_len);
            task.loss(&model, &task.sample(Draw { seed: 1, index: 0 }))
        };
        assert!(loss(3).is_ok());
        assert!(loss(2).unwrap_err().to_string().contains("histories of 3 events, not of 2"));
    }
}
