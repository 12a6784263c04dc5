//! The linear model of what comes next, with a closed form.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{IdMap, Interactions};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::linear::DenseWeights;
use crate::matrix::ascending;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::recommender::Recommender;
use crate::sparse::{self, Accumulator, Sparse};
use crate::tiles::{self, Tiles};

const MODEL: &str = "slit";
const TRAINING: &str = "the training of SLIT";

/// How a [`Slit`] is trained.
///
/// Time is that of inverting a dense matrix, `2 n^3` operations for `n` items, and the pairs of events at most `window` apart times
/// `n`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlitConfig {
    lambda: f64,
    decay: f64,
    window: usize,
    memory_limit: u64,
}

impl SlitConfig {
    /// With this L2 regularisation `lambda`, a decay of 0.8 a step, and a past of at most 50 events.
    ///
    /// # Panics
    ///
    /// `lambda` is not positive and finite.
    #[must_use]
    pub fn new(lambda: f64) -> SlitConfig {
        assert!(lambda.is_finite() && lambda > 0.0, "a lambda of {lambda}");
        SlitConfig { lambda, decay: 0.8, window: 50, memory_limit: DEFAULT_MEMORY_LIMIT }
    }

    /// Sets by how much an event of the past counts less for each newer one. Scoring wants the same decay of the history.
    ///
    /// # Panics
    ///
    /// `decay` is not from 0 to 1.
    #[must_use]
    pub fn with_decay(self, decay: f64) -> SlitConfig {
        assert!((0.0..=1.0).contains(&decay), "a decay of {decay}, which is not from 0 to 1");
        SlitConfig { decay, ..self }
    }

    /// Sets how many events of the past count at most, so that long histories take no time in proportion to their square.
    ///
    /// # Panics
    ///
    /// `n` is 0.
    #[must_use]
    pub fn with_window(self, n: usize) -> SlitConfig {
        assert!(n > 0, "a past of no event");
        SlitConfig { window: n, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> SlitConfig {
        SlitConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs: `8 n^2` for a symmetric matrix and the weights, as EASE, and 24 for every pair of events that is
    /// counted.
    #[must_use]
    pub fn memory_estimate(&self, log: &Interactions, n_items: usize) -> u64 {
        let pairs = log.iter().fold(0, |sum: u64, (_, history)| {
            sum.saturating_add(memory::of_dense(history.len(), history.len().min(self.window), 24))
        });
        memory::of_dense(n_items, n_items, 8)
            .saturating_add(memory::of_dense(n_items, tiles::SIZE, 40))
            .saturating_add(pairs)
    }

    /// Solves for the weights of the histories of a log; the items are those of the log and others, such as those of the matrix that
    /// other models are trained on.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit; `progress` stopped it; or the matrix cannot be inverted.
    ///
    /// # Panics
    ///
    /// There are 2^32 items or events, or more.
    pub fn fit(
        &self,
        log: &Interactions,
        items: &IdMap,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Slit, Error> {
        let items = ascending(items.iter().chain(log.items().iter()));
        let n = items.len();
        memory::check("SLIT", self.memory_estimate(log, n), self.memory_limit)?;
        let (past, next) = self.steps(log, &items);
        let by_item = sparse::transposed(&past);
        let write = |sums: &mut Accumulator, item: usize, row: &mut [f64]| {
            for (step, weight) in sparse::entries(&by_item, item) {
                sparse::entries(&past, step).for_each(|(other, also)| sums.add(other, weight * also));
            }
            for (other, sum) in sums.drain().filter(|&(other, _)| other <= item) {
                row[other] = sum;
            }
            row[item] += self.lambda;
        };
        let mut gram = Tiles::from_rows(n, || Accumulator::new(n), write);
        gram.negative_inverse(&mut Reporter::new(TRAINING, &mut progress))?;
        // S' T: a row for each item of the past, in the order of the steps.
        let together: Vec<Vec<(u32, f64)>> = (0..n)
            .map(|item| {
                let mut row: Vec<(u32, f64)> =
                    sparse::entries(&by_item, item).map(|(step, weight)| (next[step], weight)).collect();
                row.sort_by_key(|&(next, _)| next);
                row.dedup_by(|(next, weight), (kept, sum)| {
                    let same = next == kept;
                    *sum += if same { *weight } else { 0.0 };
                    same
                });
                row
            })
            .collect();
        let weights = DenseWeights::from_rows(&items, |item, row| {
            let mut sums = vec![0.0; n];
            for (other, counts) in together.iter().enumerate() {
                let inverse = -gram.get(item, other);
                counts.iter().for_each(|&(next, count)| sums[next as usize] += inverse * count);
            }
            row.iter_mut().zip(sums).for_each(|(weight, sum)| *weight = sum as f32);
        });
        Ok(Slit { config: *self, weights })
    }

    /// `S`, the past at each step of each history, and the item that came next.
    fn steps(&self, log: &Interactions, items: &IdMap) -> (Sparse<f64>, Vec<u32>) {
        assert!(
            u32::try_from(items.len().max(log.n_interactions())).is_ok(),
            "2^32 items or events, or more"
        );
        let (mut past, mut next) = (Vec::new(), Vec::new());
        let users = ascending(log.users().iter());
        for history in users.iter().filter_map(|user| log.get(user)) {
            let rows: Vec<u32> =
                history.items().filter_map(|item| items.row(item)).map(|row| row as u32).collect();
            for (at, &item) in rows.iter().enumerate().skip(1) {
                let events = rows[..at].iter().rev().take(self.window).enumerate();
                let mut row: Vec<(u32, f64)> = events
                    .map(|(step, &item)| (item, self.decay.powi(i32::try_from(step).unwrap_or(i32::MAX))))
                    .collect();
                // Of an item that comes twice its newest event, which has the greatest weight.
                row.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
                row.dedup_by_key(|&mut (item, _)| item);
                row.retain(|&(_, weight)| weight > 0.0);
                // What the user came back to is in no list that leaves out the history.
                if !rows[..at].contains(&item) {
                    past.push(row);
                    next.push(item);
                }
            }
        }
        (sparse::from_rows(items.len(), &past), next)
    }

    fn is_valid(&self) -> bool {
        self.lambda.is_finite() && self.lambda > 0.0 && (0.0..=1.0).contains(&self.decay) && self.window > 0
    }
}

/// SLIT, the linear item transition model: the score of item `j` is `sum_i w_i B_ij` over the events of the history, where the weights
/// `B` minimise `|T - S B|^2 + lambda |B|^2`.
///
/// A row of `S` and of `T` stands for each step of each history: `S` has the events before, each `decay^step` for the events between,
/// and `T` has the item that came next. So `B = (S' S + lambda I)^-1 S' T`: Choi, Kim, Lee, Shim and Lee: *Session-aware Linear
/// Item-Item Models for Session-based Recommendation*, WWW 2021, section 3.2, with the next event alone as the future. Unlike
/// [`Ease`](crate::Ease) it knows what came first; unlike [`Transitions`](crate::Transitions) it weighs the items of the past
/// against each other. Steps to an item that the history had already are left out. The inverse is computed in `f64`, the weights
/// are kept in `f32`, `4 n^2` bytes for `n` items. Histories want [`FoldIn::with_decay`](crate::FoldIn::with_decay) of the same
/// decay.
///
/// ```
/// use rec_cf::{Progress, Recommender, SlitConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", ["dune", "emma", "solaris"]), ("bob", ["dune", "emma", "solaris"])];
/// let log = log.into_iter().flat_map(|(user, items)| {
///     std::iter::zip(items, [1.0, 2.0, 3.0]).map(move |(item, time)| (user, Interaction::new(item, time)))
/// });
/// let log = Interactions::new(log)?;
/// let model = SlitConfig::new(1.0).with_decay(0.5).fit(&log, log.items(), Progress::ignore)?;
///
/// // Twice [1, 0] -> emma and twice [0.5, 1] -> solaris: S' S + I is [[3.5, 1], [1, 3]] for dune and emma.
/// let (dune, emma, solaris) = (0, 1, 2);
/// let expected = |weights: [f64; 2]| (weights[0] / 9.5) as f32 - (weights[1] / 9.5) as f32;
/// assert!((model.weight(dune, emma) - expected([3.0 * 2.0, 0.0])).abs() < 1e-6);
/// assert!((model.weight(emma, solaris) - expected([3.5 * 2.0, 1.0])).abs() < 1e-6);
/// assert_eq!(model.top_k(&[(dune, 0.5), (emma, 1.0)], 1)?[0].id, "solaris");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Slit {
    config: SlitConfig,
    weights: DenseWeights,
}

impl Slit {
    /// `B_ij`: what an event of item `i` of weight 1 adds to the score of item `j`.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn weight(&self, i: usize, j: usize) -> f32 {
        self.weights.get(i, j)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.weights.write(ModelWriter::new(MODEL, &self.config)).save(path.as_ref())
    }

    /// Reads a model that [`save`](Slit::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Slit, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: SlitConfig = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        Ok(Slit { config, weights: DenseWeights::read(&mut file)? })
    }
}

impl Recommender for Slit {
    fn items(&self) -> &IdMap {
        self.weights.items()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        self.weights.scores(history, out);
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        Some(self.weights.explain(history, item))
    }
}
