//! Model families as data: for each the fields of its `config.json`, the names of its tensors, and nothing else.

mod albert;
mod bert;
mod distilbert;
mod gemma3;
mod gpt2;
mod llama;
mod modernbert;
mod mpnet;
mod nomic_bert;
mod rope;

use std::collections::BTreeSet;

use burn::tensor::Device;
use rec_core::Fingerprint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::names::{Names, walk_block, walk_outside};
use super::save::{WeightFormat, Writer, Written};
use super::weights::Storage;
use super::{Checkpoint, LoadReport, Weights};
use crate::error::{Error, Kind};
use crate::source::Source;
use crate::transformer::block::Block;
use crate::transformer::{Activation, Layer, NormKind, Norms, Span, Transformer, TransformerConfig};

/// A model family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    /// The `model_type` of its configs.
    model_types: &'static [&'static str],
    config: fn(Value) -> Result<TransformerConfig, Error>,
    pub(crate) names: Names,
    pub(crate) storage: Storage,
    /// What checkpoints saved from a model with a head put before every name.
    prefix: &'static str,
    /// Tensors that checkpoints carry and a text encoder does not need, without prefix.
    may_ignore: fn(&str) -> bool,
}

static FAMILIES: &[&Family] = &[
    &bert::BERT,
    &bert::ROBERTA,
    &distilbert::DISTILBERT,
    &mpnet::MPNET,
    &albert::ALBERT,
    &modernbert::MODERNBERT,
    &nomic_bert::PUBLISHED,
    &nomic_bert::NATIVE,
    &gpt2::GPT2,
    &llama::LLAMA,
    &llama::QWEN2,
    &llama::QWEN3,
    &gemma3::GEMMA3,
];

#[derive(Deserialize)]
struct ModelType {
    model_type: String,
}

/// The family and the shape of the model in the folder `folder` of `source`. Where a family has two spellings, the checkpoint
/// tells which it is.
fn read_config(
    source: &Source,
    folder: &str,
    checkpoint: &Checkpoint,
) -> Result<(Origin, TransformerConfig), Error> {
    let file = if folder.is_empty() { "config.json".to_owned() } else { format!("{folder}/config.json") };
    let value: Value = source.json(&file)?;
    let parse = || {
        let ModelType { model_type } = fields(value.clone())?;
        let spellings = || FAMILIES.iter().filter(|family| family.model_types.contains(&&*model_type));
        let family =
            spellings().find(|family| family.is_spelling_of(checkpoint)).or_else(|| spellings().next());
        let family = family.ok_or_else(|| {
            let known: BTreeSet<&str> =
                FAMILIES.iter().flat_map(|family| family.model_types).copied().collect();
            let known: Vec<&str> = known.into_iter().collect();
            let message = format!("field `model_type`: `{model_type}` is not one of {}", known.join(", "));
            Error::new(Kind::Config, message)
        })?;
        let config = (family.config)(value.clone())?;
        config.validate()?;
        Ok((Origin { family, config: value.clone() }, config))
    };
    parse().map_err(|e: Error| e.file(source.display(&file)))
}

impl Family {
    /// Whether the checkpoint has the first block's output map under this spelling's name.
    fn is_spelling_of(&self, checkpoint: &Checkpoint) -> bool {
        let name = format!("{}{}.weight", self.names.block.replace("{}", "0"), self.names.output);
        checkpoint.has(&name) || checkpoint.has(&format!("{}{name}", self.prefix))
    }
}

/// A transformer as it was loaded, and what is needed to save it again.
pub(crate) struct Loaded {
    pub(crate) model: Transformer,
    pub(crate) report: LoadReport,
    /// Of the weights that were taken.
    pub(crate) weights: Fingerprint,
    pub(crate) origin: Origin,
}

/// What the file of a config says, and how.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) family: &'static Family,
    /// `config.json` as it was.
    pub(crate) config: Value,
}

/// Loads the transformer in the folder `folder` of `source`.
pub(crate) fn load(source: &Source, folder: &str, device: &Device) -> Result<Loaded, Error> {
    let checkpoint = Checkpoint::open(source, folder)?;
    let (origin, config) = read_config(source, folder, &checkpoint)?;
    let family = origin.family;
    let is_prefixed =
        !family.prefix.is_empty() && checkpoint.names().any(|name| name.starts_with(family.prefix));
    let prefix = if is_prefixed { family.prefix } else { "" };
    let mut weights = Weights::new(&checkpoint, prefix, family.storage, device);
    let mut model = Transformer::without_blocks(config, device);
    walk_outside(&mut model, &family.names, &mut weights)?;
    // One after the other: a config that asks for more layers than the file has fails at the first that is not there.
    for index in 0..model.config.n_blocks() {
        let mut block = Block::new(&model.config, index, device);
        walk_block(&mut block, index, &model, &family.names, &mut weights)?;
        model.blocks.push(block);
    }
    let (report, weights) = weights.finish(family.may_ignore)?;
    Ok(Loaded { model, report, weights, origin })
}

impl Origin {
    /// The tensors of a model under the family's names, without prefix.
    pub(crate) fn tensors(&self, model: &Transformer, format: WeightFormat) -> Result<Vec<Written>, Error> {
        let (names, mut writer) = (&self.family.names, Writer::new(format, self.family.storage));
        // The walk could change what it visits; a clone shares all values.
        let mut model = model.clone();
        walk_outside(&mut model, names, &mut writer)?;
        for index in 0..model.blocks.len() {
            let mut block = model.blocks[index].clone();
            walk_block(&mut block, index, &model, names, &mut writer)?;
        }
        Ok(writer.finish())
    }
}

impl Family {
    /// Writes into a config what differs from the model that it described: layers, heads and vocabulary.
    pub(crate) fn write_changes(&self, value: &mut Value, config: &TransformerConfig) -> Result<(), Error> {
        let was = (self.config)(value.clone())?;
        if config.norms.last != was.norms.last {
            let message = "files of this family cannot say that the norm after the last layer is gone";
            return Err(Error::new(Kind::Config, message));
        }
        if config.layers != was.layers {
            let n = config.layers.len();
            set(value, &["num_hidden_layers", "n_layers", "n_layer"], n);
            if value.get("num_hidden_groups").is_some() {
                value["num_hidden_groups"] = config.n_blocks().into();
            }
            if let Some(types) = value.get_mut("layer_types").and_then(Value::as_array_mut) {
                types.truncate(n);
            }
            // Of families with two spans; which of them a layer has may follow from its number, unless the config says it.
            if (self.config)(value.clone())?.layers != config.layers {
                let name = |layer: &Layer| ["full_attention", "sliding_attention"].get(layer.span).copied();
                value["layer_types"] = config.layers.iter().map(name).collect();
            }
        }
        if config.attention != was.attention {
            set(value, &["num_attention_heads", "n_heads", "n_head"], config.attention.n_heads);
            if value.get("num_key_value_heads").is_some_and(Value::is_number) {
                value["num_key_value_heads"] = config.attention.n_kv_heads.into();
            }
            value["head_dim"] = config.attention.d_head.into();
        }
        value["vocab_size"] = config.vocab_size.into();
        match (self.config)(value.clone())? == *config {
            true => Ok(()),
            false => Err(Error::new(Kind::Config, "files of this family cannot express the changed model")),
        }
    }
}

/// Sets the field of a config that is there under one of these names.
fn set(value: &mut Value, spellings: &[&str], n: usize) {
    let field = spellings.iter().find(|field| value.get(field).is_some()).unwrap_or(&spellings[0]);
    value[*field] = n.into();
}

// --- What the families' configs share ------------------------------------------------------------------------------------

/// More layers than any model has. Configs that ask for more are broken or hostile, and nothing is allocated for them.
const MAX_LAYERS: usize = 4096;

fn fields<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, "malformed").caused_by(e))
}

fn unsupported<T>(field: &str, value: impl std::fmt::Display) -> Result<T, Error> {
    Err(Error::new(Kind::Config, format!("field `{field}`: `{value}` is not supported")))
}

/// A field must have the value that this implementation computes with.
fn only<T: Copy + PartialEq + std::fmt::Display>(field: &str, value: T, supported: T) -> Result<(), Error> {
    if value == supported { Ok(()) } else { unsupported(field, value) }
}

/// Layers with a block each and one span for all.
fn layers(n: usize) -> Result<Vec<Layer>, Error> {
    if n > MAX_LAYERS {
        return unsupported("num_hidden_layers", n);
    }
    Ok((0..n).map(|block| Layer { block, span: 0 }).collect())
}

/// The values of a head: what the config says, or else the model's, divided among the heads of the field `field`.
fn head_dim(head_dim: Option<usize>, field: &str, d_model: usize, n_heads: usize) -> Result<usize, Error> {
    if let Some(head_dim) = head_dim {
        return Ok(head_dim);
    }
    if n_heads == 0 {
        return Err(Error::new(Kind::Config, format!("field `{field}`: the number of heads is zero")));
    }
    if !d_model.is_multiple_of(n_heads) {
        let message = format!("field `{field}`: {n_heads} heads do not divide {d_model} dimensions");
        return Err(Error::new(Kind::Config, message));
    }
    Ok(d_model / n_heads)
}

fn inverse_sqrt(d: usize) -> f64 {
    1.0 / (d as f64).sqrt()
}

fn activation(field: &str, name: &str) -> Result<Activation, Error> {
    Ok(match name {
        "gelu" | "gelu_python" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        "silu" | "swish" => Activation::Silu,
        other => return unsupported(field, other),
    })
}

/// Attention over everything, without rotary positions.
const EVERYWHERE: Span = Span { reach: None, rotary: None };

/// Layer norms after the embeddings and after every sum, as BERT has them.
fn post_norm(eps: f64) -> Norms {
    Norms {
        kind: NormKind::Layer,
        eps,
        bias: true,
        embeddings: true,
        input: false,
        first_input: false,
        output: false,
        sum: true,
        last: false,
    }
}

/// Norms on what enters a branch and after the last block, as decoders have them.
fn pre_norm(kind: NormKind, eps: f64) -> Norms {
    Norms {
        kind,
        eps,
        bias: true,
        embeddings: false,
        input: true,
        first_input: true,
        output: false,
        sum: false,
        last: true,
    }
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn gelu_new() -> String {
    "gelu_new".to_owned()
}

fn silu() -> String {
    "silu".to_owned()
}

fn yes() -> bool {
    true
}
