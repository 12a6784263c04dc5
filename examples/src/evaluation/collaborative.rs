use std::sync::Arc;

use rayon::prelude::*;
use rec_cf::{Aggregation, FoldIn, Recommender};
use rec_data::{IdMap, RankedList};

use super::{Method, Task};
use crate::Error;

/// Items by a model of `rec-cf`, told the user's history, newer events more than older ones.
#[derive(Debug)]
pub struct Collaborative {
    model: Arc<dyn Recommender>,
    fold_in: FoldIn,
    /// Whether an item of the model is one of the catalogue.
    is_candidate: Vec<bool>,
}

impl Collaborative {
    /// Ranks the items that the model and the catalogue have in common. An event counts `decay` times as much with each newer
    /// one, 1 for none, and only the newest `last` count at all.
    ///
    /// # Errors
    ///
    /// The model does not know an item of the catalogue: it was trained on something else.
    pub fn new(
        model: Arc<dyn Recommender>,
        catalogue: &IdMap,
        decay: f64,
        last: usize,
    ) -> Result<Self, Error> {
        if let Some(unknown) = catalogue.iter().find(|id| !model.items().contains(id)) {
            return Err(format!("the model does not know item `{unknown}` of the catalogue").into());
        }
        let is_candidate = model.items().iter().map(|id| catalogue.contains(id)).collect();
        let fold_in = FoldIn::new(Aggregation::Binary).with_decay(decay as f32).with_last_n(last);
        Ok(Self { model, fold_in, is_candidate })
    }

    fn rank_one(&self, task: &Task, k: usize) -> Result<RankedList, Error> {
        let items = self.model.items();
        let history = self.fold_in.rows(items, &task.history)?;
        let wanted =
            |row: usize| self.is_candidate[row] && items.id(row).is_some_and(|id| task.filter.accepts(id));
        let list = self.model.top_k_where(&history, k, &wanted)?;
        // Nothing speaks for or against an item that scores exactly 0: it would be there by its id alone.
        Ok(RankedList::new(list.iter().filter(|hit| hit.score != 0.0).cloned())?)
    }
}

impl Method for Collaborative {
    fn rank(&self, tasks: &[Task], k: usize) -> Result<Vec<RankedList>, Error> {
        tasks.par_iter().map(|task| self.rank_one(task, k)).collect()
    }
}
