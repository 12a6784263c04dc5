//! Combinations that are learned from what users took.

mod boosting;
mod features;
mod logistic;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rec_cf::Recommender;
use rec_data::IdMap;

pub use self::boosting::{BoostedTrees, BoostingConfig};
use self::features::{Features, Rows};
pub use self::logistic::{Logistic, LogisticConfig};
use crate::blend::spread;
use crate::error::{Error, Kind};
use crate::example::{Example, check_examples};
use crate::source::{Source, common_items};

/// What learns to combine.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Learner {
    /// Logistic regression on standardised features: weights that one can read.
    Logistic(LogisticConfig),
    /// Gradient-boosted trees: they find interactions of features by themselves.
    Boosting(BoostingConfig),
}

/// How a [`Stacker`] is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackingConfig {
    learner: Learner,
    depth: usize,
    n_negatives: usize,
    seed: u64,
}

impl StackingConfig {
    /// With the best 100 items of each source as candidates, and 20 sampled negatives for each target.
    #[must_use]
    pub fn new(learner: Learner) -> StackingConfig {
        StackingConfig { learner, depth: 100, n_negatives: 20, seed: 0 }
    }

    /// Takes the best `depth` unseen items of each source as candidates.
    ///
    /// # Panics
    ///
    /// `depth` is 0.
    #[must_use]
    pub fn with_depth(self, depth: usize) -> StackingConfig {
        assert!(depth > 0, "candidates of no depth");
        StackingConfig { depth, ..self }
    }

    /// Samples `n` candidates other than the target for each example.
    ///
    /// # Panics
    ///
    /// `n` is 0.
    #[must_use]
    pub fn with_negatives(self, n: usize) -> StackingConfig {
        assert!(n > 0, "no negatives");
        StackingConfig { n_negatives: n, ..self }
    }

    /// Sets the seed of the sample.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> StackingConfig {
        StackingConfig { seed, ..self }
    }

    /// Learns to tell the target of each example from the other candidates. `popularity` has for each item a count, such as that of
    /// its interactions in training.
    ///
    /// The targets must be held out of the training of the sources, or the learner trusts those most that remember best. An example
    /// whose target is no candidate teaches nothing and is left out. The sample depends on the seed and the place of an example, so
    /// the result is the same for any number of threads.
    ///
    /// # Errors
    ///
    /// The sources do not go together ([`Error::is_mismatch`]), a popularity is negative or not finite, a score is not finite, a
    /// target is in its history, or no example can be used ([`Error::is_no_examples`]).
    ///
    /// # Panics
    ///
    /// A history or a target has a row that is no item.
    pub fn fit(
        &self,
        sources: Vec<Source>,
        popularity: &[f64],
        examples: &[Example],
    ) -> Result<Stacker, Error> {
        let n_items = common_items(&sources)?.len();
        check_examples(examples, n_items)?;
        let features = Features::new(sources, popularity, self.depth)?;
        let sample = |(place, example): (usize, &Example)| -> Result<Option<Rows>, Error> {
            let rows = features.rows(&example.history)?;
            let Some(target) = rows.items.iter().position(|&item| item == example.target) else {
                return Ok(None);
            };
            let mut negatives: Vec<usize> = (0..rows.items.len()).filter(|&row| row != target).collect();
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(place as u64);
            let n = self.n_negatives.min(negatives.len());
            let (sampled, _) = negatives.partial_shuffle(&mut rng, n);
            let chosen: Vec<usize> = std::iter::once(target).chain(sampled.iter().copied()).collect();
            Ok((n > 0).then(|| rows.select(&chosen, features.n_features())))
        };
        let samples: Vec<Result<Option<Rows>, Error>> = examples.par_iter().enumerate().map(sample).collect();
        let (mut values, mut labels, mut n_examples) = (Vec::new(), Vec::new(), 0);
        for sample in samples {
            let Some(rows) = sample? else { continue };
            // The target stands first.
            labels.extend((0..rows.items.len()).map(|row| row == 0));
            values.extend(rows.values);
            n_examples += 1;
        }
        if n_examples == 0 {
            return Err(Kind::NoExamples { what: "a stack" }.into());
        }
        let model = match self.learner {
            Learner::Logistic(config) => {
                let scale = Scale::new(&values, features.n_features());
                scale.apply(&mut values);
                Model::Logistic(scale, config.fit(&values, &labels)?)
            }
            Learner::Boosting(config) => Model::Boosting(config.fit(&values, &labels)?),
        };
        Ok(Stacker { features, model, n_examples })
    }
}

/// Ranks the best items of several sources by what was learned from held-out targets; a [`Recommender`] itself.
///
/// Wolpert: *Stacked Generalization*, Neural Networks 5(2), 1992, with candidates and pointwise labels as in two-stage
/// recommenders. The features of an item are, for each source, its score as [`ZScore`](crate::Normalization::ZScore) over the unseen
/// items and the logarithm of its rank, the z-score times the logarithm of the history's length and times that of the item's
/// popularity; and both logarithms. The score is a logit. Items that are no candidates share a score below the candidates'.
///
/// ```
/// use rec_cf::{Aggregation, EaseConfig, InteractionMatrix, PopularityConfig, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
/// use rec_hybrid::{Example, Learner, LogisticConfig, Source, StackingConfig};
///
/// let pairs = [("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "b"), ("cid", "c"), ("cid", "d"), ("dan", "c"), ("eve", "c")];
/// let log = Interactions::new(pairs.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let popular = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
/// let counts: Vec<f64> = (0..4).map(|item| popular.count(item)).collect();
/// let sources = vec![
///     Source::new("EASE", EaseConfig::new(0.5).fit(&matrix, Progress::ignore)?),
///     Source::new("popularity", popular),
/// ];
///
/// // What users took next: always what EASE says.
/// let (a, b, c, d) = (0, 1, 2, 3);
/// let examples = [(a, b), (b, a), (c, d), (d, c)];
/// let examples = examples.map(|(seen, target)| Example { history: vec![(seen, 1.0)], target });
/// let config = StackingConfig::new(Learner::Logistic(LogisticConfig::new()));
/// let model = config.fit(sources, &counts, &examples)?;
/// assert_eq!(model.n_examples(), 4);
/// assert_eq!(model.top_k(&[(a, 1.0)], 1)?[0].id, "b");
/// assert_eq!(model.coefficients().unwrap()[0].0, "EASE: z-score");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stacker {
    features: Features,
    model: Model,
    n_examples: usize,
}

#[derive(Clone, Debug)]
enum Model {
    Logistic(Scale, Logistic),
    Boosting(BoostedTrees),
}

impl Stacker {
    /// The number of examples that were used: those whose target was a candidate.
    #[must_use]
    pub fn n_examples(&self) -> usize {
        self.n_examples
    }

    /// The features by name with their coefficients in logits per standard deviation; `None` for boosted trees.
    #[must_use]
    pub fn coefficients(&self) -> Option<Vec<(String, f64)>> {
        match &self.model {
            Model::Logistic(_, model) => {
                let names = self.features.names().into_iter();
                Some(names.zip(model.coefficients().iter().copied()).collect())
            }
            Model::Boosting(_) => None,
        }
    }

    fn logits(&self, mut rows: Rows) -> Vec<f64> {
        let d = self.features.n_features();
        if rows.items.is_empty() {
            return Vec::new();
        }
        match &self.model {
            Model::Logistic(scale, model) => {
                scale.apply(&mut rows.values);
                rows.values.chunks_exact(d).map(|row| model.logit(row)).collect()
            }
            Model::Boosting(model) => model.logits(&rows.values, rows.items.len()),
        }
    }
}

impl Recommender for Stacker {
    fn items(&self) -> &IdMap {
        self.features.items()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        let n_items = self.items().len();
        assert_eq!(out.len(), n_items, "places for the scores, and items");
        // A score that is not finite: `top_k` reports the NaN.
        let Ok(rows) = self.features.rows(history) else { return out.fill(f32::NAN) };
        let mut is_candidate = vec![false; n_items];
        rows.items.iter().for_each(|&item| is_candidate[item] = true);
        // Ascending, as `rows` has them.
        let logits = self.logits(rows);
        spread(&logits, &is_candidate, out);
        let worst = logits.iter().copied().fold(f64::INFINITY, f64::min);
        let below = if worst.is_finite() { worst as f32 - 1.0 } else { 0.0 };
        let others = out.iter_mut().zip(is_candidate).filter(|(_, is_candidate)| !is_candidate);
        others.for_each(|(score, _)| *score = below);
    }
}

/// Mean and deviation of each feature.
#[derive(Clone, Debug)]
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn new(values: &[f64], d: usize) -> Scale {
        let n = (values.len() / d) as f64;
        let of = |feature: usize| {
            let column = || values.iter().skip(feature).step_by(d);
            let mean = column().sum::<f64>() / n;
            let deviation = (column().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt();
            // A feature of one value says nothing.
            (mean, if deviation > 1e-12 { deviation } else { 1.0 })
        };
        Scale((0..d).map(of).collect())
    }

    fn apply(&self, values: &mut [f64]) {
        for row in values.chunks_exact_mut(self.0.len()) {
            for (value, (mean, deviation)) in row.iter_mut().zip(&self.0) {
                *value = (*value - mean) / deviation;
            }
        }
    }
}
