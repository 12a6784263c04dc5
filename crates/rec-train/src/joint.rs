use burn::tensor::Tensor;

use crate::error::Error;
use crate::{Draw, Task};

/// Two tasks for one module at once: the loss of the first, and `weight` times that of the second.
///
/// BLaIR trains its encoder so, by contrast and by hidden tokens (Hou et al. 2024, section 3.2): [`TextPairs`](crate::encoder::TextPairs)
/// first, [`MaskedTokens`](crate::encoder::MaskedTokens) second. Every step samples a batch of each from one draw. Validation is the
/// first's.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
/// use rec_train::encoder::{MaskedTokens, TextPairs};
/// use rec_train::{Draw, Joint, Task};
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let texts = ["a desert planet", "sand and worms", "a garden party", "cake and tea"];
/// let pairs = TextPairs::new(&encoder, &texts, vec![(0, 1), (2, 3)])?.with_batch_size(2);
/// let tokens = MaskedTokens::new(&encoder, &texts)?.with_batch_size(2);
/// let (model, draw) = (encoder.text_model()?, Draw { seed: 0, index: 0 });
/// let first = pairs.loss(&model, &pairs.sample(draw))?.into_scalar::<f32>();
/// let second = tokens.loss(&model, &tokens.sample(draw))?.into_scalar::<f32>();
///
/// let joint = Joint::new(pairs, tokens, 0.1)?;
/// let both = joint.loss(&model, &joint.sample(draw))?.into_scalar::<f32>();
/// assert!((both - (first + 0.1 * second)).abs() < 1e-5);
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Joint<A, B> {
    first: A,
    second: B,
    weight: f64,
}

impl<A: Task, B: Task<Module = A::Module>> Joint<A, B> {
    /// Both.
    ///
    /// # Errors
    ///
    /// The weight is negative or no number.
    pub fn new(first: A, second: B, weight: f64) -> Result<Self, Error> {
        match weight.is_finite() && weight >= 0.0 {
            true => Ok(Self { first, second, weight }),
            false => Err(Error::unusable(format!("the weight {weight} is negative or no number"))),
        }
    }
}

impl<A: Task, B: Task<Module = A::Module>> Task for Joint<A, B> {
    type Module = A::Module;
    type Batch = (A::Batch, B::Batch);

    fn sample(&self, draw: Draw) -> Self::Batch {
        (self.first.sample(draw), self.second.sample(draw))
    }

    fn loss(&self, module: &A::Module, batch: &Self::Batch) -> Result<Tensor<1>, Error> {
        let second = self.second.loss(module, &batch.1)?;
        Ok(self.first.loss(module, &batch.0)? + second * self.weight)
    }

    fn validate(&self, module: &A::Module) -> Result<Option<f64>, Error> {
        self.first.validate(module)
    }

    fn describe(&self) -> String {
        format!("{}; with weight {}: {}", self.first.describe(), self.weight, self.second.describe())
    }

    fn describe_module(&self, module: &A::Module) -> String {
        self.first.describe_module(module) + &self.second.describe_module(module)
    }

    fn activation_bytes(&self, module: &A::Module) -> Option<u64> {
        Some(self.first.activation_bytes(module)? + self.second.activation_bytes(module)?)
    }
}
