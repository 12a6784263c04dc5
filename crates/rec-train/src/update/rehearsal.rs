use burn::tensor::Tensor;

use crate::error::Error;
use crate::{Draw, Task};

/// Learning from new data with a share of old data in every batch, so that what was learned before is not forgotten.
///
/// The loss is `(1 - share) * loss of a new batch + share * loss of an old batch`, which is that of one batch with this share of old rows
/// where a loss is a mean over rows that do not see each other (Robins, *Catastrophic Forgetting, Rehearsal and Pseudorehearsal*,
/// Connection Science 1995; experience replay as in Rolnick et al., *Experience Replay for Continual Learning*, NeurIPS 2019). How many
/// rows each of the two has is for the tasks to say: fewer old ones are cheaper and vary more. With in-batch negatives the rows of one
/// part have their negatives in that part.
///
/// A share of 0 learns from the new alone, and never samples the old.
///
/// What is validated is the new task; [`DriftReport`](super::DriftReport) shows both.
#[derive(Debug, Clone)]
pub struct Rehearsal<T> {
    new: T,
    old: T,
    share: f64,
}

/// What one step sees.
#[derive(Debug, Clone, PartialEq)]
pub struct RehearsalBatch<B> {
    /// Of the new task.
    pub new: B,
    /// Of the old task, unless its share is 0.
    pub old: Option<B>,
}

impl<T: Task> Rehearsal<T> {
    /// Two tasks for one module, and the share of the old one.
    ///
    /// # Errors
    ///
    /// The share is not in `[0, 1)`.
    pub fn new(new: T, old: T, share: f64) -> Result<Self, Error> {
        match (0.0..1.0).contains(&share) {
            true => Ok(Self { new, old, share }),
            false => Err(Error::unusable(format!("the share {share} of what is rehearsed is not in [0, 1)"))),
        }
    }
}

impl<T: Task> Task for Rehearsal<T> {
    type Module = T::Module;
    type Batch = RehearsalBatch<T::Batch>;

    fn sample(&self, draw: Draw) -> Self::Batch {
        // Another seed, so that the two do not draw the same rows of data that they may share.
        let other = Draw { seed: draw.seed ^ 0x6f6c_6400, ..draw };
        RehearsalBatch { new: self.new.sample(draw), old: (self.share > 0.0).then(|| self.old.sample(other)) }
    }

    fn loss(&self, module: &T::Module, batch: &Self::Batch) -> Result<Tensor<1>, Error> {
        let new = self.new.loss(module, &batch.new)?;
        Ok(match &batch.old {
            Some(old) => {
                new.mul_scalar(1.0 - self.share) + self.old.loss(module, old)?.mul_scalar(self.share)
            }
            None => new,
        })
    }

    fn validate(&self, module: &T::Module) -> Result<Option<f64>, Error> {
        self.new.validate(module)
    }

    fn describe(&self) -> String {
        let (new, old, share) = (self.new.describe(), self.old.describe(), self.share);
        format!("{new}; with {share} of: {old}")
    }

    fn describe_module(&self, module: &T::Module) -> String {
        self.new.describe_module(module)
    }

    fn activation_bytes(&self, module: &T::Module) -> Option<u64> {
        let new = self.new.activation_bytes(module)?;
        match self.share > 0.0 {
            true => Some(new + self.old.activation_bytes(module)?),
            false => Some(new),
        }
    }
}
