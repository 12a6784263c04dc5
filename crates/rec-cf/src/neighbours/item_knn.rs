//! Items like those of the history.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use rec_data::{IdMap, RankedList, TopK};

use super::KnnConfig;
use super::similarity::{Similarity, Weigher, Weighting};
use crate::co_occurrence::CoOccurrence;
use crate::error::Error;
use crate::file::{ModelReader, ModelWriter};
use crate::lists::Lists;
use crate::matrix::InteractionMatrix;
use crate::products::Products;
use crate::progress::{Progress, Reporter};
use crate::recommender::{Recommender, check_explained, check_shapes};
use crate::sparse::{self, Sparse};

const MODEL: &str = "item_knn";
const TRAINING: &str = "the training of item kNN";

/// Item-based nearest neighbours: the score of item `j` is `sum_i w_i s_ij` over the events of the history, where `s_ij` is the
/// similarity of items `i` and `j` if `i` is among the `k` nearest neighbours of `j`, and 0 otherwise.
///
/// Sarwar, Karypis, Konstan and Riedl: *Item-Based Collaborative Filtering Recommendation Algorithms*, WWW 2001; the form
/// for implicit feedback is that of Deshpande and Karypis: *Item-Based Top-N Recommendation Algorithms*, TOIS 22(1), 2004. Ties
/// of similarities (as `f32`) go to the smaller id; an item is no neighbour of itself.
///
/// ```
/// use rec_cf::{Aggregation, InteractionMatrix, KnnConfig, Progress, Recommender};
/// use rec_data::{Interaction, Interactions};
///
/// let log = [("ann", "dune"), ("ann", "solaris"), ("bob", "dune"), ("bob", "solaris"), ("bob", "emma"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let model = KnnConfig::new(2).fit_items(&matrix, Progress::ignore)?;
///
/// let (dune, emma, solaris) = (0, 1, 2);
/// assert_eq!(model.similarity(dune, solaris), (2.0 / (2f64.sqrt() * 2f64.sqrt() + 1e-6)) as f32);
/// let history = [(emma, 1.0), (dune, 0.5)];
/// let why = model.explain(&history, solaris).unwrap();
/// assert_eq!(why, [model.similarity(emma, solaris), 0.5 * model.similarity(dune, solaris)]);
/// assert_eq!(model.top_k(&history, 1)?[0].score, why[0] + why[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ItemKnn {
    config: KnnConfig,
    items: IdMap,
    /// A row for each item of a history, a column for each item that is scored.
    weights: Sparse,
    lists: Lists,
}

impl ItemKnn {
    pub(super) fn fit(
        config: &KnnConfig,
        matrix: &InteractionMatrix,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ItemKnn, Error> {
        let (by_user, by_item) = weighted(config, matrix);
        let own: Vec<f64> =
            sparse::squares(&by_item).into_iter().map(|square| config.similarity.own(square)).collect();
        let (n_items, products) = (matrix.items().len(), Products::new(&by_item, &by_user));
        let lists = Reporter::new(TRAINING, progress).rows(
            "items",
            n_items,
            || products.sums(),
            |sums, item| {
                let mut nearest = Nearest::new(config, item, &own);
                products.for_each(sums, item, |other, product| nearest.offer(other, product));
                nearest.into_list()
            },
        )?;
        Ok(ItemKnn::of(config, matrix.items(), &lists))
    }

    pub(super) fn fit_co_occurrence(
        config: &KnnConfig,
        together: &CoOccurrence,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ItemKnn, Error> {
        let n_items = together.items().len();
        let own: Vec<f64> =
            (0..n_items).map(|item| config.similarity.own(together.value(item, item))).collect();
        let lists = Reporter::new(TRAINING, progress).rows(
            "items",
            n_items,
            || (),
            |(), item| {
                let mut nearest = Nearest::new(config, item, &own);
                together.row(item).for_each(|(other, product)| nearest.offer(other, product));
                nearest.into_list()
            },
        )?;
        Ok(ItemKnn::of(config, together.items(), &lists))
    }

    fn of(config: &KnnConfig, items: &IdMap, lists: &[Vec<(u32, f32)>]) -> ItemKnn {
        let weights = sparse::transposed(&sparse::from_rows(items.len(), lists));
        ItemKnn { config: *config, items: items.clone(), weights, lists: Lists::default() }
    }

    /// The similarity of an item to its neighbour; 0 if the neighbour is not one of the `k` nearest of the item.
    ///
    /// # Panics
    ///
    /// One of them is no item.
    #[must_use]
    pub fn similarity(&self, neighbour: usize, item: usize) -> f32 {
        let n_items = self.items.len();
        assert!(item < n_items && neighbour < n_items, "items {neighbour} and {item} of {n_items}");
        self.weights.get(neighbour, item).copied().unwrap_or(0.0)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        ModelWriter::new(MODEL, &self.config)
            .ids("items", &self.items)
            .sparse("weights", &self.weights)
            .save(path.as_ref())
    }

    /// Reads a model that [`save`](ItemKnn::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or holds another model.
    pub fn load(path: impl AsRef<Path>) -> Result<ItemKnn, Error> {
        let mut file = ModelReader::open(path.as_ref(), MODEL)?;
        let config: KnnConfig = file.config()?;
        if !config.is_valid() {
            return Err(file.malformed("the config has a value out of its range"));
        }
        let items = file.ids("items")?;
        let weights = file.sparse("weights", (items.len(), items.len()))?;
        Ok(ItemKnn { config, items, weights, lists: Lists::default() })
    }
}

/// The values by user and by item, weighted. Where weighting changes nothing they are those of the matrix.
fn weighted<'a>(config: &KnnConfig, matrix: &'a InteractionMatrix) -> (Cow<'a, Sparse>, Sparse) {
    let by_item = matrix.by_item();
    if config.weighting == Weighting::None && config.similarity != Similarity::Jaccard {
        return (Cow::Borrowed(matrix.by_user()), by_item);
    }
    let by_item = Weigher::new(config.similarity, config.weighting, &by_item).weigh_all(&by_item);
    (Cow::Owned(sparse::transposed(&by_item)), by_item)
}

/// The nearest neighbours of an item.
struct Nearest<'a> {
    config: &'a KnnConfig,
    item: usize,
    own: &'a [f64],
    top: TopK<u32>,
}

impl<'a> Nearest<'a> {
    fn new(config: &'a KnnConfig, item: usize, own: &'a [f64]) -> Nearest<'a> {
        Nearest { config, item, own, top: TopK::new(config.k) }
    }

    fn offer(&mut self, other: usize, product: f64) {
        let KnnConfig { similarity, shrinkage, .. } = *self.config;
        let similarity = similarity.of(product, self.own[other], self.own[self.item], shrinkage);
        let similarity = similarity.min(f32::MAX.into()) as f32;
        if other != self.item && similarity > 0.0 && self.top.would_enter(similarity) {
            // A similarity above 0 is not NaN.
            let _ = self.top.push(similarity, other as u32);
        }
    }

    /// In the order of their rows.
    fn into_list(self) -> Vec<(u32, f32)> {
        let nearest = self.top.into_sorted().into_iter();
        let mut list: Vec<(u32, f32)> = nearest.map(|(similarity, row)| (row, similarity)).collect();
        list.sort_unstable_by_key(|&(row, _)| row);
        list
    }
}

impl Recommender for ItemKnn {
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
        Some(history.iter().map(|&(seen, weight)| weight * self.similarity(seen, item)).collect())
    }

    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        self.lists.top_k(&self.weights, &self.items, histories, k)
    }
}
