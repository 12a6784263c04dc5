//! Matrix factorisation by alternating least squares.

mod conjugate_gradient;
mod model;
mod rows;
mod train;

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::factors::{Factors, MAX_FACTORS};
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::Progress;
use crate::sparse;

pub use model::ImplicitAls;

const MODEL_NAME: &str = "implicit ALS";

/// How far a value of the matrix is to be trusted: `c`, against the 1 of an absent value.
///
/// A positive value `r` stands for the preference 1. A negative one stands for the preference 0, with the confidence of
/// `|r|`: a dislike that is more certain than an absence.
///
/// ```
/// use rec_cf::Confidence;
///
/// assert_eq!(Confidence::Linear { alpha: 40.0 }.of(2.0), 81.0);
/// assert_eq!(Confidence::Proportional { alpha: 40.0 }.of(-2.0), 80.0);
/// assert_eq!(Confidence::Logarithmic { alpha: 40.0, epsilon: 0.5 }.of(0.0), 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Confidence {
    /// `c = 1 + alpha |r|`: Hu, Koren and Volinsky 2008, section 4.
    Linear {
        /// Positive.
        alpha: f32,
    },
    /// `c = 1 + alpha ln(1 + |r| / epsilon)`, for counts with a long tail: Hu et al., equation 6.
    Logarithmic {
        /// Positive.
        alpha: f32,
        /// Positive: the value above which the logarithm flattens.
        epsilon: f32,
    },
    /// `c = alpha |r|`: what the Python package `implicit` takes. With values of 1 and `alpha = 1` an observed value weighs no
    /// more than an absent one.
    Proportional {
        /// Positive.
        alpha: f32,
    },
}

impl Confidence {
    /// The confidence of a value.
    #[must_use]
    pub fn of(self, value: f32) -> f32 {
        match self {
            Confidence::Linear { alpha } => 1.0 + alpha * value.abs(),
            Confidence::Logarithmic { alpha, epsilon } => 1.0 + alpha * (value.abs() / epsilon).ln_1p(),
            Confidence::Proportional { alpha } => alpha * value.abs(),
        }
    }

    /// The confidence, negative where the preference is 0.
    fn signed(self, value: f32) -> f32 {
        self.of(value).copysign(value)
    }

    fn is_valid(self) -> bool {
        let is_positive = |value: f32| value.is_finite() && value > 0.0;
        match self {
            Confidence::Linear { alpha } | Confidence::Proportional { alpha } => is_positive(alpha),
            Confidence::Logarithmic { alpha, epsilon } => is_positive(alpha) && is_positive(epsilon),
        }
    }
}

/// How the least squares problem of a user or an item is solved in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlsSolver {
    /// Exactly, by Cholesky factorisation in `f64`: cubic in the number of factors.
    Cholesky,
    /// Approximately, by a few steps of the conjugate gradient method in `f32` from the solution of the iteration before:
    /// Takács, Pilászy and Tikk: *Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering*,
    /// RecSys 2011. Quadratic in the number of factors.
    ConjugateGradient {
        /// Steps for each problem and iteration; 3 is usual.
        n_steps: usize,
    },
}

/// How an [`ImplicitAls`] is trained.
///
/// ```
/// use rec_cf::{AlsSolver, Confidence, ImplicitAlsConfig};
///
/// let config = ImplicitAlsConfig::new()
///     .with_factors(128)
///     .with_confidence(Confidence::Logarithmic { alpha: 10.0, epsilon: 1.0 })
///     .with_solver(AlsSolver::Cholesky);
/// assert_ne!(config, ImplicitAlsConfig::new());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImplicitAlsConfig {
    n_factors: usize,
    n_iterations: usize,
    lambda: f32,
    exponent: f32,
    confidence: Confidence,
    solver: AlsSolver,
    seed: u64,
    memory_limit: u64,
}

impl Default for ImplicitAlsConfig {
    fn default() -> ImplicitAlsConfig {
        ImplicitAlsConfig::new()
    }
}

impl ImplicitAlsConfig {
    /// 64 factors, 15 iterations, `lambda = 0.01`, `c = 1 + r`, three steps of conjugate gradients, seed 0.
    #[must_use]
    pub fn new() -> ImplicitAlsConfig {
        ImplicitAlsConfig {
            n_factors: 64,
            n_iterations: 15,
            lambda: 0.01,
            exponent: 0.0,
            confidence: Confidence::Linear { alpha: 1.0 },
            solver: AlsSolver::ConjugateGradient { n_steps: 3 },
            seed: 0,
            memory_limit: DEFAULT_MEMORY_LIMIT,
        }
    }

    /// The length of the vectors.
    ///
    /// # Panics
    ///
    /// There are none, or more than 4096.
    #[must_use]
    pub fn with_factors(self, n_factors: usize) -> ImplicitAlsConfig {
        assert!(
            (1..=MAX_FACTORS).contains(&n_factors),
            "{n_factors} factors, which is not from 1 to {MAX_FACTORS}"
        );
        ImplicitAlsConfig { n_factors, ..self }
    }

    /// How often the vectors of all users and then those of all items are computed. 0 leaves the vectors that training begins
    /// with.
    #[must_use]
    pub fn with_iterations(self, n_iterations: usize) -> ImplicitAlsConfig {
        ImplicitAlsConfig { n_iterations, ..self }
    }

    /// The weight `lambda` of the squared lengths of the vectors. Without it a problem may have no single solution.
    ///
    /// # Panics
    ///
    /// It is negative or not finite.
    #[must_use]
    pub fn with_regularization(self, lambda: f32) -> ImplicitAlsConfig {
        assert!(lambda.is_finite() && lambda >= 0.0, "a regularisation of {lambda}");
        ImplicitAlsConfig { lambda, ..self }
    }

    /// Regularises a user or an item of `n` values by `lambda n^exponent`. 0, the default, is Hu et al. and `implicit`; 1 is
    /// the weighted regularisation of Zhou, Wilkinson, Schreiber and Pan: *Large-scale Parallel Collaborative Filtering for the
    /// Netflix Prize*, AAIM 2008.
    ///
    /// # Panics
    ///
    /// It is not from 0 to 1.
    #[must_use]
    pub fn with_frequency_exponent(self, exponent: f32) -> ImplicitAlsConfig {
        assert!((0.0..=1.0).contains(&exponent), "an exponent of {exponent}, which is not from 0 to 1");
        ImplicitAlsConfig { exponent, ..self }
    }

    /// How far values are trusted.
    ///
    /// # Panics
    ///
    /// A number of `confidence` is not positive and finite.
    #[must_use]
    pub fn with_confidence(self, confidence: Confidence) -> ImplicitAlsConfig {
        assert!(confidence.is_valid(), "{confidence:?}");
        ImplicitAlsConfig { confidence, ..self }
    }

    /// How the problems of training are solved. Vectors of histories are always exact.
    #[must_use]
    pub fn with_solver(self, solver: AlsSolver) -> ImplicitAlsConfig {
        ImplicitAlsConfig { solver, ..self }
    }

    /// Decides the vectors that training begins with.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> ImplicitAlsConfig {
        ImplicitAlsConfig { seed, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> ImplicitAlsConfig {
        ImplicitAlsConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs for a matrix: the vectors, twice the confidences, and the Gram matrices with their parts.
    #[must_use]
    pub fn memory_estimate(&self, matrix: &InteractionMatrix) -> u64 {
        let (n_users, n_items) = (matrix.users().len(), matrix.items().len());
        memory::of_dense(n_users.saturating_add(n_items), self.n_factors, 4)
            .saturating_add(sparse::n_bytes(n_users, matrix.n_values()))
            .saturating_add(sparse::n_bytes(n_items, matrix.n_values()))
            .saturating_add(memory::of_dense(self.n_factors, self.n_factors, 20 * 8))
    }

    /// Trains from vectors that are drawn uniformly from 0 to 0.01, those of the users first, as `implicit` begins.
    ///
    /// Progress counts iterations, and has the objective ([`ImplicitAls`]) at the end of each; it is told more often where
    /// iterations are long.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit; `progress` stopped it; or a problem has no single solution, which takes a
    /// regularisation of 0 or values beyond what `f32` can weigh.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImplicitAls, Error> {
        memory::check(MODEL_NAME, self.memory_estimate(matrix), self.memory_limit)?;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut draw = |n| Factors::uniform(n, self.n_factors, (0.0, 0.01), &mut random);
        let (users, items) = (draw(matrix.users().len()), draw(matrix.items().len()));
        self.iterate(matrix, users, items, &mut progress)
    }

    /// Trains from given vectors, one row after the other: those of a model of yesterday, or somebody else's.
    ///
    /// ```
    /// use rec_cf::{ImplicitAlsConfig, InteractionMatrix, Progress, Aggregation};
    /// use rec_data::{Interaction, Interactions};
    ///
    /// let log = Interactions::new([("ann", Interaction::new("dune", 0.0)), ("bob", Interaction::new("emma", 0.0))])?;
    /// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
    /// let config = ImplicitAlsConfig::new().with_factors(2).with_iterations(1);
    /// let half = config.fit(&matrix, Progress::ignore)?;
    /// let more = config.fit_from(&matrix, half.user_factors(), half.item_factors(), Progress::ignore)?;
    /// let all = config.with_iterations(2).fit(&matrix, Progress::ignore)?;
    /// assert_eq!(more.item_factors(), all.item_factors());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](ImplicitAlsConfig::fit).
    ///
    /// # Panics
    ///
    /// The vectors have not one row per user and item.
    pub fn fit_from(
        &self,
        matrix: &InteractionMatrix,
        user_factors: &[f32],
        item_factors: &[f32],
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImplicitAls, Error> {
        memory::check(MODEL_NAME, self.memory_estimate(matrix), self.memory_limit)?;
        let check = |values: &[f32], n: usize, what: &str| {
            let n_values = n * self.n_factors;
            assert_eq!(values.len(), n_values, "values of the vectors of {n} {what}");
            Factors::new(self.n_factors, values.to_vec())
        };
        let users = check(user_factors, matrix.users().len(), "users");
        let items = check(item_factors, matrix.items().len(), "items");
        self.iterate(matrix, users, items, &mut progress)
    }

    /// Whether a config that was read is one that could have been built.
    fn is_valid(&self) -> bool {
        (1..=MAX_FACTORS).contains(&self.n_factors)
            && self.lambda.is_finite()
            && self.lambda >= 0.0
            && (0.0..=1.0).contains(&self.exponent)
            && self.confidence.is_valid()
    }
}
