use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rec_kernels::training::SparseMatrix;
use serde::{Deserialize, Serialize};

use crate::nn::{self, Bags, Initializer};
use crate::{FingerprintBuilder, ItemSource};

/// How large an [`EmbeddingBag`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingBagConfig {
    /// The number of terms.
    pub n_terms: usize,
    /// The number of values in a vector.
    pub dim: usize,
}

impl EmbeddingBagConfig {
    /// The terms of items and their embeddings, whose values are uniform in `±sqrt(3) * 0.02`, as those of
    /// [`ItemEmbedding`](crate::ItemEmbedding) are. An item is its `(term, weight)` pairs.
    ///
    /// # Panics
    ///
    /// There are no terms or no dimensions, or an item has a term that is not one of `n_terms`.
    #[must_use]
    pub fn init<B: IntoIterator<Item = (u32, f32)>>(
        &self,
        items: impl IntoIterator<Item = B>,
        device: &Device,
        seed: u64,
    ) -> EmbeddingBag {
        let bound = 0.02 * 3f32.sqrt();
        let weight = Initializer::new(seed, device).uniform([self.n_terms, self.dim], bound);
        let bags = Arc::new(Bags::new(SparseMatrix::new(self.n_terms, items)));
        EmbeddingBag { weight, bags }
    }
}

/// The weighted sum of the embeddings of an item's terms, `v_i = sum_t w_it E_t`, which training learns: a bag of words and pairs
/// of words (Joulin et al. 2017; StarSpace, Wu et al. 2018, learns items so). An item of no terms has the zero vector.
///
/// Beside the vectors of a language model it learns what single words are worth to those who choose: names of series, makers,
/// platforms. New items are sums of terms that training met, by [`with_items`](Self::with_items).
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{EmbeddingBagConfig, ItemSource};
///
/// // Two items that share the term 1.
/// let config = EmbeddingBagConfig { n_terms: 3, dim: 4 };
/// let items = config.init([vec![(0, 1.0), (1, 0.5)], vec![(1, 0.5)]], &Device::flex(), 1);
/// assert_eq!(items.all(2).dims(), [2, 4]);
/// let difference = items.rows(&[0]) - items.rows(&[1]);
/// let term = items.clone().with_items([vec![(0, 1.0)]]).rows(&[0]);
/// assert!((difference - term).abs().max().into_scalar::<f32>() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct EmbeddingBag {
    weight: Param<Tensor<2>>,
    #[module(skip)]
    bags: Arc<Bags>,
}

impl EmbeddingBag {
    /// The same terms, and other items.
    ///
    /// # Panics
    ///
    /// An item has a term that is not known.
    #[must_use]
    pub fn with_items<B: IntoIterator<Item = (u32, f32)>>(self, items: impl IntoIterator<Item = B>) -> Self {
        let matrix = SparseMatrix::new(self.bags.matrix().n_columns(), items);
        Self { bags: Arc::new(Bags::new(matrix)), ..self }
    }
}

impl ItemSource for EmbeddingBag {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        let (matrix, n_items) = (self.bags.matrix(), self.bags.matrix().n_rows());
        assert!(
            !rows.is_empty() && rows.iter().all(|&row| row < n_items),
            "no rows {rows:?} of {n_items} items"
        );
        let chosen = rows.iter().map(|&row| matrix.row(row).iter().copied());
        let bags = Bags::new(SparseMatrix::new(matrix.n_columns(), chosen));
        nn::sum_bags(self.weight.val(), &Arc::new(bags))
    }

    fn all(&self, n: usize) -> Tensor<2> {
        if n != self.bags.matrix().n_rows() {
            return self.rows(&(0..n).collect::<Vec<_>>());
        }
        nn::sum_bags(self.weight.val(), &self.bags)
    }

    fn dim(&self) -> usize {
        self.weight.dims()[1]
    }

    fn describe(&self) -> String {
        let (matrix, mut hash) = (self.bags.matrix(), FingerprintBuilder::default());
        for row in 0..matrix.n_rows() {
            let terms =
                matrix.row(row).iter().map(|(term, weight)| (term.to_le_bytes(), weight.to_le_bytes()));
            hash.part("item", &terms.flat_map(|(term, weight)| [term, weight].concat()).collect::<Vec<u8>>());
        }
        format!("terms {}; ", hash.finish())
    }
}
