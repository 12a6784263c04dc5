//! Going on with a trained module when new interactions arrive.
//!
//! [`Rehearsal`] learns the new and repeats some of the old; a [`DriftReport`] says what that changed. Where the module was trained in a
//! folder, [`trained`] takes it from the last checkpoint.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Tensor};
//! use rec_train::update::{DriftReport, Rehearsal};
//! use rec_train::{AdamW, Draw, Error, Progress, Task, Trainer, TrainerConfig};
//!
//! /// Learns that the answer is a multiple of what is asked.
//! struct Times(f32);
//!
//! impl Task for Times {
//!     type Module = Linear;
//!     type Batch = f32;
//!
//!     fn sample(&self, draw: Draw) -> f32 {
//!         draw.random().normal() as f32
//!     }
//!
//!     fn loss(&self, module: &Linear, x: &f32) -> Result<Tensor<1>, Error> {
//!         let x = Tensor::<2>::from_data([[*x]], &Device::flex());
//!         Ok((module.forward(x.clone()) - x * self.0).square().mean())
//!     }
//!
//!     fn validate(&self, module: &Linear) -> Result<Option<f64>, Error> {
//!         let x = Tensor::<2>::from_data([[1.0]], &Device::flex());
//!         let error: f32 = (module.forward(x.clone()) - x * self.0).abs().into_scalar();
//!         Ok(Some(-f64::from(error)))
//!     }
//! }
//!
//! let trainer = Trainer::new(TrainerConfig { n_steps: 300, optimizer: AdamW::new(0.05), ..TrainerConfig::default() });
//! let before = trainer.run(LinearConfig::new(1, 1).init(&Device::flex()), &Times(1.0), Progress::ignore)?.module;
//!
//! // The world changed: now it is twice. Nine of ten examples are new.
//! let task = Rehearsal::new(Times(2.0), Times(1.0), 0.1)?;
//! let after = trainer.run(before.clone(), &task, Progress::ignore)?.module;
//! let report = DriftReport::new(&before, &after)?.with_metric("old", &Times(1.0), &before, &after)?;
//! assert!(report.metrics[0].after < report.metrics[0].before);
//! println!("{report}");
//! # Ok::<(), rec_train::Error>(())
//! ```

mod drift;
mod rehearsal;

pub use drift::{DriftReport, MetricDrift, ParameterDrift, VectorDrift};
pub use rehearsal::{Rehearsal, RehearsalBatch};

use std::path::Path;

use burn::module::Module;

use crate::error::Error;
use crate::trainer::{Newest, newest};
use crate::{Trained, parameters};

/// The module that a training in a folder has come to: of the best step of its last checkpoint, or of the last step if nothing was
/// validated; on a device without gradients.
///
/// What was not trained is not in a checkpoint: `module` is the module as it was before that training. The optimizer's moments are left
/// behind; another training begins with its own, so let its schedule warm up.
///
/// # Errors
///
/// The folder has no checkpoint or a damaged one, or the parameters that it has are not those of the module that are trained.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
///
/// let module = LinearConfig::new(2, 1).init(&Device::flex());
/// let error = rec_train::update::trained(std::env::temp_dir().join("no such folder"), module).unwrap_err();
/// assert!(error.is_io());
/// ```
pub fn trained<M: Module>(folder: impl AsRef<Path>, module: M) -> Result<Trained<M>, Error> {
    let Newest { values, n_steps, best, path } = newest(folder.as_ref())?;
    let (module, missing) = parameters::restore(module.train(), &values);
    if let Some(missing) = missing.first() {
        return Err(Error::malformed(&path, format!("lacks parameter `{missing}`")));
    }
    let known = parameters(&module);
    if let Some(path_of) = values.keys().find(|&name| known.iter().all(|p| p.path != *name)) {
        return Err(Error::malformed(
            &path,
            format!("has the parameter `{path_of}`, which the module has not"),
        ));
    }
    Ok(Trained { module: module.valid(), n_steps, best })
}
