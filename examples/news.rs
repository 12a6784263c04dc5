//! You will see NRMS learn from what users were shown and clicked, and the text encoder with it.
//!
//! Data are in MIND's format. Without `--data` they are generated, with planted preferences: users like two of eight topics, which no file
//! tells. Judged by the AUC of an impression, with intervals over users: what everybody clicks, the mean of the history, and NRMS before
//! and after training. With `--shuffled` labels change places within each impression, and there is nothing to learn.
//!
//!     cargo run --release -p rec-examples --example news
//!     cargo run --release -p rec-examples --example news -- --shuffled
//!     cargo run --release -p rec-examples --example news -- --data MIND --steps 5000 --model models/all-MiniLM-L6-v2 --out OUT
//!
//! `MIND` has the folders `train` and `dev`, each with `news.tsv` and `behaviors.tsv`. `OUT` gets checkpoints, `metrics.jsonl` and
//! `curves.svg`.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use indicatif::ProgressBar;
use rec_core::VectorTable;
use rec_data::mind::{self, Impression};
use rec_data::{Catalogue, Id};
use rec_encoder::TextEncoder;
use rec_eval::{Bootstrap, Estimate, Impressions as Judge, Interval};
use rec_examples::planted::Planted;
use rec_examples::{EncoderArgs, Error, claim, curves};
use rec_interest::{Nrms, NrmsConfig, Pooling, UserEncoder};
use rec_train::encoder::FineTuning;
use rec_train::user::{Impressions, TextAndUser};
use rec_train::{AdamW, Draw, Group, Schedule, Trainer, TrainerConfig};

#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// A folder with `train` and `dev`; generated without it
    #[arg(long)]
    data: Option<PathBuf>,
    /// A folder for checkpoints and curves
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Steps of the optimizer
    #[arg(long, default_value_t = 120)]
    steps: u64,
    /// Clicks a batch
    #[arg(long, default_value_t = 16, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,
    /// Layers of the encoder that are trained
    #[arg(long, default_value_t = 1)]
    layers: usize,
    /// The seed of the data, the model and the batches
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Labels change places within each impression
    #[arg(long)]
    shuffled: bool,
}

/// The latest clicks of a history.
const MAX_LEN: usize = 20;
/// Articles shown in vain beside each click; 4 in the paper.
const N_NEGATIVES: usize = 4;

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| news(&args, out))
}

pub(crate) fn news(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let generated = tempfile::tempdir()?;
    let data = match &args.data {
        Some(folder) => folder.as_path(),
        None => {
            Planted { seed: args.seed, ..Planted::default() }.write(generated.path())?;
            generated.path()
        }
    };
    let (train, dev) = (Part::read(&data.join("train"), args)?, Part::read(&data.join("dev"), args)?);
    let (n, n_dev) = (train.impressions.len(), dev.impressions.len());
    writeln!(out, "{} articles, {n} impressions to learn from, {n_dev} to judge by", train.news.len())?;

    let encoder = args.encoder.load()?;
    let task = Impressions::<Nrms>::new(&encoder, train.titles(), &train.impressions, N_NEGATIVES)?;
    let task = task.with_sizes(args.batch, MAX_LEN);
    let n_heads = [16, 12, 8, 4, 2, 1].into_iter().find(|n| encoder.dim() % n == 0).unwrap_or(1);
    let user = NrmsConfig { d_item: encoder.dim(), n_heads, d_attention: 128, dropout: 0.2 };
    let user = user.init(&encoder.device(), args.seed);
    let module = TextAndUser { text: FineTuning::TopLayers(args.layers).apply(encoder.text_model()?)?, user };
    let config = TrainerConfig {
        n_steps: args.steps,
        seed: args.seed,
        // What is new learns fast, what has learned before slowly.
        optimizer: AdamW::new(1e-3).with_group(Group::new(["text."]).with_lr_factor(0.05)),
        schedule: Schedule::WarmUpCosine { n_warm_up: args.steps / 10, floor: 0.0 },
        clip: Some(1.0),
        ..TrainerConfig::default()
    };
    let trainer = Trainer::new(config);
    let trainer = args.out.iter().fold(trainer, |trainer, out| trainer.in_folder(out));
    writeln!(out, "memory: {}", trainer.memory(&module, &task))?;
    let bar = ProgressBar::new(args.steps);
    let trained = trainer.run(module.clone(), &task, |progress| {
        bar.set_position(progress.metrics.step);
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    if let Some(folder) = &args.out {
        curves::draw(folder, "NRMS on impressions", "AUC", 1.0)?;
    }

    let before = dev.vectors(&encoder)?;
    let tuned = encoder.clone().with_text_model(&trained.module.text)?;
    let after = dev.vectors(&tuned)?;
    let clicks = train.clicks();
    let popular = dev.judge(|_, item| clicks.get(item).copied().unwrap_or(0.0))?;
    let mean = dev.judge_user(&Pooling::Mean, &before)?;
    let untrained = dev.judge_user(&module.user, &before)?;
    let nrms = dev.judge_user(&trained.module.user, &after)?;
    writeln!(out, "\n| | AUC |\n|---|---|")?;
    for (name, auc) in [
        ("popularity", popular),
        ("mean of the history", mean),
        ("NRMS, untrained", untrained),
        ("NRMS", nrms),
    ] {
        writeln!(out, "| {name} | {auc} |")?;
    }
    let (nrms, popular, untrained) = (interval(nrms)?, interval(popular)?, interval(untrained)?);
    match args.shuffled {
        true => claim(nrms.contains(0.5), "from shuffled labels nothing is learned"),
        false => claim(
            nrms.low > popular.high && nrms.low > untrained.high,
            "NRMS knows more than what everybody clicks, and than before training",
        ),
    }
}

fn interval(estimate: Estimate) -> Result<Interval, Error> {
    estimate.interval.ok_or_else(|| "there are no impressions with a click to judge by".into())
}

/// Articles, and who clicked which of those shown.
struct Part {
    news: Catalogue,
    impressions: Vec<Impression>,
}

impl Part {
    fn read(folder: &Path, args: &Args) -> Result<Self, Error> {
        let news = mind::read_news(folder.join("news.tsv"))?;
        let impressions = mind::behaviors(folder.join("behaviors.tsv"))?;
        let mut impressions = impressions.collect::<Result<Vec<_>, _>>()?;
        if args.shuffled {
            for (index, impression) in impressions.iter_mut().enumerate() {
                let mut labels: Vec<_> =
                    impression.candidates.iter().map(|candidate| candidate.clicked).collect();
                Draw { seed: args.seed, index: index as u64 }.random().shuffle(&mut labels);
                for (candidate, label) in impression.candidates.iter_mut().zip(labels) {
                    candidate.clicked = label;
                }
            }
        }
        Ok(Self { news, impressions })
    }

    fn titles(&self) -> impl Iterator<Item = (Id, String)> {
        self.news.iter().map(|article| {
            let title = article.get("title").map(|title| title.to_string()).unwrap_or_default();
            (article.id().clone(), title)
        })
    }

    fn vectors(&self, encoder: &TextEncoder) -> Result<VectorTable, Error> {
        Ok(encoder.embed(self.titles())?)
    }

    /// How often each article was clicked.
    fn clicks(&self) -> BTreeMap<Id, f32> {
        let mut clicks = BTreeMap::new();
        for item in self.impressions.iter().flat_map(Impression::clicked) {
            *clicks.entry(item.clone()).or_insert(0.0) += 1.0;
        }
        clicks
    }

    /// The AUC by the score of an article in an impression, whose number is given.
    fn judge(&self, score: impl Fn(usize, &Id) -> f32) -> Result<Estimate, Error> {
        let mut judge = Judge::new();
        for (n, impression) in self.impressions.iter().enumerate() {
            let known = impression.candidates.iter().filter(|candidate| candidate.clicked.is_some());
            let (items, labels): (Vec<Id>, Vec<bool>) =
                known.map(|candidate| (candidate.item.clone(), candidate.clicked == Some(true))).unzip();
            let scores: Vec<f32> = items.iter().map(|item| score(n, item)).collect();
            judge.add(&impression.user, &items, &scores, &labels)?;
        }
        Ok(judge.into_report(Some(&Bootstrap::new(1))).group_auc)
    }

    /// The AUC by the dot product of interest and article.
    fn judge_user(&self, user: &impl UserEncoder, vectors: &VectorTable) -> Result<Estimate, Error> {
        let histories: Vec<_> = self.impressions.iter().map(|one| one.past().last_n(MAX_LEN)).collect();
        let interests = user.try_interests(vectors, &histories.iter().collect::<Vec<_>>())?;
        self.judge(|n, item| {
            let Some(row) = vectors.ids().row(item.as_str()) else { return 0.0 };
            let item = vectors.row(row);
            let dot = |interest: &[f32]| interest.iter().zip(item.iter()).map(|(a, b)| a * b).sum::<f32>();
            interests[n].iter().map(dot).fold(f32::NEG_INFINITY, f32::max)
        })
    }
}
