#[cfg(feature = "distill")]
use std::collections::BTreeMap;
use std::path::Path;
#[cfg(feature = "distill")]
use std::sync::Arc;

use burn::tensor::Device;
use rec_core::{Fingerprint, FingerprintBuilder};
use rec_text::Tokenizer;

use super::save::{Origin, TokenizerFiles};
use super::{Inner, Model, TextEncoder};
use crate::checkpoint::{LoadReport, Loaded, LoadedStatic, load_static, load_transformer};
use crate::error::{Error, Kind};
use crate::folder::{Layout, join, load_heads};
use crate::source::Source;
use crate::tokenizer_json::TokenizerJson;
use crate::transformer::Transformer;

impl TextEncoder {
    /// Loads a folder in the layout of sentence-transformers, or a plain Hugging Face model folder.
    ///
    /// The model may be of any family that [`Transformer`] knows. Read are `config.json`, the weights (`model.safetensors`, or
    /// the shards of `model.safetensors.index.json`, or else `pytorch_model.bin`; F32, F16, BF16, [`Block8`](crate::Block8) or
    /// [`Block4`](crate::Block4)), `tokenizer.json`, and, where they exist, `modules.json` with its Pooling, Dense, LayerNorm and
    /// Normalize folders, `sentence_bert_config.json`, `tokenizer_config.json` and `config_sentence_transformers.json`, whose
    /// default prompt is put before every text. Without `modules.json` token states are pooled by their mean, and the
    /// [report](Self::report) says so.
    ///
    /// Static models are loaded as model2vec and sentence-transformers' `StaticEmbedding` write them, see
    /// [`StaticEncoder`](crate::StaticEncoder): a folder whose `config.json` says `model2vec` leaves unknown tokens out and reads 512
    /// tokens of a text, or `max_length`; one without `config.json` keeps them and reads what `tokenizer.json` says.
    ///
    /// Loading is strict: a missing, misshapen, unexpected or non-finite tensor is an error.
    ///
    /// # Errors
    ///
    /// A file is missing or malformed, asks for something that is not supported, or contradicts another. The message
    /// names the file and the field or tensor.
    pub fn from_dir(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let path = path.as_ref();
        load(&Source::Folder(path.to_owned()), path.display().to_string(), device)
    }

    /// The model that is compiled into the program: paraphrase-MiniLM-L3-v2 in 4-bit blocks, English, 384 dimensions,
    /// vectors not normalised. No file and no network is touched.
    ///
    /// # Errors
    ///
    /// As [`from_dir`](Self::from_dir); the embedded files are loaded like any others.
    #[cfg(feature = "bundled")]
    pub fn bundled(device: &Device) -> Result<Self, Error> {
        let source = Source::Embedded { name: rec_model_mini::NAME, files: rec_model_mini::FILES };
        load(&source, format!("bundled {}", rec_model_mini::NAME), device)
    }
}

#[cfg(feature = "distill")]
impl TextEncoder {
    /// An encoder from the files of a folder that was never written.
    pub(crate) fn from_files(
        name: String,
        files: BTreeMap<String, Arc<[u8]>>,
        device: &Device,
    ) -> Result<Self, Error> {
        load(&Source::Made { name: name.clone(), files }, name, device)
    }
}

impl Transformer {
    /// Loads the transformer of a folder alone, without tokenizer, pooling or heads, and says what was loaded.
    ///
    /// # Errors
    ///
    /// As [`TextEncoder::from_dir`].
    pub fn from_dir(path: impl AsRef<Path>, device: &Device) -> Result<(Self, LoadReport), Error> {
        let source = Source::Folder(path.as_ref().to_owned());
        let root = Layout::read(&source)?.root;
        let loaded = load_transformer(&source, &root, device)?;
        Ok((loaded.model, loaded.report))
    }
}

/// The model of a folder, of either kind.
struct LoadedModel {
    model: Model,
    report: LoadReport,
    /// Of the weights that were taken.
    weights: Fingerprint,
    /// What else decides the states.
    config: String,
    origin: Origin,
}

impl LoadedModel {
    fn transformer(loaded: Loaded) -> Self {
        let Loaded { model, report, weights, origin } = loaded;
        let config = format!("{:?}", model.config());
        Self {
            model: Model::Transformer(model.into()),
            report,
            weights,
            config,
            origin: Origin::Transformer(origin),
        }
    }

    fn static_table(loaded: LoadedStatic) -> Self {
        let LoadedStatic { model, report, weights, origin } = loaded;
        let config = format!("static table without {:?}", model.left_out);
        Self { model: Model::Static(model), report, weights, config, origin: Origin::Static(origin) }
    }
}

/// An encoder of the files of `source`.
fn load(source: &Source, name: String, device: &Device) -> Result<TextEncoder, Error> {
    let layout = Layout::read(source)?;
    let root = layout.root.as_str();
    let tokenizer_file = join(root, "tokenizer.json");
    let failed = |e: Error| e.file(source.display(&tokenizer_file));
    let (loaded, tokenizer_bytes, tokenizer) = match layout.is_static {
        false => {
            let loaded = LoadedModel::transformer(load_transformer(source, root, device)?);
            let bytes = source.open(&tokenizer_file)?;
            let tokenizer = Tokenizer::from_bytes(&bytes);
            (loaded, bytes, tokenizer)
        }
        true => {
            let bytes = source.open(&tokenizer_file)?;
            let json = TokenizerJson::parse(&bytes).map_err(failed)?;
            let loaded = LoadedModel::static_table(load_static(source, root, &json, device)?);
            // Static models see no special tokens, whatever the file would put around a text.
            let tokenizer = match json.has_post_processor() {
                true => Tokenizer::from_bytes(&json.without_post_processor()),
                false => Tokenizer::from_bytes(&bytes),
            };
            (loaded, bytes, tokenizer)
        }
    };
    let LoadedModel { model, mut report, weights, config, origin } = loaded;
    let max_len = layout.max_seq_length.unwrap_or(usize::MAX).min(model.max_len());
    let tokenizer = tokenizer.and_then(|t| t.with_max_len(max_len)).map_err(|e| failed(e.into()))?;
    let d_model = model.d_model();
    if let Some((file, dim)) = layout.pooled.as_ref().filter(|(_, dim)| *dim != d_model) {
        let message = format!("pools {dim} values where the transformer gives {d_model}");
        return Err(Error::new(Kind::Config, message).file(source.display(file)));
    }
    let heads = load_heads(source, &layout.heads, d_model * layout.pooling.len(), device, &mut report)?;
    report.assumed.extend(layout.assumed.iter().cloned());

    let mut hash = FingerprintBuilder::default();
    hash.part("weights", weights.to_string().as_bytes());
    hash.part("config", config.as_bytes());
    hash.part("tokenizer", &tokenizer_bytes);
    hash.part("lower_case", &[u8::from(layout.lower_case)]);
    hash.part("pooling", format!("{:?}", layout.pooling).as_bytes());
    for head in &heads.heads {
        hash.part("head", head.kind().as_bytes());
    }
    for weights in &heads.weights {
        hash.part("head weights", weights.to_string().as_bytes());
    }
    hash.part("dim", &(heads.dim as u64).to_le_bytes());

    let prompt = layout.default_prompt;
    let inner = Inner {
        name,
        tokenizer,
        lower_case: layout.lower_case,
        prompts: layout.prompts,
        pools_prompt: layout.pools_prompt,
        model,
        pooling: layout.pooling,
        heads: heads.heads,
        dim: heads.dim,
        space: hash.finish(),
        report,
        origin: Some((origin, TokenizerFiles::open(source, root)?)),
    };
    let mut encoder = inner.checked()?;
    if let Some(dim) = layout.truncate_dim {
        // As Python's sentence-transformers does with this field: what is cut is not normalised again.
        encoder = encoder
            .cut(dim, false)
            .map_err(|e| e.file(source.display("config_sentence_transformers.json")))?;
    }
    match prompt {
        Some(prompt) => encoder.with_prompt(&prompt),
        None => Ok(encoder),
    }
}
