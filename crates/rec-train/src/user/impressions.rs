use std::marker::PhantomData;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use rec_core::FingerprintBuilder;
use rec_data::mind::Impression;
use rec_data::{History, Id, IdMap};
use rec_encoder::TextEncoder;
use rec_interest::UserEncoder;

use super::item_texts::{ItemTexts, scores};
use super::{NextBatch, TextAndUser};
use crate::error::Error;
use crate::objective::{LabelAware, sampled_softmax};
use crate::{Draw, Random, Task};

/// Click prediction from impressions, end to end: what a user clicked against what was shown beside it and not clicked (Wu et al.,
/// "NRMS", EMNLP 2019, section 2.3).
///
/// A row of a batch is a click with `n_negatives` of the items that the same impression showed in vain, drawn without repetition, or
/// with where there are fewer; the loss is [`sampled_softmax`] over them. The loss reaches the encoder of the texts, as in
/// [`Clicks`](super::Clicks), whose negatives are drawn from everything. An impression without a click, or without anything else, tells
/// nothing and is left out.
///
/// ```
/// use burn::tensor::Device;
/// use rec_data::mind;
/// use rec_encoder::TextEncoder;
/// use rec_interest::{Nrms, NrmsConfig};
/// use rec_train::encoder::FineTuning;
/// use rec_train::user::{Impressions, TextAndUser};
/// use rec_train::{AdamW, Progress, Trainer, TrainerConfig};
///
/// let device = Device::flex();
/// let encoder = TextEncoder::bundled(&device)?;
/// let news = [("N1", "Mars rover lands"), ("N2", "Cup final tonight"), ("N3", "A comet passes"), ("N4", "Coach resigns")];
/// let file = &b"1\tann\t1/1/2020 8:00:00 AM\tN1\tN3-1 N4-0\n2\tbob\t1/1/2020 8:00:00 AM\tN2\tN3-0 N4-1\n"[..];
/// let impressions = mind::behaviors_from(file, "behaviors.tsv").collect::<Result<Vec<_>, _>>()?;
/// let task = Impressions::<Nrms>::new(&encoder, news, &impressions, 1)?.with_held_out(&impressions);
///
/// let user = NrmsConfig { d_item: encoder.dim(), n_heads: 4, d_attention: 16, dropout: 0.0 }.init(&device, 1);
/// let module = TextAndUser { text: FineTuning::TopLayers(1).apply(encoder.text_model()?)?, user };
/// let config = TrainerConfig { n_steps: 10, optimizer: AdamW::new(1e-3), validate_every: Some(10), ..TrainerConfig::default() };
/// let trained = Trainer::new(config).run(module, &task, Progress::ignore)?;
/// assert_eq!(trained.best.unwrap().metric, 1.0); // the AUC: each click above the item beside it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Impressions<U> {
    items: ItemTexts,
    shown: Vec<Shown>,
    /// Impression, and place among its clicks.
    clicks: Vec<(usize, usize)>,
    held_out: Vec<Shown>,
    n_negatives: usize,
    batch_size: usize,
    max_len: usize,
    model: PhantomData<fn(U)>,
}

/// An impression with something clicked and something not, in rows of items.
#[derive(Debug, Clone)]
struct Shown {
    history: History,
    clicked: Vec<usize>,
    passed: Vec<usize>,
}

impl<U: UserEncoder + Module> Impressions<U> {
    /// The texts of items, and the impressions to learn from. Items without a text are left out, and so are candidates of which the data
    /// do not say whether they were clicked.
    ///
    /// # Errors
    ///
    /// An id comes twice, a text cannot be tokenized, `n_negatives` is 0, or no impression has both a click and an item that was not
    /// clicked.
    pub fn new<'a, I: Into<Id>, S: AsRef<str>>(
        encoder: &TextEncoder,
        items: impl IntoIterator<Item = (I, S)>,
        impressions: impl IntoIterator<Item = &'a Impression>,
        n_negatives: usize,
    ) -> Result<Self, Error> {
        if n_negatives == 0 {
            return Err(Error::unusable("there is at least one negative"));
        }
        let items = ItemTexts::new(encoder, items)?;
        let shown: Vec<Shown> =
            impressions.into_iter().filter_map(|one| Shown::new(one, items.ids())).collect();
        let clicks = |(n, shown): (usize, &Shown)| (0..shown.clicked.len()).map(move |click| (n, click));
        let clicks: Vec<(usize, usize)> = shown.iter().enumerate().flat_map(clicks).collect();
        if clicks.is_empty() {
            return Err(Error::unusable("no impression has both a click and an item that was not clicked"));
        }
        Ok(Self {
            items,
            shown,
            clicks,
            held_out: Vec::new(),
            n_negatives,
            batch_size: 16,
            max_len: 50,
            model: PhantomData,
        })
    }

    /// With clicks a batch (16 by default), and the latest events of a history (50).
    ///
    /// # Panics
    ///
    /// A size is 0.
    #[must_use]
    pub fn with_sizes(self, batch_size: usize, max_len: usize) -> Self {
        assert!(batch_size > 0 && max_len > 0, "batches of {batch_size} histories of {max_len}");
        Self { batch_size, max_len, ..self }
    }

    /// With a metric: the AUC of each of these impressions, ties counting half, and the mean over those with both classes.
    #[must_use]
    pub fn with_held_out<'a>(mut self, impressions: impl IntoIterator<Item = &'a Impression>) -> Self {
        self.held_out = impressions.into_iter().filter_map(|one| Shown::new(one, self.items.ids())).collect();
        self
    }
}

impl Shown {
    fn new(impression: &Impression, items: &IdMap) -> Option<Self> {
        let rows = |clicked: bool| -> Vec<usize> {
            let those = impression.candidates.iter().filter(|candidate| candidate.clicked == Some(clicked));
            those.filter_map(|candidate| items.row(candidate.item.as_str())).collect()
        };
        let (clicked, passed) = (rows(true), rows(false));
        (!clicked.is_empty() && !passed.is_empty()).then(|| Self {
            history: impression.past(),
            clicked,
            passed,
        })
    }

    /// Items shown in vain: each once, as long as there are some left.
    fn negatives(&self, n: usize, random: &mut Random) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(n);
        while drawn.len() < n {
            let mut all = self.passed.clone();
            random.shuffle(&mut all);
            drawn.extend(all.into_iter().take(n - drawn.len()));
        }
        drawn
    }
}

impl<U: UserEncoder + Module + ModuleDisplay> Task for Impressions<U> {
    type Module = TextAndUser<U>;
    type Batch = NextBatch;

    fn sample(&self, draw: Draw) -> NextBatch {
        let mut random = draw.random();
        let seed = random.below(usize::MAX) as u64;
        let mut batch = NextBatch { histories: Vec::new(), targets: Vec::new(), negatives: Vec::new(), seed };
        for (impression, click) in
            draw.rows(self.clicks.len(), self.batch_size).into_iter().map(|row| self.clicks[row])
        {
            let shown = &self.shown[impression];
            batch.histories.push(shown.history.last_n(self.max_len));
            batch.targets.push(shown.clicked[click]);
            batch.negatives.push(shown.negatives(self.n_negatives, &mut random));
        }
        batch
    }

    fn loss(&self, module: &TextAndUser<U>, batch: &NextBatch) -> Result<Tensor<1>, Error> {
        let (interests, items) = self.items.encode(module, batch);
        let targets = items(&batch.targets); // [batch, d]
        let ([n, d], k) = (targets.dims(), self.n_negatives);
        let users = LabelAware::Best.choose(&interests, targets.clone());
        let positives: Tensor<1> = (users.clone() * targets).sum_dim(1).reshape([n]);
        let negatives = items(&batch.negatives.concat()).reshape([n, k, d]);
        let negatives: Tensor<2> = negatives.matmul(users.unsqueeze_dim::<3>(2)).squeeze_dim(2);
        Ok(sampled_softmax(positives, negatives))
    }

    fn validate(&self, module: &TextAndUser<U>) -> Result<Option<f64>, Error> {
        if self.held_out.is_empty() {
            return Ok(None);
        }
        let (table, device) = (self.items.embed(module)?, module.user.device());
        let items = table.gather(&(0..table.len()).collect::<Vec<_>>(), &device);
        let mut sum = 0.0;
        for shown in self.held_out.chunks(256) {
            let histories: Vec<History> = shown.iter().map(|one| one.history.last_n(self.max_len)).collect();
            let scores = scores(&module.user, &table, &items, &histories, &device)?;
            let scores = scores.chunks_exact(table.len());
            sum += shown.iter().zip(scores).map(|(one, scores)| auc(one, scores)).sum::<f64>();
        }
        Ok(Some(sum / self.held_out.len() as f64))
    }

    fn describe(&self) -> String {
        let mut hash = FingerprintBuilder::default();
        let bytes =
            |rows: &[usize]| rows.iter().flat_map(|&row| (row as u64).to_le_bytes()).collect::<Vec<u8>>();
        for shown in self.shown.iter().chain(&self.held_out) {
            let history: Vec<usize> =
                shown.history.items().filter_map(|item| self.items.ids().row(item.as_str())).collect();
            hash.part("history", &bytes(&history));
            hash.part("clicked", &bytes(&shown.clicked));
            hash.part("passed", &bytes(&shown.passed));
        }
        self.items.hash(&mut hash);
        let (n, held_out, k) = (self.clicks.len(), self.held_out.len(), self.n_negatives);
        let (len, size) = (self.max_len, self.batch_size);
        format!(
            "{n} clicks {}, {k} negatives, histories of {len}, batches of {size}, {held_out} impressions held out",
            hash.finish()
        )
    }

    fn activation_bytes(&self, module: &TextAndUser<U>) -> Option<u64> {
        let n = self.batch_size * (self.max_len + 1 + self.n_negatives);
        Some(self.items.activation_bytes(module, n))
    }
}

/// The share of pairs of a click and something else in which the click has the higher score; equal scores count half.
fn auc(shown: &Shown, scores: &[f32]) -> f64 {
    let pair = |click: f32, other: f32| match click == other {
        true => 0.5,
        false => f64::from(u8::from(click > other)),
    };
    let pairs = shown
        .clicked
        .iter()
        .flat_map(|&click| shown.passed.iter().map(move |&other| pair(scores[click], scores[other])));
    pairs.sum::<f64>() / (shown.clicked.len() * shown.passed.len()) as f64
}
