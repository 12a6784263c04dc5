//! Static models: the table of model2vec, or that of sentence-transformers' `StaticEmbedding`.

use burn::tensor::Device;
use rec_core::{Fingerprint, FingerprintBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::save::{WeightFormat, Writer, Written};
use super::{Checkpoint, LoadReport, Storage};
use crate::TokenEncoder;
use crate::error::{Error, Kind};
use crate::folder::join;
use crate::source::Source;
use crate::static_encoder::StaticEncoder;
use crate::tokenizer_json::TokenizerJson;

/// How many tokens of a text model2vec reads where its config does not say.
const MODEL2VEC_MAX_LEN: usize = 512;

/// A static model as it was loaded, and what is needed to save it again.
pub(crate) struct LoadedStatic {
    pub(crate) model: StaticEncoder,
    pub(crate) report: LoadReport,
    /// Of table, weights and mapping.
    pub(crate) weights: Fingerprint,
    pub(crate) origin: StaticOrigin,
}

/// In which of the layouts a static model was.
#[derive(Debug, Clone)]
pub(crate) struct StaticOrigin {
    /// The `config.json` of model2vec; sentence-transformers has none.
    pub(crate) config: Option<Value>,
}

/// The `config.json` of model2vec.
#[derive(Deserialize)]
pub(crate) struct Model2VecConfig {
    #[serde(default)]
    pub(crate) normalize: bool,
    #[serde(default)]
    hidden_dim: Option<usize>,
    /// `null` for no limit.
    #[serde(default = "model2vec_max_len")]
    max_length: Option<usize>,
}

fn model2vec_max_len() -> Option<usize> {
    Some(MODEL2VEC_MAX_LEN)
}

/// The `config.json` at the root of `source`, if it is one of model2vec.
pub(crate) fn model2vec_config(source: &Source) -> Result<Option<(Value, Model2VecConfig)>, Error> {
    let file = "config.json";
    if !source.exists(file) {
        return Ok(None);
    }
    let value: Value = source.json(file)?;
    if value.get("model_type").and_then(Value::as_str) != Some("model2vec") {
        return Ok(None);
    }
    let fail = |e| Error::new(Kind::Config, "malformed").file(source.display(file)).caused_by(e);
    let config = serde_json::from_value(value.clone()).map_err(fail)?;
    Ok(Some((value, config)))
}

/// Loads the static model in the folder `folder` of `source`.
///
/// model2vec leaves unknown tokens out and reads `max_length` tokens; sentence-transformers averages the row of the unknown token with
/// the others and reads as many tokens as `tokenizer.json` says. A folder means what the library that wrote it makes of it, which for
/// one with a `config.json` is model2vec.
pub(crate) fn load(
    source: &Source,
    folder: &str,
    tokenizer: &TokenizerJson,
    device: &Device,
) -> Result<LoadedStatic, Error> {
    let checkpoint = Checkpoint::open(source, folder)?;
    let config = model2vec_config(source)?;
    let mut taken = Taken::default();
    let name = ["embeddings", "embedding.weight"].into_iter().find(|name| checkpoint.has(name));
    let fail = |message: String| {
        Error::new(Kind::Tensor, message).file(source.display(&join(folder, "model.safetensors")))
    };
    let name = name.ok_or_else(|| fail("has neither `embeddings` nor `embedding.weight`".to_owned()))?;
    let shape = checkpoint.shape(name).unwrap_or_default();
    let &[n_rows, d_model] = &*shape else {
        return Err(fail(format!("tensor `{name}` of shape {shape:?} is no table")));
    };
    if n_rows == 0 || d_model == 0 {
        return Err(fail(format!("tensor `{name}` of shape {shape:?} is empty")));
    }
    if let Some(dim) = config.as_ref().and_then(|(_, config)| config.hidden_dim).filter(|dim| *dim != d_model)
    {
        let message = format!("field `hidden_dim` is {dim} where tensor `{name}` has rows of {d_model}");
        return Err(Error::new(Kind::Config, message).file(source.display("config.json")));
    }
    let table = match checkpoint.integers(name)? {
        // The 8-bit tables of model2vec have lost their scale, and are good for directions only.
        Some(values) => taken.add("embeddings", values.into_iter().map(|value| value as f32).collect()),
        None => taken.add("embeddings", checkpoint.read(name)?.unwrap_or_default()),
    };
    let mut model = StaticEncoder::new(table, d_model, device);
    if checkpoint.has("mapping") {
        let rows = checkpoint.integers("mapping")?;
        let rows = rows.ok_or_else(|| fail("tensor `mapping` has no integers".to_owned()))?;
        let outside = |row: &i64| !usize::try_from(*row).is_ok_and(|row| row < n_rows);
        if let Some(row) = rows.iter().find(|row| outside(row)) {
            return Err(fail(format!("tensor `mapping` has row {row} of {n_rows}")));
        }
        if rows.is_empty() {
            return Err(fail("tensor `mapping` is empty".to_owned()));
        }
        let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
        taken.note("mapping", bytemuck::cast_slice(&rows), rows.len());
        model = model.with_mapping(rows);
    }
    if checkpoint.has("weights") {
        let weights = taken.add("weights", checkpoint.read("weights")?.unwrap_or_default());
        if weights.len() != model.vocab_size() {
            let (n, tokens) = (weights.len(), model.vocab_size());
            return Err(fail(format!("tensor `weights` has {n} values for {tokens} tokens")));
        }
        model = model.with_weights(weights);
    }
    let known = [name, "mapping", "weights"];
    if let Some(name) = checkpoint.names().find(|name| !known.contains(name)) {
        return Err(fail(format!("tensor `{name}` is unexpected: a static model has no place for it")));
    }
    let (report, weights) = (taken.report, taken.hash.finish());
    let (max_len, config) = match config {
        Some((value, config)) => {
            if let Some(id) = tokenizer.unknown_id() {
                model = model.without_token(id);
            }
            (config.max_length, Some(value))
        }
        None => (tokenizer.max_len(), None),
    };
    let model = model.with_max_len(max_len.unwrap_or(usize::MAX));
    Ok(LoadedStatic { model, report, weights, origin: StaticOrigin { config } })
}

/// Counts and hashes what is read.
#[derive(Default)]
struct Taken {
    hash: FingerprintBuilder,
    report: LoadReport,
}

impl Taken {
    fn add(&mut self, name: &str, values: Vec<f32>) -> Vec<f32> {
        self.note(name, bytemuck::cast_slice(&values), values.len());
        values
    }

    /// Under one name whatever the file calls it: the layout changes no space.
    fn note(&mut self, name: &str, bytes: &[u8], n_values: usize) {
        self.hash.part(name, bytes);
        self.report.n_loaded += 1;
        self.report.n_values += n_values;
    }
}

impl StaticOrigin {
    /// The tensors of a model as the layout names them.
    pub(crate) fn tensors(&self, model: &StaticEncoder, format: WeightFormat) -> Result<Vec<Written>, Error> {
        let mut writer = Writer::new(format, Storage::default());
        writer.tensor(if self.config.is_some() { "embeddings" } else { "embedding.weight" }, &model.table)?;
        if let Some(weights) = &model.weights {
            writer.write("weights".to_owned(), weights, vec![weights.len()])?;
        }
        let mut tensors = writer.finish();
        if let Some(rows) = &model.mapping {
            let bytes = rows.iter().flat_map(|row| i64::from(*row).to_le_bytes()).collect();
            tensors.push(("mapping".to_owned(), safetensors::Dtype::I64, vec![rows.len()], bytes));
        }
        Ok(tensors)
    }

    /// `config.json` of a model that may have been changed since it was loaded.
    pub(crate) fn config_of(
        &self,
        model: &StaticEncoder,
        normalizes: bool,
        format: WeightFormat,
    ) -> Option<Value> {
        let mut config = self.config.clone()?;
        config["hidden_dim"] = model.d_model().into();
        config["normalize"] = normalizes.into();
        config["max_length"] = match model.max_len() {
            usize::MAX => Value::Null,
            n => n.into(),
        };
        config["embedding_dtype"] = format.dtype().into();
        Some(config)
    }
}
