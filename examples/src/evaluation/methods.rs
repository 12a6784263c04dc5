use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rec_core::{Interests, VectorTable};
use rec_data::{History, Hit, Id, IdMap, RankedList};
use rec_encoder::TextEncoder;
use rec_interest::{Average, Decay, UserEncoder};
use rec_score::{Cosine, Filter, FlatIndex};
use rec_text::HistoryText;
use std::collections::HashMap;

use crate::Error;

/// A user to rank items for.
#[derive(Clone, Debug)]
pub struct Task {
    /// Who.
    pub user: Id,
    /// What the user did.
    pub history: History,
    /// Which items may be recommended.
    pub filter: Filter,
}

/// A way to rank items for users: what `evaluate` evaluates.
pub trait Method {
    /// For each user the best `k` of the items that the filter accepts, in the one order; fewer if there are not so many.
    ///
    /// # Errors
    ///
    /// Whatever keeps the method from ranking.
    fn rank(&self, tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error>;
}

/// Items in an order by chance, another for each user: what any method must beat.
#[derive(Debug)]
pub struct Random<'a> {
    items: &'a IdMap,
    seed: u64,
}

impl<'a> Random<'a> {
    /// Shuffles the items for each user, by the seed and the user's id.
    #[must_use]
    pub fn new(items: &'a IdMap, seed: u64) -> Self {
        Self { items, seed }
    }

    fn rank_one(&self, task: &Task, k: usize) -> Result<RankedList, Error> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        // Two ids of the same fold get the same order, which does no harm.
        for (i, byte) in task.user.bytes().enumerate() {
            key[8 + i % 24] ^= byte;
        }
        let mut items: Vec<&Id> = self.items.iter().filter(|id| task.filter.accepts(id)).collect();
        let n = items.len();
        let (chosen, _) = items.partial_shuffle(&mut ChaCha8Rng::from_seed(key), k.min(n));
        let hits = chosen.iter().enumerate();
        Ok(RankedList::new(hits.map(|(i, id)| Hit { id: (*id).clone(), score: (n - i) as f32 }))?)
    }
}

impl Method for Random<'_> {
    fn rank(&self, tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error> {
        tasks.par_iter().map(|task| self.rank_one(task, k)).collect()
    }
}

/// Items by the cosine of their texts to the decayed average of the history's: zero-shot, nothing is learned.
#[derive(Debug)]
pub struct TextAverage {
    items: VectorTable,
    index: FlatIndex,
    model: Average,
    last: usize,
}

impl TextAverage {
    /// Ranks the items of this table; `decay` is the factor by which an event counts less with each newer one, 1 for none, and
    /// only the newest `last` events count at all.
    ///
    /// # Errors
    ///
    /// The vectors are none that a cosine takes.
    pub fn new(items: VectorTable, decay: f64, last: usize) -> Result<Self, Error> {
        let index = FlatIndex::with_scorer(items.clone(), &Cosine)?;
        Ok(Self { items, index, model: Average::with_decay(Decay::geometric(decay)).normalized(), last })
    }
}

impl Method for TextAverage {
    fn rank(&self, tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error> {
        let histories: Vec<History> = tasks.iter().map(|task| task.history.last_n(self.last)).collect();
        let histories: Vec<&History> = histories.iter().collect();
        top_k(&self.index, &self.model.interests(&self.items, &histories), tasks, k)
    }
}

/// Items by the cosine of their texts to the history itself as one text, newest first, that the language model reads:
/// `u_i = f_theta(x_i)`.
#[derive(Debug)]
pub struct HistoryReader {
    index: FlatIndex,
    encoder: TextEncoder,
    history_text: HistoryText,
    texts: HashMap<Id, String>,
}

impl HistoryReader {
    /// Ranks the items of this table, made by this encoder from these texts.
    ///
    /// # Errors
    ///
    /// The vectors are not of the encoder's space.
    pub fn new(
        items: VectorTable,
        encoder: TextEncoder,
        history_text: HistoryText,
        texts: HashMap<Id, String>,
    ) -> Result<Self, Error> {
        let index = FlatIndex::with_scorer(items.expect_space(encoder.space())?, &Cosine)?;
        Ok(Self { index, encoder, history_text, texts })
    }
}

impl Method for HistoryReader {
    fn rank(&self, tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error> {
        let text = |task: &Task| self.history_text.render_with(&task.history, |id| self.texts.get(id));
        let texts: Vec<String> = tasks.iter().map(text).collect();
        let vectors = self.encoder.encode(&texts)?;
        let interest = |row: &[f32]| Interests::new(row.to_vec(), vectors.dim(), self.encoder.space());
        let users: Vec<Interests> = vectors.rows().map(interest).collect::<Result<_, _>>()?;
        top_k(&self.index, &users, tasks, k)
    }
}

fn top_k(index: &FlatIndex, users: &[Interests], tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error> {
    let filters: Vec<Filter> = tasks.iter().map(|task| task.filter.clone()).collect();
    Ok(index.top_k_batch(users, k, &filters)?)
}
