use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rec_core::nn::{Initializer, Linear, ModelConfig, check_sizes};
use rec_core::{HistoryBatch, Sequence, masked};
use serde::{Deserialize, Serialize};

use crate::UserEncoder;
use crate::weighed::weighed;

/// How large an [`AdditiveAttention`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdditiveAttentionConfig {
    /// The number of dimensions of an item, and so of the interest.
    pub d_item: usize,
    /// The number of dimensions of the query `q`; 200 in the papers.
    pub d_attention: usize,
}

impl AdditiveAttentionConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A dimension is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> AdditiveAttention {
        AdditiveAttention::new(*self, &mut Initializer::new(seed, device))
    }
}

impl ModelConfig for AdditiveAttentionConfig {
    type Model = AdditiveAttention;

    const NAME: &'static str = "additive_attention";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_item: d, d_attention: a } = *self;
        check_sizes([("d_item", d), ("d_attention", a)])?;
        Ok(d.saturating_add(2).saturating_mul(a))
    }

    fn blank(&self, device: &Device) -> AdditiveAttention {
        self.init(device, 0)
    }
}

/// Additive attention: one learned query asks every item how much it matters.
///
/// `a_i = q' tanh(V' x_i + v)`, `alpha = softmax(a)`, `u = sum_i alpha_i x_i`: the user encoder of NAML (Wu et al., IJCAI 2019,
/// section 3.2, equations 9 and 10), and the last step of [`Nrms`](crate::Nrms). The interest is a weighted average of the items;
/// their order and ages are not seen. An event of weight `w` counts as `w` of its item, and one whose weight is not positive as none. A
/// history without a known item gives zero, and zero gradients.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{AdditiveAttentionConfig, UserEncoder};
///
/// let model = AdditiveAttentionConfig { d_item: 2, d_attention: 4 }.init(&Device::flex(), 1);
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let user = model.interest(&items, &History::from_iter([("a", days(1)), ("b", days(2))]));
/// assert!((user.iter().next().unwrap().iter().sum::<f32>() - 1.0).abs() < 1e-6); // the weights sum to one
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct AdditiveAttention {
    projection: Linear,
    query: Param<Tensor<1>>,
    #[module(skip)]
    config: AdditiveAttentionConfig,
}

impl AdditiveAttention {
    pub(crate) fn new(config: AdditiveAttentionConfig, draw: &mut Initializer) -> Self {
        let AdditiveAttentionConfig { d_item, d_attention } = config;
        let projection = Linear::new(d_item, d_attention, true, draw);
        let query = draw.uniform([d_attention], (3.0 / d_attention as f32).sqrt());
        Self { projection, query, config }
    }

    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &AdditiveAttentionConfig {
        &self.config
    }

    /// The weighted average of a sequence's vectors: `[batch, len, d_item]` to `[batch, d_item]`. A row of padding gives zero.
    ///
    /// # Panics
    ///
    /// The dimension is not the config's.
    #[must_use]
    pub fn pool(&self, sequence: &Sequence) -> Tensor<2> {
        self.pool_weighed(sequence, None)
    }

    /// [`pool`](Self::pool) with logarithms of weights, `[batch, len]`.
    pub(crate) fn pool_weighed(&self, sequence: &Sequence, log_weights: Option<Tensor<2>>) -> Tensor<2> {
        let values = sequence.zero_padded(); // [batch, len, d_item]
        let hidden = self.projection.forward(values.clone()).tanh(); // [batch, len, d_attention]
        let scores = (hidden * self.query.val().reshape([1, 1, -1])).sum_dim(2); // [batch, len, 1]
        let scores = match log_weights {
            Some(log) => scores + log.unsqueeze_dim::<3>(2),
            None => scores,
        };
        let mask = sequence.mask_pad().cloned().map(|mask| mask.unsqueeze_dim::<3>(2));
        let weights = masked::softmax(scores, mask, 1);
        (values * weights).sum_dim(1).squeeze_dim(1)
    }
}

impl UserEncoder for AdditiveAttention {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        let (items, log_weights) = weighed(histories, histories.items().clone());
        Sequence::single(self.pool_weighed(&items, log_weights))
    }

    fn device(&self) -> Device {
        self.projection.device()
    }
}
