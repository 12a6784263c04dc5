use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use rec_core::nn::{Dropout, Initializer, LayerNorm, ModelConfig, check_rate, check_sizes};
use rec_core::{HistoryBatch, Pooling, Sequence};
use serde::{Deserialize, Serialize};

use crate::UserEncoder;
use crate::self_attention::{check_heads, hidden};
use crate::transformer_block::{TransformerBlock, norm};

/// How large a [`SasRec`] is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SasRecConfig {
    /// The number of dimensions of an item, and so of the interest.
    pub d_item: usize,
    /// The number of transformer blocks; 2 in the papers.
    pub n_layers: usize,
    /// The number of heads; it divides `d_item`. 1 or 2 in the papers.
    pub n_heads: usize,
    /// The number of dimensions between the two maps of a feed-forward step.
    pub d_inner: usize,
    /// The number of events that the model sees, counted from the newest; older ones are left out.
    pub n_positions: usize,
    /// Whether positions are counted from the oldest event that the model sees. Then an event keeps its position when others follow
    /// it, so that one pass over a history trains the answer to each of its prefixes just as it will be asked. Otherwise they are
    /// counted from the newest.
    #[serde(default)]
    pub from_oldest: bool,
    /// The number of buckets of the time since the event before; 0 for a model that does not see time.
    #[serde(default)]
    pub n_time_buckets: usize,
    /// The probability with which training drops a value after the input and after each step of a block.
    #[serde(default)]
    pub dropout: f32,
}

impl SasRecConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A size other than `n_layers` and `n_time_buckets` is zero, or `n_heads` does not divide `d_item`.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> SasRec {
        let (draw, d) = (&mut Initializer::new(seed, device), self.d_item);
        // A standard deviation of 0.02.
        let bound = 0.02 * 3f32.sqrt();
        SasRec {
            positions: draw.uniform([self.n_positions, d], bound),
            gaps: (self.n_time_buckets > 0).then(|| draw.uniform([self.n_time_buckets, d], bound)),
            input_norm: norm(d, draw),
            blocks: (0..self.n_layers)
                .map(|_| TransformerBlock::new(d, self.n_heads, self.d_inner, draw))
                .collect(),
            config: *self,
        }
    }
}

impl ModelConfig for SasRecConfig {
    type Model = SasRec;

    const NAME: &'static str = "sasrec";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_item: d, n_layers, n_heads, d_inner, n_positions, n_time_buckets, dropout, .. } = *self;
        check_sizes([("d_inner", d_inner), ("n_positions", n_positions)])?;
        check_heads(d, n_heads)?;
        check_rate(dropout)?;
        let embeddings = n_positions.saturating_add(n_time_buckets).saturating_add(2).saturating_mul(d);
        // Four maps, two norms and the last bias are `4 d^2 + 9 d`, the two maps of the feed-forward step `d_inner (2 d + 1)`.
        let attention = d.saturating_mul(4).saturating_add(9).saturating_mul(d);
        let inner = d.saturating_mul(2).saturating_add(1).saturating_mul(d_inner);
        Ok(attention.saturating_add(inner).saturating_mul(n_layers).saturating_add(embeddings))
    }

    fn blank(&self, device: &Device) -> SasRec {
        self.init(device, 0)
    }
}

/// A causal transformer over the history: SASRec (Kang and McAuley, ICDM 2018), in the form of UniSRec's sequence encoder (Hou et
/// al., KDD 2022), which normalises after each step and uses GELU.
///
/// `h_i = LayerNorm(x_i + p_(n-i) + g_i)`, then blocks of causal self-attention and feed-forward steps; the interest is the state
/// of the newest event. Positions `p` are counted from the end of the history, or with [`from_oldest`](SasRecConfig::from_oldest)
/// from its beginning, as SASRec has them. `g_i` stands for the time `t` between an event and the one before it, in bucket
/// `floor(log2(1 + t / 60 s))`, or the last bucket if there are fewer; the oldest event is in bucket 0. Event weights are not
/// seen. A history without a known item gives zero, and zero gradients.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{SasRecConfig, UserEncoder};
///
/// let model = SasRecConfig {
///     d_item: 4, n_layers: 2, n_heads: 2, d_inner: 8, n_positions: 50, from_oldest: false,
///     n_time_buckets: 16, dropout: 0.1,
/// }
/// .init(&Device::flex(), 1);
/// let rows = [("a", [1.0, 0.0, 2.0, 0.0]), ("b", [0.0, 1.0, 0.0, -1.0])];
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), rows)?;
/// let there = model.interest(&items, &History::from_iter([("a", days(2)), ("b", days(1))]));
/// let back = model.interest(&items, &History::from_iter([("b", days(2)), ("a", days(1))]));
/// assert_ne!(there, back); // the order counts
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct SasRec {
    positions: Param<Tensor<2>>,
    gaps: Option<Param<Tensor<2>>>,
    input_norm: LayerNorm,
    blocks: Vec<TransformerBlock>,
    #[module(skip)]
    config: SasRecConfig,
}

impl SasRec {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &SasRecConfig {
        &self.config
    }

    /// The state after every event, `[batch, len, d_item]`: that at event `i` knows events up to `i` only, so one pass over a
    /// history trains the answer to each of its prefixes: with positions [from the oldest](SasRecConfig::from_oldest) exactly that; else
    /// positions are those from the end of the whole history.
    #[must_use]
    pub fn states(&self, histories: &HistoryBatch, mut dropout: Dropout) -> Sequence {
        let (items, rate) = (visible(histories, self.config.n_positions), self.config.dropout);
        let mut x = items.zero_padded() + rows(&self.positions, self.positions_of(histories));
        if let Some(gaps) = &self.gaps {
            x = x + rows(gaps, gap_buckets(histories.ages(), self.config.n_time_buckets));
        }
        let mut x = dropout.apply(self.input_norm.forward(x), rate);
        let hidden = hidden(&items, true);
        for block in &self.blocks {
            x = block.forward(x, hidden.clone(), &mut dropout, rate);
        }
        Sequence::new(x, items.mask_pad().cloned())
    }

    /// The position of every event, `[batch, len]`.
    fn positions_of(&self, histories: &HistoryBatch) -> Tensor<2> {
        let (steps, n) = (histories.steps().clone(), self.config.n_positions);
        if !self.config.from_oldest {
            return steps.clamp_max(n as f32 - 1.0);
        }
        // The position of the newest; what is older than the first that is seen is masked.
        let newest: Vec<f32> =
            histories.rows().iter().map(|rows| rows.len().clamp(1, n) as f32 - 1.0).collect();
        let newest = Tensor::<2>::from_data(TensorData::new(newest, [histories.batch(), 1]), &steps.device());
        (newest - steps).clamp_min(0.0)
    }
}

impl UserEncoder for SasRec {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        Sequence::single(Pooling::LastToken.pool(&self.states(histories, Dropout::off())))
    }

    fn encode_training(&self, histories: &HistoryBatch, seed: u64) -> Sequence {
        Sequence::single(Pooling::LastToken.pool(&self.states(histories, Dropout::seeded(seed))))
    }

    fn device(&self) -> Device {
        self.positions.val().device()
    }
}

/// The history's items, with those further from the end than `n_positions` masked like padding.
pub(crate) fn visible(histories: &HistoryBatch, n_positions: usize) -> Sequence {
    let items = histories.items();
    if items.dims()[1] <= n_positions {
        return items.clone();
    }
    let old = histories.steps().clone().greater_equal_elem(n_positions as f32);
    let mask = match items.mask_pad() {
        Some(mask) => mask.clone().bool_or(old),
        None => old,
    };
    Sequence::new(items.values().clone(), Some(mask))
}

/// Rows of a table `[n, d]` by numbers `[batch, len]`: `[batch, len, d]`.
pub(crate) fn rows(table: &Param<Tensor<2>>, numbers: Tensor<2>) -> Tensor<3> {
    let [batch, len] = numbers.dims();
    let numbers: Tensor<1, Int> = numbers.int().reshape([batch * len]);
    table.val().select(0, numbers).reshape([batch, len, table.dims()[1]])
}

/// `min(floor(log2(1 + gap / 60 s)), n_buckets - 1)`, counted in exact comparisons with `60 (2^k - 1)` rather than by a
/// logarithm, whose rounding depends on the device.
fn gap_buckets(ages: &Tensor<2>, n_buckets: usize) -> Tensor<2> {
    let [batch, len] = ages.dims();
    let before = Tensor::cat(
        vec![ages.clone().slice([0..batch, 0..1]), ages.clone().slice([0..batch, 0..len - 1])],
        1,
    );
    let gaps = before - ages.clone();
    let mut buckets = Tensor::zeros_like(ages);
    for k in 1..n_buckets.min(64) {
        let reached: Tensor<2, Bool> = gaps.clone().greater_equal_elem(60.0 * (2f32.powi(k as i32) - 1.0));
        buckets = buckets + reached.float();
    }
    buckets
}
