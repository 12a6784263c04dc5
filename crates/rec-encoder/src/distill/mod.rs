//! Static encoders out of transformers (feature `distill`).

mod pca;
mod vocabulary;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rec_core::Pooling;
use rec_text::{Encoding, Tokenizer};
use serde_json::json;

use crate::checkpoint::save::to_safetensors;
use crate::error::{Error, Kind};
use crate::tokenizer_json::TokenizerJson;
use crate::{Progress, TextEncoder};

/// A static encoder from a transformer, without any training text: the recipe of model2vec 0.10 (Tulkens and van Dongen 2024,
/// "Model2Vec: Fast State-of-the-Art Static Embeddings").
///
/// 1. Of the tokenizer's vocabulary `[unused0]` and its like and all special tokens go, but for the unknown and the padding token.
/// 2. Each other token alone, with the special tokens that surround a text, goes through the transformer, and its states, those of the
///    special tokens included, are pooled; heads after pooling are not applied.
/// 3. Principal components of these vectors, centred and not scaled, are kept: the `dims` that vary most, each with the sign that
///    makes its value of largest magnitude positive. There are none if the vocabulary has no more tokens than there are components.
/// 4. The row of the token of rank `i`, counted from 1 in the order of ids, is multiplied by the weight of smooth inverse frequency
///    (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", Algorithm 1), `a / (a + p_i)`. How
///    frequent a token is is guessed by Zipf's law from its place in the vocabulary, which most tokenizers order by frequency:
///    `p_i = (1 / (i + 1)) / sum_j (1 / (j + 1))`.
///
/// The vector of a text is the mean of the rows of its tokens, unknown ones left out, and is normalised. Saved, it is a folder that
/// model2vec and sentence-transformers open, too. The same teacher gives the same bits for any number of threads.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::{Distillation, TextEncoder};
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/bert/tiny");
/// let teacher = TextEncoder::from_dir(folder, &Device::flex())?;
/// let student = Distillation::default().dims(8).distill(&teacher)?;
/// assert_eq!(student.dim(), 8);
/// let norm: f32 = student.encode(&["the desert planet"])?.row(0).iter().map(|x| x * x).sum();
/// assert!((norm - 1.0).abs() < 1e-5);
/// # Ok::<(), rec_encoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use = "it does nothing until `distill`"]
pub struct Distillation {
    dims: Option<usize>,
    sif: Option<f64>,
    pooling: Pooling,
    max_len: usize,
}

/// Tokens of a text that a distilled model reads, as in model2vec.
const MAX_LEN: usize = 512;

/// Tokens that go through the transformer between two reports of progress.
const CHUNK: usize = 1024;

impl Default for Distillation {
    /// 256 principal components, `a = 1e-4`, mean pooling, 512 tokens of a text.
    fn default() -> Self {
        Self { dims: Some(256), sif: Some(1e-4), pooling: Pooling::Mean, max_len: MAX_LEN }
    }
}

impl Distillation {
    /// Keeps so many principal components; all if the teacher has fewer.
    ///
    /// # Panics
    ///
    /// `dims` is 0.
    pub fn dims(self, dims: usize) -> Self {
        assert!(dims > 0, "a vector of no dimensions");
        Self { dims: Some(dims), ..self }
    }

    /// Leaves vectors as the teacher has them, uncentred and in its dimensions.
    pub fn without_pca(self) -> Self {
        Self { dims: None, ..self }
    }

    /// The coefficient `a` of the weights: the less, the less frequent tokens count.
    ///
    /// # Panics
    ///
    /// `a` is not above 0 and below 1.
    pub fn sif(self, a: f64) -> Self {
        assert!(a > 0.0 && a < 1.0, "the coefficient of smooth inverse frequency is {a}");
        Self { sif: Some(a), ..self }
    }

    /// Weighs all tokens alike.
    pub fn without_sif(self) -> Self {
        Self { sif: None, ..self }
    }

    /// How the states of a token and the special ones around it become a vector.
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// Makes the static encoder.
    ///
    /// # Errors
    ///
    /// The teacher was made from parts, so that its tokenizer's file is not known; its tokenizer is of a kind that cannot be cut down,
    /// or reads fewer tokens than one and those around it; or one of its vectors is not finite.
    pub fn distill(&self, teacher: &TextEncoder) -> Result<TextEncoder, Error> {
        self.distill_with(teacher, |_| ControlFlow::Continue(()))
    }

    /// [`distill`](Self::distill), telling `progress` how many tokens of the vocabulary the teacher has read, one "text" each.
    /// Returning [`ControlFlow::Break`] ends the work with an error of its own kind ([`Error::is_interrupted`]).
    ///
    /// # Errors
    ///
    /// As [`distill`](Self::distill), or `progress` stopped it.
    pub fn distill_with(
        &self,
        teacher: &TextEncoder,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<TextEncoder, Error> {
        self.files(teacher, progress)
            .and_then(|files| {
                let name = format!("static {}", teacher.name());
                TextEncoder::from_files(name, files, &teacher.device())
            })
            .map_err(|e| e.file(teacher.name()))
    }

    /// The folder of the static encoder.
    fn files(
        &self,
        teacher: &TextEncoder,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, Error> {
        let file = teacher.tokenizer_file().ok_or_else(|| {
            Error::new(Kind::Config, "an encoder made from parts has no tokenizer.json to distill")
        })?;
        let json = TokenizerJson::parse(file)?;
        let around = around(teacher.tokenizer(), &json)?;
        let (tokens, json) = vocabulary::prune(json, self.max_len)?;
        let vectors = self.embed(teacher, &tokens, &around, progress)?;
        let d = teacher.token_encoder().d_model();
        let (mut rows, dims) = match self.dims {
            Some(dims) if dims.min(d) < tokens.len() => (pca::scores(&vectors, d, dims.min(d))?, dims.min(d)),
            _ => (vectors.iter().map(|&value| f64::from(value)).collect(), d),
        };
        if let Some(a) = self.sif {
            for (row, weight) in rows.chunks_exact_mut(dims).zip(weights(tokens.len(), a)) {
                row.iter_mut().for_each(|value| *value *= weight);
            }
        }
        let bytes = rows.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
        let table = ("embeddings".to_owned(), safetensors::Dtype::F32, vec![tokens.len(), dims], bytes);
        // The fields that model2vec writes.
        let config = json!({
            "model_type": "model2vec",
            "architectures": ["StaticModel"],
            "tokenizer_name": teacher.name(),
            "apply_pca": self.dims,
            "sif_coefficient": self.sif,
            "hidden_dim": dims,
            "seq_length": 1_000_000,
            "normalize": true,
            "pooling": match self.pooling {
                Pooling::Cls => json!("first"),
                Pooling::LastToken => json!("last"),
                pooling => json!(pooling),
            },
            "max_length": self.max_len,
            "embedding_dtype": "float32",
        });
        Ok(BTreeMap::from([
            ("model.safetensors".to_owned(), to_safetensors(&[table])?.into()),
            ("config.json".to_owned(), config.to_string().into_bytes().into()),
            ("tokenizer.json".to_owned(), json.into()),
        ]))
    }

    /// The teacher's vector of each token alone, row-major.
    fn embed(
        &self,
        teacher: &TextEncoder,
        tokens: &[u32],
        (before, after): &(Vec<u32>, Vec<u32>),
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<f32>, Error> {
        let len = before.len() + 1 + after.len();
        if len > teacher.token_encoder().max_len() {
            let message = format!("a token and those around it are {len}, more than the model reads");
            return Err(Error::new(Kind::Config, message));
        }
        let (mut vectors, mut done) = (Vec::new(), Progress::default());
        for chunk in tokens.chunks(CHUNK) {
            let encoding = |&token: &u32| {
                let ids = [before.as_slice(), &[token], after].concat();
                Encoding { type_ids: vec![0; ids.len()], ids, n_truncated: 0 }
            };
            let encodings: Vec<Encoding> = chunk.iter().map(encoding).collect();
            vectors.extend(teacher.pooled(&encodings, self.pooling)?);
            done.n_texts += chunk.len();
            done.n_tokens += chunk.len() * len;
            if progress(done).is_break() {
                return Err(Error::new(Kind::Interrupted, format!("stopped after {} tokens", done.n_texts)));
            }
        }
        Ok(vectors)
    }
}

/// The special tokens before and after a text.
fn around(tokenizer: &Tokenizer, json: &TokenizerJson) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let bare = Tokenizer::from_bytes(&json.without_post_processor())?;
    let (special, with, without) =
        (tokenizer.encode("")?.ids, tokenizer.encode("a")?.ids, bare.encode("a")?.ids);
    let split =
        (0..=special.len()).rev().find(|&n| [&special[..n], &without, &special[n..]].concat() == with);
    match split {
        Some(n) => Ok((special[..n].to_vec(), special[n..].to_vec())),
        None => {
            Err(Error::new(Kind::Text, "the special tokens around a text are not the same for every text"))
        }
    }
}

/// `a / (a + p_i)` of `n` tokens by rank, `p_i` by Zipf's law.
fn weights(n: usize, a: f64) -> impl Iterator<Item = f64> {
    let inverse_rank = |i: usize| 1.0 / (i as f64 + 2.0);
    let total: f64 = (0..n).map(inverse_rank).sum();
    (0..n).map(move |i| a / (a + inverse_rank(i) / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_with_frequency() {
        // By hand: 1/2 + 1/3 + 1/4 = 13/12, so p = 6/13, 4/13, 3/13.
        let weights: Vec<f64> = weights(3, 0.1).collect();
        let expected = [6.0, 4.0, 3.0].map(|p: f64| 0.1 / (0.1 + p / 13.0));
        assert!(weights.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{weights:?}");
        assert!(weights.is_sorted());
    }
}
