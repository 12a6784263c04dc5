use std::collections::BTreeSet;
use std::sync::Arc;

use rec_text::Tokenizer;

use super::save::Origin;
use super::{Model, TextEncoder};
use crate::compress::vocabulary::Kept;
use crate::error::{Error, Kind};
use crate::transformer::Transformer;

/// Texts that are tokenized together.
const CHUNK: usize = 1024;

/// Smaller encoders made from one that is loaded: each is in a space of its own, and is [saved](TextEncoder::save) like any
/// other. Loaded again it is in the space that its files say.
impl TextEncoder {
    /// [`Transformer::prune_magnitude`] within the encoder: the smallest `share` of every weight matrix's values set to zero. The
    /// modules after pooling stay as they are.
    ///
    /// Neither memory nor time is saved, and files are smaller only once they are packed; it shows how much of a model is
    /// needed, and is where training of sparse models begins.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let pruned = encoder.clone().prune_magnitude(0.2)?;
    /// assert_ne!(pruned.space(), encoder.space());
    /// assert_ne!(pruned.encode(&["Dune"])?, encoder.encode(&["Dune"])?);
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `share` is not in `[0, 1]`, or the model is no transformer of this crate.
    pub fn prune_magnitude(self, share: f64) -> Result<Self, Error> {
        self.change("magnitude", &share.to_le_bytes(), |model| model.prune_magnitude(share))
    }

    /// [`Transformer::keep_layers`] within the encoder: these layers only, 0 being the first. Memory and time fall with their
    /// number.
    ///
    /// A list of the first layers differs from [`with_layers`](Self::with_layers) where a family has a norm after the last layer:
    /// here it stays, and the encoder can be saved.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let first = encoder.clone().keep_layers(&[0])?;
    /// assert_eq!(first.encode(&["Dune"])?, encoder.clone().with_layers(1)?.encode(&["Dune"])?);
    /// assert!(encoder.keep_layers(&[2, 0]).is_err());
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Transformer::keep_layers`], or the model is no transformer of this crate.
    pub fn keep_layers(self, layers: &[usize]) -> Result<Self, Error> {
        let content: Vec<u8> = layers.iter().flat_map(|&layer| (layer as u64).to_le_bytes()).collect();
        self.change("kept layers", &content, |model| model.keep_layers(layers))
    }

    /// [`Transformer::prune_heads`] within the encoder: every layer loses the same number of its least important heads, and its
    /// matrices become smaller.
    ///
    /// Saved, the config says `head_dim`, because the dimension of a head no longer follows from the model's. Llama and its
    /// kind, Gemma and NomicBERT have this field; for BERT and those like it, GPT-2 and ModernBERT it is an extension that
    /// Python's `transformers` does not know: it does not open such a folder.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let pruned = encoder.clone().prune_heads(4)?; // of 12
    /// assert_eq!(pruned.dim(), encoder.dim());
    /// assert!(encoder.prune_heads(12).is_err());
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Transformer::prune_heads`], or the model is no transformer of this crate.
    pub fn prune_heads(self, n: usize) -> Result<Self, Error> {
        self.change("pruned heads", &(n as u64).to_le_bytes(), |model| model.prune_heads(n))
    }

    /// The tokens that `texts` use, and their rows of the embedding table; the rest of the vocabulary is gone. Most of a
    /// multilingual model is the table.
    ///
    /// Kept besides are special tokens, single characters and single bytes, so that any text can still be tokenized, in more
    /// pieces than before. A text whose tokens are all kept gives exactly the vector that it gave, under no prompt and under
    /// each of the folder's; but a word that was unknown (WordPiece) may be known in pieces now.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use rec_encoder::TextEncoder;
    ///
    /// let encoder = TextEncoder::bundled(&Device::flex())?;
    /// let small = encoder.clone().prune_vocabulary(["a desert planet", "sand and worms"])?;
    /// assert!(small.tokenizer().vocab_size() < encoder.tokenizer().vocab_size() / 4);
    /// assert_eq!(small.encode(&["a desert and worms"])?, encoder.encode(&["a desert and worms"])?);
    /// assert!(small.encode(&["gardens"])?.n_tokens() > encoder.encode(&["gardens"])?.n_tokens());
    /// # Ok::<(), rec_encoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The tokenizer is neither WordPiece nor Unigram: the tokens of byte-pair encoding are made from each other. A text cannot be
    /// tokenized, or the encoder was made from parts.
    pub fn prune_vocabulary<S: AsRef<str>>(self, texts: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let used = self.used_tokens(texts)?;
        let name = self.name().to_owned();
        let fail = |message: &str| Error::new(Kind::Config, message).file(&name);
        let max_len = self.max_len();
        let mut inner = Arc::unwrap_or_clone(self.inner);
        let (Some((Origin::Transformer(origin), files)), Model::Transformer(model)) =
            (&mut inner.origin, &inner.model)
        else {
            return Err(fail("an encoder made from parts has no vocabulary that could be pruned"));
        };
        let mut tokenizer = files.json("tokenizer.json")?.ok_or_else(|| fail("lacks `tokenizer.json`"))?;
        // Positions are counted from the id of padding (RoBERTa), which must not move.
        let n_reserved = model.config().positions.map_or(0, |positions| positions.first_row as u32);
        let kept = Kept::new(&tokenizer, used, n_reserved).map_err(|e| e.file(&name))?;
        kept.rewrite_tokenizer(&mut tokenizer);
        let bytes = tokenizer.to_string().into_bytes();
        inner.tokenizer = Tokenizer::from_bytes(&bytes)?.with_max_len(max_len)?;
        files.replace("tokenizer.json", bytes);
        if let Some(mut settings) = files.json("tokenizer_config.json")? {
            kept.rewrite_settings(&mut settings);
            files.replace("tokenizer_config.json", format!("{settings:#}\n").into_bytes());
        }
        kept.rewrite_config(&mut origin.config);
        let ids: Vec<u32> = kept.ids().collect();
        inner.model = Model::Transformer(model.replaced(model.clone().into_inner().select_tokens(&ids)));
        inner.space = inner.space.derive("vocabulary", bytemuck::cast_slice(&ids));
        Ok(Self { inner: Arc::new(inner), ..self })
    }

    /// The ids of all tokens of texts, whole, under every prompt that the encoder can put before them.
    fn used_tokens<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<BTreeSet<u32>, Error> {
        let whole = self.inner.tokenizer.clone().with_max_len(usize::MAX)?;
        let mut variants = vec![self.clone(), self.clone().without_prompt()];
        // A prompt that cannot be used needs no tokens.
        variants.extend(self.inner.prompts.keys().filter_map(|name| self.clone().with_prompt(name).ok()));
        let (mut used, mut chunk) = (BTreeSet::new(), Vec::new());
        let mut texts = texts.into_iter().peekable();
        while texts.peek().is_some() {
            chunk.extend(texts.by_ref().take(CHUNK));
            for variant in &variants {
                let prepared: Vec<_> = chunk.iter().map(|text| variant.prepare(text.as_ref())).collect();
                used.extend(whole.encode_batch(&prepared)?.into_iter().flat_map(|encoding| encoding.ids));
            }
            chunk.clear();
        }
        Ok(used)
    }

    /// The same encoder around another transformer, in a space of its own.
    fn change(
        self,
        what: &str,
        content: &[u8],
        change: impl FnOnce(Transformer) -> Result<Transformer, Error>,
    ) -> Result<Self, Error> {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        let Model::Transformer(model) = inner.model else {
            let message = "only a transformer of this crate can be made smaller";
            return Err(Error::new(Kind::Config, message).file(inner.name));
        };
        let changed = change(model.clone().into_inner()).map_err(|e| e.file(&inner.name))?;
        inner.model = Model::Transformer(model.replaced(changed));
        inner.space = inner.space.derive(what, content);
        Ok(Self { inner: Arc::new(inner), ..self })
    }
}
