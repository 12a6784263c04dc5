//! Recommendations from sessions like this one.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{History, IdMap, Interactions, TopK};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::ascending;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse::{self, Accumulator, Sparse};

const MODEL: &str = "session_knn";

/// How much an event of the current session counts by its place, besides its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recency {
    /// All places alike.
    #[default]
    None,
    /// `place / n`: the oldest of `n` events has the place 1, the newest `n`.
    Linear,
    /// `decay^step`, where the newest event has the step 0; from 0 to 1.
    Exponential(f32),
}

impl Recency {
    fn is_valid(self) -> bool {
        match self {
            Recency::Exponential(decay) => (0.0..=1.0).contains(&decay),
            Recency::None | Recency::Linear => true,
        }
    }

    fn of(self, place: usize, n: usize) -> f32 {
        match self {
            Recency::None => 1.0,
            Recency::Linear => (place + 1) as f32 / n as f32,
            Recency::Exponential(decay) => decay.powi(i32::try_from(n - 1 - place).unwrap_or(i32::MAX)),
        }
    }
}

/// Which sessions are neighbours, for [`SessionKnn`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionKnnConfig {
    k: usize,
    n_recent: usize,
    recency: Recency,
    memory_limit: u64,
}

impl SessionKnnConfig {
    /// The `k` nearest of the 1000 newest sessions that share an item, all places alike. 100 to 500 neighbours are usual.
    #[must_use]
    pub fn new(k: usize) -> SessionKnnConfig {
        SessionKnnConfig { k, n_recent: 1000, recency: Recency::None, memory_limit: DEFAULT_MEMORY_LIMIT }
    }

    /// Looks at the `n` newest sessions only, of those that share an item with the current one.
    #[must_use]
    pub fn with_recent(self, n: usize) -> SessionKnnConfig {
        SessionKnnConfig { n_recent: n, ..self }
    }

    /// Makes newer events of the current session count more.
    ///
    /// # Panics
    ///
    /// The decay of [`Recency::Exponential`] is not from 0 to 1.
    #[must_use]
    pub fn with_recency(self, recency: Recency) -> SessionKnnConfig {
        assert!(recency.is_valid(), "{recency:?} is not from 0 to 1");
        SessionKnnConfig { recency, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> SessionKnnConfig {
        SessionKnnConfig { memory_limit: bytes, ..self }
    }

    /// An upper bound of the bytes that [`fit`](SessionKnnConfig::fit) needs: three times 8 for each interaction.
    #[must_use]
    pub fn memory_estimate(log: &Interactions) -> u64 {
        sparse::n_bytes(log.len().max(log.items().len()), log.n_interactions()).saturating_mul(3)
    }

    /// Takes in sessions: each history of the log is one, and ends with its latest interaction. The items are those of the
    /// log and others, such as those of the matrix that other models are trained on.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit, or `progress` stopped it.
    ///
    /// # Panics
    ///
    /// There are 2^32 sessions or items, or more.
    pub fn fit(
        &self,
        log: &Interactions,
        items: &IdMap,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<SessionKnn, Error> {
        memory::check("session kNN", SessionKnnConfig::memory_estimate(log), self.memory_limit)?;
        let items = ascending(items.iter().chain(log.items().iter()));
        assert!(u32::try_from(log.len().max(items.len())).is_ok(), "2^32 sessions or items, or more");
        let end =
            |history: &History| history.interactions().last().map_or(f64::NEG_INFINITY, |event| event.time);
        let users = ascending(log.users().iter());
        let mut sessions: Vec<&History> = users.iter().filter_map(|user| log.get(user)).collect();
        // Newest first; a stable sort, so that ties are in the order of users.
        sessions.sort_by(|a, b| end(b).total_cmp(&end(a)));
        let rows: Vec<Vec<(u32, f32)>> = sessions
            .into_iter()
            .map(|history| {
                let mut row: Vec<u32> =
                    history.items().filter_map(|item| items.row(item)).map(|row| row as u32).collect();
                row.sort_unstable();
                row.dedup();
                row.into_iter().map(|item| (item, 1.0)).collect()
            })
            .collect();
        let n = rows.len();
        let told = Progress { n_done: n, ..Progress::new("sessions", n) };
        Reporter::new("the training of session kNN", &mut progress).tell(told)?;
        let sessions = sparse::from_rows(items.len(), &rows);
        Ok(SessionKnn::new(*self, items, sessions))
    }
}

/// Session-based nearest neighbours: the score of item `j` is the sum of the similarities to the current session of those of its
/// `k` nearest sessions that have `j`.
///
/// Jannach and Ludewig: *When Recurrent Neural Networks meet the Neighborhood for Session-Based Recommendation*, RecSys 2017
/// (S-KNN); with [`Recency`], the weights by place of V-SKNN in Ludewig and Jannach: *Evaluation of Session-based Recommendation
/// Algorithms*, UMUAI 28, 2018. The similarity of the session `s`, whose item `i` has the weight `s_i`, and a session `n` of
/// distinct items is their cosine, `sum_(i in n) s_i / (|s| sqrt(|n|))`, where `|n|` is the number of its items. Only the newest
/// sessions that share an item are compared. Ties of similarities (as `f32`) go to the newer session, then to the smaller user
/// id. Unlike [`UserKnn`](crate::UserKnn), the order of the history counts, and old sessions do not.
///
/// ```
/// use rec_cf::{Progress, Recency, Recommender, SessionKnnConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune", 1.0), ("ann", "solaris", 2.0), ("bob", "emma", 3.0), ("bob", "brave", 4.0)];
/// let log = Interactions::new(log.map(|(session, item, time)| (session, Interaction::new(item, time))))?;
/// let config = SessionKnnConfig::new(100).with_recency(Recency::Exponential(0.5));
/// let model = config.fit(&log, log.items(), Progress::ignore)?;
///
/// let row = |item: &str| model.items().row(item).unwrap();
/// let history = [(row("emma"), 1.0), (row("dune"), 1.0)];
/// let list = model.top_k(&history, 2)?;
/// assert_eq!((list[0].id.as_str(), list[1].id.as_str()), ("solaris", "brave"));
/// assert!((list[0].score - 1.0 / (1.25f32 * 2.0).sqrt()).abs() < 1e-6);
/// assert_eq!(model.explain(&history, row("solaris")).unwrap(), [0.0, list[0].score]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SessionKnn {
    config: SessionKnnConfig,
    items: IdMap,
    /// Sessions by items, the newest session first; all ones.
    sessions: Sparse,
    by_item: Sparse,
}

impl SessionKnn {
    fn new(config: SessionKnnConfig, items: IdMap, sessions: Sparse) -> SessionKnn {
        let by_item = sparse::transposed(&sessions);
        SessionKnn { config, items, sessions, by_item }
    }

    /// The number of sessions that the model knows.
    #[must_use]
    pub fn n_sessions(&self) -> usize {
        self.sessions.rows()
    }

    /// The weight of each event, by its place.
    fn weighted(&self, history: &[(usize, f32)]) -> Vec<(usize, f64)> {
        let of_place = |(place, &(item, weight)): (usize, &(usize, f32))| {
            (item, f64::from(weight) * f64::from(self.config.recency.of(place, history.len())))
        };
        history.iter().enumerate().map(of_place).collect()
    }

    /// The length of the current session as a vector of its items.
    fn norm(&self, weighted: &[(usize, f64)], sums: &mut Accumulator) -> f64 {
        weighted.iter().for_each(|&(item, weight)| sums.add(item, weight));
        sums.drain().map(|(_, weight)| weight * weight).sum::<f64>().sqrt()
    }

    /// The nearest sessions with their similarities, nearest first.
    fn nearest(&self, weighted: &[(usize, f64)]) -> Vec<(usize, f32)> {
        let norm = self.norm(weighted, &mut Accumulator::new(self.items.len()));
        let mut sums = Accumulator::new(self.n_sessions());
        for &(item, weight) in weighted {
            // A session among the newest that share any item is among the newest that have this one.
            for (session, _) in sparse::entries(&self.by_item, item).take(self.config.n_recent) {
                sums.add(session, weight);
            }
        }
        // Sessions ascend from the newest.
        let mut shared: Vec<(usize, f64)> = sums.drain().collect();
        shared.truncate(self.config.n_recent);
        let mut top = TopK::new(self.config.k);
        for (session, sum) in shared {
            let similarity = (sum / (norm * (self.size(session) as f64).sqrt())) as f32;
            if similarity > 0.0 {
                // A similarity above 0 is not NaN.
                let _ = top.push(similarity, session);
            }
        }
        top.into_sorted().into_iter().map(|(similarity, session)| (session, similarity)).collect()
    }

    fn size(&self, session: usize) -> usize {
        sparse::row(&self.sessions, session).0.len()
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &(self.config, self.n_sessions()))
            .ids("items", &self.items)
            .sparse("sessions", &self.sessions)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](SessionKnn::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<SessionKnn, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let (config, n_sessions): (SessionKnnConfig, usize) = file.config()?;
        if !config.recency.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let items = file.ids("items")?;
        let sessions = file.sparse("sessions", (n_sessions, items.len()))?;
        if sessions.data().iter().any(|&value| value != 1.0) {
            return Err(file.malformed("a session has a value other than 1"));
        }
        Ok(SessionKnn::new(config, items, sessions))
    }
}

impl Recommender for SessionKnn {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        out.fill(0.0);
        sparse::add_rows(&self.sessions, &self.nearest(&self.weighted(history)), out);
    }

    /// The share that an event has in the similarities of the neighbours that have the item.
    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        let weighted = self.weighted(history);
        let norm = self.norm(&weighted, &mut Accumulator::new(self.items.len()));
        let mut parts = vec![0.0; history.len()];
        for (session, _) in self.nearest(&weighted) {
            let (items, _) = sparse::row(&self.sessions, session);
            let has = |item: usize| items.binary_search(&(item as u32)).is_ok();
            if has(item) {
                let scale = 1.0 / (norm * (items.len() as f64).sqrt());
                for (part, &(seen, weight)) in parts.iter_mut().zip(&weighted) {
                    *part += if has(seen) { weight * scale } else { 0.0 };
                }
            }
        }
        Some(parts.into_iter().map(|part| part as f32).collect())
    }
}
