//! Matrix factorisation by Bayesian personalised ranking.

mod blocks;
mod fold_in;
mod model;
mod sequential;
mod sgd;

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::blocks::Blocks;
use self::sequential::Sequential;
use self::sgd::{ItemRows, Step, Told};
use crate::error::{Error, Kind};
use crate::factors::{Factors, MAX_FACTORS};
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::sparse::{self, Sparse};

pub use model::Bpr;

const MODEL_NAME: &str = "BPR";
const TRAINING: &str = "the training of BPR";

/// What an item that a user has is compared with in training: one that the user has not, drawn again while it is one that the
/// user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Negatives {
    /// Each item as likely as any other: Rendle et al., section 4.1.
    #[default]
    Uniform,
    /// An item with `n` values `n` times as likely as one with a value: as the Python package `implicit` draws, which however
    /// takes no step where the user has it.
    Popular,
}

/// In what order the steps of an epoch are taken. Either gives the same bits for any number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// One after the other, each for a value that is drawn from all with replacement: LearnBPR of Rendle et al., figure 4, on
    /// one thread.
    Sequential,
    /// In 16 by 16 blocks of users and items, up to 16 at once: Gemulla, Nijkamp, Haas and Sismanis: *Large-Scale Matrix
    /// Factorization with Distributed Stochastic Gradient Descent*, KDD 2011. A block takes as many steps as it has values, for
    /// values drawn with replacement, and compares items of the block only; each epoch divides the items anew at random.
    /// Faster on one thread, too, as blocks fit into the caches.
    #[default]
    Blocks,
}

/// How a [`Bpr`] is trained.
///
/// ```
/// use rec_cf::{BprConfig, Negatives, Schedule};
///
/// // As the Python package implicit trains, but in a fixed order.
/// let config = BprConfig::new()
///     .with_factors(100)
///     .with_learning_rate(0.01)
///     .with_negatives(Negatives::Popular)
///     .with_schedule(Schedule::Sequential);
/// assert_ne!(config, BprConfig::new());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BprConfig {
    n_factors: usize,
    n_epochs: usize,
    learning_rate: f32,
    lambda: f32,
    item_bias: bool,
    negatives: Negatives,
    schedule: Schedule,
    seed: u64,
    memory_limit: u64,
}

impl Default for BprConfig {
    fn default() -> BprConfig {
        BprConfig::new()
    }
}

impl BprConfig {
    /// 64 factors and item biases, 100 epochs with a learning rate of 0.05 and `lambda = 0.01`, uniform negatives, blocks, seed 0.
    #[must_use]
    pub fn new() -> BprConfig {
        BprConfig {
            n_factors: 64,
            n_epochs: 100,
            learning_rate: 0.05,
            lambda: 0.01,
            item_bias: true,
            negatives: Negatives::default(),
            schedule: Schedule::default(),
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
    pub fn with_factors(self, n_factors: usize) -> BprConfig {
        assert!(
            (1..=MAX_FACTORS).contains(&n_factors),
            "{n_factors} factors, which is not from 1 to {MAX_FACTORS}"
        );
        BprConfig { n_factors, ..self }
    }

    /// How often there are as many steps as the matrix has values.
    #[must_use]
    pub fn with_epochs(self, n_epochs: usize) -> BprConfig {
        BprConfig { n_epochs, ..self }
    }

    /// The length of a step.
    ///
    /// # Panics
    ///
    /// It is not positive and finite.
    #[must_use]
    pub fn with_learning_rate(self, learning_rate: f32) -> BprConfig {
        assert!(learning_rate.is_finite() && learning_rate > 0.0, "a learning rate of {learning_rate}");
        BprConfig { learning_rate, ..self }
    }

    /// The weight `lambda` of the squares of all that a step touches.
    ///
    /// # Panics
    ///
    /// It is negative or not finite.
    #[must_use]
    pub fn with_regularization(self, lambda: f32) -> BprConfig {
        assert!(lambda.is_finite() && lambda >= 0.0, "a regularisation of {lambda}");
        BprConfig { lambda, ..self }
    }

    /// Whether items have biases, which score alike for everybody.
    #[must_use]
    pub fn with_item_bias(self, item_bias: bool) -> BprConfig {
        BprConfig { item_bias, ..self }
    }

    /// What items are compared with.
    #[must_use]
    pub fn with_negatives(self, negatives: Negatives) -> BprConfig {
        BprConfig { negatives, ..self }
    }

    /// In what order steps are taken.
    #[must_use]
    pub fn with_schedule(self, schedule: Schedule) -> BprConfig {
        BprConfig { schedule, ..self }
    }

    /// Decides the vectors that training begins with and all draws.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> BprConfig {
        BprConfig { seed, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> BprConfig {
        BprConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs for a matrix: the vectors, those of the items twice, and up to 28 for each value.
    #[must_use]
    pub fn memory_estimate(&self, matrix: &InteractionMatrix) -> u64 {
        let (n_users, n_items) = (matrix.users().len(), matrix.items().len());
        memory::of_dense(n_users.saturating_add(2 * n_items), self.n_factors.saturating_add(1), 4)
            .saturating_add(memory::of(matrix.n_values(), 28))
            .saturating_add(memory::of(n_items, 24))
    }

    /// Trains from vectors and biases that are drawn uniformly from `-1 / (2 n_factors)` to `1 / (2 n_factors)`, as `implicit`
    /// begins; items without values have zeros and keep them. All positive values of the matrix count alike, others are
    /// absent.
    ///
    /// Progress counts epochs, and its objective is the mean of `-ln sigma(x_ui - x_uj)` over the triples of the epoch, each
    /// before its step and at most 43.7, without the regularisation.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit; `progress` stopped it; or steps are so long that the vectors overflow.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Bpr, Error> {
        memory::check(MODEL_NAME, self.memory_estimate(matrix), self.memory_limit)?;
        let values = positive(matrix.by_user());
        let (mut users, mut items) = self.start(&values);
        let mut epochs = Epochs::new(self, &values);
        let mut reporter = Reporter::new(TRAINING, &mut progress);
        for n_done in 1..=self.n_epochs {
            let told = epochs.next(self, (&mut users, &mut items));
            let objective = told.mean();
            if !objective.is_finite() {
                return Err(Kind::Diverged { model: MODEL_NAME, n_done }.into());
            }
            let (objective, n_total) = (Some(objective), self.n_epochs);
            reporter.tell(Progress { n_done, objective, ..Progress::new("epochs", n_total) })?;
        }
        let all = users.values().iter().chain(&items.vectors).chain(&items.biases);
        if !all.copied().all(f32::is_finite) {
            return Err(Kind::Diverged { model: MODEL_NAME, n_done: self.n_epochs }.into());
        }
        let factors = (users, Factors::new(self.n_factors, items.vectors));
        Ok(Bpr::new(*self, (matrix.users().clone(), matrix.items().clone()), factors, items.biases))
    }

    /// The vectors of the users first, as all is drawn from one stream.
    fn start(&self, values: &Sparse) -> (Factors, ItemRows) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        // The streams of the epochs begin with 0.
        random.set_stream(u64::MAX);
        let half = 0.5 / self.n_factors as f32;
        let mut draw = |n_rows, n| Factors::uniform(n_rows, n, (-half, half), &mut random);
        let mut users = draw(values.rows(), self.n_factors);
        let mut items = draw(values.cols(), self.n_factors);
        let mut biases = match self.item_bias {
            true => draw(values.cols(), 1).values().to_vec(),
            false => vec![0.0; values.cols()],
        };
        for user in (0..values.rows()).filter(|&user| sparse::row(values, user).0.is_empty()) {
            users.row_mut(user).fill(0.0);
        }
        let mut has_values = vec![false; values.cols()];
        values.indices().iter().for_each(|&item| has_values[item as usize] = true);
        for item in (0..values.cols()).filter(|&item| !has_values[item]) {
            items.row_mut(item).fill(0.0);
            biases[item] = 0.0;
        }
        (users, ItemRows { vectors: items.values().to_vec(), biases })
    }

    /// Whether a config that was read is one that could have been built.
    fn is_valid(&self) -> bool {
        let is_valid = |value: f32| value.is_finite() && value >= 0.0;
        (1..=MAX_FACTORS).contains(&self.n_factors) && is_valid(self.lambda) && is_valid(self.learning_rate)
    }
}

/// The positive values.
fn positive(matrix: &Sparse) -> Sparse {
    let of_user = |user| {
        let entries = sparse::entries(matrix, user).filter(|&(_, value)| value > 0.0);
        entries.map(|(item, value)| (item as u32, value)).collect()
    };
    let rows: Vec<Vec<(u32, f32)>> = (0..matrix.rows()).map(of_user).collect();
    sparse::from_rows(matrix.cols(), &rows)
}

/// One epoch after the other.
enum Epochs<'a> {
    Sequential(Sequential<'a>, Box<ChaCha8Rng>),
    Blocks(Blocks<'a>),
}

impl<'a> Epochs<'a> {
    fn new(config: &BprConfig, values: &'a Sparse) -> Epochs<'a> {
        match config.schedule {
            Schedule::Sequential => {
                Epochs::Sequential(Sequential::new(values), Box::new(ChaCha8Rng::seed_from_u64(config.seed)))
            }
            Schedule::Blocks => Epochs::Blocks(Blocks::new(values, config.seed)),
        }
    }

    fn next(&mut self, config: &BprConfig, factors: (&mut Factors, &mut ItemRows)) -> Told {
        let step = Step { rate: config.learning_rate, lambda: config.lambda, bias: config.item_bias };
        match self {
            Epochs::Sequential(epochs, random) => epochs.epoch(factors, step, config.negatives, random),
            Epochs::Blocks(epochs) => epochs.epoch(factors, step, config.negatives),
        }
    }
}
