//! The layout of a sentence-transformers or Hugging Face folder: which files say what.

use std::collections::BTreeMap;

use burn::nn::LinearConfig;
use burn::tensor::Device;
use rec_core::nn::LayerNorm;
use rec_core::{Fingerprint, Pooling};
use serde::Deserialize;

use crate::checkpoint::static_table::model2vec_config;
use crate::checkpoint::{Checkpoint, LoadReport, Storage, Walk, Weights};
use crate::error::{Error, Kind};
use crate::head::{Dense, Head};
use crate::source::Source;
use crate::transformer::Activation;
use crate::transformer::norm::Norm;

/// What a folder says about the way from text to vector.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The folder of the transformer or table inside the model folder, often the root itself.
    pub(crate) root: String,
    /// Whether it is a table of embeddings, not a transformer.
    pub(crate) is_static: bool,
    pub(crate) pooling: Vec<Pooling>,
    /// The file that asks for the pooling and the dimension that it expects, if there is one.
    pub(crate) pooled: Option<(String, usize)>,
    pub(crate) heads: Vec<HeadSpec>,
    /// The longest input in tokens, if the folder says so.
    pub(crate) max_seq_length: Option<usize>,
    pub(crate) lower_case: bool,
    pub(crate) prompts: BTreeMap<String, String>,
    /// The prompt that every text gets unless the caller chooses another.
    pub(crate) default_prompt: Option<String>,
    /// Whether pooling sees the tokens of a prompt.
    pub(crate) pools_prompt: bool,
    /// How many values of a vector are kept.
    pub(crate) truncate_dim: Option<usize>,
    pub(crate) assumed: Vec<String>,
}

/// A module after pooling, by its folder.
#[derive(Debug)]
pub(crate) enum HeadSpec {
    Dense(String),
    LayerNorm(String),
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
    #[serde(default = "yes")]
    include_prompt: bool,
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
    #[serde(default)]
    default_prompt_name: Option<String>,
    #[serde(default)]
    truncate_dim: Option<usize>,
}

#[derive(Deserialize)]
struct LayerNormSettings {
    dimension: usize,
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
    /// Reads `modules.json` and what it points to. A folder without it is a plain transformer, pooled by its mean, or one that
    /// model2vec wrote.
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        let mut layout = Self {
            root: String::new(),
            is_static: false,
            pooling: Vec::new(),
            pooled: None,
            heads: Vec::new(),
            max_seq_length: None,
            lower_case: false,
            prompts: BTreeMap::new(),
            default_prompt: None,
            pools_prompt: true,
            truncate_dim: None,
            assumed: Vec::new(),
        };
        if source.exists("modules.json") {
            layout.read_modules(source)?;
            if layout.is_static
                && let Some((_, config)) = model2vec_config(source)?
            {
                let normalizes = layout.heads.iter().any(|head| matches!(head, HeadSpec::Normalize));
                if config.normalize != normalizes {
                    let which = if normalizes { "normalised" } else { "not normalised" };
                    layout.assumed.push(format!("{which}, as modules.json says and config.json does not"));
                }
            }
        } else {
            layout.pooling.push(Pooling::Mean);
            match model2vec_config(source)? {
                Some((_, config)) => {
                    layout.is_static = true;
                    layout.heads.extend(config.normalize.then_some(HeadSpec::Normalize));
                }
                None => layout.assumed.push("mean pooling (no modules.json)".to_owned()),
            }
        }
        if layout.root == "." {
            layout.root.clear();
        }
        if !layout.is_static {
            layout.read_limits(source)?;
        }
        layout.read_prompts(source)?;
        Ok(layout)
    }

    /// How a transformer reads texts.
    fn read_limits(&mut self, source: &Source) -> Result<(), Error> {
        let settings = join(&self.root, "sentence_bert_config.json");
        if source.exists(&settings) {
            let read: TransformerSettings = source.json(&settings)?;
            self.max_seq_length = read.max_seq_length;
            self.lower_case = read.do_lower_case;
        }
        let settings = join(&self.root, "tokenizer_config.json");
        if self.max_seq_length.is_none() && source.exists(&settings) {
            let read: TokenizerSettings = source.json(&settings)?;
            self.max_seq_length =
                read.model_max_length.filter(|n| (1.0..1e9).contains(n)).map(|n| n as usize);
        }
        Ok(())
    }

    fn read_prompts(&mut self, source: &Source) -> Result<(), Error> {
        if source.exists("config_sentence_transformers.json") {
            let read: SentenceSettings = source.json("config_sentence_transformers.json")?;
            self.prompts =
                read.prompts.into_iter().flatten().filter_map(|(name, text)| Some((name, text?))).collect();
            self.truncate_dim = read.truncate_dim;
            if let Some(name) = read.default_prompt_name {
                if !self.prompts.contains_key(&name) {
                    let message = format!("field `default_prompt_name`: there is no prompt `{name}`");
                    let file = source.display("config_sentence_transformers.json");
                    return Err(Error::new(Kind::Config, message).file(file));
                }
                self.default_prompt = Some(name).filter(|name| !self.prompts[name].is_empty());
            }
        }
        Ok(())
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
                ("Transformer", 0, _) => self.root.clone_from(&module.path),
                ("StaticEmbedding", 0, _) => {
                    self.root.clone_from(&module.path);
                    self.is_static = true;
                    self.pooling.push(Pooling::Mean);
                }
                ("Pooling", 1, true) => {
                    let file = join(&module.path, "config.json");
                    let (pooling, dim, pools_prompt) = read_pooling(source, &file)?;
                    (self.pooling, self.pooled) = (pooling, Some((file, dim)));
                    self.pools_prompt = pools_prompt;
                }
                ("Dense", _, false) => self.heads.push(HeadSpec::Dense(module.path.clone())),
                ("LayerNorm", _, false) => self.heads.push(HeadSpec::LayerNorm(module.path.clone())),
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

pub(crate) fn join(folder: &str, file: &str) -> String {
    if matches!(folder, "" | ".") {
        file.to_owned()
    } else {
        format!("{}/{file}", folder.trim_end_matches('/'))
    }
}

/// The modes of a Pooling module, the dimension that it says it pools, and whether it pools the tokens of prompts.
fn read_pooling(source: &Source, file: &str) -> Result<(Vec<Pooling>, usize, bool), Error> {
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
        Some(dim) if !pooling.is_empty() => Ok((pooling, dim, settings.include_prompt)),
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

/// The modules after pooling, as they were loaded.
pub(crate) struct LoadedHeads {
    pub(crate) heads: Vec<Head>,
    /// The final dimension.
    pub(crate) dim: usize,
    /// Of their weights, in order.
    pub(crate) weights: Vec<Fingerprint>,
}

/// Loads the modules after pooling, for vectors of `d_in` dimensions.
pub(crate) fn load_heads(
    source: &Source,
    specs: &[HeadSpec],
    d_in: usize,
    device: &Device,
    report: &mut LoadReport,
) -> Result<LoadedHeads, Error> {
    let mut loaded = LoadedHeads { heads: Vec::new(), dim: d_in, weights: Vec::new() };
    for spec in specs {
        let folder = match spec {
            HeadSpec::Normalize => {
                loaded.heads.push(Head::Normalize);
                continue;
            }
            HeadSpec::Dense(folder) | HeadSpec::LayerNorm(folder) => folder,
        };
        let checkpoint = Checkpoint::open(source, folder)?;
        let mut weights = Weights::new(&checkpoint, "", Storage::default(), device);
        let file = join(folder, "config.json");
        let fail = |message: String| Error::new(Kind::Config, message).file(source.display(&file));
        let arrives = |field: &str, d: usize| match d == loaded.dim {
            true => Ok(()),
            false => Err(fail(format!("field `{field}` is {d} where {} values arrive", loaded.dim))),
        };
        let head = match spec {
            HeadSpec::LayerNorm(_) => {
                let settings: LayerNormSettings = source.json(&file)?;
                arrives("dimension", settings.dimension)?;
                let mut norm = Norm::Layer(LayerNorm::new(settings.dimension, 1e-5, true, device));
                weights.norm(&mut norm, settings.dimension, "norm")?;
                match norm {
                    Norm::Layer(norm) => Head::LayerNorm(norm),
                    Norm::Rms(_) => unreachable!("made as a layer norm above"),
                }
            }
            _ => {
                let settings: DenseSettings = source.json(&file)?;
                arrives("in_features", settings.in_features)?;
                if settings.out_features == 0 {
                    return Err(fail("field `out_features` is zero".to_owned()));
                }
                let activation = torch_activation(&settings.activation_function).ok_or_else(|| {
                    let name = &settings.activation_function;
                    fail(format!("field `activation_function`: `{name}` is not supported"))
                })?;
                let (d_in, d_out) = (settings.in_features, settings.out_features);
                let mut linear = LinearConfig::new(d_in, d_out).with_bias(settings.bias).init(device);
                weights.linear(&mut linear, d_in, &[("linear".to_owned(), d_out)])?;
                loaded.dim = d_out;
                Head::Dense(Dense { linear, activation })
            }
        };
        let (read, hash) = weights.finish(|_| false)?;
        report.n_loaded += read.n_loaded;
        report.n_values += read.n_values;
        loaded.weights.push(hash);
        loaded.heads.push(head);
    }
    Ok(loaded)
}

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
