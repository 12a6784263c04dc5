//! The linear model with a closed form.

use std::ops::ControlFlow;
use std::path::Path;

use rec_data::IdMap;
use serde::{Deserialize, Serialize};

use crate::co_occurrence::CoOccurrence;
use crate::error::{Error, Kind};
use crate::file::{ModelReader, ModelWriter};
use crate::linear::DenseWeights;
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::products::{Products, Sums};
use crate::progress::{Progress, Reporter};
use crate::recommender::Recommender;
use crate::tiles::{self, Tiles};

const MODEL: &str = "ease";
const TRAINING: &str = "the training of EASE";

/// How an [`Ease`] is trained.
///
/// Time is that of inverting a dense matrix, `2 n^3` operations for `n` items, whatever the number of users.
///
/// ```
/// use rec_cf::EaseConfig;
///
/// // 100,000 items: 80 GB, far above the limit.
/// assert!(EaseConfig::memory_estimate(100_000) > 80_000_000_000);
/// assert!(EaseConfig::memory_estimate(20_000) < 4_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EaseConfig {
    lambda: f64,
    memory_limit: u64,
}

impl EaseConfig {
    /// With this L2 regularisation `lambda`, on the scale of the squared values: from 100 to 1000 is usual for binary values.
    ///
    /// # Panics
    ///
    /// `lambda` is not positive and finite.
    #[must_use]
    pub fn new(lambda: f64) -> EaseConfig {
        assert!(is_valid(lambda), "a lambda of {lambda}");
        EaseConfig { lambda, memory_limit: DEFAULT_MEMORY_LIMIT }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> EaseConfig {
        EaseConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs for this many items: `4 n^2` for half of a symmetric matrix of `f64`, `4 n^2` for the
    /// weights in `f32`, and the rows at work. The model keeps the weights.
    #[must_use]
    pub fn memory_estimate(n_items: usize) -> u64 {
        memory::of_dense(n_items, n_items, 8).saturating_add(memory::of_dense(n_items, tiles::SIZE, 40))
    }

    /// Solves for the weights of a matrix.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit; `progress` stopped it; or values are so large against `lambda` that the
    /// matrix cannot be inverted.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Ease, Error> {
        let by_item = matrix.by_item();
        let products = Products::new(&by_item, matrix.by_user());
        let gram_row = |sums: &mut Sums, item: usize, row: &mut [f64]| {
            products.for_each(sums, item, |other, product| row[other] = product);
        };
        self.solve(matrix.items(), &mut progress, || products.sums(), gram_row)
    }

    /// Solves for the weights of co-occurrences, which have followed the interactions: the same model as from the matrix, bit
    /// for bit where the co-occurrences are the same.
    ///
    /// # Errors
    ///
    /// As [`fit`](EaseConfig::fit).
    pub fn fit_co_occurrence(
        &self,
        together: &CoOccurrence,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Ease, Error> {
        let gram_row = |(): &mut (), item: usize, row: &mut [f64]| {
            together.row(item).for_each(|(other, sum)| row[other] = sum);
        };
        self.solve(together.items(), &mut progress, || (), gram_row)
    }

    /// Solves for the weights of a matrix and of what the items are like: `dim` values for each item, row-major, in the order of
    /// [`items`](InteractionMatrix::items), such as the embeddings of their texts.
    ///
    /// Each of the `dim` features is as one more user, who has the items with these values times the square root of `weight`:
    /// Jeunen, Van Balen and Goethals: *Closed-Form Models for Collaborative Filtering with Side-Information*, RecSys 2020 (CEASE).
    /// Items of which there are few interactions, or none, get weights from items that are like them. A weight of 0 is
    /// [`fit`](EaseConfig::fit).
    ///
    /// ```
    /// use rec_cf::{Aggregation, EaseConfig, InteractionMatrix, Progress};
    /// use rec_data::{IdMap, Interaction, Interactions};
    ///
    /// let log = [("ann", "dune"), ("bob", "emma")].map(|(user, item)| (user, Interaction::new(item, 0.0)));
    /// let catalogue = IdMap::try_from_ids(["dune", "emma", "solaris"])?;
    /// let log = Interactions::new(log)?;
    /// let matrix = InteractionMatrix::with_items(&log, &catalogue, Aggregation::Binary)?;
    /// // Nobody has Solaris, and it is like Dune.
    /// let vectors = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    /// let model = EaseConfig::new(0.5).fit_with_vectors(&matrix, &vectors, 2, 1.0, Progress::ignore)?;
    /// let (dune, emma, solaris) = (0, 1, 2);
    /// assert!((model.weight(dune, solaris) - 1.0 / 2.5).abs() < 1e-6);
    /// assert_eq!(model.weight(emma, solaris), 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fit`](EaseConfig::fit); or a value is not finite ([`Error::is_not_finite`]).
    ///
    /// # Panics
    ///
    /// There are not `dim` values for each item, or `weight` is negative or not finite.
    pub fn fit_with_vectors(
        &self,
        matrix: &InteractionMatrix,
        vectors: &[f32],
        dim: usize,
        weight: f64,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Ease, Error> {
        let items = matrix.items();
        assert_eq!(vectors.len(), items.len() * dim, "values of {} vectors of {dim}", items.len());
        assert!(weight.is_finite() && weight >= 0.0, "a weight of {weight}");
        if let Some(at) = vectors.iter().position(|value| !value.is_finite()) {
            let item = items.id(at / dim).cloned().unwrap_or_else(|| "".into());
            return Err(Kind::NotFinite { user: None, item, value: vectors[at] }.into());
        }
        let by_item = matrix.by_item();
        let products = Products::new(&by_item, matrix.by_user());
        let vector = |item: usize| &vectors[item * dim..(item + 1) * dim];
        let gram_row = |sums: &mut Sums, item: usize, row: &mut [f64]| {
            products.for_each(sums, item, |other, product| row[other] = product);
            if weight > 0.0 {
                // The matrix is symmetric, and its lower half is what counts.
                for (other, sum) in row[..=item].iter_mut().enumerate() {
                    *sum += weight * dot(vector(item), vector(other));
                }
            }
        };
        self.solve(items, &mut progress, || products.sums(), gram_row)
    }

    /// `gram_row(scratch, item, row)` writes a row of the symmetric matrix into zeros; up to the diagonal is what counts.
    fn solve<S>(
        &self,
        items: &IdMap,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        scratch: impl Fn() -> S + Sync,
        gram_row: impl Fn(&mut S, usize, &mut [f64]) + Sync,
    ) -> Result<Ease, Error> {
        let n = items.len();
        memory::check("EASE", EaseConfig::memory_estimate(n), self.memory_limit)?;
        let write = |scratch: &mut S, item: usize, row: &mut [f64]| {
            gram_row(scratch, item, row);
            row[item] += self.lambda;
        };
        let mut gram = Tiles::from_rows(n, scratch, write);
        gram.negative_inverse(&mut Reporter::new(TRAINING, progress))?;
        // B = P / (-diag P) by columns, with zeros on the diagonal: Steck 2019, section 3.1. The minus is there already.
        let scales: Vec<f64> = (0..n).map(|item| -1.0 / gram.get(item, item)).collect();
        let weights = DenseWeights::from_rows(items, |item, row| {
            for (other, weight) in row.iter_mut().enumerate() {
                if other != item {
                    *weight = (gram.get(item, other) * scales[other]) as f32;
                }
            }
        });
        Ok(Ease { config: *self, weights })
    }
}

/// A dot product in `f64`, in eight sums that the processor can take at once, always in the same order.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let product = |(&a, &b): (&f32, &f32)| f64::from(a) * f64::from(b);
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(product).sum();
    let mut sums = [0.0; 8];
    for (a, b) in a_blocks.zip(b_blocks) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, pair)| *sum += product(pair));
    }
    sums.iter().sum::<f64>() + rest
}

fn is_valid(lambda: f64) -> bool {
    lambda.is_finite() && lambda > 0.0
}

/// EASE, the "embarrassingly shallow autoencoder": the score of item `j` is `sum_i w_i B_ij` over the events of the history,
/// where the weights `B` minimise `|X - X B|^2 + lambda |B|^2` with a diagonal of zeros.
///
/// Steck: *Embarrassingly Shallow Autoencoders for Sparse Data*, WWW 2019, section 3.1: `B_ij = -P_ij / P_jj` with
/// `P = (X' X + lambda I)^-1`. The inverse is computed in `f64`, the weights are kept in `f32`, `4 n^2` bytes for `n` items.
/// Weights may be negative: an event can speak against an item.
///
/// ```
/// use rec_cf::{Aggregation, EaseConfig, InteractionMatrix, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = EaseConfig::new(0.5).fit(&matrix, Progress::ignore)?;
///
/// // X' X + lambda I is [[2.5, 2], [2, 2.5]] for dune and solaris, and the weight 2 / 2.5.
/// let (dune, emma, solaris) = (0, 1, 2);
/// assert!((model.weight(dune, solaris) - 0.8).abs() < 1e-6);
/// assert_eq!(model.weight(dune, dune), 0.0);
/// assert_eq!(model.top_k(&[(dune, 1.0)], 1)?[0].id, "solaris");
/// assert_eq!(model.explain(&[(emma, 1.0), (dune, 1.0)], solaris).unwrap(), [0.0, model.weight(dune, solaris)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ease {
    config: EaseConfig,
    weights: DenseWeights,
}

impl Ease {
    /// `B_ij`: what an event of item `i` of weight 1 adds to the score of item `j`.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn weight(&self, i: usize, j: usize) -> f32 {
        self.weights.get(i, j)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.weights.write(ModelWriter::new(MODEL, &self.config)).save(path.as_ref())
    }

    /// Reads a model that [`save`](Ease::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Ease, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: EaseConfig = file.config()?;
        if !is_valid(config.lambda) {
            return Err(file.malformed("the config has a value out of its range"));
        }
        Ok(Ease { config, weights: DenseWeights::read(&mut file)? })
    }
}

impl Recommender for Ease {
    fn items(&self) -> &IdMap {
        self.weights.items()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        self.weights.scores(history, out);
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        Some(self.weights.explain(history, item))
    }
}
