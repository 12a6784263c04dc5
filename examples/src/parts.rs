use std::sync::Arc;

use rec_cf::{
    Aggregation, EaseConfig, FoldIn, InteractionMatrix, KnnConfig, PopularityConfig, Progress, Recommender,
};
use rec_core::VectorTable;
use rec_data::{Id, IdMap, Interactions};
use rec_hybrid::{Blend, ColdStart, ColdStartConfig, ContentModel, Example, Normalization, Source};

use crate::Error;

/// Models of films, each good at something, and the hybrid of them. The settings were found on the validation items of MovieLens
/// 100K, leave-one-out.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What everybody watches.
    pub popularity: Source,
    /// What the texts of the history's films resemble.
    pub text: Source,
    /// What the same people watch.
    pub item_knn: Source,
    /// The same, with weights that know of each other.
    pub ease: Source,
}

impl Parts {
    /// Trains the models on interactions and texts.
    ///
    /// # Errors
    ///
    /// Training would need too much memory.
    pub fn train(log: &Interactions, vectors: &VectorTable) -> Result<Self, Error> {
        let text = content_model(vectors)?;
        let matrix = InteractionMatrix::with_items(log, text.items(), Aggregation::Binary)?;
        let source =
            |name: &str, model: Arc<dyn Recommender>, decay| Source::shared(name, model).with_decay(decay);
        let popularity = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
        let item_knn = KnnConfig::new(100).with_shrinkage(20.0).fit_items(&matrix, Progress::ignore)?;
        let ease = EaseConfig::new(200.0).fit(&matrix, Progress::ignore)?;
        Ok(Self {
            popularity: source("popularity", Arc::new(popularity), 1.0),
            text: source("text", Arc::new(text), 0.7),
            item_knn: source("item-knn", Arc::new(item_knn), 0.8),
            ease: source("ease", Arc::new(ease), 0.9),
        })
    }

    /// What other users did, with what the texts say: the z-scores of the parts, added up by weights.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub fn hybrid(&self) -> Result<Source, Error> {
        let parts = vec![(self.ease.clone(), 1.0), (self.item_knn.clone(), 0.5), (self.text.clone(), 0.2)];
        Ok(Source::new("hybrid", Blend::new(parts, Normalization::ZScore)?))
    }

    /// The parts and the hybrid, from the simplest on.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub fn all(&self) -> Result<Vec<Source>, Error> {
        let parts = [&self.popularity, &self.text, &self.item_knn, &self.ease];
        Ok(parts.into_iter().cloned().chain([self.hybrid()?]).collect())
    }

    /// From what everybody watches to text to EASE as more is known of a user and of a film: how fast is fitted on held-out items of
    /// the users of training, whose histories are cut to the lengths that are to be served.
    ///
    /// # Errors
    ///
    /// No user of training has a held-out item that is new.
    pub fn schedule(
        &self,
        log: &Interactions,
        held_out: &Interactions,
        lengths: &[usize],
    ) -> Result<ColdStart, Error> {
        let items = self.ease.model().items();
        let matrix = InteractionMatrix::with_items(log, items, Aggregation::Binary)?;
        let popularity = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
        let counts: Vec<f64> = (0..items.len()).map(|item| popularity.count(item)).collect();
        let mut examples = Vec::new();
        for (place, (user, history)) in log.iter().enumerate() {
            let target = held_out.get(user).and_then(|next| next.items().next()).and_then(|id| items.row(id));
            let Some(target) = target else { continue };
            // Every user one length, so that each user counts once.
            let fold_in = FoldIn::new(Aggregation::Binary).with_last_n(lengths[place % lengths.len()]);
            let history = fold_in.rows(items, history)?;
            if history.iter().all(|&(item, _)| item != target) {
                examples.push(Example { history, target });
            }
        }
        let config = ColdStartConfig::new();
        let (prior, text) = (self.popularity.clone(), self.text.clone());
        Ok(config.fit(prior, text, self.ease.clone(), &counts, &examples)?)
    }
}

/// The vectors of a table in the order of its ids, as a model beside those of `rec-cf`.
fn content_model(vectors: &VectorTable) -> Result<ContentModel, Error> {
    let mut rows: Vec<(&Id, usize)> = vectors.ids().iter().enumerate().map(|(row, id)| (id, row)).collect();
    rows.sort_unstable();
    let values = rows.iter().flat_map(|&(_, row)| vectors.row(row).into_owned()).collect();
    let ids = IdMap::try_from_ids(rows.into_iter().map(|(id, _)| id.clone()))?;
    Ok(ContentModel::new(ids, values, vectors.dim())?)
}
