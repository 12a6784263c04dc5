//! Files of scorers with parameters: a [`ModelFile`] with the kind of the scorer, the form of its matrix and the space of its
//! users, or the config of a learned one, as metadata.

use std::path::Path;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::nn::ModelConfig;
use rec_core::{Fingerprint, ModelFile};

use crate::bilinear::{LowRank, Weight};
use crate::error::Kind;
use crate::{
    AdditiveLinear, Bilinear, Error, FactorizationMachine, FactorizationMachineConfig, MlpScorer,
    MlpScorerConfig, TargetAttention, TargetAttentionConfig,
};

const FORMAT: &str = "rec-scorer 1";

impl AdditiveLinear {
    /// Writes the model as one safetensors file, whole or not at all.
    ///
    /// # Errors
    ///
    /// A parameter is not finite or cannot be read from its device, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(additive(file("additive", self.user_space), self)?.write(path)?)
    }

    /// Reads a file that [`save`](Self::save) wrote, onto a device.
    ///
    /// # Errors
    ///
    /// The file cannot be read, holds another model, or has a parameter that is missing, unexpected, misshapen or not finite.
    /// The message names the file and the parameter.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let mut reader = Reader::open(path.as_ref(), "additive")?;
        let model = reader.additive(device)?;
        let user_space = reader.finish()?;
        Ok(Self { user_space, ..model })
    }
}

impl Bilinear {
    /// Writes the model as one safetensors file, whole or not at all.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use rec_core::{Fingerprint, Interests, VectorTable};
    /// use rec_score::{Bilinear, Filter, FlatIndex};
    ///
    /// let device = Device::flex();
    /// let model = Bilinear::full(Tensor::from_data([[0.0, 1.0], [1.0, 0.0]], &device));
    /// let path = std::env::temp_dir().join("rec-score-doc.safetensors");
    /// model.save(&path)?;
    /// let loaded = Bilinear::load(&path, &device)?;
    ///
    /// let space = Fingerprint::declared("taste");
    /// let items = VectorTable::from_rows(space, [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?;
    /// let user = Interests::new(vec![1.0, 0.0], 2, space)?;
    /// let list = FlatIndex::with_scorer(items, &loaded)?.top_k(&user, 1, &Filter::none())?;
    /// assert_eq!(list[0].id, "emma");
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), rec_score::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A parameter is not finite or cannot be read from its device, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let form = match &self.weight {
            None => "identity",
            Some(Weight::Diagonal(_)) => "diagonal",
            Some(Weight::Full(_)) => "full",
            Some(Weight::LowRank(_)) => "low_rank",
        };
        let mut file = file("bilinear", self.user_space).with("form", form);
        file = match &self.weight {
            None => file,
            Some(Weight::Diagonal(w)) => with(file, "w", w)?,
            Some(Weight::Full(w)) => with(file, "w", w)?,
            Some(Weight::LowRank(w)) => with(with(file, "p", &w.user)?, "q", &w.item)?,
        };
        if let Some(bias) = &self.bias {
            file = additive(file, bias)?;
        }
        Ok(file.write(path)?)
    }

    /// Reads a file that [`save`](Self::save) wrote, onto a device.
    ///
    /// # Errors
    ///
    /// As [`AdditiveLinear::load`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let mut reader = Reader::open(path.as_ref(), "bilinear")?;
        let weight = match reader.file.get("form") {
            Some("identity") => None,
            Some("diagonal") => Some(Weight::Diagonal(reader.parameter("w", device)?)),
            Some("full") => Some(Weight::Full(reader.parameter("w", device)?)),
            Some("low_rank") => {
                let factors =
                    LowRank { user: reader.parameter("p", device)?, item: reader.parameter("q", device)? };
                if factors.user.dims()[1] != factors.item.dims()[1] {
                    let (p, q) = (factors.user.dims(), factors.item.dims());
                    let message = format!("parameters `p` {p:?} and `q` {q:?} differ in rank");
                    return Err(reader.file.fail(message).into());
                }
                Some(Weight::LowRank(factors))
            }
            other => return Err(reader.file.fail(format!("there is no form {other:?}")).into()),
        };
        let mut model = Self { weight, bias: None, user_space: None };
        if reader.file.names().any(|name| name == "beta") {
            let bias = reader.additive(device)?;
            let (d_user, d_item) = bias.dims();
            let dims = model.dims().unwrap_or((d_user, d_user));
            if (d_user, d_item) != dims {
                let message =
                    format!("parameters `beta` and `gamma` {:?} do not fit W {dims:?}", bias.dims());
                return Err(reader.file.fail(message).into());
            }
            model.bias = Some(bias);
        }
        model.user_space = reader.finish()?;
        Ok(model)
    }
}

/// The files of learned scorers differ in nothing but their config.
macro_rules! learned_file {
    ($($model:ident, $config:ty;)*) => {$(
        impl $model {
            /// Writes the model as one safetensors file, whole or not at all: its config and its parameters.
            ///
            /// # Errors
            ///
            /// A parameter is not finite or cannot be read from its device, or the file cannot be written.
            pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
                let file = ModelFile::of_model(self.config(), self)?;
                Ok(file.with("format", FORMAT).write(path)?)
            }

            /// Reads a file that [`save`](Self::save) wrote, onto a device.
            ///
            /// # Errors
            ///
            /// As [`AdditiveLinear::load`]; or the config is not valid.
            pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
                let reader = Reader::open(path.as_ref(), <$config>::NAME)?;
                Ok(reader.file.model::<$config>(device)?)
            }
        }
    )*};
}

learned_file! {
    MlpScorer, MlpScorerConfig;
    TargetAttention, TargetAttentionConfig;
    FactorizationMachine, FactorizationMachineConfig;
}

fn file(model: &str, user_space: Option<Fingerprint>) -> ModelFile {
    let file = ModelFile::default().with("format", FORMAT).with("model", model);
    match user_space {
        Some(space) => file.with("user_space", space.to_string()),
        None => file,
    }
}

fn with<const D: usize>(
    file: ModelFile,
    name: &str,
    parameter: &Param<Tensor<D>>,
) -> Result<ModelFile, Error> {
    let values = parameter.val().try_into_vec_as().map_err(|e| Kind::Device(Box::new(e)))?;
    Ok(file.with_parameter(name, &parameter.dims(), values)?)
}

fn additive(file: ModelFile, model: &AdditiveLinear) -> Result<ModelFile, Error> {
    with(with(with(file, "beta", &model.beta)?, "gamma", &model.gamma)?, "b", &model.b)
}

/// A file whose parameters are taken one by one.
struct Reader {
    file: ModelFile,
}

impl Reader {
    fn open(path: &Path, model: &str) -> Result<Self, Error> {
        let file = ModelFile::read(path)?;
        if file.get("format") != Some(FORMAT) {
            let message = format!("not the file of a scorer: its metadata lack format `{FORMAT}`");
            return Err(file.fail(message).into());
        }
        if file.get("model") != Some(model) {
            let found = file.get("model").unwrap_or("no");
            return Err(file.fail(format!("holds a scorer of kind `{found}`, not `{model}`")).into());
        }
        Ok(Self { file })
    }

    fn take<const D: usize>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>), Error> {
        let Some((shape, values)) = self.file.take(name) else {
            return Err(self.file.fail(format!("no parameter `{name}`")).into());
        };
        if shape.len() != D || shape.contains(&0) {
            let message = format!("parameter `{name}` has shape {shape:?}, not {D} dimensions");
            return Err(self.file.fail(message).into());
        }
        Ok((shape, values))
    }

    fn parameter<const D: usize>(&mut self, name: &str, device: &Device) -> Result<Param<Tensor<D>>, Error> {
        let (shape, values) = self.take::<D>(name)?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device)))
    }

    fn additive(&mut self, device: &Device) -> Result<AdditiveLinear, Error> {
        let ((_, beta), (_, gamma)) = (self.take::<1>("beta")?, self.take::<1>("gamma")?);
        match *self.take::<1>("b")?.1 {
            [b] => Ok(AdditiveLinear::new(&beta, &gamma, b, device)),
            ref b => Err(self.file.fail(format!("parameter `b` has {} values, not one", b.len())).into()),
        }
    }

    /// The space of the users, once everything in the file has been taken.
    fn finish(self) -> Result<Option<Fingerprint>, Error> {
        if let Some(name) = self.file.names().next() {
            return Err(self.file.fail(format!("unexpected parameter `{name}`")).into());
        }
        let space = self.file.get("user_space").map(str::parse);
        Ok(space.transpose().map_err(|e| self.file.fail(format!("its metadata `user_space`: {e}")))?)
    }
}
