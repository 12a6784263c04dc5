use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rec_core::nn::{Initializer, Linear, ModelConfig, check_sizes};
use rec_core::{HistoryBatch, Sequence, masked};
use serde::{Deserialize, Serialize};

use crate::UserEncoder;
use crate::sasrec::{rows, visible};
use crate::weighed::weighed;

/// How large a [`PolyAttention`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolyAttentionConfig {
    /// The number of dimensions of an item, and so of each interest.
    pub d_item: usize,
    /// The number of dimensions in which items meet the interests' codes; `4 d_item` in ComiRec, 200 in MINER.
    pub d_attention: usize,
    /// The number of interests of a user; 4 in ComiRec, 32 in MINER.
    pub n_interests: usize,
    /// The number of events, counted from the newest, that the model sees, and whose positions it learns. 0 for a model that sees
    /// all events and no positions.
    #[serde(default)]
    pub n_positions: usize,
}

impl PolyAttentionConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A size other than `n_positions` is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> PolyAttention {
        let draw = &mut Initializer::new(seed, device);
        let bound = 0.02 * 3f32.sqrt();
        PolyAttention {
            projection: Linear::new(self.d_item, self.d_attention, false, draw),
            codes: draw.xavier([self.d_attention, self.n_interests]),
            positions: (self.n_positions > 0).then(|| draw.uniform([self.n_positions, self.d_item], bound)),
            config: *self,
        }
    }
}

impl ModelConfig for PolyAttentionConfig {
    type Model = PolyAttention;

    const NAME: &'static str = "poly_attention";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_item: d, d_attention: a, n_interests: k, n_positions } = *self;
        check_sizes([("d_item", d), ("d_attention", a), ("n_interests", k)])?;
        Ok(d.saturating_add(k).saturating_mul(a).saturating_add(n_positions.saturating_mul(d)))
    }

    fn blank(&self, device: &Device) -> PolyAttention {
        self.init(device, 0)
    }
}

/// Several interests, each the history weighed by a code of its own: ComiRec-SA and MINER's poly-attention.
///
/// `a_ik = c_k' tanh(W' (x_i + p_(n-i)))`, `alpha_k = softmax_i(a_ik)`, `u_k = sum_i alpha_ik x_i`. With positions `p` it is
/// ComiRec-SA (Cen et al., KDD 2020, section 3.2.2, equations 6 and 7), whose weights see positions and whose sums do not; with
/// `n_positions = 0` it is poly-attention (Li et al., Findings of ACL 2022, section 2.2, equations 3 and 4), without MINER's bias
/// by category. Nothing but the training keeps the codes apart: see [`disagreement`]. An event of weight `w` counts as `w` of its item,
/// and one whose weight is not positive as none. A history without a known item gives zero interests, and zero gradients.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{PolyAttentionConfig, UserEncoder};
///
/// let config = PolyAttentionConfig { d_item: 2, d_attention: 8, n_interests: 3, n_positions: 50 };
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let user = config.init(&Device::flex(), 1).interest(&items, &History::from_iter([("a", days(1))]));
/// assert_eq!((user.len(), user.dim()), (3, 2));
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct PolyAttention {
    projection: Linear,
    codes: Param<Tensor<2>>,
    positions: Option<Param<Tensor<2>>>,
    #[module(skip)]
    config: PolyAttentionConfig,
}

impl PolyAttention {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &PolyAttentionConfig {
        &self.config
    }
}

impl UserEncoder for PolyAttention {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        let n_positions = self.config.n_positions;
        let items = match n_positions {
            0 => histories.items().clone(),
            n => visible(histories, n),
        };
        let (items, log_weights) = weighed(histories, items);
        let values = items.zero_padded(); // [batch, len, d]
        let placed = match &self.positions {
            Some(positions) => {
                let steps = histories.steps().clone().clamp_max(n_positions as f32 - 1.0);
                values.clone() + rows(positions, steps)
            }
            None => values.clone(),
        };
        let hidden = self.projection.forward(placed).tanh(); // [batch, len, d_attention]
        let scores = burn::tensor::module::linear(hidden, self.codes.val(), None); // [batch, len, k]
        let scores = match log_weights {
            Some(log) => scores + log.unsqueeze_dim::<3>(2),
            None => scores,
        };
        let dims = scores.dims();
        let mask = items.mask_pad().cloned().map(|mask| mask.unsqueeze_dim::<3>(2).expand(dims));
        let weights = masked::softmax(scores, mask, 1);
        Sequence::new(weights.swap_dims(1, 2).matmul(values), None) // [batch, k, d]
    }

    fn device(&self) -> Device {
        self.projection.device()
    }
}

/// How much the interests of a user point the same way: the mean cosine of two interests, an interest with itself included, as
/// MINER adds to its loss (Li et al. 2022, section 2.3, equation 5).
///
/// `[batch, k, d]` to `[batch]`. 1 if all are parallel, `1 / k` if they are orthogonal, 0 for zero interests. Lengths are floored
/// at 1e-6. Padded interests take no part as zero vectors.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_interest::disagreement;
///
/// let interests = Tensor::from_data([[[2.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [2.0, 2.0]]], &Device::flex());
/// let loss = disagreement(&Sequence::new(interests, None)).into_data().to_vec::<f32>().unwrap();
/// assert!((loss[0] - 0.5).abs() < 1e-6 && (loss[1] - 1.0).abs() < 1e-6);
/// ```
#[must_use]
pub fn disagreement(interests: &Sequence) -> Tensor<1> {
    let [batch, k, _] = interests.dims();
    let values = interests.zero_padded();
    // Floored before the root, whose gradient at zero is infinite.
    let length = values.clone().powi_scalar(2).sum_dim(2).clamp_min(1e-12).sqrt();
    let units = values / length;
    let cosines = units.clone().matmul(units.swap_dims(1, 2)); // [batch, k, k]
    cosines.reshape([batch, k * k]).mean_dim(1).squeeze_dim(1)
}
