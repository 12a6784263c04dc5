use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use rec_core::Sequence;
use rec_core::nn::{Initializer, Linear, ModelConfig, check_sizes};
use serde::{Deserialize, Serialize};

/// How large a [`GatedFusion`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatedFusionConfig {
    /// The number of dimensions of an interest.
    pub d_model: usize,
    /// The number of features of a user's profile or context.
    pub n_features: usize,
}

impl GatedFusionConfig {
    /// A model with values drawn from a seed; the gate starts near one half.
    ///
    /// # Panics
    ///
    /// A size is zero.
    #[must_use]
    pub fn init(&self, device: &Device, seed: u64) -> GatedFusion {
        let draw = &mut Initializer::new(seed, device);
        GatedFusion {
            gate: Linear::new(2 * self.d_model, self.d_model, true, draw),
            projection: Linear::new(self.n_features, self.d_model, false, draw),
            config: *self,
        }
    }
}

impl ModelConfig for GatedFusionConfig {
    type Model = GatedFusion;

    const NAME: &'static str = "gated_fusion";

    fn n_values(&self) -> Result<usize, String> {
        let Self { d_model: d, n_features } = *self;
        check_sizes([("d_model", d), ("n_features", n_features)])?;
        Ok(d.saturating_mul(2).saturating_add(n_features).saturating_add(1).saturating_mul(d))
    }

    fn blank(&self, device: &Device) -> GatedFusion {
        self.init(device, 0)
    }
}

/// Interests and what else is known of a user or a moment, mixed by a learned gate in each dimension.
///
/// `p = P' f`, `g = sigmoid(G' [u; p] + b)`, `u' = g * u + (1 - g) * p`: the gated multimodal unit (Arevalo et al., 2017, section
/// 3.1) without its `tanh`, so that interests keep their scale. For a user without a history `u` is zero and the profile speaks
/// alone; features of zero give `p = 0`, and with a zero interest zero. Padded interests stay padding.
///
/// This is no [`UserEncoder`](crate::UserEncoder): besides the history it needs features, one row a user.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_interest::GatedFusionConfig;
///
/// let device = Device::flex();
/// let fusion = GatedFusionConfig { d_model: 4, n_features: 3 }.init(&device, 1);
/// let interests = Sequence::new(Tensor::zeros([2, 1, 4], &device), None);
/// let features = Tensor::from_data([[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]], &device);
/// let users = fusion.fuse(&interests, features).values().to_data().to_vec::<f32>().unwrap();
/// assert!(users[..4].iter().any(|&value| value != 0.0));
/// assert_eq!(users[4..], [0.0; 4]);
/// ```
#[derive(Module, Debug)]
pub struct GatedFusion {
    gate: Linear,
    projection: Linear,
    #[module(skip)]
    config: GatedFusionConfig,
}

impl GatedFusion {
    /// How large the model is.
    #[must_use]
    pub fn config(&self) -> &GatedFusionConfig {
        &self.config
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.gate.device()
    }

    /// Interests `[batch, k, d_model]` and features `[batch, n_features]` to interests.
    ///
    /// # Panics
    ///
    /// The shapes do not fit each other or the model.
    #[must_use]
    pub fn fuse(&self, interests: &Sequence, features: Tensor<2>) -> Sequence {
        let [batch, k, d] = interests.dims();
        assert!(
            features.dims() == [batch, self.config.n_features] && d == self.config.d_model,
            "interests {:?} and features {:?} do not fit {:?}",
            interests.dims(),
            features.dims(),
            self.config
        );
        let u = interests.zero_padded();
        let p = self.projection.forward(features).unsqueeze_dim::<3>(1).expand([batch, k, d]);
        let gate = activation::sigmoid(self.gate.forward(Tensor::cat(vec![u.clone(), p.clone()], 2)));
        let fused = p.clone() + gate * (u - p);
        let mask = interests.mask_pad().cloned();
        Sequence::new(Sequence::new(fused, mask.clone()).zero_padded(), mask)
    }
}
