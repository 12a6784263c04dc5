mod cached;
mod compress;
mod derive;
mod host;
mod host_embeddings;
mod load;
mod save;
mod stream;
mod train;

pub use save::WeightFormat;
pub use stream::{Chunks, Encoded, Progress};
pub use train::TextModel;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Fingerprint, Pooling, Sequence, VectorTable};
use rec_data::{Id, IdMap};
use rec_text::{PaddingSide, TokenBatch, Tokenizer, Windows};

use crate::TokenEncoder;
use crate::checkpoint::LoadReport;
use crate::error::{Error, Kind};
use crate::head::Head;
use crate::static_encoder::StaticEncoder;
use host::Hosted;
use save::{Origin, TokenizerFiles};

/// From texts to vectors: a tokenizer, a [`TokenEncoder`], pooling, and the heads that a model folder names.
///
/// Cloning is cheap and shares the weights; threads may encode at the same time. Texts are encoded as they are given:
/// cleaning and templates are steps before this one. A text is truncated to [`max_len`](Self::max_len) tokens, and how
/// many were is reported, never hidden.
///
/// On the device `flex` texts run through the kernels of `rec-kernels`, without padding; the first call packs the weights of the
/// blocks for them, which takes as much memory again. Other devices run the burn modules of [`Transformer`](crate::Transformer).
///
/// The vector of a text does not depend on what is encoded beside it, beyond rounding: at most 2e-6 in any value of a
/// unit vector on CPU devices.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let vectors = encoder.encode(&["a desert planet", "sand and worms", "a garden party"])?;
/// let cosine = |a: &[f32], b: &[f32]| -> f32 {
///     let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
///     dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
/// };
/// assert!(cosine(vectors.row(0), vectors.row(1)) > cosine(vectors.row(0), vectors.row(2)));
/// # Ok::<(), rec_encoder::Error>(())
/// ```
#[derive(Clone)]
pub struct TextEncoder {
    inner: Arc<Inner>,
    /// How texts that are too long are read, if not by their beginning alone, and how the vectors of windows become one.
    windows: Option<(Windows, Pooling)>,
    /// What is put before every text.
    prompt: Option<Prompt>,
}

/// A text before every text.
#[derive(Clone, Debug)]
struct Prompt {
    text: Arc<str>,
    /// Tokens at the beginning that pooling leaves out.
    n_unpooled: usize,
}

#[derive(Clone)]
struct Inner {
    name: String,
    tokenizer: Tokenizer,
    lower_case: bool,
    prompts: BTreeMap<String, String>,
    /// Whether pooling sees the tokens of a prompt.
    pools_prompt: bool,
    model: Model,
    pooling: Vec<Pooling>,
    heads: Vec<Head>,
    dim: usize,
    space: Fingerprint,
    report: LoadReport,
    /// What saving needs besides the model; none for an encoder made from parts.
    origin: Option<(Origin, TokenizerFiles)>,
}

/// The model from tokens to token states. Those that are known can be changed and saved.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "an encoder has one")]
enum Model {
    Transformer(Hosted),
    Static(StaticEncoder),
    Other(Arc<dyn TokenEncoder>),
}

impl std::ops::Deref for Model {
    type Target = dyn TokenEncoder;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Transformer(model) => &**model,
            Self::Static(model) => model,
            Self::Other(model) => model.as_ref(),
        }
    }
}

impl TextEncoder {
    /// An encoder from parts of your own: any tokenizer and any [`TokenEncoder`], pooled, without heads.
    ///
    /// `space` names the vector space; it must change when the model does. Texts are truncated to the tokenizer's own
    /// limit or the model's, whichever is less.
    ///
    /// # Errors
    ///
    /// The tokenizer has ids or token types that the model has no embedding for.
    pub fn from_parts(
        name: impl Into<String>,
        tokenizer: Tokenizer,
        model: impl TokenEncoder + 'static,
        pooling: Pooling,
        space: Fingerprint,
    ) -> Result<Self, Error> {
        let dim = model.d_model();
        let inner = Inner {
            name: name.into(),
            tokenizer,
            lower_case: false,
            prompts: BTreeMap::new(),
            pools_prompt: true,
            model: Model::Other(Arc::new(model)),
            pooling: vec![pooling],
            heads: Vec::new(),
            dim,
            space,
            report: LoadReport::default(),
            origin: None,
        };
        inner.checked()
    }

    /// The same encoder, reading texts that are too long for the model in overlapping windows instead of cutting them.
    ///
    /// The vectors of a text's windows are pooled in the order of the text: [`Pooling::Mean`] weighs all alike,
    /// [`Pooling::Cls`] takes the first and [`Pooling::LastToken`] the last. Where the model normalises its vectors, the
    /// pooled one is normalised again. The space stays the same, and so do the vectors of texts that fit.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_core::Pooling;
    /// use rec_encoder::TextEncoder;
    /// use rec_text::Windows;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let whole = encoder.clone().with_windows(Windows::overlapping(16), Pooling::Mean)?;
    /// let long = format!("{} At last the sandworm appears.", "The desert wind blows. ".repeat(50));
    /// assert_eq!(encoder.encode(&[&long])?.n_truncated_texts(), 1);
    /// assert_eq!(whole.encode(&[&long])?.n_truncated_texts(), 0);
    /// assert_eq!(encoder.encode(&["short"])?.row(0), whole.encode(&["short"])?.row(0));
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The windows overlap by as many tokens as they hold, or more; or the encoder leaves its prompt out of pooling, which only
    /// the first window has.
    pub fn with_windows(self, windows: Windows, pooling: Pooling) -> Result<Self, Error> {
        self.inner.tokenizer.check_windows(windows)?;
        self.check_pooled_prompt(self.prompt.as_ref(), Some(windows))?;
        Ok(Self { windows: Some((windows, pooling)), ..self })
    }

    /// The vectors of many texts, in their order.
    ///
    /// Holds the tokens and vectors of all texts at once; [`stream`](Self::stream) does not.
    ///
    /// # Errors
    ///
    /// A text cannot be tokenized, or a vector is not finite.
    pub fn encode(&self, texts: &[impl AsRef<str>]) -> Result<Encoded, Error> {
        let mut all = Encoded::empty(self.dim());
        for chunk in self.stream(texts.iter().map(AsRef::as_ref)) {
            all.append(chunk?);
        }
        Ok(all)
    }

    /// Encodes texts as they arrive, in chunks and in order, with bounded memory: one chunk of texts at a time is held,
    /// tokenized, sorted by length, and run in batches of bounded size.
    ///
    /// To stop, stop asking; to go on later, skip as many texts as came back.
    pub fn stream<I>(&self, texts: I) -> Chunks<'_, I::IntoIter>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Chunks::new(self, texts.into_iter())
    }

    /// A table of vectors from ids and texts.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), or an id comes twice.
    pub fn embed<I: Into<Id>, S: AsRef<str>>(
        &self,
        items: impl IntoIterator<Item = (I, S)>,
    ) -> Result<VectorTable, Error> {
        self.embed_with(items, |_| ControlFlow::Continue(()))
    }

    /// [`embed`](Self::embed), telling `progress` after every chunk how far it is. Returning
    /// [`ControlFlow::Break`] ends the work with an error of its own kind ([`Error::is_interrupted`]).
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed), or `progress` stopped it.
    pub fn embed_with<I: Into<Id>, S: AsRef<str>>(
        &self,
        items: impl IntoIterator<Item = (I, S)>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<VectorTable, Error> {
        let mut ids = Vec::new();
        let mut vectors = Vec::new();
        let mut done = Progress::default();
        let texts = items.into_iter().map(|(id, text)| {
            ids.push(id.into());
            text
        });
        for chunk in self.stream(texts) {
            let chunk = chunk?;
            done.add(&chunk);
            vectors.extend_from_slice(chunk.values());
            if progress(done).is_break() {
                let message = format!("stopped after {} texts", done.n_texts);
                return Err(Error::new(Kind::Interrupted, message));
            }
        }
        self.table(ids, vectors, done.n_truncated_texts)
    }

    /// Vectors of texts as a table that says how they were made.
    fn table(&self, ids: Vec<Id>, vectors: Vec<f32>, n_truncated_texts: usize) -> Result<VectorTable, Error> {
        let ids =
            IdMap::try_from_ids(ids).map_err(|e| Error::new(Kind::Text, "cannot embed").caused_by(e))?;
        let table = VectorTable::new(ids, vectors, self.dim(), self.space())
            .map_err(|e| Error::new(Kind::Device, "cannot make a table").caused_by(e))?;
        let table = table
            .with_provenance("encoder", self.name())
            .with_provenance("max_len", self.max_len().to_string())
            .with_provenance("n_truncated_texts", n_truncated_texts.to_string());
        Ok(match self.windows {
            Some((windows, pooling)) => table.with_provenance("windows", format!("{windows}, {pooling:?}")),
            None => table,
        })
    }

    /// The token states of texts, `[batch, len, d_model]`, as one batch: what attention over words needs.
    ///
    /// # Errors
    ///
    /// A text cannot be tokenized.
    ///
    /// # Panics
    ///
    /// There are no texts.
    pub fn token_states(&self, texts: &[impl AsRef<str>]) -> Result<Sequence, Error> {
        assert!(!texts.is_empty(), "a batch has at least one text");
        let texts: Vec<_> = texts.iter().map(|text| self.prepare(text.as_ref())).collect();
        let encodings = self.inner.tokenizer.encode_batch(&texts)?;
        let batch = TokenBatch::collate(&encodings, self.inner.tokenizer.pad_id(), PaddingSide::Right, None);
        self.inner.states(&batch)
    }

    /// What the tokenizer sees of a text: a prompt before it, and lower case if the folder says so.
    fn prepare<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text: Cow<'a, str> = match &self.prompt {
            Some(prompt) => format!("{}{text}", prompt.text).into(),
            None => text.into(),
        };
        if self.inner.lower_case { text.to_lowercase().into() } else { text }
    }

    /// What the encoder is called: its folder, or the name of the bundled model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The number of values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.inner.dim
    }

    /// The vector space: weights, tokenizer, pooling, heads and dimension, hashed.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.inner.space
    }

    /// Where forward passes run.
    #[must_use]
    pub fn device(&self) -> Device {
        self.inner.model.device()
    }

    /// The longest input in tokens, special tokens included; longer texts are truncated, or read in
    /// [windows](Self::with_windows).
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.inner.max_len()
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.inner.tokenizer
    }

    /// The model from tokens to token states.
    #[must_use]
    pub fn token_encoder(&self) -> &dyn TokenEncoder {
        &*self.inner.model
    }

    /// How token states become one vector; several poolings are concatenated.
    #[must_use]
    pub fn pooling(&self) -> &[Pooling] {
        &self.inner.pooling
    }

    /// What loading took, ignored and assumed.
    #[must_use]
    pub fn report(&self) -> &LoadReport {
        &self.inner.report
    }
}

impl Inner {
    /// The encoder, if its tokenizer fits its model.
    fn checked(mut self) -> Result<TextEncoder, Error> {
        let max_id = self.tokenizer.max_id() as usize;
        if max_id >= self.model.vocab_size() {
            let message = format!(
                "the tokenizer has token id {max_id}, beyond the model's {} embeddings",
                self.model.vocab_size()
            );
            return Err(Error::new(Kind::Config, message).file(&self.name));
        }
        let max_len = self.tokenizer.max_len().unwrap_or(usize::MAX).min(self.model.max_len());
        self.tokenizer = self.tokenizer.with_max_len(max_len)?;
        // Type ids come from the tokenizer's template, so one probe shows those of any single text.
        let probe = self.tokenizer.encode("a")?;
        if let Some(id) = probe.type_ids.iter().find(|&&id| id as usize >= self.model.n_token_types()) {
            let message = format!(
                "the tokenizer uses token type {id}, beyond the model's {} types",
                self.model.n_token_types()
            );
            return Err(Error::new(Kind::Config, message).file(&self.name));
        }
        Ok(TextEncoder { inner: Arc::new(self), windows: None, prompt: None })
    }

    fn max_len(&self) -> usize {
        self.tokenizer.max_len().unwrap_or(self.model.max_len())
    }

    /// Tokens to token states, `[batch, len, d_model]`.
    fn states(&self, tokens: &TokenBatch) -> Result<Sequence, Error> {
        match &self.model {
            Model::Transformer(model) => model.encode(tokens, self.max_len()),
            model => Ok(model.encode(tokens)),
        }
    }

    /// Tokens to final vectors, `[batch, dim]`; the first `n_unpooled` states of every text are not pooled.
    fn forward(&self, tokens: &TokenBatch, n_unpooled: usize) -> Result<Tensor<2>, Error> {
        let mut states = self.states(tokens)?;
        if n_unpooled > 0 {
            let (batch, len) = (tokens.batch(), tokens.len());
            let mut mask = tokens.mask_pad();
            mask.chunks_exact_mut(len).for_each(|row| row[..n_unpooled.min(len)].fill(true));
            let mask = Tensor::from_data(TensorData::new(mask, [batch, len]), &self.model.device());
            states = Sequence::new(states.values().clone(), Some(mask));
        }
        let pooled = self.pooling.iter().map(|pooling| pooling.pool(&states)).collect();
        Ok(self.heads.iter().fold(Tensor::cat(pooled, 1), |x, head| head.forward(x)))
    }

    /// The final vectors of the windows of one text, row-major, as the vector of the text.
    fn fuse_windows(&self, vectors: &[f32], pooling: Pooling) -> Result<Vec<f32>, Error> {
        let data = TensorData::new(vectors.to_vec(), [1, vectors.len() / self.dim, self.dim]);
        let windows = Sequence::new(Tensor::from_data(data, &self.model.device()), None);
        let pooled = pooling.pool(&windows); // [1, dim]
        let fused = match self.heads.last() {
            Some(head @ Head::Normalize) => head.forward(pooled),
            _ => pooled,
        };
        read_back(self, fused)
    }
}

/// The values of a tensor, on the host.
fn read_back(encoder: &Inner, vectors: Tensor<2>) -> Result<Vec<f32>, Error> {
    vectors
        .try_into_vec_as()
        .map_err(|e| Error::new(Kind::Device, "cannot read vectors back").file(&encoder.name).caused_by(e))
}

impl fmt::Debug for TextEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEncoder")
            .field("name", &self.inner.name)
            .field("dim", &self.inner.dim)
            .field("max_len", &self.max_len())
            .field("windows", &self.windows)
            .field("prompt", &self.prompt)
            .field("pooling", &self.inner.pooling)
            .field("n_heads", &self.inner.heads.len())
            .field("space", &self.inner.space)
            .field("device", &self.device())
            .finish()
    }
}
