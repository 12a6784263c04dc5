use std::path::Path;

use burn::tensor::Device;
use rec_core::{Fingerprint, FingerprintBuilder};
use rec_text::Tokenizer;

use super::{Inner, TextEncoder};
use crate::checkpoint::{Checkpoint, LoadReport, load_bert};
use crate::error::{Error, Kind};
use crate::folder::{HeadSpec, Layout, load_heads};
use crate::source::Source;
use crate::transformer::{Transformer, TransformerConfig};

impl TextEncoder {
    /// Loads a folder in the layout of sentence-transformers, or a plain Hugging Face model folder.
    ///
    /// Read are `config.json`, `model.safetensors` (or `model.safetensors.index.json` and its shards; F32, F16, BF16 or
    /// 4-bit blocks), `tokenizer.json`, and, where they exist, `modules.json` with its Pooling, Dense and Normalize
    /// folders, `sentence_bert_config.json` and `tokenizer_config.json`. Without `modules.json` token states are pooled
    /// by their mean, and the [report](Self::report) says so.
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

impl Transformer {
    /// Loads the transformer of a folder alone, without tokenizer, pooling or heads, and says what was loaded.
    ///
    /// # Errors
    ///
    /// As [`TextEncoder::from_dir`].
    pub fn from_dir(path: impl AsRef<Path>, device: &Device) -> Result<(Self, LoadReport), Error> {
        let source = Source::Folder(path.as_ref().to_owned());
        let root = Layout::read(&source)?.transformer;
        load_bert(&source, &root, &Checkpoint::open(&source, &root, "model")?, device)
    }
}

fn load(source: &Source, name: String, device: &Device) -> Result<TextEncoder, Error> {
    let layout = Layout::read(source)?;
    let root = layout.transformer.as_str();
    let checkpoint = Checkpoint::open(source, root, "model")?;
    let (model, mut report) = load_bert(source, root, &checkpoint, device)?;
    if let Some((file, dim)) = layout.pooled.as_ref().filter(|(_, dim)| *dim != model.config().d_model) {
        let message = format!("pools {dim} values where the transformer gives {}", model.config().d_model);
        return Err(Error::new(Kind::Config, message).file(source.display(file)));
    }
    let d_pooled = model.config().d_model * layout.pooling.len();
    let (heads, head_checkpoints, dim) = load_heads(source, &layout.heads, d_pooled, device, &mut report)?;
    report.assumed.extend(layout.assumed.iter().cloned());

    let tokenizer_file =
        if root.is_empty() { "tokenizer.json".to_owned() } else { format!("{root}/tokenizer.json") };
    let tokenizer_bytes = source.open(&tokenizer_file)?;
    let tokenizer = Tokenizer::from_bytes(&tokenizer_bytes)
        .map_err(|e| Error::from(e).file(source.display(&tokenizer_file)))?;
    let max_len = layout.max_seq_length.unwrap_or(usize::MAX).min(model.config().n_positions);
    let tokenizer =
        tokenizer.with_max_len(max_len).map_err(|e| Error::from(e).file(source.display(&tokenizer_file)))?;

    let space = fingerprint(&layout, &checkpoint, &head_checkpoints, model.config(), &tokenizer_bytes, dim)?;
    let inner = Inner {
        name,
        tokenizer,
        lower_case: layout.lower_case,
        prompts: layout.prompts,
        model: Box::new(model),
        pooling: layout.pooling,
        heads,
        dim,
        space,
        report,
    };
    inner.checked()
}

/// Everything that decides what a vector means, and nothing else: not the device, the file names or the length limit.
fn fingerprint(
    layout: &Layout,
    checkpoint: &Checkpoint,
    heads: &[Checkpoint],
    config: &TransformerConfig,
    tokenizer: &[u8],
    dim: usize,
) -> Result<Fingerprint, Error> {
    let mut hash = FingerprintBuilder::default();
    hash.part("config", format!("{config:?}").as_bytes());
    checkpoint.hash(&mut hash)?;
    hash.part("tokenizer", tokenizer);
    hash.part("lower_case", &[u8::from(layout.lower_case)]);
    hash.part("pooling", format!("{:?}", layout.pooling).as_bytes());
    for head in &layout.heads {
        hash.part("head", if matches!(head, HeadSpec::Dense(_)) { b"dense" } else { b"normalize" });
    }
    for head in heads {
        head.hash(&mut hash)?;
    }
    hash.part("dim", &(dim as u64).to_le_bytes());
    Ok(hash.finish())
}
