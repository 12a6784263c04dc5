//! The loop that most people use, made of the steps that are public beside it.

mod checkpoint;
mod config;
mod memory;
mod metrics;

pub use config::TrainerConfig;
pub use memory::Memory;
pub use metrics::StepMetrics;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::module::Module;
use rec_core::FingerprintBuilder;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Kind};
use crate::gradients::{Gradients, gradients};
use crate::optimizer::Times;
use crate::parallel::{Alone, Communicator, Ranks};
use crate::parameters::{self, Values};
use crate::{Draw, Optimizer, Task};
use checkpoint::{Checkpoint, State, check_run};
use metrics::MetricsFile;

/// Trains a module on a [`Task`]: sample, gradients, mean, clip, step; metrics, validation, checkpoints.
///
/// In a [folder](Self::in_folder) a run can be killed at any moment and started again: it goes on from its last checkpoint, and
/// what it gives is what it would have given, bit for bit on a CPU, metrics file included.
#[derive(Debug, Clone, PartialEq)]
pub struct Trainer {
    config: TrainerConfig,
    folder: Option<PathBuf>,
}

/// The step that validated best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps done by then.
    pub step: u64,
    /// What validation said.
    pub metric: f64,
}

/// How far a training is: what its callback gets after every step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The step that was done.
    pub metrics: StepMetrics,
    /// Steps in all.
    pub n_steps: u64,
    /// The best validation so far.
    pub best: Option<Best>,
}

impl Progress {
    /// The callback that does nothing: training goes on.
    pub fn ignore(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What training gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained<M> {
    /// The module of the best validation, or of the last step if nothing was validated; on a device without gradients.
    pub module: M,
    /// Steps that were done.
    pub n_steps: u64,
    /// The best validation.
    pub best: Option<Best>,
}

impl Trainer {
    /// A trainer that keeps nothing.
    #[must_use]
    pub fn new(config: TrainerConfig) -> Self {
        Self { config, folder: None }
    }

    /// With checkpoints and `metrics.jsonl` in a folder of its own. A folder that has a checkpoint is resumed.
    #[must_use]
    pub fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    /// What the training will hold in memory.
    #[must_use]
    pub fn memory<T: Task>(&self, module: &T::Module, task: &T) -> Memory {
        let activations = task.activation_bytes(module);
        Memory::of(module, self.config.accumulate > 1, self.config.validate_every.is_some(), activations)
    }

    /// Trains, from the beginning or from the folder's checkpoint. `module` is the module before training in both cases: what is not
    /// trained is not in a checkpoint.
    ///
    /// `progress` is called after every step. Returning [`ControlFlow::Break`] (because a flag is set, say) makes a checkpoint and ends
    /// the work with an error of its own kind ([`Error::is_interrupted`]).
    ///
    /// burn's generator, which its dropout uses, is seeded before every batch; it is one for the whole process, so runs with dropout
    /// repeat exactly only where nothing else uses it at the same time.
    ///
    /// # Errors
    ///
    /// A setting makes no sense, a loss, gradient or metric is not finite, the folder has a checkpoint of another run, a file cannot be
    /// read or written, or `progress` stopped it.
    pub fn run<T: Task>(
        &self,
        module: T::Module,
        task: &T,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Trained<T::Module>, Error> {
        self.run_parallel(&Alone, module, task, progress)
    }

    /// [`run`](Self::run) on several ranks, each of which calls this with the same module, task and settings. A step's batch is those of
    /// all ranks together; see [`parallel`](crate::parallel).
    ///
    /// The first rank validates, and writes the folder. `progress` is called on every rank; if one breaks, all end. burn's generator is
    /// seeded on each rank by its own batch.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), or another rank failed, is gone, or has other settings or parameters. If one rank fails, all of them do.
    pub fn run_parallel<T: Task>(
        &self,
        ranks: &dyn Communicator,
        module: T::Module,
        task: &T,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Trained<T::Module>, Error> {
        let (config, ranks) = (&self.config, Ranks(ranks));
        ranks.agree(self.check())?;
        let mut run = Run::start(self, module.train(), task, ranks)?;
        let metrics_file = match &self.folder {
            Some(folder) if ranks.is_first() => MetricsFile::open(folder, run.state.n_done).map(Some),
            _ => Ok(None),
        };
        let mut metrics_file = ranks.agree(metrics_file)?;
        while run.state.n_done < config.n_steps && !run.state.stopped {
            let metrics = run.step(config, task, ranks)?;
            let n_done = run.state.n_done;
            let breaks =
                progress(Progress { metrics, n_steps: config.n_steps, best: run.state.best }).is_break();
            let breaks = ranks.any(breaks)?;
            let ends = n_done == config.n_steps || run.state.stopped;
            let keeps = ends || breaks || n_done.is_multiple_of(config.checkpoint_every);
            if keeps {
                ranks.check_equal(&run.module, n_done)?;
            }
            ranks.agree(match (&self.folder, &mut metrics_file) {
                (Some(folder), Some(file)) => run.write(&metrics, keeps, file, folder),
                _ => Ok(()),
            })?;
            if breaks && !ends {
                return Err(Kind::Interrupted(n_done).into());
            }
        }
        Ok(run.finish())
    }

    fn check(&self) -> Result<(), Error> {
        let TrainerConfig { accumulate, checkpoint_every, validate_every, clip, .. } = self.config;
        if accumulate == 0 || checkpoint_every == 0 || validate_every == Some(0) {
            return Err(Error::unusable(
                "`accumulate`, `checkpoint_every` and `validate_every` are at least 1",
            ));
        }
        match clip.filter(|&clip| clip.is_nan() || clip <= 0.0) {
            Some(clip) => Err(Error::unusable(format!("gradients cannot be clipped to the norm {clip}"))),
            None => Ok(()),
        }
    }
}

/// A run between two steps.
struct Run<M> {
    module: M,
    optimizer: Optimizer,
    state: State,
    /// The values of the best step, unless that is the last one.
    best: Option<BTreeMap<String, Values>>,
}

impl<M: Module> Run<M> {
    /// The first rank tidies the folder before the others look into it.
    fn start<T: Task<Module = M>>(
        trainer: &Trainer,
        module: M,
        task: &T,
        ranks: Ranks<'_>,
    ) -> Result<Self, Error> {
        // Frozen values may be many: they are read only if somebody wants to know.
        let identity = match trainer.folder.is_some() || ranks.n() > 1 {
            true => identity(&trainer.config, &module, task, ranks.n()),
            false => Ok(serde_json::Value::Null),
        };
        let identity = ranks.agree(identity)?;
        ranks.same(&identity.to_string(), "other settings, another task or another module")?;
        ranks.check_equal(&module, 0)?;
        let tidy = |folder: &PathBuf| {
            fs::create_dir_all(folder).map_err(Error::io(folder))?;
            checkpoint::sweep(folder)
        };
        let tidied = trainer.folder.as_ref().filter(|_| ranks.is_first()).map_or(Ok(()), tidy);
        ranks.agree(tidied)?;
        let run = ranks.agree(Self::open(trainer, module, identity))?;
        ranks.same(&run.state.n_done.to_string(), "another checkpoint")?;
        Ok(run)
    }

    /// From the beginning, or from the newest checkpoint.
    fn open(trainer: &Trainer, module: M, identity: serde_json::Value) -> Result<Self, Error> {
        let config = &trainer.config;
        let fresh = |run, module| Self {
            module,
            optimizer: Optimizer::new(config.optimizer.clone()),
            state: State { run, n_done: 0, best: None, n_since_best: 0, stopped: false, times: Times::new() },
            best: None,
        };
        let Some(folder) = &trainer.folder else {
            return Ok(fresh(identity, module));
        };
        let Some((found, path)) = Checkpoint::newest(folder)? else {
            return Ok(fresh(identity, module));
        };
        check_run(&path, &found.state.run, &identity)?;
        let (module, missing) = parameters::restore(module, &found.module);
        if let Some(missing) = missing.first() {
            return Err(Error::malformed(&path, format!("lacks parameter `{missing}`")));
        }
        let device =
            parameters::device(&module).ok_or_else(|| Error::unusable("the module has no parameter"))?;
        let optimizer =
            Optimizer::restore(config.optimizer.clone(), &found.moments, &found.state.times, &device)
                .map_err(|missing| Error::malformed(&path, format!("lacks the moments of `{missing}`")))?;
        Ok(Self { module, optimizer, state: found.state, best: found.best })
    }

    /// One step and, where it is time, a validation.
    fn step<T: Task<Module = M>>(
        &mut self,
        config: &TrainerConfig,
        task: &T,
        ranks: Ranks<'_>,
    ) -> Result<StepMetrics, Error> {
        let step = self.state.n_done;
        let finite = |what, value: f64| match value.is_finite() {
            true => Ok(value),
            false => Err(Error::from(Kind::NotFinite { what, step: step + 1, value })),
        };
        let sum = ranks.agree(self.accumulate(config, task, ranks))?;
        let sum = ranks.sum(&self.module, sum)?;
        let mut gradients = sum.divided(config.accumulate * ranks.n());
        let loss = finite("loss", gradients.loss())?;
        let norm = match config.clip {
            Some(max) => gradients.clip(max)?,
            None => gradients.norm()?,
        };
        let grad_norm = finite("norm of the gradients", norm)?;
        let factor = config.schedule.factor(step, config.n_steps);
        self.module = self.optimizer.step(self.module.clone(), &gradients, factor);
        self.state.n_done += 1;
        let n_done = self.state.n_done;
        let validates =
            config.validate_every.is_some_and(|n| n_done.is_multiple_of(n) || n_done == config.n_steps);
        let metric = match validates && ranks.is_first() {
            true => task.validate(&self.module.valid()),
            false => Ok(None),
        };
        let metric = if validates { ranks.of_first(ranks.agree(metric)?)? } else { None };
        if let Some(metric) = metric {
            let metric = finite("validation metric", metric)?;
            self.judge(metric, config.patience)?;
        }
        Ok(StepMetrics { step: n_done, loss, lr: config.optimizer.lr * factor, grad_norm, metric })
    }

    /// The sum of the gradients of this rank's batches.
    fn accumulate<T: Task<Module = M>>(
        &self,
        config: &TrainerConfig,
        task: &T,
        ranks: Ranks<'_>,
    ) -> Result<Gradients, Error> {
        let first = (self.state.n_done * ranks.n() + ranks.rank()) * config.accumulate;
        let mut sum = None;
        for index in first..first + config.accumulate {
            let draw = Draw { seed: config.seed, index };
            if let Some(device) = parameters::device(&self.module) {
                device.seed(draw.random().below(usize::MAX) as u64);
            }
            let batch = task.sample(draw);
            let next = gradients(&self.module, task.loss(&self.module, &batch)?)?;
            sum = Gradients::sum(sum.into_iter().chain([next]));
        }
        sum.ok_or_else(|| Error::unusable("`accumulate` is at least 1"))
    }

    /// The line of a step and, where it is time, a checkpoint.
    fn write(
        &self,
        metrics: &StepMetrics,
        keeps: bool,
        file: &mut MetricsFile,
        folder: &Path,
    ) -> Result<(), Error> {
        file.push(metrics)?;
        if keeps {
            file.sync()?;
            self.checkpoint()?.write(folder)?;
        }
        Ok(())
    }

    fn judge(&mut self, metric: f64, patience: Option<u64>) -> Result<(), Error> {
        if self.state.best.is_none_or(|best| metric > best.metric) {
            self.state.best = Some(Best { step: self.state.n_done, metric });
            self.state.n_since_best = 0;
            self.best = Some(parameters::snapshot(&self.module, true)?);
        } else {
            self.state.n_since_best += 1;
            self.state.stopped = patience.is_some_and(|patience| self.state.n_since_best >= patience);
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let (moments, times) = self.optimizer.snapshot()?;
        Ok(Checkpoint {
            state: State { times, ..self.state.clone() },
            module: parameters::snapshot(&self.module, true)?,
            moments,
            best: self.best.clone(),
        })
    }

    fn finish(self) -> Trained<M> {
        let module = match &self.best {
            Some(best) => parameters::restore(self.module, best).0,
            None => self.module,
        };
        Trained { module: module.valid(), n_steps: self.state.n_done, best: self.state.best }
    }
}

/// What the newest checkpoint of a folder has.
pub(crate) struct Newest {
    /// Of its best step, or else of its last.
    pub(crate) values: BTreeMap<String, Values>,
    pub(crate) n_steps: u64,
    pub(crate) best: Option<Best>,
    pub(crate) path: PathBuf,
}

/// The newest checkpoint of a folder.
pub(crate) fn newest(folder: &Path) -> Result<Newest, Error> {
    let Some((found, path)) = Checkpoint::newest(folder)? else {
        return Err(Error::malformed(folder, "has no checkpoint"));
    };
    let values = found.best.unwrap_or(found.module);
    Ok(Newest { values, n_steps: found.state.n_done, best: found.state.best, path })
}

/// What must be the same for a run to go on.
fn identity<T: Task>(
    config: &TrainerConfig,
    module: &T::Module,
    task: &T,
    n_ranks: u64,
) -> Result<serde_json::Value, Error> {
    let mut frozen = FingerprintBuilder::default();
    for (path, tensor) in parameters::snapshot(module, false)? {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        frozen.part(&path, &bytes);
    }
    let trained = parameters::parameters(module).into_iter().filter(|p| p.is_trained);
    let trained: Vec<_> = trained.map(|p| json!([p.path, p.shape])).collect();
    let config = serde_json::to_value(config).map_err(|e| Error::unusable(format!("the settings: {e}")))?;
    Ok(json!({
        "ranks": n_ranks,
        "config": config,
        "task": task.describe(),
        "module": task.describe_module(module),
        "parameters": trained,
        "frozen": frozen.finish().to_string(),
    }))
}
