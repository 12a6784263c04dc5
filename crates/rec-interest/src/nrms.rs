use burn::module::Module;
use burn::tensor::Device;
use rec_core::nn::{Dropout, Initializer, ModelConfig, check_rate};
use rec_core::{HistoryBatch, Sequence};
use serde::{Deserialize, Serialize};

use crate::self_attention::{SelfAttention, check_heads, hidden};
use crate::weighed::weighed;
use crate::{AdditiveAttention, AdditiveAttentionConfig, UserEncoder};

/// How large an [`Nrms`] is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NrmsConfig {
    /// The number of dimensions of an item, and so of the interest.
    pub d_item: usize,
    /// The number of heads; it divides `d_item`. 16 in the paper.
    pub n_heads: usize,
    /// The number of dimensions of the additive attention; 200 in the paper.
    pub d_attention: usize,
    /// The probability with which training drops a value of the items and of the attended items; 0.2 in the paper.
    #[serde(default)]
    pub dropout: f32,
}

impl NrmsConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A dimension is zero, or `n_heads` does not divide `d_item`.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> Nrms {
        let draw = &mut Initializer::new(seed, device);
        let attention = SelfAttention::new(self.d_item, self.n_heads, false, false, draw);
        let pooling = AdditiveAttentionConfig { d_item: self.d_item, d_attention: self.d_attention };
        Nrms { attention, pooling: AdditiveAttention::new(pooling, draw), config: *self }
    }
}

impl ModelConfig for NrmsConfig {
    type Model = Nrms;

    const NAME: &'static str = "nrms";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_item: d, n_heads, d_attention, dropout } = *self;
        check_heads(d, n_heads)?;
        check_rate(dropout)?;
        let pooling = AdditiveAttentionConfig { d_item: d, d_attention }.n_values()?;
        Ok(d.saturating_mul(d).saturating_mul(3).saturating_add(pooling))
    }

    fn blank(&self, device: &Device) -> Nrms {
        self.init(device, 0)
    }
}

/// Multi-head self-attention over the history, pooled by [`AdditiveAttention`]: the user encoder of NRMS (Wu et al., EMNLP 2019,
/// section 2.2).
///
/// Items of a history change each other before they are weighed; their order and ages are not seen. Queries, keys and values
/// have no bias, scores are divided by `sqrt(d_head)`, and no matrix follows the heads, as in the authors' code. An event of weight `w`
/// counts as `w` of its item, and one whose weight is not positive as none. A history without a known item gives zero, and zero
/// gradients.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{NrmsConfig, UserEncoder};
///
/// let config = NrmsConfig { d_item: 4, n_heads: 2, d_attention: 8, dropout: 0.2 };
/// let model = config.init(&Device::flex(), 1);
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0, 2.0, 0.0])])?;
/// assert_eq!(model.interest(&items, &History::from_iter([("a", days(1))])).dim(), 4);
/// assert_eq!(model.interest(&items, &History::default()).iter().next().unwrap(), [0.0; 4]);
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Nrms {
    attention: SelfAttention,
    pooling: AdditiveAttention,
    #[module(skip)]
    config: NrmsConfig,
}

impl Nrms {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &NrmsConfig {
        &self.config
    }

    fn forward(&self, histories: &HistoryBatch, mut dropout: Dropout) -> Sequence {
        let (items, log_weights) = weighed(histories, histories.items().clone());
        let rate = self.config.dropout;
        let x = dropout.apply(items.zero_padded(), rate); // [batch, len, d_item]
        let attended = self.attention.forward(&x, hidden(&items, false), log_weights.clone());
        let attended = Sequence::new(dropout.apply(attended, rate), items.mask_pad().cloned());
        Sequence::single(self.pooling.pool_weighed(&attended, log_weights))
    }
}

impl UserEncoder for Nrms {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        self.forward(histories, Dropout::off())
    }

    fn encode_training(&self, histories: &HistoryBatch, seed: u64) -> Sequence {
        self.forward(histories, Dropout::seeded(seed))
    }

    fn device(&self) -> Device {
        self.pooling.device()
    }
}
