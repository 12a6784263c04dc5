use std::sync::Arc;

use rec_cf::{
    Aggregation, EaseConfig, InteractionMatrix, KnnConfig, PopularityConfig, Progress, Recommender,
};
use rec_core::VectorTable;
use rec_data::{Id, IdMap, Interactions};
use rec_hybrid::{Blend, ContentModel, Normalization, Source};

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
}

/// The vectors of a table in the order of its ids, as a model beside those of `rec-cf`.
fn content_model(vectors: &VectorTable) -> Result<ContentModel, Error> {
    let mut rows: Vec<(&Id, usize)> = vectors.ids().iter().enumerate().map(|(row, id)| (id, row)).collect();
    rows.sort_unstable();
    let values = rows.iter().flat_map(|&(_, row)| vectors.row(row).into_owned()).collect();
    let ids = IdMap::try_from_ids(rows.into_iter().map(|(id, _)| id.clone()))?;
    Ok(ContentModel::new(ids, values, vectors.dim())?)
}
