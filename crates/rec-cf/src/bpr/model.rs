//! The trained model.

use std::path::Path;

use rec_data::{IdMap, RankedList};

use super::BprConfig;
use super::fold_in::{self, Contrast};
use crate::error::Error;
use crate::factors::{Factors, PackedItems};
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::InteractionMatrix;
use crate::recommender::{Recommender, check_shapes};

const MODEL: &str = "bpr";

/// Matrix factorisation that ranks: the score of item `i` is `p' q_i + b_i`, where `p` is the best vector for the history while
/// those of the items stay as they were trained.
///
/// Rendle, Freudenthaler, Gantner and Schmidt-Thieme: *BPR: Bayesian Personalized Ranking from Implicit Feedback*, UAI 2009.
/// Training minimises `-ln sigma(x_ui - x_uj)` over users `u`, items `i` that they have and items `j` that they have not, with
/// the score `x` and the logistic function `sigma`, and the squares of all parameters, by stochastic gradient descent.
///
/// The vector of a history is the minimum of the same objective in the one vector, the mean over all pairs of an item of the
/// history, by weight, and one that is not in it:
///
/// `sum_i w_i mean_j -ln sigma(x_i - x_j) + lambda / 2 |p|^2`, the weights `w` scaled to sum to 1,
///
/// in up to 20 steps that never go up. Where there are more than 2048 items, `j` is one of 2048 that are evenly spread over
/// them. Items of weight 0 or less are not liked, and are no negatives. An item that a history has twice has the sum of both
/// weights. An empty history has the vector 0, so that biases order the items. Scores are NaN for weights that are not
/// finite. `lambda` is taken to be at least 0.0001.
///
/// ```
/// use rec_cf::{BprConfig, InteractionMatrix, Progress, Recommender, Aggregation};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma"), ("cid", "sula")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = BprConfig::new().with_factors(4).with_epochs(500).fit(&matrix, Progress::ignore)?;
///
/// // Somebody new who has seen Dune.
/// let dune = 0;
/// assert_eq!(model.top_k(&[(dune, 1.0)], 1)?[0].id, "solaris");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bpr {
    config: BprConfig,
    users: IdMap,
    items: IdMap,
    user_factors: Factors,
    item_factors: Factors,
    item_biases: Vec<f32>,
    contrast: Contrast,
    packed: PackedItems,
}

impl Bpr {
    pub(super) fn new(
        config: BprConfig,
        (users, items): (IdMap, IdMap),
        (user_factors, item_factors): (Factors, Factors),
        item_biases: Vec<f32>,
    ) -> Bpr {
        let contrast = Contrast::new(&item_factors);
        let packed = PackedItems::default();
        Bpr { config, users, items, user_factors, item_factors, item_biases, contrast, packed }
    }

    /// The users of training.
    #[must_use]
    pub fn users(&self) -> &IdMap {
        &self.users
    }

    /// The length of a vector.
    #[must_use]
    pub fn n_factors(&self) -> usize {
        self.config.n_factors
    }

    /// The vectors of the users of training, one row after the other.
    #[must_use]
    pub fn user_factors(&self) -> &[f32] {
        self.user_factors.values()
    }

    /// The vectors of the items, one row after the other.
    #[must_use]
    pub fn item_factors(&self) -> &[f32] {
        self.item_factors.values()
    }

    /// The biases of the items; zeros if the config wanted none.
    #[must_use]
    pub fn item_biases(&self) -> &[f32] {
        &self.item_biases
    }

    /// The vector of a user with this history.
    ///
    /// # Panics
    ///
    /// The history has a row that is no item.
    #[must_use]
    pub fn user_vector(&self, history: &[(usize, f32)]) -> Vec<f32> {
        let mut seen = history.to_vec();
        // A stable sort: the sum of an item's weights is in the order of the history.
        seen.sort_by_key(|&(item, _)| item);
        let mut merged: Vec<(usize, f32)> = Vec::with_capacity(seen.len());
        for (item, weight) in seen {
            assert!(item < self.items.len(), "the history has item {item} of {}", self.items.len());
            match merged.last_mut() {
                Some((last, sum)) if *last == item => *sum += weight,
                _ => merged.push((item, weight)),
            }
        }
        if !merged.iter().all(|(_, weight)| weight.is_finite()) {
            return vec![f32::NAN; self.n_factors()];
        }
        let seen: Vec<usize> = merged.iter().map(|&(item, _)| item).collect();
        merged.retain(|&(_, weight)| weight > 0.0);
        let sum: f64 = merged.iter().map(|&(_, weight)| f64::from(weight)).sum();
        for (_, weight) in &mut merged {
            *weight = (f64::from(*weight) / sum) as f32;
        }
        let items = (&self.item_factors, &self.item_biases[..]);
        fold_in::solve(&self.contrast, items, self.config.lambda.into(), &merged, &seen)
    }

    /// Writes the scores of all items with the vector that a user has from training.
    ///
    /// # Panics
    ///
    /// `user` is no user, or `out` has not one place per item.
    pub fn user_scores(&self, user: usize, out: &mut [f32]) {
        assert!(user < self.users.len(), "user {user} of {}", self.users.len());
        check_shapes(self.items.len(), &[], out);
        self.score(self.user_factors.row(user), out);
    }

    /// The best `k` items for users of training, by the vectors that they have from it: those of the largest
    /// [`user_scores`](Bpr::user_scores) that the user has not in `seen`, a matrix of the same users and items. Blocks of users
    /// and items are scored at once, on all threads; the lists are the same for any number of either.
    ///
    /// # Errors
    ///
    /// None: vectors of training are finite.
    ///
    /// # Panics
    ///
    /// A user is no user, or `seen` has other users or items.
    pub fn user_top_k(
        &self,
        users: &[usize],
        seen: &InteractionMatrix,
        k: usize,
    ) -> Result<Vec<RankedList>, Error> {
        assert!(*seen.users() == self.users, "a matrix of other users");
        let items = (&self.item_factors, Some(self.item_biases.as_slice()));
        let known = (&self.user_factors, users);
        self.packed.top_k_known(&self.items, items, known, seen, k)
    }

    fn score(&self, vector: &[f32], out: &mut [f32]) {
        self.packed.scores(&self.item_factors, Some(&self.item_biases), vector, out);
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &self.config)
            .ids("users", &self.users)
            .ids("items", &self.items)
            .array("user_factors", self.user_factors.values())
            .array("item_factors", self.item_factors.values())
            .array("item_biases", &self.item_biases)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](Bpr::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Bpr, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: BprConfig = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let (users, items) = (file.ids("users")?, file.ids("items")?);
        let n = config.n_factors;
        let mut read = |name, n_rows: usize| -> Result<Factors, Error> {
            Ok(Factors::new(n, file.finite(name, n_rows.saturating_mul(n))?))
        };
        let factors = (read("user_factors", users.len())?, read("item_factors", items.len())?);
        let item_biases = file.finite("item_biases", items.len())?;
        Ok(Bpr::new(config, (users, items), factors, item_biases))
    }
}

impl Recommender for Bpr {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        self.score(&self.user_vector(history), out);
    }

    /// In blocks of users and items, by the same vectors and scores as one user at a time, bit for bit.
    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        self.packed.top_k(
            &self.items,
            (&self.item_factors, Some(&self.item_biases)),
            histories.len(),
            |user, out| out.copy_from_slice(&self.user_vector(&histories[user])),
            |user| histories[user].iter().map(|&(item, _)| item).collect(),
            k,
        )
    }
}
