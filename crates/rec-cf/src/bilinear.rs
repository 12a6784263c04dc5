//! From what items are like to who takes them, learned.

use std::ops::ControlFlow;
use std::path::Path;

use rayon::prelude::*;
use rec_data::{IdMap, RankedList};
use rec_kernels::{Activation, Linear, PackedLinear};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::factors::cholesky::{Cholesky, add_outer, mirror};
use crate::factors::kernel::{add_scaled, dot, vectorized};
use crate::factors::{BLOCK, Factors, MAX_FACTORS, PackedItems};
use crate::file::{ModelReader, ModelWriter};
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse;
use crate::whitening::Whitening;

const MODEL: &str = "bilinear";
const MODEL_NAME: &str = "the bilinear model";
/// Parts of the users that are summed side by side: a fixed number, so that threads do not change bits.
const PARTS: usize = 16;

/// How a [`Bilinear`] is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BilinearConfig {
    lambda_user: f64,
    lambda_item: f64,
    whitening: Option<f64>,
    memory_limit: u64,
}

impl Default for BilinearConfig {
    fn default() -> BilinearConfig {
        BilinearConfig::new()
    }
}

impl BilinearConfig {
    /// Vectors are whitened half way; the regularisations are 1000 for the side of users and 1 for that of items, which suit vectors of
    /// length 1 and tens of thousands of users.
    #[must_use]
    pub fn new() -> BilinearConfig {
        BilinearConfig {
            lambda_user: 1000.0,
            lambda_item: 1.0,
            whitening: Some(0.5),
            memory_limit: DEFAULT_MEMORY_LIMIT,
        }
    }

    /// The weight `lambda` of `|W V'|^2`, and `mu` of `|X V W|^2`; the greater, the less is learned from directions that few
    /// histories, or items, have.
    ///
    /// # Panics
    ///
    /// One of them is not positive and finite.
    #[must_use]
    pub fn with_regularization(self, lambda: f64, mu: f64) -> BilinearConfig {
        assert!(is_valid(lambda) && is_valid(mu), "regularisations of {lambda} and {mu}");
        BilinearConfig { lambda_user: lambda, lambda_item: mu, ..self }
    }

    /// How far the directions of the vectors are made to count alike: `x` becomes `L^(-power/2) E' (x - m)`, scaled to length 1,
    /// where `m` is the mean of the vectors and `E L E'` their covariance. 0 takes away the mean alone, 1 is whitening (Su, Cao, Liu
    /// and Ou: *Whitening Sentence Representations for Better Semantics and Faster Retrieval*, 2021). Embeddings of texts have most of
    /// their length in few directions, so that some of it helps.
    ///
    /// # Panics
    ///
    /// `power` is not from 0 to 1.
    #[must_use]
    pub fn with_whitening(self, power: f64) -> BilinearConfig {
        assert!((0.0..=1.0).contains(&power), "a power of {power}, which is not from 0 to 1");
        BilinearConfig { whitening: Some(power), ..self }
    }

    /// Takes the vectors as they are.
    #[must_use]
    pub fn without_whitening(self) -> BilinearConfig {
        BilinearConfig { whitening: None, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> BilinearConfig {
        BilinearConfig { memory_limit: bytes, ..self }
    }

    /// The bytes that training needs for so many items with vectors of `dim` values: the vectors four times, and square matrices.
    #[must_use]
    pub fn memory_estimate(n_items: usize, dim: usize) -> u64 {
        memory::of_dense(n_items, dim, 4 * 4).saturating_add(memory::of_dense(dim, dim, (PARTS + 6) * 8))
    }

    /// Learns from a matrix, and from `dim` values for each item, row-major, in the order of
    /// [`items`](InteractionMatrix::items), such as the embeddings of their texts. Items without values of the matrix teach nothing,
    /// and are recommended by their vectors all the same.
    ///
    /// Time: the number of users times the square of `dim`.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit; `progress` stopped it; a value of a vector is not finite
    /// ([`Error::is_not_finite`]); or values are so large against the regularisation that a matrix cannot be inverted.
    ///
    /// # Panics
    ///
    /// There are not `dim` values for each item, or `dim` is not from 1 to 4096.
    pub fn fit(
        &self,
        matrix: &InteractionMatrix,
        vectors: &[f32],
        dim: usize,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Bilinear, Error> {
        let items = matrix.items();
        let vectors = checked(items, vectors, dim)?;
        memory::check(MODEL_NAME, BilinearConfig::memory_estimate(items.len(), dim), self.memory_limit)?;
        let whitening = self.whitening.map(|power| Whitening::fit(&vectors, power)).transpose()?;
        let vectors = match &whitening {
            Some(whitening) => whitening.apply(&vectors),
            None => vectors,
        };
        let mut reporter = Reporter::new("the training of the bilinear model", &mut progress);
        let users = user_gram(matrix, &vectors, &mut reporter)?;
        // `sum_i d_i v_i v_i'`, what each item is to itself, and the same with 1 for each item that somebody has.
        let (mut own, mut known) = (vec![0.0; dim * dim], vec![0.0; dim * dim]);
        let squares = sparse::squares(&matrix.by_item());
        let taken: Vec<usize> = (0..items.len()).filter(|&item| squares[item] > 0.0).collect();
        for items in taken.chunks(BLOCK) {
            let rows: Vec<f64> =
                items.iter().flat_map(|&item| vectors.row(item)).map(|&v| v.into()).collect();
            let scaled: Vec<f64> = rows
                .chunks_exact(dim)
                .zip(items)
                .flat_map(|(row, &item)| row.iter().map(move |value| (item, value)))
                .map(|(item, value)| squares[item] * value)
                .collect();
            add_outer(&mut own, dim, &rows, &scaled);
            add_outer(&mut known, dim, &rows, &rows);
        }
        [&mut own, &mut known].into_iter().for_each(|matrix| mirror(matrix, dim));
        let mut map: Vec<f64> = users.iter().zip(&own).map(|(all, own)| all - own).collect();
        // The solution of the first has columns, of which the second takes the rows; what it gives are those of W.
        solve(&users, self.lambda_user, &mut map, dim)?;
        transpose(&mut map, dim);
        solve(&known, self.lambda_item, &mut map, dim)?;
        let map: Vec<f32> = map.into_iter().map(|value| value as f32).collect();
        match map.iter().all(|value| value.is_finite()) {
            true => Ok(Bilinear::of(*self, items.clone(), whitening, vectors, map)),
            false => Err(Kind::Unsolvable { model: MODEL_NAME }.into()),
        }
    }
}

fn is_valid(lambda: f64) -> bool {
    lambda.is_finite() && lambda > 0.0
}

fn checked(items: &IdMap, vectors: &[f32], dim: usize) -> Result<Factors, Error> {
    assert!(
        (1..=MAX_FACTORS).contains(&dim),
        "vectors of {dim} values, which is not from 1 to {MAX_FACTORS}"
    );
    assert_eq!(vectors.len(), items.len() * dim, "values of {} vectors of {dim}", items.len());
    if let Some(at) = vectors.iter().position(|value| !value.is_finite()) {
        let item = items.id(at / dim).cloned().unwrap_or_else(|| "".into());
        return Err(Kind::NotFinite { user: None, item, value: vectors[at] }.into());
    }
    Ok(Factors::new(dim, vectors.to_vec()))
}

/// `V' X' X V`: the sum over users of the outer products of the sums of their items' vectors.
fn user_gram(
    matrix: &InteractionMatrix,
    vectors: &Factors,
    reporter: &mut Reporter<'_>,
) -> Result<Vec<f64>, Error> {
    let (dim, n_users) = (vectors.n_factors(), matrix.users().len());
    let per_part = n_users.div_ceil(PARTS).next_multiple_of(BLOCK).max(BLOCK);
    let mut parts = vec![vec![0.0; dim * dim]; n_users.div_ceil(per_part)];
    let mut n_done = 0;
    // One block of every part at a time, so that one can stop in between.
    for block in 0..per_part / BLOCK {
        parts.par_iter_mut().enumerate().for_each(|(part, gram)| {
            let first = part * per_part + block * BLOCK;
            let users = first.min(n_users)..(first + BLOCK).min(n_users);
            let mut rows = Vec::with_capacity(users.len() * dim);
            let mut sum = vec![0.0; dim];
            for user in users {
                sum.fill(0.0);
                for (item, value) in matrix.row(user) {
                    add_scaled(&mut sum, value, vectors.row(item));
                }
                rows.extend(sum.iter().copied().map(f64::from));
            }
            add_outer(gram, dim, &rows, &rows);
        });
        n_done = (n_done + BLOCK * parts.len()).min(n_users);
        reporter.tell(Progress { n_done, ..Progress::new("users", n_users) })?;
    }
    let mut gram = vec![0.0; dim * dim];
    for part in parts {
        gram.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    mirror(&mut gram, dim);
    Ok(gram)
}

/// Replaces each column of `sides` by the solution for `matrix + lambda I`.
fn solve(matrix: &[f64], lambda: f64, sides: &mut [f64], dim: usize) -> Result<(), Error> {
    let mut cholesky = Cholesky::new(dim);
    cholesky.set(matrix, lambda);
    if !cholesky.factorize() {
        return Err(Kind::Unsolvable { model: MODEL_NAME }.into());
    }
    sides.chunks_exact_mut(dim).for_each(|side| cholesky.solve(side));
    Ok(())
}

fn transpose(matrix: &mut [f64], n: usize) {
    for row in 0..n {
        for column in 0..row {
            matrix.swap(row * n + column, column * n + row);
        }
    }
}

/// A learned measure of what goes with what, by what items are like: the score of item `j` is `sum_i w_i v_i' W v_j` over the
/// events of the history, where `v` are the vectors of the items, [whitened](BilinearConfig::with_whitening). It needs nobody to
/// have met an item: only its vector, such as the embedding of its text ([`with_items`](Bilinear::with_items)).
///
/// A predictive bilinear model as that of Chu and Park: *Personalized Recommendation on Dynamic Content Using Predictive Bilinear
/// Models*, WWW 2009, in the closed form of Romera-Paredes and Torr: *An Embarrassingly Simple Approach to Zero-Shot Learning*, ICML 2015,
/// equation 5. With `X` the matrix, `V` the vectors of the items that somebody has, and `D` the diagonal of `X' X`,
///
/// ```text
/// W = (V' X' X V + lambda I)^-1 V' (X' X - D) V (V' V + mu I)^-1
/// ```
///
/// is, but for `D`, the minimum of `|X - X V W V'|^2 + lambda |W V'|^2 + mu |X V W|^2 + lambda mu |W|^2`. Without `D` an item would be
/// the best reason for itself. Sums are in `f64`, `W` is kept in `f32`.
///
/// ```
/// use rec_cf::{Aggregation, BilinearConfig, InteractionMatrix, Progress, Recommender};
/// use rec_data::{IdMap, Interaction, Interactions};
///
/// // Who has a game has its guide: they have little in common, but the first value is "game" and the second "guide".
/// let log = [("ann", "game 1"), ("ann", "guide 1"), ("bob", "game 2"), ("bob", "guide 2")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let catalogue = IdMap::try_from_ids(["game 1", "game 2", "game 3", "guide 1", "guide 2", "guide 3"])?;
/// let matrix = InteractionMatrix::with_items(&log, &catalogue, Aggregation::Binary)?;
/// let vectors = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
/// let model = BilinearConfig::new().without_whitening().with_regularization(0.1, 0.1).fit(&matrix, &vectors, 2, Progress::ignore)?;
///
/// // Nobody has the third of either.
/// let (game, guide) = (2, 5);
/// let mut scores = [0.0; 6];
/// model.scores(&[(game, 1.0)], &mut scores);
/// assert!(scores[guide] > 0.1 && scores[game] < 0.1 * scores[guide]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bilinear {
    config: BilinearConfig,
    items: IdMap,
    whitening: Option<Whitening>,
    vectors: Factors,
    /// `W`, row-major.
    map: Vec<f32>,
    /// `W v_j` for each item.
    mapped: Factors,
    packed: PackedItems,
}

impl Bilinear {
    /// The vectors are whitened already.
    fn of(
        config: BilinearConfig,
        items: IdMap,
        whitening: Option<Whitening>,
        vectors: Factors,
        map: Vec<f32>,
    ) -> Bilinear {
        let dim = vectors.n_factors();
        let mut turned = vec![0.0; map.len()];
        for (row, values) in map.chunks_exact(dim).enumerate() {
            values.iter().enumerate().for_each(|(column, &value)| turned[column * dim + row] = value);
        }
        let mut mapped = vec![0.0; vectors.values().len()];
        PackedLinear::new(&Linear { weight: &turned, bias: None }, dim, dim).forward(
            vectors.values(),
            Activation::Identity,
            &mut mapped,
        );
        let (mapped, packed) = (Factors::new(dim, mapped), PackedItems::default());
        Bilinear { config, items, whitening, vectors, map, mapped, packed }
    }

    /// The same measure on other items, known or new: those of tomorrow's catalogue.
    ///
    /// ```
    /// # use rec_cf::{Aggregation, BilinearConfig, InteractionMatrix, Progress, Recommender};
    /// # use rec_data::{IdMap, Interaction, Interactions};
    /// let log = [("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "c")];
    /// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
    /// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
    /// let config = BilinearConfig::new().with_regularization(1.0, 1.0);
    /// let model = config.fit(&matrix, &[1.0, 0.0, 0.6, 0.8, 0.0, 1.0], 2, Progress::ignore)?;
    ///
    /// let tomorrow = model.with_items(IdMap::try_from_ids(["a", "new"])?, &[1.0, 0.0, 0.6, 0.8])?;
    /// let (mut known, mut new) = ([0.0; 3], [0.0; 2]);
    /// model.scores(&[(0, 1.0)], &mut known);
    /// tomorrow.scores(&[(0, 1.0)], &mut new);
    /// assert_eq!(known[1], new[1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A value is not finite ([`Error::is_not_finite`]).
    ///
    /// # Panics
    ///
    /// There are not as many values as in training for each item.
    pub fn with_items(&self, items: IdMap, vectors: &[f32]) -> Result<Bilinear, Error> {
        let vectors = checked(&items, vectors, self.dim())?;
        let vectors = match &self.whitening {
            Some(whitening) => whitening.apply(&vectors),
            None => vectors,
        };
        Ok(Bilinear::of(self.config, items, self.whitening.clone(), vectors, self.map.clone()))
    }

    /// The length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.vectors.n_factors()
    }

    /// The vectors of the items as they are compared, one row after the other: whitened if the config says so.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        self.vectors.values()
    }

    /// `W`, row-major.
    #[must_use]
    pub fn map(&self) -> &[f32] {
        &self.map
    }

    fn user_vector(&self, history: &[(usize, f32)], out: &mut [f32]) {
        out.fill(0.0);
        for &(item, weight) in history {
            assert!(item < self.items.len(), "the history has item {item} of {}", self.items.len());
            add_scaled(out, weight, self.vectors.row(item));
        }
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let (mean, whitening) = match &self.whitening {
            Some(whitening) => (&whitening.mean[..], &whitening.map[..]),
            None => (&[][..], &[][..]),
        };
        ModelWriter::new(MODEL, &(self.config, self.dim()))
            .ids("items", &self.items)
            .array("mean", mean)
            .array("whitening", whitening)
            .array("vectors", self.vectors.values())
            .array("map", &self.map)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](Bilinear::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<Bilinear, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let (config, dim): (BilinearConfig, usize) = file.config()?;
        if !is_valid(config.lambda_user) || !is_valid(config.lambda_item) || !(1..=MAX_FACTORS).contains(&dim)
        {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let items = file.ids("items")?;
        let n = if config.whitening.is_some() { dim } else { 0 };
        let (mean, whitening) = (file.finite("mean", n)?, file.finite("whitening", n * dim)?);
        let whitening = config.whitening.map(|_| Whitening { mean, map: whitening });
        let vectors = Factors::new(dim, file.finite("vectors", items.len().saturating_mul(dim))?);
        let map = file.finite("map", dim * dim)?;
        Ok(Bilinear::of(config, items, whitening, vectors, map))
    }
}

impl Recommender for Bilinear {
    fn items(&self) -> &IdMap {
        &self.items
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        check_shapes(self.items.len(), history, out);
        let mut vector = vec![0.0; self.dim()];
        self.user_vector(history, &mut vector);
        self.packed.scores(&self.mapped, None, &vector, out);
    }

    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        check_explained(self.items.len(), history, item);
        let mapped = self.mapped.row(item);
        let part = |&(seen, weight): &(usize, f32)| {
            weight
                * vectorized(
                    #[inline(always)]
                    || dot(self.vectors.row(seen), mapped),
                )
        };
        Some(history.iter().map(part).collect())
    }

    /// In blocks of users and items, by the same scores as one user at a time, bit for bit.
    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        self.packed.top_k(
            &self.items,
            (&self.mapped, None),
            histories.len(),
            |user, out| self.user_vector(&histories[user], out),
            |user| histories[user].iter().map(|&(item, _)| item).collect(),
            k,
        )
    }
}
