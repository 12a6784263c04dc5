//! Parameters by their paths, which stay the same from one process to the next.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, Kind};

/// The values of a tensor, on the host.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    tensor.try_into_vec_as().map_err(|e| Kind::Device(Box::new(e)).into())
}

/// What is done with each parameter of floats.
pub(crate) trait Visit {
    fn parameter<const D: usize>(&mut self, path: &str, param: &Param<Tensor<D>>);
}

/// What becomes of each parameter of floats.
pub(crate) trait Change {
    fn parameter<const D: usize>(&mut self, path: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>>;
}

/// A walk that knows where it is.
struct Walk<'a, T> {
    path: Vec<String>,
    what: &'a mut T,
}

impl<T: Visit> ModuleVisitor for Walk<'_, T> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.what.parameter(&self.path.join("."), param);
    }
}

impl<T: Change> ModuleMapper for Walk<'_, T> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.what.parameter(&self.path.join("."), param)
    }
}

pub(crate) fn visit<M: Module>(module: &M, what: &mut impl Visit) {
    module.visit(&mut Walk { path: Vec::new(), what });
}

pub(crate) fn change<M: Module>(module: M, what: &mut impl Change) -> M {
    module.map(&mut Walk { path: Vec::new(), what })
}

/// A parameter's value is replaced, and its place in the graph and its gradient setting stay.
pub(crate) fn replace<const D: usize>(
    param: Param<Tensor<D>>,
    new: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Param<Tensor<D>> {
    param.map(|tensor| {
        let (strategy, trained) = (tensor.gradient_checkpointing_strategy(), tensor.is_require_grad());
        let new = new(tensor.inner());
        match strategy {
            Some(strategy) => {
                new.autodiff().with_gradient_checkpointing_strategy(strategy).set_require_grad(trained)
            }
            None => new,
        }
    })
}

/// The parameters whose paths `select` are trained, the others stay as they are.
///
/// A path is the names of fields and the numbers of list entries on the way to the parameter, such as
/// `transformer.blocks.5.attention.qkv.weight`.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
/// use rec_train::{parameters, train_only};
///
/// let module = LinearConfig::new(2, 3).init(&Device::flex());
/// let module = train_only(module, |path| path != "bias");
/// let trained: Vec<_> = parameters(&module).into_iter().filter(|p| p.is_trained).map(|p| p.path).collect();
/// assert_eq!(trained, ["weight"]);
/// ```
#[must_use]
pub fn train_only<M: Module>(module: M, select: impl FnMut(&str) -> bool) -> M {
    struct Select<F>(F);
    impl<F: FnMut(&str) -> bool> Change for Select<F> {
        fn parameter<const D: usize>(&mut self, path: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let trained = (self.0)(path);
            param.set_require_grad(trained)
        }
    }
    change(module, &mut Select(select))
}

/// What a module's parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Where it stands in the module.
    pub path: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether training changes it.
    pub is_trained: bool,
}

impl Parameter {
    /// The number of its values.
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// All parameters of floats, in the order of the module.
#[must_use]
pub fn parameters<M: Module>(module: &M) -> Vec<Parameter> {
    struct All(Vec<Parameter>);
    impl Visit for All {
        fn parameter<const D: usize>(&mut self, path: &str, param: &Param<Tensor<D>>) {
            let shape = param.base().dims().to_vec();
            self.0.push(Parameter { path: path.to_owned(), shape, is_trained: param.is_require_grad() });
        }
    }
    // On a device without gradients the setting sleeps.
    let mut all = All(Vec::new());
    visit(&module.clone().train(), &mut all);
    all.0
}

/// The device of the first parameter; with gradients if the module is being trained.
pub(crate) fn device<M: Module>(module: &M) -> Option<Device> {
    struct First(Option<Device>);
    impl Visit for First {
        fn parameter<const D: usize>(&mut self, _: &str, param: &Param<Tensor<D>>) {
            if self.0.is_none() {
                self.0 = Some(param.base().device());
            }
        }
    }
    let mut first = First(None);
    visit(module, &mut first);
    first.0
}

/// Values by path: of the parameters that are trained, or of those that are not.
pub(crate) fn snapshot<M: Module>(module: &M, trained: bool) -> Result<BTreeMap<String, Values>, Error> {
    struct Read(bool, Result<BTreeMap<String, Values>, Error>);
    impl Visit for Read {
        fn parameter<const D: usize>(&mut self, path: &str, param: &Param<Tensor<D>>) {
            let tensor = param.base();
            if let (Ok(all), true) = (&mut self.1, tensor.is_require_grad() == self.0) {
                let shape = tensor.dims().to_vec();
                match values(tensor) {
                    Ok(values) => _ = all.insert(path.to_owned(), Values { shape, values }),
                    Err(error) => self.1 = Err(error),
                }
            }
        }
    }
    let mut read = Read(trained, Ok(BTreeMap::new()));
    visit(module, &mut read);
    read.1
}

/// A tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Puts values in their places; gives the module, and the paths that found no value of their shape.
pub(crate) fn restore<M: Module>(module: M, values: &BTreeMap<String, Values>) -> (M, Vec<String>) {
    struct Write<'a>(&'a BTreeMap<String, Values>, Vec<String>);
    impl Change for Write<'_> {
        fn parameter<const D: usize>(&mut self, path: &str, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if !param.is_require_grad() {
                return param;
            }
            match self.0.get(path).filter(|values| values.shape == param.base().dims()) {
                Some(Values { shape, values }) => replace(param, |old| {
                    Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &old.device())
                }),
                None => {
                    self.1.push(path.to_owned());
                    param
                }
            }
        }
    }
    let mut write = Write(values, Vec::new());
    let module = change(module, &mut write);
    (module, write.1)
}
