use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rec_cf::{
    Aggregation, Bilinear, BilinearConfig, Bpr, BprConfig, Confidence, DEFAULT_MEMORY_LIMIT, Ease,
    EaseConfig, ImplicitAls, ImplicitAlsConfig, InteractionMatrix, ItemKnn, KnnConfig, Popularity,
    PopularityConfig, Progress, Recommender, SessionKnn, SessionKnnConfig, Slim, SlimConfig, Slit,
    SlitConfig, Transitions, TransitionsConfig, UserKnn, Weighting,
};
use rec_core::VectorTable;

use super::hybrid::unit_vectors;
use super::{Experiment, bar};
use crate::Error;

/// A model of `rec-cf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Model {
    /// The same list for everybody.
    Popularity,
    /// Items that the same users have as those of the history.
    ItemKnn,
    /// What users with similar histories have.
    UserKnn,
    /// A dense linear model in closed form.
    Ease,
    /// The same, told what the texts of the items are like.
    EaseText,
    /// A sparse linear model.
    Slim,
    /// A dense linear model of what comes next.
    Slit,
    /// Factors by implicit alternating least squares.
    Als,
    /// Factors by Bayesian personalised ranking.
    Bpr,
    /// A measure between the texts of items, learned from who has both.
    Bilinear,
    /// What comes after the newest items.
    Transitions,
    /// What recent histories like this one have.
    SessionKnn,
}

/// The settings of the models. What is not set has a default that depends on the model, found on Amazon's video games with
/// users on whom nothing is reported.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ModelArgs {
    /// The factor by which an event of the history counts less with each newer one; 1 for none
    #[arg(long, value_parser = factor)]
    pub decay: Option<f64>,
    /// Only so many of the newest events of the history count; with `history-text` 10 unless set, otherwise all
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// With `item-knn`, `user-knn`, `session-knn`: how many neighbours
    #[arg(long, value_name = "N")]
    neighbours: Option<usize>,
    /// With `item-knn` and `user-knn`: what is added to the denominator of similarities, so that few common users count less
    #[arg(long, value_parser = not_negative)]
    shrinkage: Option<f64>,
    /// With `item-knn` and `user-knn`: compare by TF-IDF, so that users with many items, or items with many users, count less
    #[arg(long, value_name = "true|false")]
    tf_idf: Option<bool>,
    /// With `ease`, `ease-text`, `bilinear`, `slim`, `slit`, `als`, `bpr`: the L2 regularisation
    #[arg(long, value_parser = positive)]
    pub(super) lambda: Option<f64>,
    /// With `slim`: the L1 regularisation
    #[arg(long, value_parser = not_negative)]
    l1: Option<f64>,
    /// With `slim`: only so many similar items may have weights for an item; 0 for all
    #[arg(long, value_name = "N")]
    candidates: Option<usize>,
    /// With `ease-text` and `hybrid`: what the vectors of the texts count beside the interactions, 20 unless set
    #[arg(long, value_name = "WEIGHT", value_parser = not_negative)]
    vector_weight: Option<f64>,
    /// With `bilinear` and `texts`: how far the directions of the vectors are made to count alike, from 0 to 1; 0.5 unless set
    #[arg(long, value_name = "POWER", value_parser = share)]
    whitening: Option<f64>,
    /// With `hybrid` and `texts`: the weight of `bm25` beside 1 for `ease-text` or `bilinear`, 0.3 unless set
    #[arg(long, value_name = "WEIGHT", value_parser = not_negative)]
    pub(super) words_weight: Option<f64>,
    /// With `hybrid`: the weight of `slit` beside 1 for `ease-text`, 0.3 unless set
    #[arg(long, value_name = "WEIGHT", value_parser = not_negative)]
    pub(super) slit_weight: Option<f64>,
    /// With `als` and `bpr`: the length of the vectors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    factors: Option<u32>,
    /// With `als` and `bpr`: how often training goes through the data
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// With `als`: how much more an interaction is trusted than its absence
    #[arg(long, value_parser = positive)]
    alpha: Option<f64>,
    /// With `bpr`: the length of a step
    #[arg(long, value_parser = positive)]
    learning_rate: Option<f64>,
    /// With `transitions`: how many events later something may come to count as coming after
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    window: Option<u32>,
    /// Refuse to train where that needs more than so many GB; 8 unless set
    #[arg(long, value_name = "GB", value_parser = positive)]
    memory_limit: Option<f64>,
    /// Write the trained model to this file; with `hybrid` to files in this folder
    #[arg(long, value_name = "FILE")]
    pub(super) save_model: Option<PathBuf>,
    /// Take the model from this file that `--save-model` wrote, instead of training; settings of training do not count
    #[arg(long, value_name = "FILE", conflicts_with = "save_model")]
    pub(super) load_model: Option<PathBuf>,
}

impl Model {
    /// The decay of histories that serves the model best.
    fn decay(self) -> f64 {
        match self {
            Model::Popularity => 1.0,
            Model::ItemKnn | Model::UserKnn | Model::Ease | Model::EaseText | Model::Slim | Model::Slit => {
                0.8
            }
            Model::Bilinear => 0.85,
            Model::SessionKnn | Model::Transitions => 0.7,
            Model::Als | Model::Bpr => 0.5,
        }
    }

    fn load(self, path: &Path) -> Result<Arc<dyn Recommender>, Error> {
        Ok(match self {
            Model::Popularity => Arc::new(Popularity::load(path)?),
            Model::ItemKnn => Arc::new(ItemKnn::load(path)?),
            Model::UserKnn => Arc::new(UserKnn::load(path)?),
            Model::Ease | Model::EaseText => Arc::new(Ease::load(path)?),
            Model::Slim => Arc::new(Slim::load(path)?),
            Model::Slit => Arc::new(Slit::load(path)?),
            Model::Als => Arc::new(ImplicitAls::load(path)?),
            Model::Bpr => Arc::new(Bpr::load(path)?),
            Model::Bilinear => Arc::new(Bilinear::load(path)?),
            Model::Transitions => Arc::new(Transitions::load(path)?),
            Model::SessionKnn => Arc::new(SessionKnn::load(path)?),
        })
    }
}

impl ModelArgs {
    /// The decay of histories for a model.
    #[must_use]
    pub fn decay_for(&self, model: Model) -> f64 {
        self.decay.unwrap_or_else(|| model.decay())
    }

    /// The decay of histories for texts, which forget faster than most models: an average cannot tell what of the history
    /// belongs together.
    #[must_use]
    pub fn decay_of_texts(&self) -> f64 {
        self.decay.unwrap_or(0.7)
    }

    /// How many events of a history count, at most.
    #[must_use]
    pub fn last_n(&self) -> usize {
        self.last.unwrap_or(usize::MAX)
    }

    /// The model, trained on the training interactions, or loaded if these arguments say so; and its settings in words. The
    /// vectors of the items are asked for where the model takes them.
    ///
    /// # Errors
    ///
    /// Training would need more memory than the limit, and what to do about it; a file cannot be read or written; or there are
    /// no vectors.
    pub fn model(
        &self,
        model: Model,
        experiment: &Experiment,
        vectors: impl FnOnce() -> Result<VectorTable, Error>,
        seed: u64,
    ) -> Result<(Arc<dyn Recommender>, String), Error> {
        if let Some(path) = &self.load_model {
            return Ok((model.load(path)?, format!("from {}", path.display())));
        }
        let bytes = self.memory_limit.map_or(DEFAULT_MEMORY_LIMIT, |limit| (limit * 1e9) as u64);
        let (train, items) = (experiment.train(), experiment.catalogue().ids());
        let matrix = |values| InteractionMatrix::with_items(train, items, values);
        let bar = bar("training", 0)?;
        let told = |progress: Progress| {
            bar.set_length(progress.n_total as u64);
            bar.set_position(progress.n_done as u64);
            ControlFlow::Continue(())
        };
        let knn = |neighbours, shrinkage, tf_idf| {
            let (n, shrinkage) = (self.neighbours.unwrap_or(neighbours), self.shrinkage.unwrap_or(shrinkage));
            let tf_idf = self.tf_idf.unwrap_or(tf_idf);
            let weighting = if tf_idf { Weighting::TfIdf } else { Weighting::None };
            let config = KnnConfig::new(n).with_shrinkage(shrinkage).with_weighting(weighting);
            let weighted = if tf_idf { ", TF-IDF" } else { "" };
            (config.with_memory_limit(bytes), format!("{n} neighbours, shrinkage {shrinkage}{weighted}"))
        };
        let binary = Aggregation::Binary;
        let trained = match model {
            Model::Popularity => {
                let fitted = PopularityConfig::new().fit(&matrix(Aggregation::Count)?, told);
                (self.keep(fitted, |model, path| model.save(path))?, "interactions counted".to_owned())
            }
            Model::ItemKnn => {
                let (config, described) = knn(100, 20.0, false);
                let fitted = config.fit_items(&matrix(binary)?, told);
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::UserKnn => {
                let (config, described) = knn(500, 0.0, true);
                let fitted = config.fit_users(&matrix(binary)?, told);
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Ease => {
                let lambda = self.lambda.unwrap_or(200.0);
                let fitted = EaseConfig::new(lambda).with_memory_limit(bytes).fit(&matrix(binary)?, told);
                (self.keep(fitted, |model, path| model.save(path))?, format!("lambda {lambda}"))
            }
            Model::EaseText => {
                let (lambda, weight) = (self.lambda.unwrap_or(200.0), self.vector_weight.unwrap_or(20.0));
                let (matrix, vectors) = (matrix(binary)?, vectors()?);
                let (values, dim) = (unit_vectors(&vectors, matrix.items()), vectors.dim());
                let config = EaseConfig::new(lambda).with_memory_limit(bytes);
                let fitted = config.fit_with_vectors(&matrix, &values, dim, weight, told);
                let described = format!("lambda {lambda}, vectors weigh {weight}");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Slim => {
                let (l1, l2) = (self.l1.unwrap_or(0.5), self.lambda.unwrap_or(50.0));
                let candidates = self.candidates.unwrap_or(100);
                let config = SlimConfig::new().with_l1(l1).with_l2(l2).with_memory_limit(bytes);
                let config = if candidates > 0 { config.with_candidates(candidates) } else { config };
                let fitted = config.fit(&matrix(binary)?, told);
                let described = format!("l1 {l1}, l2 {l2}, {candidates} candidates");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Slit => {
                let (lambda, decay) = (self.lambda.unwrap_or(300.0), self.decay_for(model));
                let config = SlitConfig::new(lambda).with_decay(decay).with_memory_limit(bytes);
                let fitted = config.fit(train, items, told);
                (self.keep(fitted, |model, path| model.save(path))?, format!("lambda {lambda}"))
            }
            Model::Als => {
                let (lambda, alpha) = (self.lambda.unwrap_or(10.0), self.alpha.unwrap_or(20.0));
                let (factors, epochs) = (self.factors.unwrap_or(128), self.epochs.unwrap_or(15));
                let config = ImplicitAlsConfig::new()
                    .with_factors(factors as usize)
                    .with_iterations(epochs)
                    .with_regularization(lambda as f32)
                    .with_confidence(Confidence::Linear { alpha: alpha as f32 })
                    .with_seed(seed)
                    .with_memory_limit(bytes);
                let fitted = config.fit(&matrix(binary)?, told);
                let described =
                    format!("{factors} factors, {epochs} iterations, lambda {lambda}, alpha {alpha}");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Bpr => {
                let (lambda, rate) = (self.lambda.unwrap_or(0.01), self.learning_rate.unwrap_or(0.05));
                let (factors, epochs) = (self.factors.unwrap_or(64), self.epochs.unwrap_or(100));
                let config = BprConfig::new()
                    .with_factors(factors as usize)
                    .with_epochs(epochs)
                    .with_regularization(lambda as f32)
                    .with_learning_rate(rate as f32)
                    .with_seed(seed)
                    .with_memory_limit(bytes);
                let fitted = config.fit(&matrix(binary)?, told);
                let described = format!("{factors} factors, {epochs} epochs, lambda {lambda}, rate {rate}");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Bilinear => {
                let (lambda, whitening) = (self.lambda.unwrap_or(1000.0), self.whitening.unwrap_or(0.5));
                let (matrix, vectors) = (matrix(binary)?, vectors()?);
                let (values, dim) = (unit_vectors(&vectors, matrix.items()), vectors.dim());
                let config = BilinearConfig::new()
                    .with_regularization(lambda, 1.0)
                    .with_whitening(whitening)
                    .with_memory_limit(bytes);
                let fitted = config.fit(&matrix, &values, dim, told);
                let described = format!("lambda {lambda}, whitened to the power {whitening}");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
            Model::Transitions => {
                let window = self.window.unwrap_or(5);
                // Which events count, and how much, the history itself says.
                let config = TransitionsConfig::new().with_window(window as usize).with_last_n(usize::MAX);
                let fitted = config.with_memory_limit(bytes).fit(train, items, told);
                (self.keep(fitted, |model, path| model.save(path))?, format!("window {window}"))
            }
            Model::SessionKnn => {
                let neighbours = self.neighbours.unwrap_or(500);
                let config = SessionKnnConfig::new(neighbours).with_memory_limit(bytes);
                let fitted = config.fit(train, items, told);
                let described = format!("{neighbours} neighbours");
                (self.keep(fitted, |model, path| model.save(path))?, described)
            }
        };
        bar.finish_and_clear();
        Ok(trained)
    }

    /// Saves a model that was trained if it is to be saved.
    fn keep<M: Recommender + 'static>(
        &self,
        trained: Result<M, rec_cf::Error>,
        save: impl Fn(&M, &Path) -> Result<(), rec_cf::Error>,
    ) -> Result<Arc<dyn Recommender>, Error> {
        let model = trained.map_err(|error| match error.is_memory() {
            true => format!("{error}; --memory-limit GB raises it").into(),
            false => Error::from(error),
        })?;
        if let Some(path) = &self.save_model {
            save(&model, path)?;
        }
        Ok(Arc::new(model))
    }
}

fn number(text: &str, what: &str, holds: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|&number| holds(number)).ok_or_else(|| what.to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    number(text, "a number above 0 and at most 1", |number| number > 0.0 && number <= 1.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 to 1", |number| (0.0..=1.0).contains(&number))
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, "a number above 0", |number| number.is_finite() && number > 0.0)
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, "a number from 0", |number| number.is_finite() && number >= 0.0)
}
