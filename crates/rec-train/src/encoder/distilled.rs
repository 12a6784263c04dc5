use burn::module::Module;
use burn::tensor::Tensor;
use rec_core::FingerprintBuilder;
use rec_encoder::{TextEncoder, TextModel, TokenEncoder};
use rec_text::Encoding;

use super::activation_bytes;
use crate::error::Error;
use crate::objective::{indices, mean_squared, soft_labels};
use crate::{Draw, Task};

/// A smaller encoder learns from a larger one, on texts of one's own and without labels: the losses of Tiny-NewsRec's first distillation
/// (Yu et al., EMNLP 2022, section 3.2), with the texts of a batch as each other's candidates.
///
/// The loss is the sum, each with a weight, of
///
/// - *vectors*: the mean squared difference of the vectors of both, times the dimension, so that for unit vectors it is `2 - 2 cos`
///   (the embedding loss);
/// - *similarities*: [`soft_labels`] of the cosines of a text with the other texts of the batch (the soft labels);
/// - *hidden states*: the mean squared difference of the token states after layers of both that are named, which must have one tokenizer
///   and one `d_model` (the hidden-state loss of Jiao et al., "TinyBERT", Findings of EMNLP 2020, section 3.1, without a map between both).
///
/// The teacher's vectors are encoded once. Its hidden states are computed again with every batch, which costs its forward pass.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::TextEncoder;
/// use rec_train::encoder::{Distilled, FineTuning};
/// use rec_train::{AdamW, Progress, Task, Trainer, TrainerConfig};
///
/// let teacher = TextEncoder::bundled(&Device::flex())?; // three layers
/// let student = teacher.clone().keep_layers(&[0, 2])?;
/// let texts = ["a desert planet", "sand and worms", "a garden party", "Alpha and Omega"];
/// let task = Distilled::new(&teacher, &student, &texts)?.with_held_out(1).with_batch_size(3);
/// let config = TrainerConfig { n_steps: 5, optimizer: AdamW::new(1e-4), ..TrainerConfig::default() };
/// let model = FineTuning::TopLayers(1).apply(student.text_model()?)?;
/// let before = task.validate(&model)?.unwrap();
/// let trained = Trainer::new(config).run(model, &task, Progress::ignore)?;
/// assert!(task.validate(&trained.module)?.unwrap() > before);
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Distilled {
    student: TextEncoder,
    texts: Vec<Encoding>,
    /// The teacher's unit vectors, `[n, d]` row-major.
    vectors: Vec<f32>,
    dim: usize,
    teacher: TextModel,
    held_out: usize,
    batch_size: usize,
    weights: DistillationWeights,
    /// Layers of the teacher and the student whose states are compared; 0 is the embedding.
    layers: Vec<(usize, usize)>,
}

/// What each part of the loss of [`Distilled`] counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistillationWeights {
    /// Of the vectors; 1 by default, or 0 where teacher and student have different dimensions.
    pub vectors: f64,
    /// Of the similarities; 1 by default.
    pub similarities: f64,
    /// What cosines are divided by before their softmax; 0.05 by default.
    pub temperature: f64,
    /// Of the hidden states; 1 by default, where layers are named.
    pub hidden_states: f64,
}

impl Distilled {
    /// A student, and the texts that it meets. Texts are tokenized once, as the student does.
    ///
    /// # Errors
    ///
    /// There are not two texts, a model is no transformer of this workspace, or a text cannot be encoded.
    pub fn new(
        teacher: &TextEncoder,
        student: &TextEncoder,
        texts: &[impl AsRef<str>],
    ) -> Result<Self, Error> {
        if texts.len() < 2 {
            return Err(Error::unusable("there are no two texts to compare"));
        }
        let dim = teacher.dim();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let vectors = teacher.encode(&texts)?.rows().flat_map(unit).collect();
        let weights = DistillationWeights {
            vectors: if dim == student.dim() { 1.0 } else { 0.0 },
            similarities: 1.0,
            temperature: 0.05,
            hidden_states: 1.0,
        };
        Ok(Self {
            student: student.clone(),
            texts: student.tokenize(&texts)?,
            vectors,
            dim,
            teacher: teacher.text_model()?.valid(),
            held_out: 0,
            batch_size: 32,
            weights,
            layers: Vec::new(),
        })
    }

    /// With other weights.
    ///
    /// # Errors
    ///
    /// A weight is negative or no number, the temperature is not positive, or the vectors have a weight and different dimensions.
    pub fn with_weights(self, weights: DistillationWeights) -> Result<Self, Error> {
        let DistillationWeights { vectors, similarities, temperature, hidden_states } = weights;
        let usable = |weight: f64| weight.is_finite() && weight >= 0.0;
        let weigh = [vectors, similarities, hidden_states].into_iter().all(usable);
        if !(weigh && usable(temperature) && temperature > 0.0) {
            return Err(Error::unusable(format!("the weights of a distillation are {weights:?}")));
        }
        if vectors > 0.0 && self.dim != self.student.dim() {
            let (teacher, student) = (self.dim, self.student.dim());
            return Err(Error::unusable(format!(
                "vectors of {teacher} and of {student} dimensions have no difference"
            )));
        }
        Ok(Self { weights, ..self })
    }

    /// With hidden states: after these layers of the teacher and of the student, counted from 1; 0 is the embedding.
    ///
    /// # Errors
    ///
    /// A layer is not there, or teacher and student differ in their dimension or in how they tokenize.
    pub fn with_hidden_states(
        self,
        teacher: &TextEncoder,
        layers: Vec<(usize, usize)>,
    ) -> Result<Self, Error> {
        let student = self.student.text_model()?;
        let of =
            |model: &TextModel| (model.transformer().config().layers.len(), model.transformer().d_model());
        let ((n_teacher, d_teacher), (n_student, d_student)) = (of(&self.teacher), of(&student));
        if let Some(pair) = layers.iter().find(|(t, s)| *t > n_teacher || *s > n_student) {
            return Err(Error::unusable(format!("{pair:?} is not among {n_teacher} and {n_student} layers")));
        }
        let texts = ["Aa! 12 e\u{301}"];
        let ids = |encoder: &TextEncoder| encoder.tokenize(&texts).map(|texts| texts[0].ids.clone());
        if d_teacher != d_student || ids(teacher)? != ids(&self.student)? {
            return Err(Error::unusable(
                "teacher and student have other tokens, or states of other dimensions",
            ));
        }
        Ok(Self { layers, ..self })
    }

    /// With texts a batch, 32 by default.
    ///
    /// # Panics
    ///
    /// The size is less than 2.
    #[must_use]
    pub fn with_batch_size(self, batch_size: usize) -> Self {
        assert!(batch_size > 1, "a batch has at least two texts");
        Self { batch_size, ..self }
    }

    /// With the last `n` texts held out: the metric is the mean cosine of student and teacher on them, or their negated loss where the
    /// dimensions differ. At least two texts are left to train on.
    #[must_use]
    pub fn with_held_out(self, n: usize) -> Self {
        let held_out = n.min(self.texts.len() - 2);
        Self { held_out, ..self }
    }

    fn loss_of(&self, model: &TextModel, rows: &[usize]) -> Tensor<1> {
        let tokens = self.student.collate(rows.iter().map(|&row| &self.texts[row]));
        let DistillationWeights { vectors, similarities, temperature, hidden_states } = self.weights;
        let (student, states) = match self.layers.is_empty() {
            true => (model.forward(&tokens), Vec::new()),
            false => {
                let states = model.transformer().hidden_states(&tokens);
                (model.pool(&states[states.len() - 1]), states)
            }
        };
        let (student, device) = (normalized(student), model.token_table().device());
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        let teacher = matrix(values, [rows.len(), self.dim], &device);

        let mut loss = Tensor::<1>::zeros([1], &device);
        if vectors > 0.0 {
            let unscaled = mean_squared(student.clone(), teacher.clone());
            loss = loss + unscaled * (vectors * self.dim as f64);
        }
        if similarities > 0.0 && rows.len() > 1 {
            let (student, teacher) = (others(&student), others(&teacher));
            let labels = soft_labels(student.div_scalar(temperature), teacher.div_scalar(temperature), 1.0);
            loss = loss + labels * similarities;
        }
        if hidden_states > 0.0 && !self.layers.is_empty() {
            let taught = self.teacher.transformer().hidden_states(&tokens);
            let [n, len, d] = states[0].dims();
            // Padding is no token: only the others are compared.
            let present: Vec<usize> =
                tokens.mask_pad().iter().enumerate().filter_map(|(at, pad)| (!pad).then_some(at)).collect();
            let of = |states: &Tensor<3>| {
                let rows = indices(present.iter().copied(), &states.device());
                states.clone().reshape([n * len, d]).select(0, rows)
            };
            let weight = hidden_states / self.layers.len() as f64;
            for &(t, s) in &self.layers {
                loss = loss + mean_squared(of(states[s].values()), of(taught[t].values())) * weight;
            }
        }
        loss
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dim..(row + 1) * self.dim]
    }
}

impl Task for Distilled {
    type Module = TextModel;
    type Batch = Vec<usize>;

    fn sample(&self, draw: Draw) -> Vec<usize> {
        draw.rows(self.texts.len() - self.held_out, self.batch_size)
    }

    fn loss(&self, model: &TextModel, batch: &Vec<usize>) -> Result<Tensor<1>, Error> {
        Ok(self.loss_of(model, batch))
    }

    fn validate(&self, model: &TextModel) -> Result<Option<f64>, Error> {
        let rows: Vec<usize> = (self.texts.len() - self.held_out..self.texts.len()).collect();
        let same = self.dim == self.student.dim();
        if !same && rows.len() == 1 {
            return Ok(None);
        }
        // Of two texts at least, because a text alone has no other to be like.
        let n_chunks = (rows.len() / self.batch_size.max(2)).max(1);
        let share = |chunk: usize| rows.len() * chunk / n_chunks;
        let mut sum = 0.0;
        for rows in (0..n_chunks).map(|chunk| &rows[share(chunk)..share(chunk + 1)]) {
            let value = match same {
                true => {
                    let tokens = self.student.collate(rows.iter().map(|&row| &self.texts[row]));
                    let vectors = crate::parameters::values(normalized(model.forward(&tokens)))?;
                    let taught = rows.iter().flat_map(|&row| self.row(row));
                    vectors.iter().zip(taught).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
                }
                false => {
                    -f64::from(crate::parameters::values(self.loss_of(model, rows))?[0]) * rows.len() as f64
                }
            };
            sum += value;
        }
        Ok((!rows.is_empty()).then(|| sum / rows.len() as f64))
    }

    fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        for text in &self.texts {
            hash.part("text", &text.ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
        }
        let vectors: Vec<u8> = self.vectors.iter().flat_map(|value| value.to_le_bytes()).collect();
        hash.part("vectors", &vectors);
        let (n, held_out, weights, layers) = (self.batch_size, self.held_out, self.weights, &self.layers);
        format!(
            "distillation {}, {held_out} held out, batches of {n}, {weights:?}, layers {layers:?}",
            hash.finish()
        )
    }

    fn activation_bytes(&self, model: &TextModel) -> Option<u64> {
        let len = self.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        Some(activation_bytes(model, self.batch_size.min(self.texts.len()), len))
    }
}

/// A row of length 1, or zeros.
fn unit(row: &[f32]) -> Vec<f32> {
    let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-8);
    row.iter().map(|x| x / norm).collect()
}

fn normalized(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().square().sum_dim(1).clamp_min(1e-16).sqrt();
    x / norm
}

fn matrix(values: Vec<f32>, shape: [usize; 2], device: &burn::tensor::Device) -> Tensor<2> {
    Tensor::from_data(burn::tensor::TensorData::new(values, shape), device)
}

/// The dot products of each row with all others, `[n, n - 1]`: its own is left out.
fn others(x: &Tensor<2>) -> Tensor<2> {
    let [n, _] = x.dims();
    let all = x.clone().matmul(x.clone().transpose()).reshape([n * n]);
    let places = (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| i * n + j));
    all.select(0, indices(places, &x.device())).reshape([n, n - 1])
}
