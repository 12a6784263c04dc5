//! What comes after what.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{History, IdMap, Interactions};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::ascending;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse::{self, Accumulator, Sparse};

const MODEL: &str = "transitions";

/// How [`Transitions`] are counted, and which events of a history they start from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransitionsConfig {
    window: usize,
    last_n: usize,
    memory_limit: u64,
}

impl Default for TransitionsConfig {
    fn default() -> TransitionsConfig {
        TransitionsConfig { window: 1, last_n: 1, memory_limit: DEFAULT_MEMORY_LIMIT }
    }
}

impl TransitionsConfig {
    /// A Markov chain: transitions to the next event only, from the newest event only.
    #[must_use]
    pub fn new() -> TransitionsConfig {
        TransitionsConfig::default()
    }

    /// Counts also what comes up to `n` events later, as `1 / steps`: sequential rules.
    ///
    /// # Panics
    ///
    /// `n` is 0.
    #[must_use]
    pub fn with_window(self, n: usize) -> TransitionsConfig {
        assert!(n > 0, "a window of no event");
        TransitionsConfig { window: n, ..self }
    }

    /// Starts from the newest `n` events of a history, each with its weight.
    #[must_use]
    pub fn with_last_n(self, n: usize) -> TransitionsConfig {
        TransitionsConfig { last_n: n, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> TransitionsConfig {
        TransitionsConfig { memory_limit: bytes, ..self }
    }

    /// An upper bound of the bytes that [`fit`](TransitionsConfig::fit) needs: 40 for every pair of events that is counted.
    #[must_use]
    pub fn memory_estimate(&self, log: &Interactions) -> u64 {
        log.iter().fold(0, |sum, (_, history)| {
            let pairs = memory::of_dense(history.len(), history.len().min(self.window), 40);
            pairs.saturating_add(sum)
        })
    }

    /// Counts the transitions in the histories of a log; the items are those of the log and others, such as those of the
    /// matrix that other models are trained on.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit, or `progress` stopped it.
    pub fn fit(
        &self,
        log: &Interactions,
        items: &IdMap,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Transitions, Error> {
        let items = ascending(items.iter());
        let counts = sparse::from_rows(items.len(), &vec![Vec::new(); items.len()]);
        Transitions::new(*self, items, counts).updated(log, &mut progress)
    }

    fn is_valid(&self) -> bool {
        self.window > 0
    }
}

/// The score of item `j` is `sum_i w_i P(j | i)` over the newest events of the history, where `P(j | i)` is the share that `j` has
/// in all that came after `i` in the histories of the training.
///
/// With a window of 1 this is the maximum likelihood estimate of a Markov chain (Rendle, Freudenthaler and Schmidt-Thieme:
/// *Factorizing Personalized Markov Chains for Next-Basket Recommendation*, WWW 2010); with a larger one, the sequential rules of
/// Ludewig and Jannach: *Evaluation of Session-based Recommendation Algorithms*, UMUAI 28, 2018. Events of one user at one time
/// are in the order of the log. An item that nothing came after scores nothing.
///
/// ```
/// use rec_cf::{Progress, Recommender, TransitionsConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", ["dune", "emma", "solaris"]), ("bob", ["emma", "dune", "emma"])];
/// let log = log.into_iter().flat_map(|(user, items)| {
///     std::iter::zip(items, [1.0, 2.0, 3.0]).map(move |(item, time)| (user, Interaction::new(item, time)))
/// });
/// let log = Interactions::new(log)?;
/// let model = TransitionsConfig::new().fit(&log, log.items(), Progress::ignore)?;
///
/// let (dune, emma, solaris) = (0, 1, 2);
/// assert_eq!(model.probability(dune, emma), 1.0);
/// assert_eq!((model.probability(emma, dune), model.probability(emma, solaris)), (0.5, 0.5));
/// assert_eq!(model.top_k(&[(dune, 1.0), (emma, 1.0)], 1)?[0].id, "solaris");
///
/// // Dune, then Solaris two events later.
/// let rules = TransitionsConfig::new().with_window(2).fit(&log, log.items(), Progress::ignore)?;
/// assert_eq!(rules.probability(dune, solaris), (0.5 / 2.5) as f32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions {
    config: TransitionsConfig,
    items: IdMap,
    /// From rows to columns.
    counts: Sparse<f64>,
    /// One per row.
    sums: Vec<f64>,
}

impl Transitions {
    fn new(config: TransitionsConfig, items: IdMap, counts: Sparse<f64>) -> Transitions {
        let sums = (0..items.len()).map(|row| sparse::row(&counts, row).1.iter().sum()).collect();
        Transitions { config, items, counts, sums }
    }

    /// The share of `next` in what came after `item`; 0 if nothing did.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn probability(&self, item: usize, next: usize) -> f32 {
        let n_items = self.items.len();
        assert!(item < n_items && next < n_items, "items {item} and {next} of {n_items}");
        self.counts.get(item, next).map_or(0.0, |count| (count / self.sums[item]) as f32)
    }

    /// The model that knows these histories, too, which begin anew: no transition leads to them from what was known before.
    /// With a window of 1 the same as counting all at once, bit for bit; otherwise up to rounding.
    ///
    /// # Errors
    ///
    /// As [`TransitionsConfig::fit`].
    pub fn updated(
        &self,
        log: &Interactions,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Transitions, Error> {
        let known = memory::of(self.counts.nnz(), 40);
        let needed = self.config.memory_estimate(log).saturating_add(known);
        memory::check("the counting of transitions", needed, self.config.memory_limit)?;
        let items = ascending(self.items.iter().chain(log.items().iter()));
        let mut pairs: Vec<Vec<(u32, f64)>> = vec![Vec::new(); items.len()];
        for (row, id) in self.items.iter().enumerate() {
            let Some(target) = items.row(id) else { continue };
            let known = sparse::entries(&self.counts, row).filter_map(|(next, count)| {
                let next = items.row(self.items.id(next)?)?;
                Some((next as u32, count))
            });
            pairs[target].extend(known);
        }
        let histories: Vec<&History> = log.iter().map(|(_, history)| history).collect();
        for history in histories {
            let rows: Vec<usize> = history.items().filter_map(|item| items.row(item)).collect();
            for (place, &item) in rows.iter().enumerate() {
                for (step, &next) in rows[place + 1..].iter().take(self.config.window).enumerate() {
                    pairs[item].push((next as u32, 1.0 / (step + 1) as f64));
                }
            }
        }
        let rows = Reporter::new("the counting of transitions", &mut progress).rows(
            "items",
            items.len(),
            || Accumulator::new(items.len()),
            |sums, item| {
                pairs[item].iter().for_each(|&(next, count)| sums.add(next as usize, count));
                sums.drain().map(|(next, count)| (next as u32, count)).collect()
            },
        )?;
        let counts = sparse::from_rows(items.len(), &rows);
        Ok(Transitions::new(self.config, items, counts))
    }

    fn newest<'a>(&self, history: &'a [(usize, f32)]) -> &'a [(usize, f32)] {
        &history[history.len().saturating_sub(self.config.last_n)..]
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &self.config)
            .ids("items", &self.items)
            .sparse("counts", &self.counts)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](Transitions::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Transitions, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: TransitionsConfig = file.config()?;
        let items = file.ids("items")?;
        let counts: Sparse<f64> = file.sparse("counts", (items.len(), items.len()))?;
        if !config.is_valid() || counts.data().iter().any(|&count| count <= 0.0) {
            return Err(file.malformed("the config or a count has a value out of its range"));
        }
        Ok(Transitions::new(config, items, counts))
    }
}

impl Recommender for Transitions {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        out.fill(0.0);
        for &(item, weight) in self.newest(history) {
            for (next, count) in sparse::entries(&self.counts, item) {
                out[next] += weight * (count / self.sums[item]) as f32;
            }
        }
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        let n_older = history.len() - self.newest(history).len();
        let part = |(place, &(seen, weight)): (usize, &(usize, f32))| match place < n_older {
            true => 0.0,
            false => weight * self.probability(seen, item),
        };
        Some(history.iter().enumerate().map(part).collect())
    }
}
