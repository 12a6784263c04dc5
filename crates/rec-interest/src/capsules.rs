use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Tensor, activation};
use rec_core::nn::{Initializer, Linear, ModelConfig, check_sizes};
use rec_core::{HistoryBatch, Sequence};
use serde::{Deserialize, Serialize};

use crate::UserEncoder;
use crate::sasrec::{rows, visible};

/// More routing than this a config does not have: it converges within a few iterations.
const MAX_ITERATIONS: usize = 100;

/// How large a [`Capsules`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapsulesConfig {
    /// The number of dimensions of an item, and so of each interest.
    pub d_item: usize,
    /// The largest number of interests of a user.
    pub n_interests: usize,
    /// The number of routing iterations; 3 in the paper.
    pub n_iterations: usize,
    /// The number of events, counted from the newest, that the model sees.
    pub n_positions: usize,
}

impl CapsulesConfig {
    /// A model with values drawn from a seed.
    ///
    /// # Panics
    ///
    /// A size is zero, or there are more than 100 iterations.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> Capsules {
        if let Err(problem) = self.n_values() {
            panic!("{problem}");
        }
        let draw = &mut Initializer::new(seed, device);
        Capsules {
            bilinear: Linear::new(self.d_item, self.d_item, false, draw),
            start: draw.uniform([self.n_positions, self.n_interests], 3f32.sqrt()).set_require_grad(false),
            config: *self,
        }
    }
}

impl ModelConfig for CapsulesConfig {
    type Model = Capsules;

    const NAME: &'static str = "capsules";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_item: d, n_interests: k, n_iterations, n_positions } = *self;
        check_sizes([
            ("d_item", d),
            ("n_interests", k),
            ("n_iterations", n_iterations),
            ("n_positions", n_positions),
        ])?;
        if n_iterations > MAX_ITERATIONS {
            return Err(format!("{n_iterations} routing iterations are more than {MAX_ITERATIONS}"));
        }
        Ok(d.saturating_mul(d).saturating_add(n_positions.saturating_mul(k)))
    }

    fn blank(&self, device: &Device) -> Capsules {
        self.init(device, 0)
    }
}

/// Several interests by dynamic routing of capsules: the multi-interest extractor of MIND (Li et al., CIKM 2019, section 4.2).
///
/// `e_i = S' x_i` with one matrix `S` for all capsules. Iterated: `w_ij = softmax_j(b_ij)`, `z_j = sum_i w_ij e_i`, `u_j =
/// |z_j|^2 / (1 + |z_j|^2) z_j / |z_j|`, `b_ij += e_i · u_j`. The softmax is over the interests `j`, so that interests compete for
/// an item; padding takes no part. Gradients flow through the last iteration only. A user with `n` known items has
/// `max(1, min(k, floor(log2 n)))` interests, and the rest of `k` are padding (equation 9). `|z|^2` is floored at 1e-12 under the
/// root.
///
/// The paper draws the first `b_ij` anew for every user, which makes a user's interests random. Here they are drawn once from the
/// seed, a number for each interest and position from the end, and never trained: a history has one answer. The paper's dense
/// layers after the capsules, which mix in the profile, are [`GatedFusion`](crate::GatedFusion)'s to do. A history without a known
/// item gives zero interests, and zero gradients.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{CapsulesConfig, UserEncoder};
///
/// let model = CapsulesConfig { d_item: 2, n_interests: 4, n_iterations: 3, n_positions: 50 }.init(&Device::flex(), 1);
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let history: History = (1..=4).map(|day| (if day < 3 { "a" } else { "b" }, days(day))).collect();
/// assert_eq!(model.interest(&items, &history).len(), 2); // log2 of four items
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Capsules {
    bilinear: Linear,
    start: Param<Tensor<2>>,
    #[module(skip)]
    config: CapsulesConfig,
}

impl Capsules {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &CapsulesConfig {
        &self.config
    }
}

impl UserEncoder for Capsules {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        let CapsulesConfig { n_interests: k, n_iterations, n_positions, .. } = self.config;
        let items = visible(histories, n_positions);
        let [batch, len, _] = items.dims();
        let absent = absent(&items, k); // [batch, k]
        let absent_each: Tensor<3, Bool> = absent.clone().unsqueeze_dim::<3>(1).expand([batch, len, k]);
        let padded = items.mask_pad().cloned().map(|mask| mask.unsqueeze_dim::<3>(2).expand([batch, len, k]));

        let mapped = self.bilinear.forward(items.zero_padded()); // [batch, len, d]
        let fixed = mapped.clone().detach();
        let steps = histories.steps().clone().clamp_max(n_positions as f32 - 1.0);
        let mut logits = rows(&self.start, steps); // [batch, len, k]
        for _ in 1..n_iterations {
            let interests = squash(&logits, &absent_each, padded.as_ref(), fixed.clone());
            logits = logits + fixed.clone().matmul(interests.swap_dims(1, 2));
        }
        Sequence::new(squash(&logits, &absent_each, padded.as_ref(), mapped), Some(absent))
    }

    fn device(&self) -> Device {
        self.bilinear.device()
    }
}

/// The interests that items of these logits give: `[batch, len, k]` and `[batch, len, d]` to `[batch, k, d]`.
fn squash(
    logits: &Tensor<3>,
    absent: &Tensor<3, Bool>,
    padded: Option<&Tensor<3, Bool>>,
    items: Tensor<3>,
) -> Tensor<3> {
    // The first interest is never absent, so no row of the softmax is empty.
    let weights = activation::softmax(logits.clone().mask_fill(absent.clone(), -1e30), 2);
    let weights = match padded {
        Some(padded) => weights.mask_fill(padded.clone(), 0.0),
        None => weights,
    };
    let z = weights.swap_dims(1, 2).matmul(items);
    let norm2 = z.clone().square().sum_dim(2); // [batch, k, 1]
    let scale = norm2.clone().clamp_min(1e-12).sqrt() / (norm2 + 1.0);
    z * scale
}

/// Which of `k` interests a user has too few items for, `[batch, k]`: interest `j`, from zero, wants `2^(j + 1)` items, but that
/// the first is always there.
fn absent(items: &Sequence, k: usize) -> Tensor<2, Bool> {
    let [batch, len, _] = items.dims();
    let device = items.device();
    let count = match items.mask_pad() {
        Some(mask) => mask.clone().bool_not().float().sum_dim(1),
        None => Tensor::full([batch, 1], len as f32, &device),
    };
    let wanted: Vec<f32> = (0..k).map(|j| if j == 0 { 0.0 } else { 2f32.powi(j as i32 + 1) }).collect();
    let wanted = Tensor::<1>::from_data(wanted.as_slice(), &device).reshape([1, k]).expand([batch, k]);
    count.expand([batch, k]).lower(wanted)
}
