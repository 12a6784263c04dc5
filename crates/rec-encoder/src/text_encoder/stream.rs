#[cfg(feature = "distill")]
use std::sync::Arc;

use rayon::prelude::*;
#[cfg(feature = "distill")]
use rec_core::Pooling;
use rec_core::device::is_host;
use rec_text::{Buckets, Encoding, PaddingSide, PlannedBatch, TokenBatch};

use super::{Inner, TextEncoder, read_back};
use crate::error::{Error, Kind};

/// Texts that are tokenized and sorted by length together. Large enough for batches of like length, small enough that
/// their tokens and vectors are a few megabytes.
const CHUNK: usize = 1024;

/// Bytes of text after which a chunk is closed early, so that a thousand long texts do not stand in memory at once.
const CHUNK_BYTES: usize = 4 << 20;

/// Positions in a batch, padding included: on a host a few megabytes of activations, which several threads hold at once.
const HOST_BATCH: usize = 1024;

/// On an accelerator a batch runs alone and should fill it.
const ACCELERATOR_BATCH: usize = 16_384;

/// Accelerators compile and tune kernels per shape, so lengths are rounded up to a few.
const ACCELERATOR_MULTIPLE: usize = 16;

/// Vectors of texts, row-major, and what it took to make them.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    values: Vec<f32>,
    dim: usize,
    n_tokens: usize,
    /// For each text.
    is_truncated: Vec<bool>,
}

impl Encoded {
    pub(super) fn empty(dim: usize) -> Self {
        Self { values: Vec::new(), dim, n_tokens: 0, is_truncated: Vec::new() }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.values.extend(other.values);
        self.n_tokens += other.n_tokens;
        self.is_truncated.extend(other.is_truncated);
    }

    /// The same count of tokens, and no texts.
    pub(super) fn without_vectors(&self) -> Self {
        Self { n_tokens: self.n_tokens, ..Self::empty(self.dim) }
    }

    pub(super) fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// One more text.
    pub(super) fn push(&mut self, vector: &[f32], is_truncated: bool) {
        self.values.extend_from_slice(vector);
        self.is_truncated.push(is_truncated);
    }

    /// The number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there were no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vector of text `i`.
    ///
    /// # Panics
    ///
    /// `i >= len()`.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// The vectors in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    /// All values, row-major.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Tokens that went through the model, special ones included and padding not.
    #[must_use]
    pub fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Texts that were longer than the model takes and lost their ends.
    #[must_use]
    pub fn n_truncated_texts(&self) -> usize {
        self.is_truncated.iter().filter(|&&is_truncated| is_truncated).count()
    }

    /// Whether text `i` was one of them.
    ///
    /// # Panics
    ///
    /// `i >= len()`.
    #[must_use]
    pub fn is_truncated(&self, i: usize) -> bool {
        self.is_truncated[i]
    }
}

/// How far a long job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Texts encoded so far.
    pub n_texts: usize,
    /// Tokens of these texts.
    pub n_tokens: usize,
    /// Texts that were truncated.
    pub n_truncated_texts: usize,
}

impl Progress {
    pub(super) fn add(&mut self, chunk: &Encoded) {
        self.n_texts += chunk.len();
        self.n_tokens += chunk.n_tokens();
        self.n_truncated_texts += chunk.n_truncated_texts();
    }
}

/// The iterator of [`TextEncoder::stream`](crate::TextEncoder::stream): vectors in chunks, in the order of the texts.
///
/// After an error it ends.
pub struct Chunks<'a, I> {
    encoder: &'a TextEncoder,
    texts: I,
    failed: bool,
}

impl<'a, I> Chunks<'a, I> {
    pub(super) fn new(encoder: &'a TextEncoder, texts: I) -> Self {
        Self { encoder, texts, failed: false }
    }
}

impl<I> std::fmt::Debug for Chunks<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunks").field("encoder", &self.encoder.name()).field("failed", &self.failed).finish()
    }
}

impl<I> Iterator for Chunks<'_, I>
where
    I: Iterator,
    I::Item: AsRef<str>,
{
    type Item = Result<Encoded, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let (mut texts, mut bytes) = (Vec::new(), 0);
        for text in self.texts.by_ref() {
            let text = self.encoder.prepare(text.as_ref()).into_owned();
            bytes += text.len();
            texts.push(text);
            if texts.len() == CHUNK || bytes >= CHUNK_BYTES {
                break;
            }
        }
        if texts.is_empty() {
            return None;
        }
        let encoded = encode(self.encoder, &texts);
        self.failed = encoded.is_err();
        Some(encoded)
    }
}

fn encode(encoder: &TextEncoder, texts: &[String]) -> Result<Encoded, Error> {
    let (inner, dim) = (&*encoder.inner, encoder.dim());
    let Some((windows, pooling)) = encoder.windows else {
        let encodings = inner.tokenizer.encode_batch(texts)?;
        let is_truncated = encodings.iter().map(|encoding| encoding.n_truncated > 0).collect();
        let n_tokens = n_tokens(&encodings);
        return Ok(Encoded { values: vectors(encoder, &encodings)?, dim, n_tokens, is_truncated });
    };
    let of_text = inner.tokenizer.encode_windows_batch(texts, windows)?;
    let n_windows: Vec<usize> = of_text.iter().map(Vec::len).collect();
    let is_truncated =
        of_text.iter().map(|windows| windows.iter().any(|window| window.n_truncated > 0)).collect();
    let encodings: Vec<Encoding> = of_text.into_iter().flatten().collect();
    let of_windows = vectors(encoder, &encodings)?;
    let (mut values, mut rest) = (Vec::with_capacity(texts.len() * dim), &*of_windows);
    for n in n_windows {
        let (text, after) = rest.split_at(n * dim);
        match n {
            1 => values.extend_from_slice(text),
            _ => values.extend(inner.fuse_windows(text, pooling)?),
        }
        rest = after;
    }
    Ok(Encoded { values, dim, n_tokens: n_tokens(&encodings), is_truncated })
}

/// Of whole texts, or of all their windows.
fn n_tokens(encodings: &[Encoding]) -> usize {
    encodings.iter().map(|encoding| encoding.ids.len()).sum()
}

#[cfg(feature = "distill")]
impl TextEncoder {
    /// The states of each encoding pooled in one way, without heads, row-major.
    pub(crate) fn pooled(&self, encodings: &[Encoding], pooling: Pooling) -> Result<Vec<f32>, Error> {
        let dim = self.inner.model.d_model();
        let inner = Inner { pooling: vec![pooling], heads: Vec::new(), dim, ..(*self.inner).clone() };
        vectors(&Self { inner: Arc::new(inner), windows: None, prompt: None }, encodings)
    }
}

/// The final vector of each encoding, row-major.
fn vectors(encoder: &TextEncoder, encodings: &[Encoding]) -> Result<Vec<f32>, Error> {
    let n_unpooled = encoder.prompt.as_ref().map_or(0, |prompt| prompt.n_unpooled);
    let encoder = &*encoder.inner;
    let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.ids.len()).collect();
    let host = is_host(&encoder.model.device());
    let buckets = match host {
        true => Buckets::new(HOST_BATCH),
        false => Buckets::new(ACCELERATOR_BATCH).multiple_of(ACCELERATOR_MULTIPLE),
    };
    let plan = buckets.max_len(encoder.model.max_len()).plan(&lengths);
    let run = |batch: &PlannedBatch| run_batch(encoder, encodings, batch, n_unpooled);
    // On a host, batches run beside each other: much of a forward pass is elementwise work on one thread.
    let outputs: Vec<Vec<f32>> = match host {
        true => plan.par_iter().map(run).collect::<Result<_, _>>()?,
        false => plan.iter().map(run).collect::<Result<_, _>>()?,
    };
    let dim = encoder.dim;
    let mut values = vec![0.0; encodings.len() * dim];
    for (batch, output) in plan.iter().zip(&outputs) {
        for (&row, vector) in batch.rows.iter().zip(output.chunks_exact(dim)) {
            if let Some(column) = vector.iter().position(|value| !value.is_finite()) {
                let message =
                    format!("the vector of text {row} of the chunk is not finite at column {column}");
                return Err(Error::new(Kind::Device, message).file(&encoder.name));
            }
            values[row * dim..(row + 1) * dim].copy_from_slice(vector);
        }
    }
    Ok(values)
}

fn run_batch(
    encoder: &Inner,
    encodings: &[Encoding],
    batch: &PlannedBatch,
    n_unpooled: usize,
) -> Result<Vec<f32>, Error> {
    let rows = batch.rows.iter().map(|&row| &encodings[row]);
    let tokens = TokenBatch::collate(rows, encoder.tokenizer.pad_id(), PaddingSide::Right, Some(batch.len));
    read_back(encoder, encoder.forward(&tokens, n_unpooled)?)
}
