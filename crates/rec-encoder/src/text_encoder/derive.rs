use std::sync::Arc;

use rec_core::Pooling;
use rec_text::Windows;

use super::host::Precision;
use super::{Inner, Model, Prompt, TextEncoder};
use crate::error::{Error, Kind};
use crate::head::Head;

/// Encoders made from one that is loaded.
impl TextEncoder {
    /// A prompt that the model was trained with, by its name in `config_sentence_transformers.json`. `None` when the folder
    /// names no such prompt.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&str> {
        self.inner.prompts.get(name).map(String::as_str)
    }

    /// The same encoder, putting the prompt of this name before every text, instead of the one that it puts there now. The
    /// space stays the same: a query and a passage of an E5 model meet in it.
    ///
    /// A text that is read in windows has the prompt in its first one.
    ///
    /// # Errors
    ///
    /// The folder names no such prompt; or it wants the prompt's tokens left out of pooling (`include_prompt`) where that is not
    /// supported: with windows, and with weighted mean pooling.
    pub fn with_prompt(self, name: &str) -> Result<Self, Error> {
        let fail = |message: String| Err(Error::new(Kind::Config, message).file(&self.inner.name));
        let Some(prompt) = self.prompt(name) else {
            let names: Vec<&str> = self.inner.prompts.keys().map(String::as_str).collect();
            return fail(format!("there is no prompt `{name}` among [{}]", names.join(", ")));
        };
        let prompt = match prompt {
            "" => None,
            text => Some(Prompt { text: Arc::from(text), n_unpooled: self.inner.n_unpooled(text)? }),
        };
        self.check_pooled_prompt(prompt.as_ref(), self.windows.map(|(windows, _)| windows))?;
        Ok(Self { prompt, ..self })
    }

    /// What pooling cannot do when it leaves a prompt out.
    pub(super) fn check_pooled_prompt(
        &self,
        prompt: Option<&Prompt>,
        windows: Option<Windows>,
    ) -> Result<(), Error> {
        let fail = |message: &str| Err(Error::new(Kind::Config, message).file(&self.inner.name));
        match prompt {
            Some(prompt) if prompt.n_unpooled > 0 && windows.is_some() => {
                fail("field `include_prompt`: `false` is not supported together with windows")
            }
            Some(prompt) if prompt.n_unpooled > 0 && self.inner.pooling.contains(&Pooling::WeightedMean) => {
                fail("field `include_prompt`: `false` is not supported together with weighted mean pooling")
            }
            _ => Ok(()),
        }
    }

    /// The same encoder, putting nothing before texts, whatever its folder says.
    #[must_use]
    pub fn without_prompt(self) -> Self {
        Self { prompt: None, ..self }
    }

    /// Vectors of the first `dim` values only, normalised again where the model normalises: for models trained so that these
    /// carry most (Matryoshka representations, Kusupati et al. 2022). A space of its own.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let short = encoder.clone().truncated(64)?;
    /// assert_eq!(short.dim(), 64);
    /// assert_eq!(short.encode(&["Dune"])?.row(0), &encoder.encode(&["Dune"])?.row(0)[..64]);
    /// assert_ne!(short.space(), encoder.space());
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `dim` is 0 or more than the vectors have.
    pub fn truncated(self, dim: usize) -> Result<Self, Error> {
        let normalizes = self.inner.heads.last().is_some_and(|head| matches!(head, Head::Normalize));
        self.cut(dim, normalizes)
    }

    pub(super) fn cut(self, dim: usize, normalizes: bool) -> Result<Self, Error> {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        if dim == 0 || dim > inner.dim {
            let message = format!("vectors of {} values cannot be cut to {dim}", inner.dim);
            return Err(Error::new(Kind::Config, message));
        }
        if dim < inner.dim {
            match &inner.model {
                // A table is cut itself, which every reader of its files understands.
                Model::Static(table) if inner.heads.is_empty() || (normalizes && inner.heads.len() == 1) => {
                    inner.model = Model::Static(table.clone().truncated(dim));
                }
                _ => {
                    inner.heads.push(Head::Truncate(dim));
                    inner.heads.extend(normalizes.then_some(Head::Normalize));
                }
            }
            let how = [&(dim as u64).to_le_bytes()[..], &[u8::from(normalizes)]].concat();
            inner.space = inner.space.derive("truncated", &how);
            inner.dim = dim;
        }
        Ok(Self { inner: Arc::new(inner), ..self })
    }

    /// The same encoder with linear maps in eight bits: more than twice as fast where the processor multiplies bytes fast (AVX-512
    /// VNNI), and a quarter of the memory for the packed weights. Attention, norms and activations stay in `f32`.
    ///
    /// Nothing is calibrated and nothing trained: weights are rounded with a scale for each column, what enters a map with a scale
    /// for each token, so that a text has the same vector alone and among others. The vectors are close to those of `f32` and are not
    /// the same: a space of its own. [Saving](Self::save) writes the weights as they were; `docs/compression.md` has measurements.
    ///
    /// [`text_model`](Self::text_model) and [`token_encoder`](Self::token_encoder) are in `f32` still.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let int8 = encoder.clone().with_int8()?;
    /// let (a, b) = (encoder.encode(&["a desert planet"])?, int8.encode(&["a desert planet"])?);
    /// let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    /// let cosine = dot(a.row(0), b.row(0)) / (dot(a.row(0), a.row(0)) * dot(b.row(0), b.row(0))).sqrt();
    /// assert!((0.98..1.0).contains(&cosine));
    /// assert_ne!(int8.space(), encoder.space());
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The model is no transformer of this crate, or not on the device `flex` with weights in `f32`.
    pub fn with_int8(self) -> Result<Self, Error> {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        let Model::Transformer(model) = inner.model else {
            let message = "only a transformer of this crate computes in eight bits";
            return Err(Error::new(Kind::Config, message).file(inner.name));
        };
        if model.precision() == Precision::Float {
            inner.space = inner.space.derive("int8", b"a scale for each column and each token");
        }
        inner.model = Model::Transformer(model.int8().map_err(|e| e.file(&inner.name))?);
        Ok(Self { inner: Arc::new(inner), ..self })
    }

    /// Pools the states after the first `n` layers of the transformer instead of its output: cheaper, and in many models closer
    /// to what texts share. A space of its own.
    ///
    /// # Errors
    ///
    /// `n` is 0 or more than there are layers, or the model is no transformer of this crate.
    pub fn with_layers(self, n: usize) -> Result<Self, Error> {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        let fail = |message: String| Error::new(Kind::Config, message).file(&inner.name);
        let Model::Transformer(model) = &inner.model else {
            return Err(fail("this model has no layers to choose from".to_owned()));
        };
        let all = model.config().layers.len();
        if n == 0 || n > all {
            return Err(fail(format!("the model has layers 1 to {all}, not {n}")));
        }
        if n < all {
            inner.model = Model::Transformer(model.replaced(model.clone().into_inner().first_layers(n)));
            inner.space = inner.space.derive("layers", &(n as u64).to_le_bytes());
        }
        Ok(Self { inner: Arc::new(inner), ..self })
    }
}

impl Inner {
    /// How many tokens of a prompt pooling leaves out: all that precede the text, a first special token included.
    fn n_unpooled(&self, prompt: &str) -> Result<usize, Error> {
        if self.pools_prompt {
            return Ok(0);
        }
        let (alone, nothing) = (self.tokenizer.encode(prompt)?.ids, self.tokenizer.encode("")?.ids);
        let ends_special = nothing.last().is_some_and(|last| alone.last() == Some(last));
        Ok(alone.len() - usize::from(ends_special))
    }
}
