//! A split data set, with vectors of its items.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use rec_cf::{Aggregation, FoldIn, Recommender};
use rec_data::{Catalogue, Id, IdMap, InteractionFields, Interactions, atomic};
use rec_eval::{Bootstrap, Evaluator, Relevant};

/// What the command line asks for.
pub(crate) struct Data {
    /// In the ascending order of ids.
    pub(crate) items: IdMap,
    /// As `items`.
    pub(crate) titles: Vec<String>,
    /// Row-major, as `items`.
    pub(crate) vectors: Vec<f32>,
    pub(crate) dim: usize,
    pub(crate) train: Interactions,
    pub(crate) valid: Interactions,
    /// Users who take no part in fitting or choosing.
    pub(crate) kept_apart: BTreeSet<Id>,
}

impl Data {
    /// Reads `FOLDER/NAME.{item,train.inter,valid.inter}`, a file with a user a line, and vectors: little-endian `f32`, a row for each line
    /// of the items' file.
    pub(crate) fn read(stem: &Path, users: &Path, vectors: &Path) -> Result<Data, Box<dyn Error>> {
        let file = |end: &str| PathBuf::from(format!("{}.{end}", stem.display()));
        let catalogue = atomic::read_catalogue(file("item"))?.with_text_columns(["title"])?;
        let fields = InteractionFields::default();
        let train = atomic::read_interactions(file("train.inter"), &fields)?;
        let valid = atomic::read_interactions(file("valid.inter"), &fields)?;
        let kept_apart = std::fs::read_to_string(users)?.lines().map(Id::from).collect();
        let bytes = std::fs::read(vectors)?;
        let values: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let dim = values.len() / catalogue.len().max(1);
        if dim * catalogue.len() != values.len() {
            return Err(format!("{} values for {} items", values.len(), catalogue.len()).into());
        }
        let mut ids: Vec<&Id> = catalogue.ids().iter().collect();
        ids.sort_unstable();
        let items = IdMap::try_from_ids(ids.iter().map(|&id| id.clone()))?;
        let rows: Vec<usize> = ids.iter().filter_map(|id| catalogue.ids().row(id)).collect();
        let titles = rows.iter().map(|&row| title(&catalogue, row)).collect();
        let vectors =
            rows.iter().flat_map(|&row| values[row * dim..(row + 1) * dim].iter().copied()).collect();
        Ok(Data { items, titles, vectors, dim, train, valid, kept_apart })
    }

    /// The users with a target, those kept apart or the others.
    pub(crate) fn users(&self, kept_apart: bool) -> Vec<Id> {
        let mut users: Vec<Id> = self.valid.users().iter().cloned().collect();
        users.retain(|user| self.kept_apart.contains(user) == kept_apart);
        users.sort_unstable();
        users
    }

    /// What a user did in training, without decay.
    pub(crate) fn history(
        &self,
        train: &Interactions,
        user: &Id,
    ) -> Result<Vec<(usize, f32)>, Box<dyn Error>> {
        let fold_in = FoldIn::new(Aggregation::Binary);
        Ok(train.get(user).map_or(Ok(Vec::new()), |history| fold_in.rows(&self.items, history))?)
    }

    /// Prints the metrics of a model's lists for some users.
    pub(crate) fn report(
        &self,
        name: &str,
        model: &dyn Recommender,
        train: &Interactions,
        users: &[Id],
    ) -> Result<(), Box<dyn Error>> {
        let metrics = ["recall@10", "ndcg@10", "recall@100"];
        let mut evaluator =
            Evaluator::new(metrics.map(|metric| metric.parse()).into_iter().collect::<Result<Vec<_>, _>>()?);
        for users in users.chunks(1024) {
            let histories: Vec<_> =
                users.iter().map(|user| self.history(train, user)).collect::<Result<_, _>>()?;
            for (user, list) in users.iter().zip(model.top_k_batch(&histories, 101)?) {
                let target = self.valid.get(user).into_iter().flat_map(|history| history.items().cloned());
                evaluator.push(user, &list, &Relevant::binary(target))?;
            }
        }
        let report = evaluator.report(Some(&Bootstrap::new(0)));
        let cells =
            metrics.iter().filter_map(|metric| Some(format!("{metric} {}", report.get(metric)?.estimate)));
        println!("{name}: {}, {} users", cells.collect::<Vec<_>>().join(", "), users.len());
        Ok(())
    }
}

/// A title without its most frequent HTML entities.
fn title(catalogue: &Catalogue, row: usize) -> String {
    let title = catalogue.item(row).get("title").map(|title| title.to_string()).unwrap_or_default();
    title.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\"")
}
