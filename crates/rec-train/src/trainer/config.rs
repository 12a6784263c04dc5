use serde::{Deserialize, Serialize};

use crate::{AdamW, Schedule};

/// How a training goes: data, readable from JSON, with defaults for what is not said.
///
/// ```
/// use rec_train::{AdamW, Schedule, TrainerConfig};
///
/// let config: TrainerConfig = TrainerConfig {
///     n_steps: 500,
///     optimizer: AdamW::new(3e-4),
///     schedule: Schedule::WarmUpCosine { n_warm_up: 50, floor: 0.0 },
///     clip: Some(1.0),
///     ..TrainerConfig::default()
/// };
/// assert_eq!(config.accumulate, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainerConfig {
    /// Steps of the optimizer.
    pub n_steps: u64,
    /// Batches whose gradients are averaged for one step.
    pub accumulate: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// Learning rate, decay, groups.
    pub optimizer: AdamW,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
    /// Steps from one validation to the next; the last step validates, too. `None` for never.
    pub validate_every: Option<u64>,
    /// Validations in a row without a better one until training stops; `None` to go on.
    pub patience: Option<u64>,
    /// Steps from one checkpoint to the next; the end and an interruption make one, too.
    pub checkpoint_every: u64,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            n_steps: 1000,
            accumulate: 1,
            seed: 0,
            optimizer: AdamW::default(),
            schedule: Schedule::Constant,
            clip: None,
            validate_every: None,
            patience: None,
            checkpoint_every: 100,
        }
    }
}
