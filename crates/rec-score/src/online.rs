//! Linear models that go on learning from single clicks.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::Interests;
use serde::{Deserialize, Serialize};

use crate::bilinear::{LowRank, Weight};
use crate::error::{Error, Kind};
use crate::scorer::host;
use crate::{AdditiveLinear, Bilinear};

/// How far an update goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepSize {
    /// `rate`, always: what is new counts as much as it did at the beginning.
    Constant,
    /// `rate / (sqrt(sum g^2) + 1e-10)` for each parameter by itself, over its gradients so far (Duchi, Hazan and Singer, *Adaptive
    /// Subgradient Methods for Online Learning and Stochastic Optimization*, JMLR 2011): parameters that were moved often move less.
    AdaGrad,
}

/// Settings of an [`OnlineLogistic`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlineConfig {
    /// The step, positive.
    pub rate: f64,
    /// How strongly parameters are drawn back to where they began, not negative. `rate * penalty` is below 1.
    pub penalty: f64,
    /// How the step changes.
    pub step: StepSize,
}

impl Default for OnlineConfig {
    /// AdaGrad with rate .05 and penalty 1e-4.
    fn default() -> Self {
        Self { rate: 0.05, penalty: 1e-4, step: StepSize::AdaGrad }
    }
}

impl OnlineConfig {
    fn is_valid(self) -> bool {
        let Self { rate, penalty, .. } = self;
        // A larger product would throw parameters past their beginning, further each time.
        rate.is_finite() && rate > 0.0 && penalty.is_finite() && penalty >= 0.0 && rate * penalty < 1.0
    }
}

/// One thing that was shown to a user, and whether it was clicked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Click<'a> {
    /// The user; of several interests the one counts that likes the item best, as when it was ranked.
    pub interests: &'a Interests,
    /// The vector of the item, as the model takes it.
    pub item: &'a [f32],
    /// Whether it was clicked, bought, liked.
    pub clicked: bool,
    /// How much it counts: 1 for once, 0 for not at all.
    pub weight: f32,
}

/// The logistic regression of a linear model, gone on with click by click: `beta`, `gamma`, `b` and `W`, whatever its form.
///
/// `M` is [`AdditiveLinear`] or [`Bilinear`]. An update is a step of stochastic gradient descent on
///
/// ```text
/// w (log(1 + exp(s)) - y s) + penalty / 2 * |theta - theta_0|^2,   s = u' W x + beta · u + gamma · x + b
/// ```
///
/// with the weight `w`, the label `y`, all parameters `theta` and what they were at the beginning, `theta_0`. With
/// `e = w (sigma(s) - y)` the gradients are `e u x'` for `W`, the diagonal of it for a diagonal `W`, `e u (Q'x)'` and `e x (P'u)'` for
/// `W = P Q'`, `e u` for `beta`, `e x` for `gamma` and `e` for `b`. The penalty keeps a model that clicks trickle into near the one
/// that was trained on everything.
///
/// One update costs as much as there are parameters, so choose the diagonal or a low rank where vectors are long. The order of updates
/// matters, and nothing else does: the same clicks give the same bits. Parameters are `f32`, as in the model; gradients are computed in
/// `f64`.
///
/// # What it cannot do
///
/// Clicks come from what was shown: a model that learns from its own lists learns about its own lists. Explore (the crate
/// `rec-feedback`), or weigh clicks by the inverse of their propensities. The vectors of items and users do not change here.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, Interests};
/// use rec_score::{BilinearConfig, Click, Form, OnlineConfig, OnlineLogistic};
///
/// let start = BilinearConfig { d_user: 2, d_item: 2, form: Form::Diagonal, bias: true }.init(&Device::flex());
/// let user = Interests::new(vec![1.0, 0.5], 2, Fingerprint::declared("taste"))?;
/// let mut online = OnlineLogistic::bilinear(&start, OnlineConfig::default());
/// let click = Click { interests: &user, item: &[1.0, 0.0], clicked: false, weight: 1.0 };
///
/// let before = online.update(click)?;
/// assert_eq!(before, 1.0); // the dot product, before anything was learned
/// for _ in 0..100 {
///     online.update(click)?;
/// }
/// assert!(online.logit(&user, &[1.0, 0.0])? < 0.0);
/// let model = online.model(); // a `Bilinear`, to rank with
/// # let _ = model;
/// # Ok::<(), rec_score::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnlineLogistic<M> {
    /// Where the clicks found it; also its space and its device.
    start: M,
    config: OnlineConfig,
    form: Form,
    /// Of the bias terms, if there are any: `beta`, `gamma`, `b`.
    bias: Option<[Parameter; 3]>,
}

/// `W`, on the host.
#[derive(Debug, Clone)]
enum Form {
    /// There is no `W`.
    Zero,
    Identity,
    Diagonal(Parameter),
    /// The matrix, and its columns.
    Full(Parameter, usize),
    /// `P`, `Q` and their rank.
    LowRank(Parameter, Parameter, usize),
}

/// Values, where they began, and the sums of their squared gradients.
#[derive(Debug, Clone)]
struct Parameter {
    values: Vec<f32>,
    start: Vec<f32>,
    squares: Vec<f32>,
}

impl Parameter {
    fn new<const D: usize>(parameter: &Param<Tensor<D>>) -> Self {
        let values = host(parameter);
        Self { start: values.clone(), squares: vec![0.0; values.len()], values }
    }

    /// A step against the gradient `a_i b_j`, row-major.
    fn step(&mut self, config: OnlineConfig, a: &[f64], b: &[f64]) {
        let gradients = a.iter().flat_map(|a| b.iter().map(move |b| a * b));
        let moved = self.values.iter_mut().zip(&self.start).zip(&mut self.squares).zip(gradients);
        for (((value, start), square), gradient) in moved {
            let gradient = gradient + config.penalty * (f64::from(*value) - f64::from(*start));
            let rate = match config.step {
                StepSize::Constant => config.rate,
                StepSize::AdaGrad => {
                    *square = (f64::from(*square) + gradient * gradient) as f32;
                    config.rate / (f64::from(*square).sqrt() + 1e-10)
                }
            };
            *value = (f64::from(*value) - rate * gradient) as f32;
        }
    }

    fn tensor<const D: usize>(&self, like: &Param<Tensor<D>>) -> Tensor<D> {
        let old = like.val();
        Tensor::from_data(TensorData::new(self.values.clone(), old.dims()), &old.device())
    }
}

impl OnlineLogistic<AdditiveLinear> {
    /// Goes on from an additive model.
    ///
    /// # Panics
    ///
    /// A setting is out of its range, or the device fails.
    #[must_use]
    pub fn additive(start: &AdditiveLinear, config: OnlineConfig) -> Self {
        Self::new(start.clone(), config, Form::Zero, Some(start))
    }

    /// The model as it is now, on the device of the one that it began with.
    #[must_use]
    pub fn model(&self) -> AdditiveLinear {
        match &self.bias {
            Some(bias) => biased(&self.start, bias),
            None => self.start.clone(),
        }
    }
}

impl OnlineLogistic<Bilinear> {
    /// Goes on from a bilinear model. Its identity stays one, and it gets no bias terms that it has not.
    ///
    /// # Panics
    ///
    /// A setting is out of its range, or the device fails.
    #[must_use]
    pub fn bilinear(start: &Bilinear, config: OnlineConfig) -> Self {
        let form = match &start.weight {
            None => Form::Identity,
            Some(Weight::Diagonal(w)) => Form::Diagonal(Parameter::new(w)),
            Some(Weight::Full(w)) => Form::Full(Parameter::new(w), w.dims()[1]),
            Some(Weight::LowRank(w)) => {
                Form::LowRank(Parameter::new(&w.user), Parameter::new(&w.item), w.user.dims()[1])
            }
        };
        Self::new(start.clone(), config, form, start.bias.as_ref())
    }

    /// The model as it is now, on the device of the one that it began with.
    #[must_use]
    pub fn model(&self) -> Bilinear {
        let param = Param::from_tensor;
        let weight = match (&self.start.weight, &self.form) {
            (Some(Weight::Diagonal(old)), Form::Diagonal(w)) => {
                Some(Weight::Diagonal(Param::from_tensor(w.tensor(old))))
            }
            (Some(Weight::Full(old)), Form::Full(w, _)) => Some(Weight::Full(param(w.tensor(old)))),
            (Some(Weight::LowRank(old)), Form::LowRank(p, q, _)) => {
                let (user, item) = (param(p.tensor(&old.user)), param(q.tensor(&old.item)));
                Some(Weight::LowRank(LowRank { user, item }))
            }
            _ => None,
        };
        let bias = self.start.bias.as_ref().zip(self.bias.as_ref()).map(|(old, new)| biased(old, new));
        Bilinear { weight, bias, user_space: self.start.user_space }
    }
}

fn biased(old: &AdditiveLinear, [beta, gamma, b]: &[Parameter; 3]) -> AdditiveLinear {
    let device: Device = old.beta.val().device();
    let new = AdditiveLinear::new(&beta.values, &gamma.values, b.values[0], &device);
    AdditiveLinear { user_space: old.user_space, ..new }
}

impl<M> OnlineLogistic<M> {
    fn new(start: M, config: OnlineConfig, form: Form, bias: Option<&AdditiveLinear>) -> Self {
        assert!(config.is_valid(), "{config:?}: the rate is positive, and rate * penalty in [0, 1)");
        let bias = bias
            .map(|bias| [Parameter::new(&bias.beta), Parameter::new(&bias.gamma), Parameter::new(&bias.b)]);
        Self { start, config, form, bias }
    }

    /// The logit of an item for a user, by the best interest.
    ///
    /// # Errors
    ///
    /// The dimensions do not fit the model, or a value of the item or the logit is not finite.
    pub fn logit(&self, interests: &Interests, item: &[f32]) -> Result<f64, Error> {
        Ok(self.best(interests, item)?.0)
    }

    /// Learns from a click; gives the logit before that, so that a model can be judged on what it has not seen yet.
    ///
    /// # Errors
    ///
    /// As [`logit`](Self::logit); or the weight is negative, not finite or so large that a parameter would not stay finite. Then nothing
    /// changes.
    pub fn update(&mut self, click: Click<'_>) -> Result<f64, Error> {
        let Click { interests, item, clicked, weight } = click;
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(Kind::ClickWeight(weight).into());
        }
        let (logit, u, x) = self.best(interests, item)?;
        if weight == 0.0 {
            return Ok(logit);
        }
        let error = f64::from(weight) * (1.0 / (1.0 + (-logit).exp()) - f64::from(u8::from(clicked)));
        let products = |matrix: &Parameter, rank: usize, by: &[f64]| -> Vec<f64> {
            let rows = matrix.values.chunks_exact(rank).zip(by);
            rows.fold(vec![0.0; rank], |mut sum, (row, by)| {
                sum.iter_mut().zip(row).for_each(|(sum, &w)| *sum += by * f64::from(w));
                sum
            })
        };
        let (pu, qx) = match &self.form {
            Form::LowRank(p, q, rank) => (products(p, *rank, &u), products(q, *rank, &x)),
            _ => (Vec::new(), Vec::new()),
        };
        let largest = |values: &[f64]| values.iter().fold(1.0f64, |max, value| max.max(value.abs()));
        // The squares of such gradients are numbers of f32.
        let (u_max, x_max) = (largest(&u), largest(&x));
        let bound =
            error.abs() * u_max.max(x_max).max(u_max * x_max.max(largest(&qx))).max(x_max * largest(&pu));
        if bound > 1e18 {
            return Err(Kind::ClickWeight(weight).into());
        }
        let scaled = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| error * value).collect() };
        let (eu, ex, one) = (scaled(&u), scaled(&x), [1.0]);
        match &mut self.form {
            Form::Zero | Form::Identity => {}
            Form::Diagonal(w) => {
                let both: Vec<f64> = eu.iter().zip(&x).map(|(u, x)| u * x).collect();
                w.step(self.config, &both, &one);
            }
            Form::Full(w, _) => w.step(self.config, &eu, &x),
            Form::LowRank(p, q, _) => {
                p.step(self.config, &eu, &qx);
                q.step(self.config, &ex, &pu);
            }
        }
        if let Some([beta, gamma, b]) = &mut self.bias {
            beta.step(self.config, &eu, &one);
            gamma.step(self.config, &ex, &one);
            b.step(self.config, &[error], &one);
        }
        Ok(logit)
    }

    /// The largest logit, its interest and the item.
    fn best(&self, interests: &Interests, item: &[f32]) -> Result<(f64, Vec<f64>, Vec<f64>), Error> {
        self.check(interests.dim(), item.len())?;
        if let Some(column) = item.iter().position(|value| !value.is_finite()) {
            return Err(Kind::ClickItem { column }.into());
        }
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
        let x = wide(item);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for u in interests.iter().map(wide) {
            let logit = self.logit_of(&u, &x);
            if !logit.is_finite() {
                return Err(Kind::ClickLogit.into());
            }
            if best.as_ref().is_none_or(|(largest, _)| logit > *largest) {
                best = Some((logit, u));
            }
        }
        let (logit, u) = best.ok_or(Kind::ClickLogit)?;
        Ok((logit, u, x))
    }

    fn check(&self, d_user: usize, d_item: usize) -> Result<(), Error> {
        let (users, items) = match (&self.form, &self.bias) {
            (Form::Diagonal(w), _) => (w.values.len(), w.values.len()),
            (Form::Full(w, columns), _) => (w.values.len() / columns, *columns),
            (Form::LowRank(p, q, rank), _) => (p.values.len() / rank, q.values.len() / rank),
            (_, Some([beta, gamma, _])) => (beta.values.len(), gamma.values.len()),
            (Form::Zero | Form::Identity, None) => (d_user, d_user),
        };
        Error::check_dim("the interest", users, d_user)?;
        Error::check_dim("the item", items, d_item)
    }

    fn logit_of(&self, u: &[f64], x: &[f64]) -> f64 {
        let dot = |weights: &[f32], by: &[f64]| -> f64 {
            weights.iter().zip(by).map(|(&weight, by)| f64::from(weight) * by).sum()
        };
        let personal = match &self.form {
            Form::Zero => 0.0,
            Form::Identity => u.iter().zip(x).map(|(u, x)| u * x).sum(),
            Form::Diagonal(w) => w.values.iter().zip(u).zip(x).map(|((&w, u), x)| f64::from(w) * u * x).sum(),
            Form::Full(w, columns) => {
                w.values.chunks_exact(*columns).zip(u).map(|(row, u)| u * dot(row, x)).sum()
            }
            Form::LowRank(p, q, rank) => {
                let column = |matrix: &Parameter, by: &[f64], r: usize| -> f64 {
                    matrix
                        .values
                        .iter()
                        .skip(r)
                        .step_by(*rank)
                        .zip(by)
                        .map(|(&w, by)| f64::from(w) * by)
                        .sum()
                };
                (0..*rank).map(|r| column(p, u, r) * column(q, x, r)).sum()
            }
        };
        let general = self.bias.as_ref().map_or(0.0, |[beta, gamma, b]| {
            dot(&beta.values, u) + dot(&gamma.values, x) + f64::from(b.values[0])
        });
        personal + general
    }
}
