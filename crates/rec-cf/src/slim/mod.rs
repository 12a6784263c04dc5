//! The sparse linear model.

mod descent;

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{IdMap, RankedList};
use serde::{Deserialize, Serialize};

use self::descent::Descent;
use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::lists::Lists;
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse::{self, Sparse};

const MODEL: &str = "slim";

/// How a [`Slim`] is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlimConfig {
    l1: f64,
    l2: f64,
    n_candidates: Option<usize>,
    tolerance: f64,
    max_sweeps: usize,
    memory_limit: u64,
}

impl Default for SlimConfig {
    fn default() -> SlimConfig {
        SlimConfig {
            l1: 1.0,
            l2: 1.0,
            n_candidates: None,
            tolerance: 1e-4,
            max_sweeps: 1000,
            memory_limit: DEFAULT_MEMORY_LIMIT,
        }
    }
}

impl SlimConfig {
    /// Both regularisations are 1, as in the authors' program; weights are exact to 10^-4 of the largest of an item.
    #[must_use]
    pub fn new() -> SlimConfig {
        SlimConfig::default()
    }

    /// Sets the L1 regularisation `lambda`, which makes the weights sparse.
    ///
    /// # Panics
    ///
    /// `lambda` is negative or not finite.
    #[must_use]
    pub fn with_l1(self, lambda: f64) -> SlimConfig {
        assert!(lambda.is_finite() && lambda >= 0.0, "an l1 of {lambda}");
        SlimConfig { l1: lambda, ..self }
    }

    /// Sets the L2 regularisation `beta`, which makes the weights small and the solution the only one.
    ///
    /// # Panics
    ///
    /// `beta` is not positive and finite.
    #[must_use]
    pub fn with_l2(self, beta: f64) -> SlimConfig {
        assert!(beta.is_finite() && beta > 0.0, "an l2 of {beta}");
        SlimConfig { l2: beta, ..self }
    }

    /// Lets only the `n` items with the greatest cosines to an item have weights for it: fsSLIM, section 4.3 of the paper.
    #[must_use]
    pub fn with_candidates(self, n: usize) -> SlimConfig {
        SlimConfig { n_candidates: Some(n), ..self }
    }

    /// Sets when the weights of an item are good enough: when no weight moves by more than this share of the largest in a
    /// sweep over all of them.
    ///
    /// # Panics
    ///
    /// `tolerance` is not positive and finite.
    #[must_use]
    pub fn with_tolerance(self, tolerance: f64) -> SlimConfig {
        assert!(tolerance.is_finite() && tolerance > 0.0, "a tolerance of {tolerance}");
        SlimConfig { tolerance, ..self }
    }

    /// Stops the descent of an item after this many sweeps, 1000 unless set, whether or not the tolerance is reached.
    /// [`Slim::n_unfinished`] counts those that did not.
    #[must_use]
    pub fn with_max_sweeps(self, n: usize) -> SlimConfig {
        SlimConfig { max_sweeps: n, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> SlimConfig {
        SlimConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs besides the weights, whose number is not known before: two copies of the matrix and 4 bytes
    /// for each of its values, and 8 bytes per user and 17 per item for each thread. The first lists for many users
    /// ([`top_k_batch`](crate::Recommender::top_k_batch)) keep 12 bytes for each weight and need 24 for a while.
    #[must_use]
    pub fn memory_estimate(&self, matrix: &InteractionMatrix) -> u64 {
        let (n_users, n_items) = (matrix.users().len(), matrix.items().len());
        let scratch = memory::of(n_users, 8).saturating_add(memory::of(n_items, 17));
        sparse::n_bytes(n_users.max(n_items), matrix.n_values())
            .saturating_mul(2)
            .saturating_add(memory::of(matrix.n_values(), size_of::<u32>()))
            .saturating_add(scratch.saturating_mul(rayon::current_num_threads() as u64))
    }

    /// Finds the weights of each item by coordinate descent.
    ///
    /// # Errors
    ///
    /// A negative value in the matrix; it would need more memory than the limit; or `progress` stopped it.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Slim, Error> {
        memory::check("SLIM", self.memory_estimate(matrix), self.memory_limit)?;
        matrix.check_not_negative("SLIM")?;
        let (by_user, by_item) = (matrix.by_user(), matrix.by_item());
        let descent = Descent::new(self, by_user, &by_item);
        let n_items = matrix.items().len();
        let found = Reporter::new("the training of SLIM", &mut progress).rows(
            "items",
            n_items,
            || descent.scratch(),
            |scratch, item| descent.run(scratch, item),
        )?;
        let n_unfinished = found.iter().filter(|(_, finished)| !finished).count();
        let lists: Vec<Vec<(u32, f32)>> = found.into_iter().map(|(list, _)| list).collect();
        let weights = sparse::transposed(&sparse::from_rows(n_items, &lists));
        Ok(Slim {
            config: *self,
            items: matrix.items().clone(),
            weights,
            lists: Lists::default(),
            n_unfinished,
        })
    }

    fn is_valid(&self) -> bool {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        self.l1.is_finite() && self.l1 >= 0.0 && positive(self.l2) && positive(self.tolerance)
    }
}

/// SLIM: the score of item `j` is `sum_i w_i W_ij` over the events of the history, where each column of `W` minimises
/// `1/2 |a_j - A w|^2 + l2/2 |w|^2 + l1 |w|_1` with `w >= 0` and `w_j = 0`, `A` being the matrix of users by items.
///
/// Ning and Karypis: *SLIM: Sparse Linear Methods for Top-N Recommender Systems*, ICDM 2011, equation 4, solved by coordinate
/// descent (Friedman, Hastie and Tibshirani: *Regularization Paths for Generalized Linear Models via Coordinate Descent*, Journal
/// of Statistical Software 33(1), 2010) in `f64`. scikit-learn's `ElasticNet` divides the first term by the number `n` of users: its `alpha` is `(l1 + l2) / n`, and its
/// `l1_ratio` is `l1 / (l1 + l2)`.
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix, Progress, Recommender, SlimConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = SlimConfig::new().with_l1(0.5).with_l2(1.0).fit(&matrix, Progress::ignore)?;
///
/// // Dune and Solaris have the product 2 and the square 2: (2 - l1) / (2 + l2).
/// let (dune, emma, solaris) = (0, 1, 2);
/// assert_eq!((model.weight(dune, solaris), model.weight(emma, solaris)), (0.5, 0.0));
/// assert_eq!(model.top_k(&[(dune, 1.0)], 1)?[0].id, "solaris");
/// assert_eq!(model.explain(&[(emma, 1.0), (dune, 2.0)], solaris).unwrap(), [0.0, 1.0]);
/// assert_eq!((model.n_weights(), model.n_unfinished()), (2, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Slim {
    config: SlimConfig,
    items: IdMap,
    /// A row for each item of a history, a column for each item that is scored.
    weights: Sparse,
    lists: Lists,
    n_unfinished: usize,
}

impl Slim {
    /// `W_ij`: what an event of item `i` of weight 1 adds to the score of item `j`.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn weight(&self, i: usize, j: usize) -> f32 {
        let n_items = self.items.len();
        assert!(i < n_items && j < n_items, "items {i} and {j} of {n_items}");
        self.weights.get(i, j).copied().unwrap_or(0.0)
    }

    /// The number of weights that are not 0.
    #[must_use]
    pub fn n_weights(&self) -> usize {
        self.weights.nnz()
    }

    /// The number of items whose weights were still moving after the last sweep.
    #[must_use]
    pub fn n_unfinished(&self) -> usize {
        self.n_unfinished
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &(self.config, self.n_unfinished))
            .ids("items", &self.items)
            .sparse("weights", &self.weights)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](Slim::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Slim, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let (config, n_unfinished): (SlimConfig, usize) = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let items = file.ids("items")?;
        let weights = file.sparse("weights", (items.len(), items.len()))?;
        Ok(Slim { config, items, weights, lists: Lists::default(), n_unfinished })
    }
}

impl Recommender for Slim {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        out.fill(0.0);
        sparse::add_rows(&self.weights, history, out);
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        Some(history.iter().map(|&(seen, event)| event * self.weight(seen, item)).collect())
    }

    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        self.lists.top_k(&self.weights, &self.items, histories, k)
    }
}
