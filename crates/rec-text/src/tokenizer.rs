use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::de::IgnoredAny;
use tokenizers::{Token, TruncationDirection};

use crate::{Error, Windows};

/// Text to token ids, by a Hugging Face `tokenizer.json`.
///
/// The file decides everything about the text: normalisation, splitting, the vocabulary, and the special
/// tokens around it. Its own padding and truncation are switched off: padding is [`TokenBatch`]'s
/// and truncation is [`with_max_len`](Tokenizer::with_max_len)'s, which counts what it cuts.
///
/// As in the reference implementation, the name of a special token *within* a text (`[SEP]`) becomes
/// that token.
///
/// Cheap to clone, and shared between threads as it is.
///
/// ```
/// use rec_text::Tokenizer;
///
/// let tokenizer = Tokenizer::from_bytes(br#"{
///     "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
///     "normalizer": { "type": "Lowercase" }, "pre_tokenizer": { "type": "Whitespace" },
///     "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] },
///     "decoder": null,
///     "model": { "type": "WordLevel", "unk_token": "[UNK]",
///                "vocab": { "[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "dune": 4, "sand": 5 } }
/// }"#)?;
/// assert_eq!(tokenizer.encode("Dune sand worm")?.ids, [1, 4, 5, 3, 2]);
///
/// let short = tokenizer.with_max_len(3)?.encode("Dune sand worm")?;
/// assert_eq!(short.ids, [1, 4, 2]);
/// assert_eq!(short.n_truncated, 2);
/// # Ok::<(), rec_text::Error>(())
/// ```
///
/// [`TokenBatch`]: crate::TokenBatch
#[derive(Clone)]
pub struct Tokenizer {
    model: Arc<Model>,
    max_len: Option<usize>,
}

/// What a `tokenizer.json` says, and what follows from it.
struct Model {
    inner: tokenizers::Tokenizer,
    n_special: usize,
    vocab_size: usize,
    max_id: u32,
    pad_id: u32,
}

/// The tokens of one text, special tokens included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// The ids of the tokens.
    pub ids: Vec<u32>,
    /// The segment of each token (BERT's token types): as many as `ids`, and 0 in most models.
    pub type_ids: Vec<u32>,
    /// How many tokens of the text did not fit into `max_len` and were dropped.
    pub n_truncated: usize,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is not UTF-8, or is not a tokenizer; each names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&bytes, &path.display().to_string())
    }

    /// The tokenizer in the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// Bytes that are not UTF-8 or not a tokenizer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(bytes, "tokenizer bytes")
    }

    fn parse(bytes: &[u8], file: &str) -> Result<Self, Error> {
        guard(|| Model::parse(bytes))
            .map(|model| Self { model: Arc::new(model), max_len: None })
            .map_err(|source| Error::tokenizer(file, source))
    }

    /// The same tokenizer with a limit on the tokens of a text, *special tokens included*.
    ///
    /// A longer text loses tokens at its right end; the special tokens around it stay. That is
    /// `truncation=True, max_length=max_len` of the reference implementation. Without this call there is
    /// no limit.
    ///
    /// # Errors
    ///
    /// A `max_len` smaller than the number of special tokens.
    pub fn with_max_len(self, max_len: usize) -> Result<Self, Error> {
        let n_special = self.model.n_special;
        if max_len < n_special {
            return Err(Error::max_len(max_len, n_special));
        }
        Ok(Self { max_len: Some(max_len), ..self })
    }

    /// The limit set by [`with_max_len`](Tokenizer::with_max_len).
    #[must_use]
    pub fn max_len(&self) -> Option<usize> {
        self.max_len
    }

    /// How many special tokens surround a text.
    #[must_use]
    pub fn n_special(&self) -> usize {
        self.model.n_special
    }

    /// How many tokens there are, added ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.model.vocab_size
    }

    /// The highest id that an encoding can hold: an embedding table needs more rows than this.
    ///
    /// Vocabularies have gaps, so this may be more than `vocab_size() - 1`. 0 for an empty vocabulary.
    #[must_use]
    pub fn max_id(&self) -> u32 {
        self.model.max_id
    }

    /// The id of a token, by its exact name.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.model.inner.token_to_id(token)
    }

    /// The id to pad with: that of the file's padding section if there is one, else of the token `[PAD]`
    /// or `<pad>`, else 0.
    #[must_use]
    pub fn pad_id(&self) -> u32 {
        self.model.pad_id
    }

    /// The tokens of one text.
    ///
    /// Empty text gives the special tokens alone, or nothing when the tokenizer has none.
    ///
    /// # Errors
    ///
    /// A text that the tokenizer cannot express: a vocabulary without the unknown token that it names.
    pub fn encode(&self, text: &str) -> Result<Encoding, Error> {
        guard(|| self.try_encode(text)).map_err(|source| Error::encode(0, source))
    }

    /// The tokens of many texts, in their order; the same as [`encode`](Tokenizer::encode) one by one,
    /// on all threads.
    ///
    /// # Errors
    ///
    /// As [`encode`](Tokenizer::encode), for the first text that fails; the message says which.
    pub fn encode_batch<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Vec<Encoding>, Error> {
        let encode = |text: &S| guard(|| self.try_encode(text.as_ref()));
        let encodings: Vec<_> = texts.par_iter().map(encode).collect();
        let in_order = encodings.into_iter().enumerate();
        in_order.map(|(row, encoding)| encoding.map_err(|source| Error::encode(row, source))).collect()
    }

    /// The tokens of a text as overlapping windows of at most [`max_len`](Tokenizer::max_len) tokens, each with the special
    /// tokens around it. A text that fits has one window, the same as [`encode`](Tokenizer::encode) gives.
    ///
    /// What does not fit into the allowed number of windows is counted in the last one's `n_truncated`.
    ///
    /// ```
    /// # use rec_text::{Tokenizer, Windows};
    /// # let tokenizer = Tokenizer::from_bytes(br#"{
    /// #     "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    /// #     "normalizer": null, "pre_tokenizer": { "type": "Whitespace" },
    /// #     "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] }, "decoder": null,
    /// #     "model": { "type": "WordLevel", "unk_token": "a",
    /// #                "vocab": { "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "c": 5, "d": 6, "e": 7 } }
    /// # }"#)?;
    /// let tokenizer = tokenizer.with_max_len(5)?; // three tokens of text, and [CLS] and [SEP] around them
    /// let windows = tokenizer.encode_windows("a b c d e", Windows::overlapping(1))?;
    /// let ids: Vec<_> = windows.iter().map(|window| window.ids.as_slice()).collect();
    /// assert_eq!(ids, [[1, 3, 4, 5, 2], [1, 5, 6, 7, 2]]);
    /// # Ok::<(), rec_text::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`encode`](Tokenizer::encode), or windows that overlap so much that the next one would not go on
    /// ([`check_windows`](Tokenizer::check_windows)).
    pub fn encode_windows(&self, text: &str, windows: Windows) -> Result<Vec<Encoding>, Error> {
        self.check_windows(windows)?;
        guard(|| self.try_windows(text, windows)).map_err(|source| Error::encode(0, source))
    }

    /// [`encode_windows`](Tokenizer::encode_windows) for many texts, on all threads.
    ///
    /// # Errors
    ///
    /// As [`encode_windows`](Tokenizer::encode_windows), for the first text that fails; the message says which.
    pub fn encode_windows_batch<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        windows: Windows,
    ) -> Result<Vec<Vec<Encoding>>, Error> {
        self.check_windows(windows)?;
        let encode = |text: &S| guard(|| self.try_windows(text.as_ref(), windows));
        let encodings: Vec<_> = texts.par_iter().map(encode).collect();
        let in_order = encodings.into_iter().enumerate();
        in_order.map(|(row, encoding)| encoding.map_err(|source| Error::encode(row, source))).collect()
    }

    /// Whether texts can be read in such windows.
    ///
    /// # Errors
    ///
    /// The overlap is not smaller than the number of tokens of text in a window.
    pub fn check_windows(&self, windows: Windows) -> Result<(), Error> {
        match self.room() {
            room if windows.overlap >= room => Err(Error::windows(windows.overlap, room)),
            _ => Ok(()),
        }
    }

    /// How many tokens of a text fit between the special ones.
    fn room(&self) -> usize {
        self.max_len.map_or(usize::MAX, |max_len| max_len - self.model.n_special)
    }

    fn try_encode(&self, text: &str) -> Result<Encoding, tokenizers::Error> {
        let one = Windows::overlapping(0).at_most(1);
        Ok(self.try_windows(text, one)?.swap_remove(0))
    }

    /// At least one window.
    fn try_windows(&self, text: &str, windows: Windows) -> Result<Vec<Encoding>, tokenizers::Error> {
        // Special tokens come after truncation, so first without them.
        let mut first = self.model.inner.encode_fast(text, false)?;
        let (n_text, room) = (first.len(), self.room());
        first.truncate(room, windows.overlap, TruncationDirection::Right);
        // What overflows would be post-processed along with the first.
        let rest = first.take_overflowing();
        let kept = 1 + rest.len().min(windows.max_windows.get() - 1);
        let n_read = if kept > rest.len() { n_text } else { room + (kept - 1) * (room - windows.overlap) };
        let mut read = Vec::with_capacity(kept);
        for window in std::iter::once(first).chain(rest).take(kept) {
            let window = self.model.inner.post_process(window, None, true)?;
            read.push(Encoding {
                ids: window.get_ids().to_vec(),
                type_ids: window.get_type_ids().to_vec(),
                n_truncated: 0,
            });
        }
        if let Some(last) = read.last_mut() {
            last.n_truncated = n_text - n_read;
        }
        Ok(read)
    }
}

/// Runs the library, and makes an error of a panic in it.
///
/// It checks less of a file than it relies on (a template may name a token that is nowhere defined, a
/// character map may point beyond its end), and finds out with a panic. All it is given is read-only,
/// so nothing is left half done.
fn guard<T>(run: impl FnOnce() -> Result<T, tokenizers::Error>) -> Result<T, tokenizers::Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(format!("the file contradicts itself: {text}").into())
    })
}

impl Model {
    fn parse(bytes: &[u8]) -> Result<Self, tokenizers::Error> {
        // JSON that is broken is found here, with its line: the library would panic within its decoder.
        serde_json::from_str::<IgnoredAny>(std::str::from_utf8(bytes)?)?;
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)?;
        let pad_id = inner
            .get_padding()
            .map(|padding| padding.pad_id)
            .or_else(|| inner.token_to_id("[PAD]"))
            .or_else(|| inner.token_to_id("<pad>"))
            .unwrap_or(0);
        inner.with_padding(None);
        inner.with_truncation(None)?;

        // The special tokens are what the post-processor adds to a text of one token. Their ids stand in
        // the file a second time and need not be in the vocabulary.
        let probe = tokenizers::Encoding::from_tokens(vec![Token::new(0, String::new(), (0, 0))], 0);
        let probe = inner.post_process(probe, None, true)?;
        let mask = probe.get_special_tokens_mask();
        let n_special = mask.iter().filter(|&&special| special == 1).count();
        if mask.len() != n_special + 1 {
            return Err("the post-processor drops or repeats the text".into());
        }
        let vocabulary = inner.get_vocab(true);
        let max_id = vocabulary.values().chain(probe.get_ids()).copied().max().unwrap_or(0);
        Ok(Self { n_special, vocab_size: vocabulary.len(), max_id, pad_id, inner })
    }
}

impl fmt::Debug for Tokenizer {
    /// The numbers, not the vocabulary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("max_len", &self.max_len)
            .field("n_special", &self.model.n_special)
            .field("vocab_size", &self.model.vocab_size)
            .field("max_id", &self.model.max_id)
            .field("pad_id", &self.model.pad_id)
            .finish()
    }
}
