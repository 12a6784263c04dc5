mod load;
mod stream;

pub use stream::{Chunks, Encoded, Progress};

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rec_core::{Fingerprint, Pooling, Sequence, VectorTable};
use rec_data::{Id, IdMap};
use rec_text::{PaddingSide, TokenBatch, Tokenizer};

use crate::TokenEncoder;
use crate::checkpoint::LoadReport;
use crate::error::{Error, Kind};
use crate::head::Head;

/// From texts to vectors: a tokenizer, a [`TokenEncoder`], pooling, and the heads that a model folder names.
///
/// Cloning is cheap and shares the weights; threads may encode at the same time. Texts are encoded as they are given:
/// cleaning and templates are steps before this one. A text is truncated to [`max_len`](Self::max_len) tokens, and how
/// many were is reported, never hidden.
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
pub struct TextEncoder(Arc<Inner>);

struct Inner {
    name: String,
    tokenizer: Tokenizer,
    lower_case: bool,
    model: Box<dyn TokenEncoder>,
    pooling: Vec<Pooling>,
    heads: Vec<Head>,
    dim: usize,
    space: Fingerprint,
    report: LoadReport,
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
            model: Box::new(model),
            pooling: vec![pooling],
            heads: Vec::new(),
            dim,
            space,
            report: LoadReport::default(),
        };
        inner.checked()
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
        Chunks::new(&self.0, texts.into_iter())
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
        let ids =
            IdMap::try_from_ids(ids).map_err(|e| Error::new(Kind::Text, "cannot embed").caused_by(e))?;
        let table = VectorTable::new(ids, vectors, self.dim(), self.space())
            .map_err(|e| Error::new(Kind::Device, "cannot make a table").caused_by(e))?;
        Ok(table
            .with_provenance("encoder", self.name())
            .with_provenance("max_len", self.max_len().to_string())
            .with_provenance("n_truncated_texts", done.n_truncated_texts.to_string()))
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
        let texts: Vec<_> = texts.iter().map(|text| self.0.prepare(text.as_ref())).collect();
        let encodings = self.0.tokenizer.encode_batch(&texts)?;
        let batch = TokenBatch::collate(&encodings, self.0.tokenizer.pad_id(), PaddingSide::Right, None);
        Ok(self.0.model.encode(&batch))
    }

    /// What the encoder is called: its folder, or the name of the bundled model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The number of values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.dim
    }

    /// The vector space: weights, tokenizer, pooling, heads and dimension, hashed.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.0.space
    }

    /// Where forward passes run.
    #[must_use]
    pub fn device(&self) -> Device {
        self.0.model.device()
    }

    /// The longest input in tokens, special tokens included; longer texts are truncated.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.0.max_len()
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.0.tokenizer
    }

    /// The model from tokens to token states.
    #[must_use]
    pub fn token_encoder(&self) -> &dyn TokenEncoder {
        self.0.model.as_ref()
    }

    /// How token states become one vector; several poolings are concatenated.
    #[must_use]
    pub fn pooling(&self) -> &[Pooling] {
        &self.0.pooling
    }

    /// What loading took, ignored and assumed.
    #[must_use]
    pub fn report(&self) -> &LoadReport {
        &self.0.report
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
        Ok(TextEncoder(Arc::new(self)))
    }

    fn max_len(&self) -> usize {
        self.tokenizer.max_len().unwrap_or(self.model.max_len())
    }

    /// What the tokenizer sees of a text: sentence-transformers strips it, and lower-cases it if the folder says so.
    fn prepare<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        let text = text.trim();
        if self.lower_case { text.to_lowercase().into() } else { text.into() }
    }

    /// Tokens to final vectors, `[batch, dim]`.
    fn forward(&self, tokens: &TokenBatch) -> Tensor<2> {
        let states = self.model.encode(tokens);
        let pooled = self.pooling.iter().map(|pooling| pooling.pool(&states)).collect();
        self.heads.iter().fold(Tensor::cat(pooled, 1), |x, head| head.forward(x))
    }
}

impl fmt::Debug for TextEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEncoder")
            .field("name", &self.0.name)
            .field("dim", &self.0.dim)
            .field("max_len", &self.max_len())
            .field("pooling", &self.0.pooling)
            .field("n_heads", &self.0.heads.len())
            .field("space", &self.0.space)
            .field("device", &self.device())
            .finish()
    }
}
