use burn::tensor::Tensor;
use rec_core::FingerprintBuilder;
use rec_encoder::{TextEncoder, TextModel};
use rec_text::Encoding;

use super::activation_bytes;
use crate::error::Error;
use crate::objective::{InBatch, InfoNce};
use crate::{Draw, Task};

/// Contrastive post-training: the two texts of a pair become each other's nearest among the texts of a batch.
///
/// Pairs are titles and descriptions, reviews and items (BLaIR, Hou et al. 2024, equation 1), or items that the same users chose. The
/// loss is symmetric [`InfoNce`] on cosines, at temperature 0.05 by default; a text that comes twice in a batch is no negative of
/// itself or of what it is paired with.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
/// use rec_train::encoder::{FineTuning, TextPairs};
/// use rec_train::{AdamW, Progress, Trainer, TrainerConfig};
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let texts = ["alpha", "a garden party", "omega", "sand and worms"];
/// let task = TextPairs::new(&encoder, &texts, vec![(0, 1), (2, 3)])?.with_batch_size(2);
/// let config = TrainerConfig { n_steps: 3, optimizer: AdamW::new(1e-3), ..TrainerConfig::default() };
/// let model = FineTuning::TopLayers(1).apply(encoder.text_model()?)?;
/// let trained = Trainer::new(config).run(model, &task, Progress::ignore)?;
/// let tuned = encoder.clone().with_text_model(&trained.module)?;
///
/// let cosine = |encoder: &TextEncoder| -> Result<f32, rec_encoder::Error> {
///     let v = encoder.encode(&texts[..2])?;
///     let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
///     Ok(dot(v.row(0), v.row(1)) / (dot(v.row(0), v.row(0)) * dot(v.row(1), v.row(1))).sqrt())
/// };
/// assert!(cosine(&tuned)? > cosine(&encoder)? + 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextPairs {
    encoder: TextEncoder,
    texts: Vec<Encoding>,
    pairs: Vec<(usize, usize)>,
    held_out: Vec<(usize, usize)>,
    batch_size: usize,
    objective: InfoNce,
    temperature: f64,
}

impl TextPairs {
    /// Pairs of row numbers of `texts`, which are tokenized once, as `encoder` does.
    ///
    /// # Errors
    ///
    /// There is no pair, a pair names a text that is not there, or a text cannot be tokenized.
    pub fn new(
        encoder: &TextEncoder,
        texts: &[impl AsRef<str>],
        pairs: Vec<(usize, usize)>,
    ) -> Result<Self, Error> {
        if pairs.is_empty() {
            return Err(Error::unusable("there are no pairs of texts"));
        }
        let task = Self {
            encoder: encoder.clone(),
            texts: encoder.tokenize(texts)?,
            pairs: Vec::new(),
            held_out: Vec::new(),
            batch_size: 64,
            objective: InfoNce::new(0.05).symmetric(),
            temperature: 0.05,
        };
        task.check(&pairs)?;
        Ok(Self { pairs, ..task })
    }

    fn check(&self, pairs: &[(usize, usize)]) -> Result<(), Error> {
        let n = self.texts.len();
        match pairs.iter().find(|(a, b)| *a >= n || *b >= n) {
            Some(pair) => Err(Error::unusable(format!("the pair {pair:?} is not among {n} texts"))),
            None => Ok(()),
        }
    }

    /// With pairs a batch: the more, the more negatives each has.
    ///
    /// # Panics
    ///
    /// The size is 0.
    #[must_use]
    pub fn with_batch_size(self, batch_size: usize) -> Self {
        assert!(batch_size > 0, "a batch has at least one pair");
        Self { batch_size, ..self }
    }

    /// With another temperature.
    ///
    /// # Panics
    ///
    /// As [`InfoNce::new`].
    #[must_use]
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { objective: InfoNce::new(temperature).symmetric(), temperature, ..self }
    }

    /// With pairs that are not trained on: the metric is their negated loss, in batches of the same size.
    ///
    /// # Errors
    ///
    /// A pair names a text that is not there.
    pub fn with_held_out(self, held_out: Vec<(usize, usize)>) -> Result<Self, Error> {
        self.check(&held_out)?;
        Ok(Self { held_out, ..self })
    }

    fn loss_of(&self, model: &TextModel, pairs: &[(usize, usize)]) -> Tensor<1> {
        let (left, right): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
        let vectors = |rows: &[usize]| {
            let x = model.forward(&self.encoder.collate(rows.iter().map(|&row| &self.texts[row])));
            let norm = x.clone().square().sum_dim(1).clamp_min(1e-16).sqrt();
            x / norm
        };
        let batch = InBatch { items: &right, queries: Some(&left), log_q: None };
        self.objective.loss(vectors(&left), vectors(&right), batch)
    }
}

impl Task for TextPairs {
    type Module = TextModel;
    type Batch = Vec<(usize, usize)>;

    fn sample(&self, draw: Draw) -> Self::Batch {
        draw.rows(self.pairs.len(), self.batch_size).into_iter().map(|row| self.pairs[row]).collect()
    }

    fn loss(&self, model: &TextModel, batch: &Self::Batch) -> Result<Tensor<1>, Error> {
        Ok(self.loss_of(model, batch))
    }

    fn validate(&self, model: &TextModel) -> Result<Option<f64>, Error> {
        let (mut sum, mut n) = (0.0, 0);
        // A last batch with fewer negatives would be another measure.
        for batch in self.held_out.chunks_exact(self.batch_size.min(self.held_out.len()).max(1)) {
            sum += crate::parameters::values(self.loss_of(model, batch))?
                .into_iter()
                .map(f64::from)
                .sum::<f64>();
            n += 1;
        }
        Ok((n > 0).then(|| -sum / f64::from(n)))
    }

    fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        for pair in [&self.pairs, &self.held_out] {
            let bytes: Vec<u8> =
                pair.iter().flat_map(|(a, b)| [*a as u64, *b as u64]).flat_map(u64::to_le_bytes).collect();
            hash.part("pairs", &bytes);
        }
        for text in &self.texts {
            hash.part("text", &text.ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
        }
        let (n, t) = (self.batch_size, self.temperature);
        format!("pairs of texts {}, batches of {n}, temperature {t}", hash.finish())
    }

    fn activation_bytes(&self, model: &TextModel) -> Option<u64> {
        let len = self.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        Some(activation_bytes(model, 2 * self.batch_size.min(self.pairs.len()), len))
    }
}
