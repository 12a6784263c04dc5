use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::nn::Initializer;
use crate::{FingerprintBuilder, HistoryBatch, VectorTable};

/// Where a model takes item rows from while it is trained: a frozen table, a trainable embedding, a live encoder, or several.
///
/// A row is a row of the id map that histories are looked up with. A pair of sources is a source: their vectors side by side.
/// [`Sum`] adds them. The same source gives the history's items and the candidates, so both live in one space.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, FrozenItems, HistoryBatch, ItemEmbeddingConfig, ItemSource, VectorTable};
/// use rec_data::{History, days};
///
/// let device = Device::flex();
/// let text = VectorTable::from_rows(Fingerprint::declared("text"), [("a", [1.0, 2.0]), ("b", [3.0, 4.0])])?;
/// let histories = HistoryBatch::new(&text, &[History::from_iter([("b", days(1))])], &device);
///
/// let ids = ItemEmbeddingConfig { n_items: 2, dim: 3 }.init(&device, 1);
/// let source = (FrozenItems::new(text, &device), ids); // text, and beside it what is learned of each item
/// assert_eq!(source.dim(), 5);
/// let histories = source.look_up(&histories);
/// assert_eq!(histories.items().dims(), [1, 1, 5]);
/// assert_eq!(source.rows(&[1, 1, 0]).dims(), [3, 5]);
/// # Ok::<(), rec_core::Error>(())
/// ```
pub trait ItemSource {
    /// The vectors of rows, `[n, dim]`, in their order; rows may repeat.
    ///
    /// # Panics
    ///
    /// There are no rows, or the source does not have one of them.
    fn rows(&self, rows: &[usize]) -> Tensor<2>;

    /// The vectors of the first `n` rows, which a source may have at hand.
    ///
    /// # Panics
    ///
    /// As [`rows`](Self::rows).
    fn all(&self, n: usize) -> Tensor<2> {
        self.rows(&(0..n).collect::<Vec<_>>())
    }

    /// The number of values in a vector.
    fn dim(&self) -> usize;

    /// What the vectors depend on besides parameters: a fingerprint of it, or nothing.
    fn describe(&self) -> String {
        String::new()
    }

    /// The same histories with this source's vectors. Each distinct item is asked for once; padding gets zeros.
    ///
    /// # Panics
    ///
    /// The source does not have an item of a history.
    fn look_up(&self, histories: &HistoryBatch) -> HistoryBatch {
        let ([batch, len, _], device) = (histories.items().dims(), histories.items().device());
        let mut places = HashMap::new();
        let mut distinct = Vec::new();
        let mut at = vec![0i64; batch * len];
        for (b, events) in histories.rows().iter().enumerate() {
            for (i, &row) in events.iter().enumerate() {
                at[b * len + i] = *places.entry(row).or_insert_with(|| {
                    distinct.push(row);
                    distinct.len() as i64 - 1
                });
            }
        }
        if distinct.is_empty() {
            return histories.clone().with_vectors(Tensor::zeros([batch, len, self.dim()], &device));
        }
        let at = Tensor::<1, Int>::from_data(TensorData::new(at, [batch * len]), &device);
        let vectors = self.rows(&distinct).select(0, at).reshape([batch, len, self.dim()]);
        let zeroed = histories.clone().with_vectors(vectors).items().zero_padded();
        histories.clone().with_vectors(zeroed)
    }
}

/// The vectors of a table, which training leaves as they are.
///
/// As a burn module it has no parameters. The table stays on the host; rows go to the device as they are asked for, and
/// [all of them](ItemSource::all) once.
#[derive(Module, Debug)]
pub struct FrozenItems {
    #[module(skip)]
    table: Arc<VectorTable>,
    #[module(skip)]
    device: Device,
    #[module(skip)]
    whole: Arc<OnceLock<Tensor<2>>>,
}

impl FrozenItems {
    /// A table, whose rows are wanted on a device.
    #[must_use]
    pub fn new(table: VectorTable, device: &Device) -> Self {
        Self { table: Arc::new(table), device: device.clone(), whole: Arc::default() }
    }
}

impl ItemSource for FrozenItems {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        self.table.gather(rows, &self.device)
    }

    fn all(&self, n: usize) -> Tensor<2> {
        if n != self.table.len() {
            return self.rows(&(0..n).collect::<Vec<_>>());
        }
        self.whole.get_or_init(|| self.rows(&(0..n).collect::<Vec<_>>())).clone()
    }

    fn dim(&self) -> usize {
        self.table.dim()
    }

    fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        for row in 0..self.table.len() {
            hash.part("row", &self.table.row(row).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        }
        format!("vectors {} of {}; ", hash.finish(), self.table.space())
    }
}

/// How large an [`ItemEmbedding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemEmbeddingConfig {
    /// The number of items.
    pub n_items: usize,
    /// The number of values in a vector.
    pub dim: usize,
}

impl ItemEmbeddingConfig {
    /// An embedding with values uniform in `±sqrt(3) * 0.02`, whose standard deviation is 0.02.
    ///
    /// # Panics
    ///
    /// There are no items or no dimensions.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> ItemEmbedding {
        let bound = 0.02 * 3f32.sqrt();
        ItemEmbedding { weight: Initializer::new(seed, device).uniform([self.n_items, self.dim], bound) }
    }
}

/// A vector an item that training learns, whatever the item's text says. New items have none.
#[derive(Module, Debug)]
pub struct ItemEmbedding {
    weight: Param<Tensor<2>>,
}

impl ItemSource for ItemEmbedding {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        let weight = self.weight.val();
        let n_items = weight.dims()[0];
        assert!(
            !rows.is_empty() && rows.iter().all(|&row| row < n_items),
            "no rows {rows:?} of {n_items} items"
        );
        let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let n = rows.len();
        let device = weight.device();
        weight.select(0, Tensor::from_data(TensorData::new(rows, [n]), &device))
    }

    fn all(&self, n: usize) -> Tensor<2> {
        let weight = self.weight.val();
        let [n_items, d] = weight.dims();
        assert!(n > 0 && n <= n_items, "the first {n} rows of {n_items} items");
        if n == n_items { weight } else { weight.slice([0..n, 0..d]) }
    }

    fn dim(&self) -> usize {
        self.weight.dims()[1]
    }
}

/// Two sources side by side: `[a; b]`.
impl<A: ItemSource, B: ItemSource> ItemSource for (A, B) {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        Tensor::cat(vec![self.0.rows(rows), self.1.rows(rows)], 1)
    }

    fn all(&self, n: usize) -> Tensor<2> {
        Tensor::cat(vec![self.0.all(n), self.1.all(n)], 1)
    }

    fn dim(&self) -> usize {
        self.0.dim() + self.1.dim()
    }

    fn describe(&self) -> String {
        self.0.describe() + &self.1.describe()
    }
}

/// Two sources added: `a + b`, as UniSRec adds item embeddings to adapted texts in its transductive setting (Hou et al.,
/// KDD 2022).
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{ItemEmbeddingConfig, ItemSource, Sum};
///
/// let init = |seed| ItemEmbeddingConfig { n_items: 2, dim: 3 }.init(&Device::flex(), seed);
/// assert_eq!(Sum::new(init(1), init(2)).dim(), 3);
/// ```
#[derive(Module, Debug)]
pub struct Sum<A: Module, B: Module> {
    a: A,
    b: B,
}

impl<A: Module + ItemSource, B: Module + ItemSource> Sum<A, B> {
    /// The sum of two sources.
    ///
    /// # Panics
    ///
    /// Their dimensions differ.
    #[must_use]
    pub fn new(a: A, b: B) -> Self {
        assert_eq!(a.dim(), b.dim(), "vectors of {} and {} dimensions have no sum", a.dim(), b.dim());
        Self { a, b }
    }
}

impl<A: Module + ItemSource, B: Module + ItemSource> ItemSource for Sum<A, B> {
    fn rows(&self, rows: &[usize]) -> Tensor<2> {
        self.a.rows(rows) + self.b.rows(rows)
    }

    fn all(&self, n: usize) -> Tensor<2> {
        self.a.all(n) + self.b.all(n)
    }

    fn dim(&self) -> usize {
        self.a.dim()
    }

    fn describe(&self) -> String {
        self.a.describe() + &self.b.describe()
    }
}
