use std::fs;
use std::path::Path;

use burn::module::Param;
use burn::nn::LinearConfig;
use rec_core::Pooling;
use serde_json::{Value, json};

use super::{Inner, Model, TextEncoder};
use crate::checkpoint::save::{Writer, selection, to_safetensors};
use crate::checkpoint::{self, StaticOrigin, Storage, Walk};
use crate::error::{Error, Kind};
use crate::folder::join;
use crate::head::{Dense, Head};
use crate::source::{Bytes, Source};
use crate::static_encoder::StaticEncoder;
use crate::transformer::norm::Norm;
use crate::transformer::{Activation, Transformer};

pub use crate::checkpoint::save::WeightFormat;

/// What a model was loaded from, for saving it again.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Transformer(checkpoint::Origin),
    Static(StaticOrigin),
}

/// The tokenizer's files as they were, so that saving changes nothing in them.
#[derive(Debug, Clone)]
pub(super) struct TokenizerFiles(Vec<(&'static str, Bytes)>);

impl TokenizerFiles {
    pub(super) fn open(source: &Source, root: &str) -> Result<Self, Error> {
        let names = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
        let there = names.into_iter().filter(|name| source.exists(&join(root, name)));
        Ok(Self(there.map(|name| Ok((name, source.open(&join(root, name))?))).collect::<Result<_, Error>>()?))
    }

    #[cfg(feature = "distill")]
    fn tokenizer(&self) -> Option<&[u8]> {
        self.0.iter().find(|(name, _)| *name == "tokenizer.json").map(|(_, bytes)| &**bytes)
    }

    /// A file's JSON, if it is there.
    pub(super) fn json(&self, file: &str) -> Result<Option<Value>, Error> {
        let bytes = self.0.iter().find(|(name, _)| *name == file).map(|(_, bytes)| bytes);
        let malformed = |e| Error::new(Kind::Config, "malformed").file(file).caused_by(e);
        bytes.map(|bytes| serde_json::from_slice(bytes).map_err(malformed)).transpose()
    }

    /// Puts other bytes in the place of those that were loaded.
    pub(super) fn replace(&mut self, file: &str, json: Vec<u8>) {
        if let Some((_, bytes)) = self.0.iter_mut().find(|(name, _)| *name == file) {
            *bytes = Bytes::Owned(json.into());
        }
    }
}

impl TextEncoder {
    /// The bytes of `tokenizer.json`; none for an encoder made from parts.
    #[cfg(feature = "distill")]
    pub(crate) fn tokenizer_file(&self) -> Option<&[u8]> {
        self.inner.origin.as_ref().and_then(|(_, tokenizer)| tokenizer.tokenizer())
    }

    /// Writes a new folder in the layout of sentence-transformers, which this crate and Python's sentence-transformers open (and
    /// model2vec, if a static model came from its layout or was distilled; not in `Bf16`);
    /// blocks of [`WeightFormat::Block8`] and [`WeightFormat::Block4`] are opened by this crate only.
    ///
    /// The folder appears only once it is complete. Written in `F32` and loaded again, an encoder is in the space of the one that
    /// was saved, if that was loaded and not derived; written in fewer bits it is another model.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::{TextEncoder, WeightFormat};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// encoder.save(folder.path().join("model"), WeightFormat::F32)?;
    /// let loaded = TextEncoder::from_dir(folder.path().join("model"), &Device::flex())?;
    /// assert_eq!(loaded.space(), encoder.space());
    /// assert_eq!(loaded.encode(&["Dune"])?, encoder.encode(&["Dune"])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `folder` exists, or cannot be written; a value does not fit the format; the encoder was made from parts, or is of a shape
    /// that its family's files cannot express ([`with_layers`](Self::with_layers) on a family that has a norm after the last
    /// layer).
    pub fn save(&self, folder: impl AsRef<Path>, format: WeightFormat) -> Result<(), Error> {
        let folder = folder.as_ref();
        let fail = |e| {
            Error::new(Kind::File, "cannot save the encoder").file(folder.display().to_string()).caused_by(e)
        };
        if folder.exists() {
            let message = "cannot save the encoder: the folder exists";
            return Err(Error::new(Kind::File, message).file(folder.display().to_string()));
        }
        let files = self.inner.files(self.prompt.as_ref().map(|prompt| &*prompt.text), format)?;
        let parent =
            folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(fail)?;
        // Beside its destination, so that the last step is a rename.
        let mut work = tempfile::Builder::new();
        // Those of any other folder, not of a temporary one: who saves is not always who loads.
        #[cfg(unix)]
        work.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let work = work.prefix(".saving").tempdir_in(parent).map_err(fail)?;
        for (name, bytes) in &files {
            let path = work.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(parent)).map_err(fail)?;
            fs::write(path, bytes.as_ref()).map_err(fail)?;
        }
        fs::rename(work.path(), folder).map_err(fail)?;
        // What the guard would remove is gone from there.
        let _ = work.keep();
        Ok(())
    }
}

/// A file of the folder, by its name in it.
type NamedFile<'a> = (String, std::borrow::Cow<'a, [u8]>);

impl Inner {
    fn files(&self, prompt: Option<&str>, format: WeightFormat) -> Result<Vec<NamedFile<'_>>, Error> {
        let mut files: Vec<NamedFile<'_>> = Vec::new();
        let mut modules = match (&self.origin, &self.model) {
            (Some((Origin::Transformer(origin), _)), Model::Transformer(model)) => {
                self.push_transformer(model, origin, format, &mut files)
            }
            (Some((Origin::Static(origin), _)), Model::Static(model)) => {
                self.push_static(model, origin, format, &mut files)
            }
            _ => {
                let message = "an encoder made from parts is saved by who made the parts";
                Err(Error::new(Kind::Config, message))
            }
        }
        .map_err(|e| e.file(&self.name))?;
        let tokenizer = self.origin.iter().flat_map(|(_, tokenizer)| &tokenizer.0);
        files.extend(tokenizer.map(|(name, bytes)| ((*name).to_owned(), (&**bytes).into())));
        for head in &self.heads {
            let folder = format!("{}_{}", modules.len(), head.kind());
            self.push_head(head, &folder, format, &mut files)?;
            modules.push((folder, head.kind()));
        }
        let module = |(i, (path, kind)): (usize, &(String, &str))| json!({ "idx": i, "name": i.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}") });
        files.push(json_file("modules.json", &modules.iter().enumerate().map(module).collect()));
        let default =
            self.prompts.iter().find(|(_, text)| Some(text.as_str()) == prompt).map(|(name, _)| name);
        let settings = json!({ "prompts": self.prompts, "default_prompt_name": default, "similarity_fn_name": "cosine" });
        files.push(json_file("config_sentence_transformers.json", &settings));
        Ok(files)
    }

    /// Model and pooling; gives the modules that they are.
    fn push_transformer(
        &self,
        model: &Transformer,
        origin: &checkpoint::Origin,
        format: WeightFormat,
        files: &mut Vec<NamedFile<'_>>,
    ) -> Result<Vec<(String, &'static str)>, Error> {
        files.push(json_file("config.json", &origin.config_of(model, format)?));
        let tensors = origin.tensors(model, format)?;
        files.push(("model.safetensors".to_owned(), to_safetensors(&tensors)?.into()));
        let limits = json!({ "max_seq_length": self.max_len(), "do_lower_case": self.lower_case });
        files.push(json_file("sentence_bert_config.json", &limits));
        let pooling = pooling(&self.pooling, model.config().d_model, self.pools_prompt);
        files.push(json_file("1_Pooling/config.json", &pooling));
        Ok(vec![(String::new(), "Transformer"), ("1_Pooling".to_owned(), "Pooling")])
    }

    /// A table; gives the module that it is.
    fn push_static(
        &self,
        model: &StaticEncoder,
        origin: &StaticOrigin,
        format: WeightFormat,
        files: &mut Vec<NamedFile<'_>>,
    ) -> Result<Vec<(String, &'static str)>, Error> {
        let normalizes = match &*self.heads {
            [] => false,
            [Head::Normalize] => true,
            _ if origin.config.is_none() => false,
            _ => {
                let message =
                    "files of model2vec cannot express modules after the table other than Normalize";
                return Err(Error::new(Kind::Config, message));
            }
        };
        if let Some(config) = origin.config_of(model, normalizes, format) {
            files.push(json_file("config.json", &config));
        }
        let tensors = origin.tensors(model, format)?;
        files.push(("model.safetensors".to_owned(), to_safetensors(&tensors)?.into()));
        // The path that model2vec writes, too.
        Ok(vec![(".".to_owned(), "StaticEmbedding")])
    }

    fn push_head(
        &self,
        head: &Head,
        folder: &str,
        format: WeightFormat,
        files: &mut Vec<NamedFile<'_>>,
    ) -> Result<(), Error> {
        // A selection of the first values is a linear map of ones and zeros, which every format holds exactly.
        let selected;
        let head = match head {
            Head::Truncate(dim) => {
                let (d_in, device) = (self.d_before_truncation(), self.model.device());
                let mut linear = LinearConfig::new(d_in, *dim).with_bias(false).init(&device);
                linear.weight = Param::from_tensor(selection(d_in, *dim, &device));
                selected = Head::Dense(Dense { linear, activation: Activation::Identity });
                &selected
            }
            head => head,
        };
        let mut writer = Writer::new(format, Storage::default());
        let config = match head {
            Head::Normalize | Head::Truncate(_) => return Ok(()),
            Head::LayerNorm(norm) => {
                let [d] = norm.gamma.val().dims();
                writer.norm(&mut Norm::Layer(norm.clone()), d, "norm")?;
                json!({ "dimension": d })
            }
            Head::Dense(dense) => {
                let [d_in, d_out] = dense.linear.weight.val().dims();
                writer.linear(&mut dense.linear.clone(), d_in, &[("linear".to_owned(), d_out)])?;
                json!({
                    "in_features": d_in,
                    "out_features": d_out,
                    "bias": dense.linear.bias.is_some(),
                    "activation_function": torch_name(dense.activation),
                })
            }
        };
        files.push(json_file(&format!("{folder}/config.json"), &config));
        files.push((format!("{folder}/model.safetensors"), to_safetensors(&writer.finish())?.into()));
        Ok(())
    }

    /// The dimension that arrives at a truncation; there is at most one that matters, the last.
    fn d_before_truncation(&self) -> usize {
        let pooled = self.model.d_model() * self.pooling.len();
        let before = self.heads.iter().take_while(|head| !matches!(head, Head::Truncate(_)));
        before.fold(pooled, |d, head| match head {
            Head::Dense(dense) => dense.linear.weight.val().dims()[1],
            _ => d,
        })
    }
}

impl checkpoint::Origin {
    /// The config of a model that may have been changed since it was loaded.
    fn config_of(&self, model: &Transformer, format: WeightFormat) -> Result<Value, Error> {
        let mut config = self.config.clone();
        self.family.write_changes(&mut config, model.config())?;
        // The name of today and the one before it, for whichever Python has.
        (config["dtype"], config["torch_dtype"]) = (format.dtype().into(), format.dtype().into());
        Ok(config)
    }
}

fn json_file(name: &str, value: &Value) -> NamedFile<'static> {
    (name.to_owned(), format!("{value:#}\n").into_bytes().into())
}

fn pooling(modes: &[Pooling], d_model: usize, pools_prompt: bool) -> Value {
    let on = |mode: Pooling| modes.contains(&mode);
    json!({
        "word_embedding_dimension": d_model,
        "pooling_mode_cls_token": on(Pooling::Cls),
        "pooling_mode_max_tokens": on(Pooling::Max),
        "pooling_mode_mean_tokens": on(Pooling::Mean),
        "pooling_mode_mean_sqrt_len_tokens": on(Pooling::MeanSqrtLen),
        "pooling_mode_weightedmean_tokens": on(Pooling::WeightedMean),
        "pooling_mode_lasttoken": on(Pooling::LastToken),
        "include_prompt": pools_prompt,
    })
}

fn torch_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Identity => "torch.nn.modules.linear.Identity",
        Activation::Tanh => "torch.nn.modules.activation.Tanh",
        Activation::Relu => "torch.nn.modules.activation.ReLU",
        Activation::Gelu | Activation::GeluTanh => "torch.nn.modules.activation.GELU",
        Activation::Silu => "torch.nn.modules.activation.SiLU",
        Activation::Sigmoid => "torch.nn.modules.activation.Sigmoid",
    }
}
