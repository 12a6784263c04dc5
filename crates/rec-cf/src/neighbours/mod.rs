//! Recommendations from items, or users, that are alike.

mod item_knn;
mod similarity;
mod user_knn;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::co_occurrence::CoOccurrence;
use crate::error::Error;
use crate::matrix::InteractionMatrix;
use crate::memory::{self, DEFAULT_MEMORY_LIMIT};
use crate::progress::Progress;
use crate::sparse;

pub use item_knn::ItemKnn;
pub use similarity::{Similarity, Weighting};
pub use user_knn::UserKnn;

/// Which neighbours there are, for [`ItemKnn`] and [`UserKnn`].
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix, KnnConfig, Progress, Recommender, Similarity, Weighting};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("bob", "emma"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
///
/// let config = KnnConfig::new(20).with_similarity(Similarity::Jaccard).with_shrinkage(1.0);
/// let model = config.fit_items(&matrix, Progress::ignore)?;
/// // Two users have both, two have one of them; then the shrinkage and 10^-6.
/// assert_eq!(model.similarity(0, 2), (2.0 / (2.0 + 1.0 + 1e-6)) as f32);
/// assert_eq!(model.top_k(&[(0, 1.0)], 1)?[0].id, "solaris");
///
/// let config = KnnConfig::new(20).with_weighting(Weighting::TfIdf);
/// assert_eq!(config.fit_users(&matrix, Progress::ignore)?.top_k(&[(0, 1.0)], 1)?[0].id, "solaris");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnnConfig {
    k: usize,
    similarity: Similarity,
    weighting: Weighting,
    shrinkage: f64,
    memory_limit: u64,
}

impl KnnConfig {
    /// The `k` nearest neighbours by cosine, without weighting and shrinkage.
    #[must_use]
    pub fn new(k: usize) -> KnnConfig {
        KnnConfig {
            k,
            similarity: Similarity::Cosine,
            weighting: Weighting::None,
            shrinkage: 0.0,
            memory_limit: DEFAULT_MEMORY_LIMIT,
        }
    }

    /// Says what makes two items, or users, similar.
    #[must_use]
    pub fn with_similarity(self, similarity: Similarity) -> KnnConfig {
        KnnConfig { similarity, ..self }
    }

    /// Weighs the values before they are compared.
    ///
    /// # Panics
    ///
    /// `k1` or `b` of [`Weighting::Bm25`] is negative or not finite, or `b` is above 1.
    #[must_use]
    pub fn with_weighting(self, weighting: Weighting) -> KnnConfig {
        assert!(weighting.is_valid(), "{weighting:?} has a parameter out of its range");
        KnnConfig { weighting, ..self }
    }

    /// Adds a number to the denominator of the similarity, so that few common users (or items) make less of it.
    ///
    /// # Panics
    ///
    /// `shrinkage` is negative or not finite.
    #[must_use]
    pub fn with_shrinkage(self, shrinkage: f64) -> KnnConfig {
        assert!(shrinkage.is_finite() && shrinkage >= 0.0, "a shrinkage of {shrinkage}");
        KnnConfig { shrinkage, ..self }
    }

    /// Refuses to train if that needs more bytes than this.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> KnnConfig {
        KnnConfig { memory_limit: bytes, ..self }
    }

    /// Finds the neighbours of all items.
    ///
    /// Time: the sum over users of the squared number of their items.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit, or `progress` stopped it.
    pub fn fit_items(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ItemKnn, Error> {
        memory::check("item kNN", self.memory_estimate_items(matrix), self.memory_limit)?;
        ItemKnn::fit(self, matrix, &mut progress)
    }

    /// Finds the neighbours of all items from their co-occurrences: the same model, bit for bit, as from the matrix.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit, or `progress` stopped it.
    ///
    /// # Panics
    ///
    /// There is a weighting, which co-occurrences do not have; or the similarity is [`Similarity::Jaccard`] and the
    /// co-occurrences are of values other than 1.
    pub fn fit_co_occurrence(
        &self,
        together: &CoOccurrence,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ItemKnn, Error> {
        assert!(self.weighting == Weighting::None, "{:?} of co-occurrences", self.weighting);
        assert!(
            self.similarity != Similarity::Jaccard || together.is_binary(),
            "Jaccard of co-occurrences of values other than 1"
        );
        memory::check("item kNN", self.lists_estimate(together.items().len()), self.memory_limit)?;
        ItemKnn::fit_co_occurrence(self, together, &mut progress)
    }

    /// Prepares the index in which the neighbours of a history are looked up when it comes.
    ///
    /// # Errors
    ///
    /// It would need more memory than the limit, or `progress` stopped it.
    pub fn fit_users(
        &self,
        matrix: &InteractionMatrix,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<UserKnn, Error> {
        memory::check("user kNN", self.memory_estimate_users(matrix), self.memory_limit)?;
        UserKnn::fit(self, matrix, &mut progress)
    }

    /// An upper bound of the bytes that [`fit_items`](KnnConfig::fit_items) needs: two copies of the weighted matrix and 4 bytes
    /// for each of its values, two copies of `k` neighbours of 8 bytes for each item. The first lists for many users
    /// ([`top_k_batch`](crate::Recommender::top_k_batch)) keep 12 bytes for each neighbour and need 24 for a while.
    #[must_use]
    pub fn memory_estimate_items(&self, matrix: &InteractionMatrix) -> u64 {
        let n_items = matrix.items().len();
        let weighted = sparse::n_bytes(n_items.max(matrix.users().len()), matrix.n_values());
        let places = memory::of(matrix.n_values(), size_of::<u32>());
        self.lists_estimate(n_items).saturating_add(weighted.saturating_mul(2)).saturating_add(places)
    }

    /// The bytes that [`fit_users`](KnnConfig::fit_users) needs: two copies of the matrix and one that is weighted.
    #[must_use]
    pub fn memory_estimate_users(&self, matrix: &InteractionMatrix) -> u64 {
        let n_rows = matrix.items().len().max(matrix.users().len());
        sparse::n_bytes(n_rows, matrix.n_values()).saturating_mul(3)
    }

    fn lists_estimate(&self, n_items: usize) -> u64 {
        let per_thread = memory::of(n_items, 9).saturating_mul(rayon::current_num_threads() as u64);
        memory::of_dense(n_items, self.k.min(n_items), 16).saturating_add(per_thread)
    }

    fn is_valid(&self) -> bool {
        self.weighting.is_valid() && self.shrinkage.is_finite() && self.shrinkage >= 0.0
    }
}
