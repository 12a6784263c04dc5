//! Gradient-boosted trees.

use std::fmt;
use std::sync::Arc;

use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::objective::ObjectiveType;
use forust_ml::{GradientBooster, Matrix};

use crate::error::{Error, Kind};

/// How [`BoostedTrees`] are trained: on the logistic loss, with trees that grow where the loss falls most, over histograms of the
/// features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostingConfig {
    n_trees: usize,
    learning_rate: f32,
    max_leaves: usize,
    min_leaf_weight: f32,
    seed: u64,
}

impl Default for BoostingConfig {
    fn default() -> BoostingConfig {
        BoostingConfig { n_trees: 100, learning_rate: 0.1, max_leaves: 15, min_leaf_weight: 5.0, seed: 0 }
    }
}

impl BoostingConfig {
    /// 100 trees of 15 leaves, a learning rate of 0.1.
    #[must_use]
    pub fn new() -> BoostingConfig {
        BoostingConfig::default()
    }

    /// Sets the number of trees.
    #[must_use]
    pub fn with_trees(self, n: usize) -> BoostingConfig {
        BoostingConfig { n_trees: n, ..self }
    }

    /// Sets what a tree's values are multiplied by.
    ///
    /// # Panics
    ///
    /// `rate` is not above 0 and at most 1.
    #[must_use]
    pub fn with_learning_rate(self, rate: f32) -> BoostingConfig {
        assert!(rate > 0.0 && rate <= 1.0, "a learning rate of {rate}");
        BoostingConfig { learning_rate: rate, ..self }
    }

    /// Sets how many leaves a tree may have.
    ///
    /// # Panics
    ///
    /// `n` is below 2.
    #[must_use]
    pub fn with_leaves(self, n: usize) -> BoostingConfig {
        assert!(n >= 2, "trees of {n} leaves");
        BoostingConfig { max_leaves: n, ..self }
    }

    /// Trains on features (row-major, a row for each label). One thread; the same input gives the same trees.
    ///
    /// ```
    /// use rec_hybrid::BoostingConfig;
    ///
    /// // Neither feature says anything by itself.
    /// let points: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 20), f64::from(i / 20)]).collect();
    /// let labels: Vec<bool> = points.iter().map(|[x, y]| (*x < 10.0) != (*y < 7.0)).collect();
    /// let model = BoostingConfig::new().fit(&points.concat(), &labels)?;
    /// assert!(points.iter().zip(&labels).all(|(point, &label)| (model.logit(point) > 0.0) == label));
    /// # Ok::<(), rec_hybrid::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A feature that is not finite; or all labels are the same, or there are none ([`Error::is_no_examples`]).
    ///
    /// # Panics
    ///
    /// The number of features is not a multiple of that of the labels.
    pub fn fit(&self, features: &[f64], labels: &[bool]) -> Result<BoostedTrees, Error> {
        let n = labels.len();
        if labels.iter().all(|&label| label) || labels.iter().all(|&label| !label) {
            return Err(Kind::NoExamples { what: "boosted trees" }.into());
        }
        assert_eq!(features.len() % n, 0, "{} features of {n} labels", features.len());
        if let Some(&value) = features.iter().find(|value| !value.is_finite()) {
            return Err(Kind::NotFinite { what: "a feature".to_owned(), value }.into());
        }
        let d = features.len() / n;
        // A feature of one value splits nothing, and the library refuses it.
        let varies = |&feature: &usize| (1..n).any(|row| features[row * d + feature] != features[feature]);
        let used: Vec<usize> = (0..d).filter(varies).collect();
        let columns: Vec<f64> =
            used.iter().flat_map(|feature| (0..n).map(move |row| features[row * d + feature])).collect();
        let labels: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
        let mut trees = GradientBooster::default()
            .set_objective_type(ObjectiveType::LogLoss)
            .set_iterations(self.n_trees)
            .set_learning_rate(self.learning_rate)
            .set_max_leaves(self.max_leaves)
            .set_max_depth(usize::from(u8::MAX))
            .set_min_leaf_weight(self.min_leaf_weight)
            .set_initialize_base_score(true)
            .set_parallel(false)
            .set_seed(self.seed);
        trees.grow_policy = GrowPolicy::LossGuide;
        trees
            .fit_unweighted(&Matrix::new(&columns, n, used.len()), &labels, None)
            .map_err(|error| Kind::Boosting(error.to_string()))?;
        Ok(BoostedTrees { trees: Arc::new(trees), used, n_features: d })
    }
}

/// A sum of regression trees, in logits.
///
/// Friedman: *Greedy Function Approximation: A Gradient Boosting Machine*, Annals of Statistics 29(5), 2001, with the second-order
/// steps of Chen and Guestrin: *XGBoost*, KDD 2016.
#[derive(Clone)]
pub struct BoostedTrees {
    trees: Arc<GradientBooster>,
    /// The features that vary in training.
    used: Vec<usize>,
    n_features: usize,
}

impl BoostedTrees {
    /// The sum of the trees' values for one row of features.
    ///
    /// # Panics
    ///
    /// There are not as many features as in training.
    #[must_use]
    pub fn logit(&self, features: &[f64]) -> f64 {
        self.logits(features, 1).first().copied().unwrap_or(0.0)
    }

    /// [`logit`](BoostedTrees::logit) of `n` rows, row-major.
    ///
    /// # Panics
    ///
    /// There are not `n` times as many features as in training.
    #[must_use]
    pub fn logits(&self, features: &[f64], n: usize) -> Vec<f64> {
        let d = self.n_features;
        assert_eq!(features.len(), n * d, "features of {n} rows");
        let column = |&feature: &usize| (0..n).map(move |row| features[row * d + feature]);
        let columns: Vec<f64> = self.used.iter().flat_map(column).collect();
        self.trees.predict(&Matrix::new(&columns, n, self.used.len()), false)
    }
}

impl fmt::Debug for BoostedTrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoostedTrees")
            .field("n_trees", &self.trees.trees.len())
            .field("n_features", &self.n_features)
            .finish()
    }
}
