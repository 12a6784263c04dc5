use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Gradients as Tape, Tensor};

use crate::error::Error;
use crate::parameters::{Visit, values, visit};

/// The gradients of a loss, by the paths of the parameters, between the backward pass and the [step](crate::Optimizer::step).
///
/// Whatever changes gradients stands here: [means of several](Self::mean), [clipping](Self::clip), noise. All of it goes through
/// the paths in their order, so that the same gradients give the same bits.
#[derive(Debug)]
pub struct Gradients {
    loss: f64,
    /// Flat, on the device, without autodiff.
    by_path: BTreeMap<String, Tensor<1>>,
}

/// The gradients of a loss for every parameter of `module` that is trained and that the loss depends on.
///
/// # Errors
///
/// The loss depends on no parameter that is trained, or cannot be read from the device.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
///
/// let module = LinearConfig::new(2, 1).init(&Device::flex()).train();
/// let loss = module.forward(Tensor::<2>::from_data([[3.0, 4.0]], &Device::flex())).sum();
/// let mut gradients = rec_train::gradients(&module, loss)?;
/// assert_eq!(gradients.get("weight").unwrap().to_data().try_to_vec::<f32>().unwrap(), [3.0, 4.0]);
///
/// // Together with the bias, whose gradient is 1, the norm is the root of 26.
/// let norm = gradients.clip(1.0)?;
/// assert!((norm - 26f64.sqrt()).abs() < 1e-6);
/// assert!((gradients.norm()? - 1.0).abs() < 1e-6);
/// # Ok::<(), rec_train::Error>(())
/// ```
pub fn gradients<M: Module>(module: &M, loss: Tensor<1>) -> Result<Gradients, Error> {
    struct Take(Tape, BTreeMap<String, Tensor<1>>);
    impl Visit for Take {
        fn parameter<const D: usize>(&mut self, path: &str, param: &Param<Tensor<D>>) {
            let tensor = param.base();
            if !tensor.is_require_grad() {
                return;
            }
            if let Some(gradient) = tensor.grad_remove(&mut self.0) {
                let n = gradient.shape().num_elements();
                self.1.insert(path.to_owned(), gradient.reshape([n]));
            }
        }
    }
    if !loss.is_tracked() {
        return Err(Error::unusable("the loss depends on no parameter that is trained"));
    }
    let mut take = Take(loss.backward(), BTreeMap::new());
    visit(module, &mut take);
    let value = values(loss)?.into_iter().map(f64::from).sum();
    Ok(Gradients { loss: value, by_path: take.1 })
}

impl Gradients {
    pub(crate) fn new(loss: f64, by_path: BTreeMap<String, Tensor<1>>) -> Self {
        Self { loss, by_path }
    }

    /// The loss that they are of.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// One of them, flat.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Tensor<1>> {
        self.by_path.get(path)
    }

    /// Each of them with its path, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<1>)> {
        self.by_path.iter().map(|(path, gradient)| (path.as_str(), gradient))
    }

    /// Changes each of them, in the order of the paths: noise, masks, what came from other machines.
    #[must_use]
    pub fn map(self, mut change: impl FnMut(&str, Tensor<1>) -> Tensor<1>) -> Self {
        let changed = self.by_path.into_iter().map(|(path, gradient)| {
            let gradient = change(&path, gradient);
            (path, gradient)
        });
        Self { loss: self.loss, by_path: changed.collect() }
    }

    /// The mean of gradients and losses, added in the order given; a parameter without a gradient counts as zero.
    ///
    /// Micro-batches of equal size give the gradients of their whole batch, for a loss that is a mean over rows that do not see
    /// each other. (The rows of [in-batch negatives](crate::objective::InfoNce) do.)
    ///
    /// `None` if there are none.
    #[must_use]
    pub fn mean(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut n = 0;
        let sum = Self::sum(parts.into_iter().inspect(|_| n += 1));
        sum.map(|sum| sum.divided(n))
    }

    pub(crate) fn sum(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|mut sum, part| {
            sum.loss += part.loss;
            for (path, gradient) in part.by_path {
                let new = match sum.by_path.remove(&path) {
                    Some(so_far) => so_far + gradient,
                    None => gradient,
                };
                sum.by_path.insert(path, new);
            }
            sum
        })
    }

    pub(crate) fn divided(mut self, n: u64) -> Self {
        if n == 1 {
            return self;
        }
        self.loss /= n as f64;
        self.map(|_, gradient| gradient.div_scalar(n as f64))
    }

    /// The Euclidean norm of all gradients as one vector.
    ///
    /// # Errors
    ///
    /// The device fails.
    pub fn norm(&self) -> Result<f64, Error> {
        // A CPU sums longer tensors in parts whose order depends on its threads.
        const PART: usize = 1 << 20;
        let parts = self.by_path.values().flat_map(|gradient| {
            let [n] = gradient.dims();
            (0..n).step_by(PART).map(move |from| gradient.clone().slice_dim(0, from..(from + PART).min(n)))
        });
        let squares: Vec<_> = parts.map(|part| part.square().sum()).collect();
        if squares.is_empty() {
            return Ok(0.0);
        }
        Ok(values(Tensor::cat(squares, 0))?.into_iter().map(f64::from).sum::<f64>().sqrt())
    }

    /// Shortens all of them together so that their [norm](Self::norm) is at most `max`, and gives the norm before (Pascanu et al. 2013,
    /// algorithm 1).
    ///
    /// # Errors
    ///
    /// The device fails.
    ///
    /// # Panics
    ///
    /// `max` is not a positive number.
    pub fn clip(&mut self, max: f64) -> Result<f64, Error> {
        assert!(max > 0.0, "gradients cannot be clipped to the norm {max}");
        let norm = self.norm()?;
        if norm > max {
            let whole = std::mem::replace(self, Self { loss: self.loss, by_path: BTreeMap::new() });
            *self = whole.map(|_, gradient| gradient.mul_scalar(max / norm));
        }
        Ok(norm)
    }
}
