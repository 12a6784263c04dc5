use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rec_data::replace_file;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::Error;
use crate::nn::ModelConfig;

/// The parameters of a model by name, and facts about it: a safetensors file with every parameter in F32.
///
/// Of a burn module, a name is the path of fields to the parameter. Filling a module is strict: a parameter that is missing,
/// unexpected, misshapen or not finite is an error. A model with a [`ModelConfig`] is written with its config
/// ([`of_model`](Self::of_model)) and needs nothing else to be read again ([`model`](Self::model)).
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::nn::{Initializer, Linear};
/// use rec_core::ModelFile;
///
/// let device = Device::flex();
/// let linear = |seed| Linear::new(2, 2, true, &mut Initializer::new(seed, &device));
/// let path = std::env::temp_dir().join("rec-core-doc-model.safetensors");
/// ModelFile::of(&linear(1))?.with("model", "linear").write(&path)?;
///
/// let file = ModelFile::read(&path)?;
/// assert_eq!(file.get("model"), Some("linear"));
/// let loaded = file.fill(linear(2))?;
/// assert_eq!(loaded.weight().into_data(), linear(1).weight().into_data());
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ModelFile {
    /// Where the parameters were read from.
    path: PathBuf,
    facts: HashMap<String, String>,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl ModelFile {
    /// The parameters of a module.
    ///
    /// # Errors
    ///
    /// One of them is not finite, or the device fails.
    pub fn of(module: &impl Module) -> Result<Self, Error> {
        let mut collect = Collect::default();
        module.visit(&mut collect);
        match collect.error {
            Some(error) => Err(error),
            None => Ok(Self { path: PathBuf::new(), facts: HashMap::new(), parameters: collect.parameters }),
        }
    }

    /// The parameters of a model with its name and config as the facts `model` and `config`.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_model<C: ModelConfig>(config: &C, model: &C::Model) -> Result<Self, Error> {
        let json = serde_json::to_string(config).map_err(|e| Error::format(format!("a config: {e}")))?;
        Ok(Self::of(model)?.with("model", C::NAME).with("config", json))
    }

    /// The model that [`of_model`](Self::of_model) took, on a device.
    ///
    /// # Errors
    ///
    /// The file holds another model, its config is not valid, or the parameters are not those of the config. Sizes are checked
    /// before anything is allocated.
    pub fn model<C: ModelConfig>(self, device: &Device) -> Result<C::Model, Error> {
        if self.get("model") != Some(C::NAME) {
            let found = self.get("model").unwrap_or("no model");
            return Err(self.fail(format!("holds `{found}`, not `{}`", C::NAME)));
        }
        let json = self.get("config").unwrap_or_default();
        let config: C = serde_json::from_str(json).map_err(|e| self.fail(format!("its config: {e}")))?;
        let wanted = config.n_values().map_err(|problem| self.fail(format!("its config: {problem}")))?;
        let found: usize = self.parameters.values().map(|(_, values)| values.len()).sum();
        if wanted != found {
            return Err(
                self.fail(format!("has {found} values of parameters where its config wants {wanted}"))
            );
        }
        self.fill(config.blank(device))
    }

    /// Adds a parameter.
    ///
    /// # Errors
    ///
    /// A value is not finite.
    ///
    /// # Panics
    ///
    /// The shape does not fit the number of values.
    pub fn with_parameter(
        mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<Self, Error> {
        let name = name.into();
        let n: usize = shape.iter().product();
        assert_eq!(n, values.len(), "shape {shape:?} does not fit the values of `{name}`");
        check_finite(&name, &values)?;
        self.parameters.insert(name, (shape.to_vec(), values));
        Ok(self)
    }

    /// Takes a parameter out: its shape and values, row-major.
    pub fn take(&mut self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        self.parameters.remove(name)
    }

    /// The names of the parameters that have not been taken, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.keys().map(String::as_str)
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.insert(key.into(), value.into());
        self
    }

    /// A fact, if the file has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.facts.get(key).map(String::as_str)
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = self
            .parameters
            .iter()
            .map(|(name, (shape, values))| {
                (&**name, &**shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        let cannot = |e| Error::format("cannot lay the parameters out").with_source(e).at(path);
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(cannot)?;
        let bytes = safetensors::serialize(views, Some(self.facts.clone())).map_err(cannot)?;
        replace_file(path, |file| file.write_all(&bytes)).map_err(|e| Error::io("write the model", path, e))
    }

    /// Reads a file that [`write`](Self::write) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no safetensors file, or has a tensor that is not F32 or not finite.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io("read the model", path, e))?;
        let invalid = |e| Error::format("not a valid safetensors file").with_source(e).at(path);
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
        let facts = header.metadata().clone().unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(invalid)?.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(
                    Error::format(format!("parameter `{name}` is {:?}, not F32", view.dtype())).at(path)
                );
            }
            let values: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            check_finite(name, &values).map_err(|e| e.at(path))?;
            parameters.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Self { path: path.to_owned(), facts, parameters })
    }

    /// Gives a module of the same structure these parameters, on the module's device.
    ///
    /// # Errors
    ///
    /// A parameter is missing, unexpected or has another shape. The message names it.
    pub fn fill<M: Module>(self, module: M) -> Result<M, Error> {
        let mut fill = Fill { path: Vec::new(), parameters: self.parameters, error: None };
        let module = module.map(&mut fill);
        let unexpected = fill.parameters.keys().next();
        let unexpected = unexpected.map(|name| Error::format(format!("unexpected parameter `{name}`")));
        match fill.error.or(unexpected) {
            Some(error) if self.path.as_os_str().is_empty() => Err(error),
            Some(error) => Err(error.at(&self.path)),
            None => Ok(module),
        }
    }

    /// The error that something about this file is wrong.
    #[must_use]
    pub fn fail(&self, problem: impl Into<String>) -> Error {
        Error::format(problem).at(&self.path)
    }
}

fn check_finite(name: &str, values: &[f32]) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::format(format!("parameter `{name}` is not finite at value {at}"))),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    error: Option<Error>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let values = param.val().try_into_vec_as::<f32>();
        let values =
            values.map_err(|e| Error::device(format!("cannot read parameter `{name}`")).with_source(e));
        match values.and_then(|values| check_finite(&name, &values).map(|()| values)) {
            Ok(values) => {
                self.parameters.insert(name, (param.dims().to_vec(), values));
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

struct Fill {
    path: Vec<String>,
    /// Those that no parameter took yet.
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    error: Option<Error>,
}

impl ModuleMapper for Fill {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (name, dims) = (self.path.join("."), param.dims());
        let problem = match self.parameters.remove(&name) {
            Some((shape, values)) if shape == dims => {
                let device = param.val().device();
                return param.map(|old| {
                    let new = Tensor::from_data(TensorData::new(values, shape), &device);
                    new.set_require_grad(old.is_require_grad())
                });
            }
            Some((shape, _)) => format!("parameter `{name}` has shape {shape:?}, not {dims:?}"),
            None => format!("no parameter `{name}`"),
        };
        self.error.get_or_insert_with(|| Error::format(problem));
        param
    }
}
