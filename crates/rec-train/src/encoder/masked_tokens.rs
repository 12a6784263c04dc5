use std::collections::BTreeSet;

use burn::tensor::Tensor;
use rec_core::FingerprintBuilder;
use rec_encoder::{TextEncoder, TextModel, TokenEncoder};
use rec_text::{Encoding, TokenBatch};

use super::activation_bytes;
use crate::error::Error;
use crate::objective::masked_language;
use crate::{Draw, Task};

/// Masked language modelling on texts of one's own: the encoder learns the words of a catalogue before anything else.
///
/// Of the tokens that are not special 15 % are to be guessed; of these 80 % become the mask, 10 % a random token, and 10 % stay (Devlin
/// et al. 2019, section 3.1). The output matrix is the token embedding ([`masked_language`]). Post-training on the domain's texts is
/// the first of Tiny-NewsRec's two stages (Yu et al. 2022, section 3.2); [`TextPairs`](super::TextPairs) is the second.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
/// use rec_train::encoder::MaskedTokens;
/// use rec_train::{Draw, Task};
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let task = MaskedTokens::new(&encoder, &["a desert planet", "sand and worms"])?.with_batch_size(2);
/// let batch = task.sample(Draw { seed: 0, index: 0 });
/// assert!(!batch.targets().is_empty());
/// let loss = task.loss(&encoder.text_model()?, &batch)?.into_scalar::<f32>();
/// assert!(loss.is_finite());
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaskedTokens {
    encoder: TextEncoder,
    texts: Vec<Encoding>,
    held_out: usize,
    special: BTreeSet<u32>,
    mask_id: u32,
    batch_size: usize,
}

/// Texts with tokens hidden, and what they were.
#[derive(Debug, Clone)]
pub struct Masked {
    tokens: TokenBatch,
    /// Row numbers in `[batch * len]`.
    positions: Vec<usize>,
    targets: Vec<u32>,
}

impl Masked {
    /// The tokens that are to be guessed, row by row.
    #[must_use]
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }
}

const SHARE: f64 = 0.15;

impl MaskedTokens {
    /// Texts, tokenized once, as `encoder` does. The mask is the tokenizer's `[MASK]` or `<mask>`.
    ///
    /// # Errors
    ///
    /// There is no text with a token that is not special, the tokenizer has no mask, the model's embedding is not of its own dimension
    /// (ALBERT), or a text cannot be tokenized.
    pub fn new(encoder: &TextEncoder, texts: &[impl AsRef<str>]) -> Result<Self, Error> {
        let tokenizer = encoder.tokenizer();
        let mask_id = ["[MASK]", "<mask>"].iter().find_map(|token| tokenizer.token_id(token));
        let mask_id = mask_id.ok_or_else(|| Error::unusable("the tokenizer has no token for the mask"))?;
        let model = encoder.text_model()?;
        if model.transformer().config().d_embedding != model.transformer().d_model() {
            return Err(Error::unusable("the token embedding is not of the model's dimension"));
        }
        let special = tokenizer.encode("")?.ids.into_iter().collect();
        let mut texts = encoder.tokenize(texts)?;
        texts.retain(|text| text.ids.iter().any(|id| !BTreeSet::contains(&special, id)));
        if texts.is_empty() {
            return Err(Error::unusable("there is no text with a token to hide"));
        }
        Ok(Self { encoder: encoder.clone(), texts, held_out: 0, special, mask_id, batch_size: 32 })
    }

    /// With texts a batch.
    ///
    /// # Panics
    ///
    /// The size is 0.
    #[must_use]
    pub fn with_batch_size(self, batch_size: usize) -> Self {
        assert!(batch_size > 0, "a batch has at least one text");
        Self { batch_size, ..self }
    }

    /// With the last `n` texts held out: the metric is their negated loss, always with the same tokens hidden. At least one text is
    /// left to train on.
    #[must_use]
    pub fn with_held_out(self, n: usize) -> Self {
        let held_out = n.min(self.texts.len() - 1);
        Self { held_out, ..self }
    }

    fn hide(&self, rows: &[usize], draw: Draw) -> Masked {
        let mut random = draw.random();
        let len = rows.iter().map(|&row| self.texts[row].ids.len()).max().unwrap_or(0);
        let (mut texts, mut positions, mut targets) =
            (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
        let n_tokens = self.encoder.tokenizer().max_id() as usize + 1;
        for (at, &row) in rows.iter().enumerate() {
            let mut text = self.texts[row].clone();
            let words: Vec<usize> =
                (0..text.ids.len()).filter(|&i| !self.special.contains(&text.ids[i])).collect();
            let mut hidden: Vec<usize> = words.iter().copied().filter(|_| random.uniform() < SHARE).collect();
            // A short text has its say, too.
            if hidden.is_empty() && !words.is_empty() {
                hidden.push(words[random.below(words.len())]);
            }
            for i in hidden {
                positions.push(at * len + i);
                targets.push(text.ids[i]);
                let what = random.uniform();
                if what < 0.8 {
                    text.ids[i] = self.mask_id;
                } else if what < 0.9 {
                    text.ids[i] = random.below(n_tokens) as u32;
                }
            }
            texts.push(text);
        }
        Masked { tokens: self.encoder.collate(&texts), positions, targets }
    }
}

impl Task for MaskedTokens {
    type Module = TextModel;
    type Batch = Masked;

    fn sample(&self, draw: Draw) -> Masked {
        self.hide(&draw.rows(self.texts.len() - self.held_out, self.batch_size), draw)
    }

    fn loss(&self, model: &TextModel, batch: &Masked) -> Result<Tensor<1>, Error> {
        let states = model.token_states(&batch.tokens);
        let [n_texts, len, d] = states.dims();
        let rows = crate::objective::indices(batch.positions.iter().copied(), &states.device());
        let hidden = states.values().clone().reshape([n_texts * len, d]).select(0, rows);
        Ok(masked_language(hidden, model.token_table(), &batch.targets))
    }

    fn validate(&self, model: &TextModel) -> Result<Option<f64>, Error> {
        let rows: Vec<usize> = (self.texts.len() - self.held_out..self.texts.len()).collect();
        let (mut sum, mut n) = (0.0, 0);
        for (index, rows) in rows.chunks(self.batch_size).enumerate() {
            let batch = self.hide(rows, Draw { seed: u64::MAX, index: index as u64 });
            let loss = crate::parameters::values(self.loss(model, &batch)?)?;
            sum += f64::from(loss[0]) * batch.targets.len() as f64;
            n += batch.targets.len();
        }
        Ok((n > 0).then(|| -sum / n as f64))
    }

    fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        for text in &self.texts {
            hash.part("text", &text.ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
        }
        let (n, held_out) = (self.batch_size, self.held_out);
        format!("masked tokens of texts {}, {held_out} held out, batches of {n}", hash.finish())
    }

    fn activation_bytes(&self, model: &TextModel) -> Option<u64> {
        let len = self.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        Some(activation_bytes(model, self.batch_size.min(self.texts.len()), len))
    }
}
