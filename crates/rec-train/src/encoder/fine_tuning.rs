use burn::module::{Lora, Module, Param, ParamGroup};
use burn::tensor::{Tensor, TensorData};
use rec_encoder::TextModel;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::parameters::{Change, change, replace};
use crate::random::Draw;
use crate::train_only;

/// What of an encoder is trained.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
/// use rec_train::encoder::FineTuning;
/// use rec_train::parameters;
///
/// let model = TextEncoder::bundled(&Device::flex())?.text_model()?;
/// let trained = |how: FineTuning| -> Result<usize, rec_train::Error> {
///     let model = how.apply(model.clone())?;
///     Ok(parameters(&model).iter().filter(|p| p.is_trained).map(|p| p.n_values()).sum())
/// };
/// assert!(trained(FineTuning::TopLayers(1))? < trained(FineTuning::Full)? / 5);
/// assert!(trained(FineTuning::Lora { rank: 4, alpha: 8.0, seed: 0 })? < trained(FineTuning::TopLayers(1))? / 10);
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum FineTuning {
    /// Every parameter.
    Full,
    /// The last blocks, the norm after them, and the modules after pooling. The others take no part in the backward pass.
    TopLayers(usize),
    /// Low-rank adapters on the matrices of all blocks, `W + (alpha / rank) A B`, and nothing else (Hu et al. 2022, section 4.1). `A`
    /// is drawn from a normal distribution with deviation `1 / rank`, `B` is zero: before training nothing changes.
    Lora {
        /// Columns of `A` and rows of `B`.
        rank: usize,
        /// The scale of the adapters.
        alpha: f64,
        /// The seed of `A`.
        seed: u64,
    },
}

impl FineTuning {
    /// The model with this choice made.
    ///
    /// # Errors
    ///
    /// There are fewer blocks than [`TopLayers`](Self::TopLayers) asks for, or a rank is 0.
    pub fn apply(self, model: TextModel) -> Result<TextModel, Error> {
        match self {
            Self::Full => Ok(train_only(model, |_| true)),
            Self::TopLayers(n) => {
                let n_blocks = model.transformer().config().n_blocks();
                let first = n_blocks
                    .checked_sub(n)
                    .ok_or_else(|| Error::unusable(format!("the model has {n_blocks} blocks, not {n}")))?;
                Ok(train_only(model, |path| match path.strip_prefix("transformer.blocks.") {
                    Some(rest) => {
                        let block = rest.split('.').next().and_then(|block| block.parse::<usize>().ok());
                        block.is_some_and(|block| block >= first)
                    }
                    None => !path.starts_with("transformer.") || path.starts_with("transformer.last_norm"),
                }))
            }
            Self::Lora { rank: 0, .. } => Err(Error::unusable("the rank of adapters is at least 1")),
            Self::Lora { rank, alpha, seed } => {
                let blocks = ParamGroup::from_predicate("transformer.blocks.");
                let model = model.apply_lora(Lora::new(rank, alpha).set_param_group(blocks));
                // burn draws from its generator, which is one for the process; these are drawn again.
                Ok(change(model, &mut Redraw { seed, index: 0, deviation: 1.0 / rank as f64 }))
            }
        }
    }
}

/// The factors `A` of adapters, each from a stream of its own.
struct Redraw {
    seed: u64,
    index: u64,
    deviation: f64,
}

impl Change for Redraw {
    fn parameter<const D: usize>(&mut self, path: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !path.ends_with(".lora.a") {
            return param;
        }
        let mut random = Draw { seed: self.seed, index: self.index }.random();
        self.index += 1;
        replace(param, |old| {
            let values = (0..old.shape().num_elements()).map(|_| (random.normal() * self.deviation) as f32);
            Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), old.dims()), &old.device())
        })
    }
}
