use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rec_core::Sequence;
use rec_core::nn::{Initializer, ModelConfig};
use serde::{Deserialize, Serialize};

use crate::mlp::{Mlp, comparison, mlp_values};
use crate::scorer::{PADDED_LOGIT, Scorer};

/// How large a [`TargetAttention`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetAttentionConfig {
    /// The number of dimensions of an item.
    pub d_item: usize,
    /// The numbers of dimensions between the input of the activation unit and its weight; 36 in the paper.
    pub unit: Vec<usize>,
    /// The numbers of dimensions between the compared vectors and the logit; 200 and 80 in the paper.
    pub hidden: Vec<usize>,
}

impl TargetAttentionConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A dimension is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> TargetAttention {
        let draw = &mut Initializer::new(seed, device);
        let d = 4 * self.d_item;
        TargetAttention {
            unit: Mlp::new(d, &self.unit, draw),
            mlp: Mlp::new(d, &self.hidden, draw),
            config: self.clone(),
        }
    }
}

impl ModelConfig for TargetAttentionConfig {
    type Model = TargetAttention;

    const NAME: &'static str = "target_attention";

    fn n_values(&self) -> Result<usize, String> {
        let unit = mlp_values(self.d_item, &self.unit)?;
        Ok(unit.saturating_add(mlp_values(self.d_item, &self.hidden)?))
    }

    fn blank(&self, device: &Device) -> TargetAttention {
        self.init(device, 0)
    }
}

/// Target-aware attention: each candidate weighs the user's history anew (DIN, Zhou et al., KDD 2018, section 4.3).
///
/// The interests are the items of the history, one row an event, so the user's model is one that hands them on
/// (`rec_interest::EachItem`). `a_i = MLP([h_i; x; h_i * x; h_i - x])`, `v(x) = sum_i a_i h_i`, and the logit is another
/// perceptron over `[v; x; v * x; |v - x|]`. As in the paper the weights are not normalised: how strongly a history speaks for
/// an item is part of the answer. Where the paper has Dice or PReLU this has `max(x, 0)`; where its unit has an outer product
/// this has, as the authors' code, product and difference. The order of the history is not seen. An empty history is the zero
/// vector `v`.
///
/// It does not factor: [`rank`](crate::rank) serves it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_score::{Scorer, TargetAttentionConfig};
///
/// let device = Device::flex();
/// let scorer = TargetAttentionConfig { d_item: 2, unit: vec![8], hidden: vec![8] }.init(&device, 1);
/// let histories = Sequence::from_lengths(Tensor::ones([3, 4, 2], &device), &[4, 2, 0]);
/// let candidates = Sequence::new(Tensor::ones([1, 5, 2], &device), None);
/// assert_eq!(scorer.logits(&histories, &candidates).dims(), [3, 5]);
/// ```
#[derive(Module, Debug)]
pub struct TargetAttention {
    unit: Mlp,
    mlp: Mlp,
    #[module(skip)]
    config: TargetAttentionConfig,
}

impl TargetAttention {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &TargetAttentionConfig {
        &self.config
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.mlp.device()
    }
}

impl Scorer for TargetAttention {
    /// As [`Scorer::logits`], but that the rows of `interests` are attended to together instead of the best of them counting.
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        let ([batch, len, d], [lists, n, d_item]) = (interests.dims(), candidates.dims());
        assert!(
            d == self.config.d_item && d_item == d && (lists == batch || lists == 1),
            "histories {:?} and candidates {:?} do not fit {} dimensions",
            interests.dims(),
            candidates.dims(),
            self.config.d_item
        );
        let history = interests.zero_padded();
        let x = candidates.zero_padded().expand([batch, n, d]);
        // The rows at padding are zero, and so is what their weights multiply.
        let weights = self.unit.pairs(history.clone(), x.clone()); // [batch, len, n]
        debug_assert_eq!(weights.dims(), [batch, len, n]);
        let user = weights.swap_dims(1, 2).matmul(history); // [batch, n, d]
        let compared = comparison(user.unsqueeze_dim(1), x.unsqueeze_dim(1)); // [batch, 1, n, 4 d]
        let logits = self.mlp.forward(compared).reshape([batch, n]);
        match candidates.mask_pad() {
            Some(mask) => logits.mask_fill(mask.clone().expand([batch, n]), PADDED_LOGIT),
            None => logits,
        }
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        (item_dim == self.config.d_item).then_some(item_dim)
    }
}
