//! The same list for everybody.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use rec_data::{IdMap, Interactions};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::{InteractionMatrix, ascending};
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_shapes};

const MODEL: &str = "popularity";

/// How popularity is counted.
///
/// ```
/// use rec_cf::{PopularityConfig, Recommender};
/// use rec_data::{Interaction, Interactions, days};
///
/// let day = 86_400.0;
/// let log = [("dune", 0.0), ("dune", 0.0), ("dune", 1.0), ("emma", 20.0), ("emma", 20.0)];
/// let log = log.map(|(item, time)| ("ann", Interaction::new(item, time * day)));
/// let log = Interactions::new(log)?;
///
/// let all = PopularityConfig::new().fit_interactions(&log);
/// assert_eq!(all.top_k(&[], 1)?[0].id, "dune");
/// let of_late = PopularityConfig::new().with_half_life(days(10)).fit_interactions(&log);
/// assert_eq!(of_late.top_k(&[], 1)?[0].id, "emma");
/// assert_eq!(of_late.count(1), 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PopularityConfig {
    /// Seconds.
    half_life: Option<f64>,
}

impl PopularityConfig {
    /// Every interaction counts alike.
    #[must_use]
    pub fn new() -> PopularityConfig {
        PopularityConfig::default()
    }

    /// An interaction counts `2^(-age / half_life)`, its age being that at the newest interaction of the whole log.
    ///
    /// # Panics
    ///
    /// A half-life of zero.
    #[must_use]
    pub fn with_half_life(self, half_life: Duration) -> PopularityConfig {
        assert!(!half_life.is_zero(), "a half-life of zero");
        PopularityConfig { half_life: Some(half_life.as_secs_f64()) }
    }

    /// Adds up the columns of a matrix: with [`Aggregation::Binary`](crate::Aggregation) the number of users an item has.
    ///
    /// # Errors
    ///
    /// `progress` stopped it.
    ///
    /// # Panics
    ///
    /// There is a half-life: a matrix knows no times.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Popularity, Error> {
        assert!(self.half_life.is_none(), "a half-life, and a matrix without times");
        let mut counts = vec![0.0; matrix.items().len()];
        for (&item, &value) in matrix.by_user().indices().iter().zip(matrix.by_user().data()) {
            counts[item as usize] += f64::from(value);
        }
        let n = matrix.items().len();
        let told = Progress { n_done: n, ..Progress::new("items", n) };
        Reporter::new("the training of popularity", &mut progress).tell(told)?;
        Ok(Popularity::new(*self, matrix.items().clone(), counts, f64::NEG_INFINITY))
    }

    /// Counts the interactions of a log, with the half-life if there is one; several of a user with an item all count.
    #[must_use]
    pub fn fit_interactions(&self, log: &Interactions) -> Popularity {
        Popularity::new(*self, IdMap::new(), Vec::new(), f64::NEG_INFINITY).updated(log)
    }
}

/// Scores items by how often users met them, whatever the history is.
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix, PopularityConfig, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "emma"), ("bob", "emma"), ("ann", "dune")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
/// assert_eq!(model.top_k(&[], 2)?[0].id, "emma");
/// assert_eq!(model.top_k(&[(1, 1.0)], 2)?[0].id, "dune");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Popularity {
    config: PopularityConfig,
    items: IdMap,
    counts: Vec<f64>,
    scores: Vec<f32>,
    /// When the counts are as they stand; negative infinity before the first interaction.
    now: f64,
}

impl Popularity {
    fn new(config: PopularityConfig, items: IdMap, counts: Vec<f64>, now: f64) -> Popularity {
        let scores = counts.iter().map(|&count| count as f32).collect();
        Popularity { config, items, counts, scores, now }
    }

    /// The count of an item, decayed if there is a half-life.
    ///
    /// # Panics
    ///
    /// `item` is no item.
    #[must_use]
    pub fn count(&self, item: usize) -> f64 {
        self.counts[item]
    }

    /// The model that knows these interactions, too, each of which counts; new items get a place in the order of ids.
    ///
    /// Without half-life the same as counting all at once, bit for bit. With one, what has been counted decays by the time
    /// that passed since, which is the same up to rounding.
    ///
    /// ```
    /// use rec_cf::PopularityConfig;
    /// use rec_data::{Interaction, Interactions};
    ///
    /// let yesterday = Interactions::new([("ann", Interaction::new("emma", 1.0))])?;
    /// let today = Interactions::new([("ann", Interaction::new("dune", 2.0))])?;
    /// let config = PopularityConfig::new();
    /// let model = config.fit_interactions(&yesterday).updated(&today);
    /// assert_eq!(model, config.fit_interactions(&yesterday.merged(&today)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn updated(&self, log: &Interactions) -> Popularity {
        let events = || log.iter().flat_map(|(_, history)| history.interactions());
        let now = events().fold(self.now, |now, event| now.max(event.time));
        let items = ascending(self.items.iter().chain(log.items().iter()));
        let mut counts = vec![0.0; items.len()];
        for (id, count) in self.items.iter().zip(&self.counts) {
            // A model without interactions, or one of a matrix, has no time from which to decay.
            let decay = if self.now.is_finite() { self.decay(now - self.now) } else { 1.0 };
            if let Some(row) = items.row(id) {
                counts[row] = count * decay;
            }
        }
        for event in events() {
            if let Some(row) = items.row(&event.item) {
                counts[row] += self.decay(now - event.time);
            }
        }
        Popularity::new(self.config, items, counts, now)
    }

    /// What an interaction of this age counts.
    fn decay(&self, age: f64) -> f64 {
        self.config.half_life.map_or(1.0, |half_life| (-age / half_life).exp2())
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let now = if self.now.is_finite() { Some(self.now) } else { None };
        ModelWriter::new(MODEL, &(self.config, now))
            .ids("items", &self.items)
            .array("counts", &self.counts)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](Popularity::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Popularity, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let (config, now): (PopularityConfig, Option<f64>) = file.config()?;
        if config.half_life.is_some_and(|half_life| half_life <= 0.0) {
            return Err(file.malformed("the half-life is not positive"));
        }
        let items = file.ids("items")?;
        let counts = file.finite("counts", items.len())?;
        Ok(Popularity::new(config, items, counts, now.unwrap_or(f64::NEG_INFINITY)))
    }
}

impl Recommender for Popularity {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        out.copy_from_slice(&self.scores);
    }
}
