use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use rec_core::nn::LayerNorm;
use rec_core::{FingerprintBuilder, Pooling, Sequence};
use rec_text::{Encoding, PaddingSide, TokenBatch};

use super::host::Hosted;
use super::{Model, TextEncoder};
use crate::TokenEncoder;
use crate::checkpoint::save::values;
use crate::error::{Error, Kind};
use crate::head::{Dense, Head};
use crate::transformer::Transformer;

/// What an encoder computes with, as one burn module: transformer, pooling, and the modules after it. This is what is trained.
///
/// Taken [from](TextEncoder::text_model) an encoder, and put [back](TextEncoder::with_text_model). Prompts, lower case and
/// truncation belong to the encoder, and so do [tokens](TextEncoder::tokenize).
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let model = encoder.text_model()?;
/// let texts = encoder.tokenize(&["a desert planet", "sand"])?;
/// let vectors = model.forward(&encoder.collate(&texts));
/// assert_eq!(vectors.dims(), [2, 384]);
/// # Ok::<(), rec_encoder::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct TextModel {
    transformer: Transformer,
    dense: Vec<Dense>,
    norms: Vec<LayerNorm>,
    #[module(skip)]
    pooling: Vec<Pooling>,
    #[module(skip)]
    after: Vec<After>,
}

/// A module after pooling; those with weights stand in lists, in their order.
#[derive(Debug, Clone, Copy)]
enum After {
    Dense,
    LayerNorm,
    Normalize,
    Truncate(usize),
}

impl TextModel {
    fn new(transformer: Transformer, pooling: Vec<Pooling>, heads: &[Head]) -> Self {
        let mut model =
            Self { transformer, dense: Vec::new(), norms: Vec::new(), pooling, after: Vec::new() };
        for head in heads {
            model.after.push(match head {
                Head::Dense(dense) => {
                    model.dense.push(dense.clone());
                    After::Dense
                }
                Head::LayerNorm(norm) => {
                    model.norms.push(norm.clone());
                    After::LayerNorm
                }
                Head::Normalize => After::Normalize,
                Head::Truncate(dim) => After::Truncate(*dim),
            });
        }
        model
    }

    /// The modules after pooling, sharing their weights with this.
    fn heads(&self) -> Vec<Head> {
        let (mut dense, mut norms) = (self.dense.iter(), self.norms.iter());
        let head = |after: &After| match after {
            After::Dense => dense.next().cloned().map(Head::Dense),
            After::LayerNorm => norms.next().cloned().map(Head::LayerNorm),
            After::Normalize => Some(Head::Normalize),
            After::Truncate(dim) => Some(Head::Truncate(*dim)),
        };
        self.after.iter().filter_map(head).collect()
    }

    /// The vectors of texts, `[batch, dim]`, with gradients on a device that has them.
    ///
    /// # Panics
    ///
    /// As [`TokenEncoder::encode`].
    #[must_use]
    pub fn forward(&self, tokens: &TokenBatch) -> Tensor<2> {
        self.pool(&self.token_states(tokens))
    }

    /// The states of the last layer, `[batch, len, d_model]`.
    ///
    /// # Panics
    ///
    /// As [`TokenEncoder::encode`].
    #[must_use]
    pub fn token_states(&self, tokens: &TokenBatch) -> Sequence {
        self.transformer.encode(tokens)
    }

    /// From the states of the last layer to the vectors.
    #[must_use]
    pub fn pool(&self, states: &Sequence) -> Tensor<2> {
        let pooled = self.pooling.iter().map(|pooling| pooling.pool(states)).collect();
        self.heads().iter().fold(Tensor::cat(pooled, 1), |x, head| head.forward(x))
    }

    /// The token embedding, `[vocabulary, d_embedding]`.
    #[must_use]
    pub fn token_table(&self) -> Tensor<2> {
        self.transformer.embeddings.tokens.weight.val()
    }

    /// The transformer.
    #[must_use]
    pub fn transformer(&self) -> &Transformer {
        &self.transformer
    }
}

impl TextEncoder {
    /// What the encoder computes with, to train it. It shares the weights until one of them changes.
    ///
    /// # Errors
    ///
    /// The model is no transformer of this crate.
    pub fn text_model(&self) -> Result<TextModel, Error> {
        match &self.inner.model {
            Model::Transformer(model) => {
                Ok(TextModel::new(model.clone().into_inner(), self.inner.pooling.clone(), &self.inner.heads))
            }
            _ => {
                let message = "only a transformer of this crate can be trained";
                Err(Error::new(Kind::Config, message).file(&self.inner.name))
            }
        }
    }

    /// The same encoder with the weights of `model`, in a space of its own that their values name. LoRA adapters are merged.
    ///
    /// # Errors
    ///
    /// `model` has another shape than this encoder's, a weight cannot be read, or is not finite.
    pub fn with_text_model(self, model: &TextModel) -> Result<Self, Error> {
        let model = model.valid().materialize();
        let mut inner = Arc::unwrap_or_clone(self.inner);
        let fail = |message: &str| Error::new(Kind::Config, message).file(&inner.name);
        let fits = |old: &Hosted| {
            let was = TextModel::new(old.clone().into_inner(), inner.pooling.clone(), &inner.heads);
            old.config() == model.transformer.config() && shapes(&was) == shapes(&model)
        };
        let old = match &inner.model {
            Model::Transformer(old) if fits(old) => old.clone(),
            _ => return Err(fail("the model is not of this encoder's shape")),
        };
        let mut hash = Hash(FingerprintBuilder::default(), Vec::new(), Ok(()));
        model.visit(&mut hash);
        hash.2.map_err(|e| e.file(&inner.name))?;
        let weights = hash.0.finish().to_string();
        inner.space = inner.space.derive("trained", weights.as_bytes());
        inner.heads = model.heads();
        inner.model = Model::Transformer(old.replaced(model.transformer));
        Ok(Self { inner: Arc::new(inner), ..self })
    }

    /// The tokens of texts, as they are encoded: with the prompt before them, in lower case where the folder says so, truncated.
    ///
    /// # Errors
    ///
    /// A text cannot be tokenized.
    pub fn tokenize(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Encoding>, Error> {
        let texts: Vec<_> = texts.iter().map(|text| self.prepare(text.as_ref())).collect();
        Ok(self.inner.tokenizer.encode_batch(&texts)?)
    }

    /// Texts as one batch, padded on the right.
    ///
    /// # Panics
    ///
    /// There are no texts.
    #[must_use]
    pub fn collate<'a>(&self, texts: impl IntoIterator<Item = &'a Encoding>) -> TokenBatch {
        TokenBatch::collate(texts, self.inner.tokenizer.pad_id(), PaddingSide::Right, None)
    }
}

/// The shapes of all parameters, in their order.
fn shapes(model: &TextModel) -> Vec<Vec<usize>> {
    struct Shapes(Vec<Vec<usize>>);
    impl ModuleVisitor for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.base().dims().to_vec());
        }
    }
    let mut shapes = Shapes(Vec::new());
    model.visit(&mut shapes);
    shapes.0
}

/// Hashes the values of all parameters, and looks at them.
struct Hash(FingerprintBuilder, Vec<String>, Result<(), Error>);

impl ModuleVisitor for Hash {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.1.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.1.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.2.is_err() {
            return;
        }
        let path = self.1.join(".");
        match values(param.val()) {
            Ok(values) if values.iter().all(|value| value.is_finite()) => {
                self.0.part(&path, bytemuck::cast_slice(&values));
            }
            Ok(_) => self.2 = Err(Error::new(Kind::Tensor, format!("`{path}` is not finite"))),
            Err(error) => self.2 = Err(error),
        }
    }
}
