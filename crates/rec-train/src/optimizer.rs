use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::optim::{self, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::{DType, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::gradients::Gradients;
use crate::parameters::{self, Change, Values, values};

/// The settings of AdamW (Loshchilov and Hutter 2019, algorithm 2), with PyTorch's defaults.
///
/// ```
/// use rec_train::{AdamW, Group};
///
/// // Biases and norms do not decay, and the encoder learns at a tenth of the rate of what stands on it.
/// let adam = AdamW::new(1e-3)
///     .with_group(Group::new(["bias", "norm"]).with_weight_decay(0.0))
///     .with_group(Group::new(["transformer."]).with_lr_factor(0.1));
/// assert_eq!(adam.group_of("head.bias").map(|group| group.lr_factor), Some(1.0));
/// assert_eq!(adam.group_of("transformer.blocks.0.weight").map(|group| group.lr_factor), Some(0.1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AdamW {
    /// The learning rate that schedule and groups are factors of.
    pub lr: f64,
    /// What the mean of gradients keeps at each step.
    pub beta_1: f32,
    /// What the mean of their squares keeps.
    pub beta_2: f32,
    /// Added to the root of the mean of squares.
    pub epsilon: f32,
    /// The share, times the learning rate, that a step takes off every value.
    pub weight_decay: f64,
    /// Parameters with settings of their own; the first group that takes a parameter has it.
    pub groups: Vec<Group>,
}

/// Parameters with settings of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Group {
    /// A parameter is in the group if its path contains one of these.
    pub paths: Vec<String>,
    /// A factor of the learning rate.
    pub lr_factor: f64,
    /// In the place of [`AdamW::weight_decay`].
    pub weight_decay: Option<f64>,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { lr: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.01, groups: Vec::new() }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self { paths: Vec::new(), lr_factor: 1.0, weight_decay: None }
    }
}

impl Group {
    /// The parameters whose paths contain one of these.
    #[must_use]
    pub fn new<S: Into<String>>(paths: impl IntoIterator<Item = S>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// With a factor of the learning rate.
    #[must_use]
    pub fn with_lr_factor(self, lr_factor: f64) -> Self {
        Self { lr_factor, ..self }
    }

    /// With another decay.
    #[must_use]
    pub fn with_weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay: Some(weight_decay), ..self }
    }
}

impl AdamW {
    /// With a learning rate.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self { lr, ..Self::default() }
    }

    /// With another weight decay.
    #[must_use]
    pub fn with_weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// With one more group, after those that there are.
    #[must_use]
    pub fn with_group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// The group of a parameter, if it is in one.
    #[must_use]
    pub fn group_of(&self, path: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.paths.iter().any(|part| path.contains(part)))
    }
}

/// How many steps the moments of each path saw.
pub(crate) type Times = BTreeMap<String, usize>;

/// AdamW with its moments, by the paths of the parameters. The arithmetic is burn's, and on a CPU that of
/// [`rec_kernels::training::AdamW`], which does it in one pass.
#[derive(Clone)]
pub struct Optimizer {
    config: AdamW,
    states: BTreeMap<String, AdamWState<1>>,
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Optimizer")
            .field("config", &self.config)
            .field("n_states", &self.states.len())
            .finish()
    }
}

impl Optimizer {
    /// Before its first step.
    #[must_use]
    pub fn new(config: AdamW) -> Self {
        Self { config, states: BTreeMap::new() }
    }

    /// One step of every parameter that has a gradient; `lr_factor` is that of the [schedule](crate::Schedule).
    ///
    /// # Panics
    ///
    /// A gradient has another size than its parameter: it is of another module.
    #[must_use]
    pub fn step<M: Module>(&mut self, module: M, gradients: &Gradients, lr_factor: f64) -> M {
        parameters::change(module, &mut Step { optimizer: self, gradients, lr_factor })
    }

    fn adam(&self, path: &str) -> (optim::AdamW, f64) {
        let config = &self.config;
        let group = config.group_of(path);
        let decay = group.and_then(|group| group.weight_decay).unwrap_or(config.weight_decay);
        let adam = AdamWConfig::new()
            .with_beta_1(config.beta_1)
            .with_beta_2(config.beta_2)
            .with_epsilon(config.epsilon)
            .with_weight_decay(decay as f32);
        (adam.build(), config.lr * group.map_or(1.0, |group| group.lr_factor))
    }

    /// A step without passes over memory for each of its terms.
    fn step_on_host(
        &self,
        path: &str,
        lr: f64,
        old: Tensor<1>,
        gradient: Tensor<1>,
        state: Option<AdamWState<1>>,
    ) -> (Tensor<1>, Option<AdamWState<1>>) {
        let (config, device, [n]) = (&self.config, old.device(), old.dims());
        let decay = config.group_of(path).and_then(|group| group.weight_decay).unwrap_or(config.weight_decay);
        let adam = rec_kernels::training::AdamW {
            lr,
            beta_1: config.beta_1,
            beta_2: config.beta_2,
            epsilon: config.epsilon,
            weight_decay: decay,
        };
        // On the host this moves memory, and copies it only where somebody else holds the tensor.
        let values = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>();
        let back = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [n]), &device);
        let momentum = state.map(|state| state.momentum);
        let time = momentum.as_ref().map_or(0, |momentum| momentum.time) + 1;
        let (m, v) = momentum.map_or_else(
            || (Ok(vec![0.0; n]), Ok(vec![0.0; n])),
            |momentum| (values(momentum.moment_1), values(momentum.moment_2)),
        );
        let (Ok(mut p), Ok(g), Ok(mut m), Ok(mut v)) = (values(old), values(gradient), m, v) else {
            unreachable!("`{path}` is of `f32` and on the host");
        };
        adam.step(time, &g, &mut p, &mut m, &mut v);
        let momentum =
            AdaptiveMomentumState { time, moment_1: back(m), moment_2: back(v), max_moment_2: None };
        (back(p), Some(AdamWState { momentum }))
    }

    /// The moments: two tensors for each path.
    pub(crate) fn snapshot(&self) -> Result<(BTreeMap<String, Values>, Times), Error> {
        let (mut tensors, mut times) = (BTreeMap::new(), BTreeMap::new());
        for (path, state) in &self.states {
            let AdaptiveMomentumState { time, moment_1, moment_2, .. } = &state.momentum;
            for (name, moment) in [(FIRST, moment_1), (SECOND, moment_2)] {
                let values = values(moment.clone())?;
                tensors.insert(format!("{path}{name}"), Values { shape: vec![values.len()], values });
            }
            times.insert(path.clone(), *time);
        }
        Ok((tensors, times))
    }

    /// From a [snapshot](Self::snapshot); gives the path whose moments are missing, if one is.
    pub(crate) fn restore(
        config: AdamW,
        tensors: &BTreeMap<String, Values>,
        times: &Times,
        device: &burn::tensor::Device,
    ) -> Result<Self, String> {
        let device = device.clone().without_autodiff();
        let states = times.iter().map(|(path, &time)| {
            let moment = |name: &str| -> Result<Tensor<1>, String> {
                let Values { shape, values } =
                    tensors.get(&format!("{path}{name}")).ok_or_else(|| path.clone())?;
                Ok(Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &device))
            };
            let momentum = AdaptiveMomentumState {
                time,
                moment_1: moment(FIRST)?,
                moment_2: moment(SECOND)?,
                max_moment_2: None,
            };
            Ok((path.clone(), AdamWState { momentum }))
        });
        let states = states.collect::<Result<_, String>>()?;
        Ok(Self { config, states })
    }
}

const FIRST: &str = "/moment_1";
const SECOND: &str = "/moment_2";

struct Step<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a Gradients,
    lr_factor: f64,
}

impl Change for Step<'_> {
    fn parameter<const D: usize>(&mut self, path: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.get(path) else {
            return param;
        };
        let (adam, lr) = self.optimizer.adam(path);
        let state = self.optimizer.states.remove(path);
        let mut next = None;
        let param = parameters::replace(param, |old| {
            let (shape, [n]) = (old.dims(), gradient.dims());
            assert_eq!(n, old.shape().num_elements(), "a gradient of {n} values for `{path}` {shape:?}");
            let (old, gradient, lr) = (old.reshape([n]), gradient.clone(), lr * self.lr_factor);
            let on_host = old.dtype() == DType::F32 && rec_core::device::is_host(&old.device());
            let (new, state) = match on_host {
                true => self.optimizer.step_on_host(path, lr, old, gradient, state),
                false => adam.step(lr, old, gradient, state),
            };
            next = state;
            new.reshape(shape)
        });
        if let Some(state) = next {
            self.optimizer.states.insert(path.to_owned(), state);
        }
        param
    }
}
