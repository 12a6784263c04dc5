//! Training for recommenders: objectives, sampling, the loop around them, and fine-tuning of text encoders.
//!
//! A [`Task`] says what is learned; a [`Trainer`] learns it, and everything that it does can be done by hand: sample a batch, take its
//! [`gradients`], change them, and let an [`Optimizer`] take a step. It works on any burn module, on every device that burn has.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Tensor};
//! use rec_train::{AdamW, Draw, Error, Task, Trainer, TrainerConfig};
//!
//! /// Learns that the answer is the sum.
//! struct Sum;
//!
//! impl Task for Sum {
//!     type Module = Linear;
//!     type Batch = [[f32; 2]; 8];
//!
//!     fn sample(&self, draw: Draw) -> Self::Batch {
//!         let mut random = draw.random();
//!         std::array::from_fn(|_| std::array::from_fn(|_| random.normal() as f32))
//!     }
//!
//!     fn loss(&self, module: &Linear, batch: &Self::Batch) -> Result<Tensor<1>, Error> {
//!         let x = Tensor::<2>::from_data(*batch, &Device::flex());
//!         Ok((module.forward(x.clone()) - x.sum_dim(1)).square().mean())
//!     }
//! }
//!
//! let module = LinearConfig::new(2, 1).init(&Device::flex());
//! let config = TrainerConfig { n_steps: 200, optimizer: AdamW::new(0.05), ..TrainerConfig::default() };
//! let mut losses = Vec::new();
//! let trained = Trainer::new(config).run(module, &Sum, |progress| {
//!     losses.push(progress.metrics.loss);
//!     std::ops::ControlFlow::Continue(())
//! })?;
//! assert!(losses[199] < 0.01 * losses[0]);
//! let weight = trained.module.weight.val().into_data().try_to_vec::<f32>().unwrap();
//! assert!((weight[0] - 1.0).abs() < 0.05 && (weight[1] - 1.0).abs() < 0.05);
//! # Ok::<(), rec_train::Error>(())
//! ```
//!
//! # What there is
//!
//! - [`objective`]: softmax over sampled negatives and over the whole catalogue, in-batch InfoNCE, BPR, BCE, masked language modelling,
//!   distillation, MINER's disagreement, and which of several interests an item is trained against.
//! - [`Trainer`]: AdamW with groups, warm-up and cosine, clipping, accumulation, early stopping, checkpoints with exact resume.
//! - [`encoder`]: text encoders learn from pairs of texts or from hidden tokens, wholly, in their top layers, or by adapters, or from
//!   a larger encoder. [`Joint`] is two tasks at once.
//! - [`parallel`]: the same on several processes or machines, each with a part of every batch.
//! - [`update`]: a trained module goes on with new interactions, with rehearsal of the old and a report of what changed.
//! - [`user`]: user models learn what users choose next, on vectors that stand still or together with the encoder.
//!
//! # Laws
//!
//! Everything random comes from a seed and the number of the batch ([`Draw`]). A run that was killed and started again gives the
//! same bits on a CPU, for any number of threads.
//!
//! # Features
//!
//! - `flex` (default), `ndarray` and `wgpu` compile burn's devices in, as in [`rec_core`].
//! - `mpi`: training on the ranks of an MPI program. It builds against the MPI library and the libclang of the machine.
//!
//! Features only add.

pub mod encoder;
mod error;
mod gradients;
mod joint;
pub mod objective;
mod optimizer;
pub mod parallel;
mod parameters;
mod random;
mod schedule;
mod task;
mod trainer;
pub mod update;
pub mod user;

pub use error::Error;
pub use gradients::{Gradients, gradients};
pub use joint::Joint;
pub use optimizer::{AdamW, Group, Optimizer};
pub use parameters::{Parameter, parameters, train_only};
pub use random::{Draw, Random};
pub use schedule::Schedule;
pub use task::Task;
pub use trainer::{Best, Memory, Progress, StepMetrics, Trained, Trainer, TrainerConfig};
