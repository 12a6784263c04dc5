use std::path::PathBuf;
use std::sync::Arc;

use rec_cf::Recommender;
use rec_core::VectorTable;
use rec_data::IdMap;
use rec_hybrid::{Blend, Normalization, Source};

use super::{Experiment, Model, ModelArgs};
use crate::Error;

impl ModelArgs {
    /// The hybrid of [`Model::EaseText`], [`Model::Slit`] and the words of the items, which knows what goes together, what comes
    /// next, and what has names in common: the z-scores of all, added up by weights. It wants histories without decay, because
    /// each part has its own. A `learned` model joins with its weight. What is saved is a folder with the models of the first two.
    ///
    /// # Errors
    ///
    /// As [`model`](ModelArgs::model); or `words` has other items than the catalogue and the training interactions.
    pub fn hybrid(
        &self,
        experiment: &Experiment,
        words: Arc<dyn Recommender>,
        learned: Option<(Arc<dyn Recommender>, f64)>,
        vectors: impl FnOnce() -> Result<VectorTable, Error>,
        seed: u64,
    ) -> Result<(Arc<dyn Recommender>, String), Error> {
        if let Some(folder) = &self.save_model {
            std::fs::create_dir_all(folder)
                .map_err(|e| format!("{}: cannot be made: {e}", folder.display()))?;
        }
        let part = |name: &str, lambda| {
            let file = |folder: &PathBuf| folder.join(name).with_extension("model");
            let mut args = self.clone();
            args.save_model = self.save_model.as_ref().map(file);
            args.load_model = self.load_model.as_ref().map(file);
            args.lambda = lambda;
            args
        };
        let together = part("ease-text", self.lambda).model(Model::EaseText, experiment, vectors, seed)?;
        // The lambda of the one is none for the other.
        let next = part("slit", None).model(Model::Slit, experiment, || Err("no vectors".into()), seed)?;
        let (slit, bm25) = (self.slit_weight.unwrap_or(0.3), self.words_weight.unwrap_or(0.3));
        let decay = |model| self.decay_for(model) as f32;
        let mut parts = vec![
            (Source::shared("ease-text", together.0).with_decay(decay(Model::EaseText)), 1.0),
            (Source::shared("slit", next.0).with_decay(decay(Model::Slit)), slit as f32),
            (Source::shared("bm25", words).with_decay(self.decay_of_texts() as f32), bm25 as f32),
        ];
        let mut described = format!("ease-text ({}) + {slit} slit ({}) + {bm25} bm25", together.1, next.1);
        if let Some((model, weight)) = learned {
            parts.push((Source::shared("trained", model), weight as f32));
            described += &format!(" + {weight} trained");
        }
        Ok((Arc::new(Blend::new(parts, Normalization::ZScore)?), described))
    }

    /// What texts alone can tell, also of items that nobody has met: the z-scores of [`Model::Bilinear`] and of the words of the items,
    /// added up by weights. A `learned` model joins with its weight. It wants histories without decay, as [`hybrid`](ModelArgs::hybrid)
    /// does.
    ///
    /// # Errors
    ///
    /// As [`model`](ModelArgs::model).
    pub fn texts(
        &self,
        experiment: &Experiment,
        words: Arc<dyn Recommender>,
        learned: Option<(Arc<dyn Recommender>, f64)>,
        vectors: impl FnOnce() -> Result<VectorTable, Error>,
        seed: u64,
    ) -> Result<(Arc<dyn Recommender>, String), Error> {
        let measure = self.model(Model::Bilinear, experiment, vectors, seed)?;
        let bm25 = self.words_weight.unwrap_or(0.3);
        let decay = self.decay_for(Model::Bilinear) as f32;
        let mut parts = vec![
            (Source::shared("bilinear", measure.0).with_decay(decay), 1.0),
            (Source::shared("bm25", words).with_decay(self.decay_of_texts() as f32), bm25 as f32),
        ];
        let mut described = format!("bilinear ({}) + {bm25} bm25", measure.1);
        if let Some((model, weight)) = learned {
            parts.push((Source::shared("trained", model), weight as f32));
            described += &format!(" + {weight} trained");
        }
        Ok((Arc::new(Blend::new(parts, Normalization::ZScore)?), described))
    }
}

/// The vectors of items, each of length 1 so that the weight of all means the same for any encoder; zeros where there is none.
pub(super) fn unit_vectors(vectors: &VectorTable, items: &IdMap) -> Vec<f32> {
    let mut values = Vec::with_capacity(items.len() * vectors.dim());
    for id in items.iter() {
        match vectors.get(id) {
            None => values.resize(values.len() + vectors.dim(), 0.0),
            Some(vector) => {
                let square: f64 = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
                let scale = if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 };
                values.extend(vector.iter().map(|&value| (f64::from(value) * scale) as f32));
            }
        }
    }
    values
}
