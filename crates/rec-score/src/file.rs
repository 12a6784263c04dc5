//! Files of scorers with parameters: safetensors with every parameter in F32, and the kind of the scorer, the form of its
//! matrix and the space of its users as metadata.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::Fingerprint;
use rec_data::replace_file;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::bilinear::{LowRank, Weight};
use crate::error::Kind;
use crate::{AdditiveLinear, Bilinear, Error};

const FORMAT: &str = "rec-scorer 1";

impl AdditiveLinear {
    /// Writes the model as one safetensors file, whole or not at all.
    ///
    /// # Errors
    ///
    /// A parameter is not finite or cannot be read from its device, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let mut writer = Writer::new("additive", None, self.user_space);
        writer.additive(self)?;
        writer.write(path.as_ref())
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
        let mut writer = Writer::new("bilinear", Some(form), self.user_space);
        match &self.weight {
            None => {}
            Some(Weight::Diagonal(w)) => writer.parameter("w", w)?,
            Some(Weight::Full(w)) => writer.parameter("w", w)?,
            Some(Weight::LowRank(w)) => {
                writer.parameter("p", &w.user)?;
                writer.parameter("q", &w.item)?;
            }
        }
        if let Some(bias) = &self.bias {
            writer.additive(bias)?;
        }
        writer.write(path.as_ref())
    }

    /// Reads a file that [`save`](Self::save) wrote, onto a device.
    ///
    /// # Errors
    ///
    /// As [`AdditiveLinear::load`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let mut reader = Reader::open(path.as_ref(), "bilinear")?;
        let weight = match reader.metadata.get("form").map(String::as_str) {
            Some("identity") => None,
            Some("diagonal") => Some(Weight::Diagonal(reader.parameter("w", device)?)),
            Some("full") => Some(Weight::Full(reader.parameter("w", device)?)),
            Some("low_rank") => {
                let factors =
                    LowRank { user: reader.parameter("p", device)?, item: reader.parameter("q", device)? };
                if factors.user.dims()[1] != factors.item.dims()[1] {
                    let (p, q) = (factors.user.dims(), factors.item.dims());
                    return Err(reader.fail(format!("parameters `p` {p:?} and `q` {q:?} differ in rank")));
                }
                Some(Weight::LowRank(factors))
            }
            other => return Err(reader.fail(format!("there is no form {other:?}"))),
        };
        let mut model = Self { weight, bias: None, user_space: None };
        if reader.parameters.contains_key("beta") {
            let bias = reader.additive(device)?;
            let (d_user, d_item) = bias.dims();
            let dims = model.dims().unwrap_or((d_user, d_user));
            if (d_user, d_item) != dims {
                let message =
                    format!("parameters `beta` and `gamma` {:?} do not fit W {dims:?}", bias.dims());
                return Err(reader.fail(message));
            }
            model.bias = Some(bias);
        }
        model.user_space = reader.finish()?;
        Ok(model)
    }
}

/// A parameter on the host.
struct Values {
    shape: Vec<usize>,
    values: Vec<f32>,
}

struct Writer {
    metadata: HashMap<String, String>,
    parameters: BTreeMap<&'static str, Values>,
}

impl Writer {
    fn new(model: &str, form: Option<&str>, user_space: Option<Fingerprint>) -> Self {
        let metadata = [
            ("format", Some(FORMAT.to_owned())),
            ("model", Some(model.to_owned())),
            ("form", form.map(str::to_owned)),
            ("user_space", user_space.map(|space| space.to_string())),
        ];
        let metadata = metadata.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Self { metadata: metadata.collect(), parameters: BTreeMap::new() }
    }

    fn parameter<const D: usize>(
        &mut self,
        name: &'static str,
        parameter: &Param<Tensor<D>>,
    ) -> Result<(), Error> {
        let shape = parameter.dims().to_vec();
        let values = parameter.val().try_into_vec_as().map_err(|e| Kind::Device(Box::new(e)))?;
        self.parameters.insert(name, Values { shape, values });
        Ok(())
    }

    fn additive(&mut self, model: &AdditiveLinear) -> Result<(), Error> {
        self.parameter("beta", &model.beta)?;
        self.parameter("gamma", &model.gamma)?;
        self.parameter("b", &model.b)
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = self
            .parameters
            .iter()
            .map(|(&name, Values { shape, values })| {
                check_finite(path, name, values)?;
                Ok((name, &**shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            })
            .collect::<Result<_, Error>>()?;
        let cannot = |e: safetensors::SafeTensorError| Error::file(path, format!("cannot lay out: {e}"));
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(cannot)?;
        let bytes = safetensors::serialize(views, Some(self.metadata.clone())).map_err(cannot)?;
        Ok(replace_file(path, |file| file.write_all(&bytes))?)
    }
}

struct Reader {
    path: PathBuf,
    metadata: HashMap<String, String>,
    /// Those that nothing took yet.
    parameters: BTreeMap<String, Values>,
}

impl Reader {
    fn open(path: &Path, model: &str) -> Result<Self, Error> {
        let bytes =
            std::fs::read(path).map_err(|e| Error::file(path, format!("cannot read the scorer: {e}")))?;
        let invalid = |e| Error::file(path, format!("not a valid safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| metadata.get(key).map(String::as_str);
        if entry("format") != Some(FORMAT) {
            return Err(Error::file(
                path,
                format!("not the file of a scorer: its metadata lack format `{FORMAT}`"),
            ));
        }
        if entry("model") != Some(model) {
            let found = entry("model").unwrap_or("no");
            return Err(Error::file(path, format!("holds a scorer of kind `{found}`, not `{model}`")));
        }
        let mut parameters = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(invalid)?.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(Error::file(path, format!("parameter `{name}` is {:?}, not F32", view.dtype())));
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let values = Values { shape: view.shape().to_vec(), values };
            check_finite(path, name, &values.values)?;
            parameters.insert(name.to_owned(), values);
        }
        Ok(Self { path: path.to_owned(), metadata, parameters })
    }

    fn fail(&self, problem: impl Into<String>) -> Error {
        Error::file(&self.path, problem)
    }

    fn take<const D: usize>(&mut self, name: &str) -> Result<Values, Error> {
        let Some(values) = self.parameters.remove(name) else {
            return Err(self.fail(format!("no parameter `{name}`")));
        };
        if values.shape.len() != D || values.shape.contains(&0) {
            let message = format!("parameter `{name}` has shape {:?}, not {D} dimensions", values.shape);
            return Err(self.fail(message));
        }
        Ok(values)
    }

    fn parameter<const D: usize>(&mut self, name: &str, device: &Device) -> Result<Param<Tensor<D>>, Error> {
        let Values { shape, values } = self.take::<D>(name)?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device)))
    }

    fn additive(&mut self, device: &Device) -> Result<AdditiveLinear, Error> {
        let (beta, gamma) = (self.take::<1>("beta")?, self.take::<1>("gamma")?);
        match *self.take::<1>("b")?.values {
            [b] => Ok(AdditiveLinear::new(&beta.values, &gamma.values, b, device)),
            ref b => Err(self.fail(format!("parameter `b` has {} values, not one", b.len()))),
        }
    }

    /// The space of the users, once everything in the file has been taken.
    fn finish(self) -> Result<Option<Fingerprint>, Error> {
        if let Some(name) = self.parameters.keys().next() {
            return Err(self.fail(format!("unexpected parameter `{name}`")));
        }
        let space = self.metadata.get("user_space").map(|space| space.parse());
        space.transpose().map_err(|e| self.fail(format!("its metadata `user_space`: {e}")))
    }
}

fn check_finite(path: &Path, name: &str, values: &[f32]) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::file(path, format!("parameter `{name}` is not finite at value {at}"))),
        None => Ok(()),
    }
}
