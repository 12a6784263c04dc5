//! The layout of a sentence-transformers or Hugging Face folder: which files say what.

use std::collections::BTreeMap;

use burn::tensor::Device;
use rec_core::Pooling;
use serde::Deserialize;

use crate::checkpoint::{Checkpoint, LoadReport, Weights};
use crate::error::{Error, Kind};
use crate::head::{Dense, Head};
use crate::source::Source;
use crate::transformer::Activation;

/// What a folder says about the way from text to vector.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The folder of the transformer inside the model folder, often the root itself.
    pub(crate) transformer: String,
    pub(crate) pooling: Vec<Pooling>,
    /// The file that asks for the pooling and the dimension that it expects, if there is one.
    pub(crate) pooled: Option<(String, usize)>,
    pub(crate) heads: Vec<HeadSpec>,
    /// The longest input in tokens, if the folder says so.
    pub(crate) max_seq_length: Option<usize>,
    pub(crate) lower_case: bool,
    pub(crate) prompts: BTreeMap<String, String>,
    pub(crate) assumed: Vec<String>,
}

/// A module after pooling, by its folder.
#[derive(Debug)]
pub(crate) enum HeadSpec {
    Dense(String),
    Normalize,
}

#[derive(Deserialize)]
struct ModuleEntry {
    path: String,
    r#type: String,
}

#[derive(Deserialize)]
struct TransformerSettings {
    #[serde(default)]
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// Both layouts of `1_Pooling/config.json`: one flag a mode, or the modes by name.
#[derive(Deserialize)]
struct PoolingSettings {
    #[serde(alias = "embedding_dimension")]
    word_embedding_dimension: Option<usize>,
    #[serde(default)]
    pooling_mode: Option<Names>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct TokenizerSettings {
    /// A float, because `transformers` writes 1e30 for "no limit".
    model_max_length: Option<f64>,
}

#[derive(Deserialize)]
struct SentenceSettings {
    /// The names and texts of prompts; a name without a text is allowed.
    #[serde(default)]
    prompts: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Deserialize)]
struct DenseSettings {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    activation_function: String,
}

fn yes() -> bool {
    true
}

impl Layout {
    /// Reads `modules.json` and what it points to. A folder without it is a plain transformer, pooled by its mean.
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        let mut layout = Self {
            transformer: String::new(),
            pooling: Vec::new(),
            pooled: None,
            heads: Vec::new(),
            max_seq_length: None,
            lower_case: false,
            prompts: BTreeMap::new(),
            assumed: Vec::new(),
        };
        if source.exists("modules.json") {
            layout.read_modules(source)?;
        } else {
            layout.pooling.push(Pooling::Mean);
            layout.assumed.push("mean pooling (no modules.json)".to_owned());
        }
        let settings = join(&layout.transformer, "sentence_bert_config.json");
        if source.exists(&settings) {
            let read: TransformerSettings = source.json(&settings)?;
            layout.max_seq_length = read.max_seq_length;
            layout.lower_case = read.do_lower_case;
        }
        let settings = join(&layout.transformer, "tokenizer_config.json");
        if layout.max_seq_length.is_none() && source.exists(&settings) {
            let read: TokenizerSettings = source.json(&settings)?;
            layout.max_seq_length =
                read.model_max_length.filter(|n| (1.0..1e9).contains(n)).map(|n| n as usize);
        }
        if source.exists("config_sentence_transformers.json") {
            let read: SentenceSettings = source.json("config_sentence_transformers.json")?;
            layout.prompts =
                read.prompts.into_iter().flatten().filter_map(|(name, text)| Some((name, text?))).collect();
        }
        Ok(layout)
    }

    fn read_modules(&mut self, source: &Source) -> Result<(), Error> {
        let modules: Vec<ModuleEntry> = source.json("modules.json")?;
        let fail = |message: String| Error::new(Kind::Config, message).file(source.display("modules.json"));
        for (i, module) in modules.iter().enumerate() {
            // Module paths are folder names; one that climbs out of the model folder is not a model's business.
            if module.path.split(['/', '\\']).any(|part| part == "..") || module.path.starts_with(['/', '\\'])
            {
                return Err(fail(format!("module {i}: path `{}` leaves the folder", module.path)));
            }
            let kind = module.r#type.rsplit('.').next().unwrap_or_default();
            match (kind, i, self.pooling.is_empty()) {
                ("Transformer", 0, _) => self.transformer.clone_from(&module.path),
                ("Pooling", 1, _) => {
                    let file = join(&module.path, "config.json");
                    let (pooling, dim) = read_pooling(source, &file)?;
                    (self.pooling, self.pooled) = (pooling, Some((file, dim)));
                }
                ("Dense", _, false) => self.heads.push(HeadSpec::Dense(module.path.clone())),
                ("Normalize", _, false) => self.heads.push(HeadSpec::Normalize),
                _ => {
                    return Err(fail(format!(
                        "module {i}: `{}` is not supported at this place",
                        module.r#type
                    )));
                }
            }
        }
        if self.pooling.is_empty() {
            return Err(fail("no Pooling module follows the Transformer".to_owned()));
        }
        Ok(())
    }
}

fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{}/{file}", folder.trim_end_matches('/')) }
}

/// The modes of a Pooling module, and the dimension that it says it pools.
fn read_pooling(source: &Source, file: &str) -> Result<(Vec<Pooling>, usize), Error> {
    let settings: PoolingSettings = source.json(file)?;
    // Several modes are concatenated, in the order that sentence-transformers has.
    let modes = [
        (settings.pooling_mode_cls_token, Pooling::Cls),
        (settings.pooling_mode_max_tokens, Pooling::Max),
        (settings.pooling_mode_mean_tokens, Pooling::Mean),
        (settings.pooling_mode_mean_sqrt_len_tokens, Pooling::MeanSqrtLen),
        (settings.pooling_mode_weightedmean_tokens, Pooling::WeightedMean),
        (settings.pooling_mode_lasttoken, Pooling::LastToken),
    ];
    let fail = |message: String| Error::new(Kind::Config, message).file(source.display(file));
    let pooling: Vec<Pooling> = match &settings.pooling_mode {
        None => modes.iter().filter(|(on, _)| *on).map(|(_, mode)| *mode).collect(),
        Some(names) => {
            let names = match names {
                Names::One(name) => std::slice::from_ref(name),
                Names::Several(names) => names,
            };
            let mode = |name: &String| {
                by_name(name).ok_or_else(|| fail(format!("field `pooling_mode`: `{name}` is not supported")))
            };
            names.iter().map(mode).collect::<Result<_, _>>()?
        }
    };
    match settings.word_embedding_dimension {
        Some(dim) if !pooling.is_empty() => Ok((pooling, dim)),
        _ => Err(fail("needs a pooling mode and the dimension of what it pools".to_owned())),
    }
}

fn by_name(name: &str) -> Option<Pooling> {
    Some(match name {
        "cls" => Pooling::Cls,
        "max" => Pooling::Max,
        "mean" => Pooling::Mean,
        "mean_sqrt_len_tokens" => Pooling::MeanSqrtLen,
        "weightedmean" => Pooling::WeightedMean,
        "lasttoken" => Pooling::LastToken,
        _ => return None,
    })
}

/// Loads the modules after pooling, for vectors of `d_in` dimensions; returns them and the final dimension.
pub(crate) fn load_heads(
    source: &Source,
    specs: &[HeadSpec],
    mut d_in: usize,
    device: &Device,
    report: &mut LoadReport,
) -> Result<(Vec<Head>, Vec<Checkpoint>, usize), Error> {
    let (mut heads, mut checkpoints) = (Vec::new(), Vec::new());
    for spec in specs {
        heads.push(match spec {
            HeadSpec::Normalize => Head::Normalize,
            HeadSpec::Dense(folder) => {
                let file = join(folder, "config.json");
                let settings: DenseSettings = source.json(&file)?;
                let fail = |message: String| Error::new(Kind::Config, message).file(source.display(&file));
                if settings.in_features != d_in {
                    let message =
                        format!("field `in_features` is {} where {d_in} values arrive", settings.in_features);
                    return Err(fail(message));
                }
                if settings.out_features == 0 {
                    return Err(fail("field `out_features` is zero".to_owned()));
                }
                let activation = torch_activation(&settings.activation_function).ok_or_else(|| {
                    fail(format!(
                        "field `activation_function`: `{}` is not supported",
                        settings.activation_function
                    ))
                })?;
                let checkpoint = Checkpoint::open(source, folder, "model")?;
                let mut weights = Weights::new(&checkpoint, "", device);
                let linear = weights.linear("linear", d_in, settings.out_features, settings.bias)?;
                let loaded = weights.finish(|_| false)?;
                report.n_loaded += loaded.n_loaded;
                report.n_values += loaded.n_values;
                checkpoints.push(checkpoint);
                d_in = settings.out_features;
                Head::Dense(Dense { linear, activation })
            }
        });
    }
    Ok((heads, checkpoints, d_in))
}

/// The activation behind a PyTorch class name such as `torch.nn.modules.activation.Tanh`.
fn torch_activation(class: &str) -> Option<Activation> {
    Some(match class.rsplit('.').next()? {
        "Identity" => Activation::Identity,
        "Tanh" => Activation::Tanh,
        "ReLU" => Activation::Relu,
        "GELU" => Activation::Gelu,
        "SiLU" => Activation::Silu,
        "Sigmoid" => Activation::Sigmoid,
        _ => return None,
    })
}
