//! You will see a text encoder learn from what people chose together, and how much better it then finds what they chose next.
//!
//! Two films that the same user liked, one after the other, are a pair; the encoder learns to bring their texts together. It is judged
//! by users' last films, which it never saw: recall at 10 and nDCG at 10, the user being the mean of the films before.
//!
//!     scripts/fetch ml-100k minilm
//!     cargo run --release -p rec-examples --example finetune -- OUT --model models/all-MiniLM-L6-v2 --tuning lora
//!
//! `OUT/run` has checkpoints, `metrics.jsonl` and `curves.svg`; killed and started again, the program goes on. `OUT/model` is a folder that
//! sentence-transformers opens.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::ProgressBar;
use rec_data::{Interactions, split};
use rec_encoder::{TextEncoder, WeightFormat};
use rec_examples::films::{Films, stars};
use rec_examples::{EncoderArgs, Error, curves, titles};
use rec_interest::{Pooling, UserEncoder};
use rec_score::{Filter, FlatIndex};
use rec_train::encoder::{FineTuning, TextPairs};
use rec_train::{AdamW, Group, Schedule, Trainer, TrainerConfig};

#[derive(Parser)]
struct Args {
    /// The folder to write
    out: PathBuf,
    #[command(flatten)]
    encoder: EncoderArgs,
    /// The folder of ML-100K
    #[arg(long, default_value = "data/ml-100k")]
    data: PathBuf,
    /// What of the encoder is trained
    #[arg(long, value_enum, default_value_t = Tuning::Lora)]
    tuning: Tuning,
    /// Steps of the optimizer
    #[arg(long, default_value_t = 200)]
    steps: u64,
    /// Pairs a batch
    #[arg(long, default_value_t = 64, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    batch: usize,
    /// The learning rate; by default what suits the tuning
    #[arg(long)]
    lr: Option<f64>,
    /// The seed of batches and adapters
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Tuning {
    /// Every parameter
    Full,
    /// The last layer
    Top,
    /// Adapters of rank 8
    Lora,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| finetune(&args, out))
}

fn finetune(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let films = Films::open(&args.data)?;
    let split = split::leave_one_out(&films.ratings);
    let (ids, texts): (Vec<_>, Vec<_>) = films
        .catalogue
        .iter()
        .map(|film| {
            let title = film.get("movie_title").map(|title| titles::natural(&title.to_string()));
            let genres = film.get("class").map(|genres| genres.to_string());
            (film.id().clone(), [title, genres].into_iter().flatten().collect::<Vec<_>>().join(". "))
        })
        .unzip();
    let places: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let (pairs, held_out) = pairs(&split.train, &places);
    writeln!(out, "{} pairs of films, {} of them held out", pairs.len() + held_out.len(), held_out.len())?;

    let encoder = args.encoder.load()?;
    let task =
        TextPairs::new(&encoder, &texts, pairs)?.with_batch_size(args.batch).with_held_out(held_out)?;
    let (tuning, lr) = match args.tuning {
        Tuning::Full => (FineTuning::Full, 2e-5),
        Tuning::Top => (FineTuning::TopLayers(1), 1e-4),
        Tuning::Lora => (FineTuning::Lora { rank: 8, alpha: 16.0, seed: args.seed }, 5e-4),
    };
    let config = TrainerConfig {
        n_steps: args.steps,
        seed: args.seed,
        optimizer: AdamW::new(args.lr.unwrap_or(lr))
            .with_group(Group::new(["bias", "norm"]).with_weight_decay(0.0)),
        schedule: Schedule::WarmUpCosine { n_warm_up: args.steps / 10, floor: 0.0 },
        clip: Some(1.0),
        validate_every: Some(args.steps.div_ceil(8)),
        checkpoint_every: args.steps.div_ceil(8),
        ..TrainerConfig::default()
    };
    let model = tuning.apply(encoder.text_model()?)?;
    let trainer = Trainer::new(config).in_folder(args.out.join("run"));
    writeln!(out, "memory: {}", trainer.memory(&model, &task))?;
    let bar = ProgressBar::new(args.steps);
    let mut curve = Vec::new();
    let trained = trainer.run(model, &task, |progress| {
        bar.set_position(progress.metrics.step);
        bar.set_message(format!("loss {:.3}", progress.metrics.loss));
        curve.extend(progress.metrics.metric.map(|metric| (progress.metrics.step, -metric)));
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    for (step, loss) in curve {
        writeln!(out, "step {step}: loss of held-out pairs {loss:.3}")?;
    }
    curves::draw(args.out.join("run"), "Fine-tuning on pairs of films", "loss of held-out pairs", -1.0)?;
    let tuned = encoder.clone().with_text_model(&trained.module)?;
    tuned.save(args.out.join("model"), WeightFormat::F32)?;

    // As it will be used: loaded from the folder.
    let tuned = TextEncoder::from_dir(args.out.join("model"), &encoder.device())?;
    writeln!(out, "\n| encoder | recall@10 | nDCG@10 |\n|---|---|---|")?;
    for (name, encoder) in [("before", &encoder), ("after", &tuned)] {
        let (recall, ndcg) = judge(encoder, ids.iter().zip(&texts), &split.train, &split.test)?;
        writeln!(out, "| {name} | {recall:.4} | {ndcg:.4} |")?;
    }
    Ok(())
}

/// Films that a user gave at least four stars, each with the next; those of every tenth user are held out, at most 512 of them.
#[expect(clippy::type_complexity, reason = "two lists of pairs")]
fn pairs(log: &Interactions, places: &BTreeMap<&str, usize>) -> (Vec<(usize, usize)>, Vec<(usize, usize)>) {
    let (mut pairs, mut held_out) = (BTreeSet::new(), BTreeSet::new());
    for (n, (_, history)) in log.iter().enumerate() {
        let liked = history.interactions().iter().filter(|rating| stars(&rating.signal) >= 4.0);
        let liked: Vec<usize> =
            liked.filter_map(|rating| places.get(rating.item.as_str()).copied()).collect();
        let into = if n % 10 == 0 { &mut held_out } else { &mut pairs };
        into.extend(liked.windows(2).map(|pair| (pair[0], pair[1])));
    }
    // Validation comes often: some hundreds of pairs tell enough.
    let every = held_out.len() / 512 + 1;
    (pairs.into_iter().collect(), held_out.into_iter().step_by(every).collect())
}

/// Recall and nDCG at 10 of each user's last film, the user being the mean of the films before.
fn judge<'a>(
    encoder: &TextEncoder,
    films: impl Iterator<Item = (&'a rec_data::Id, &'a String)>,
    before: &Interactions,
    after: &Interactions,
) -> Result<(f64, f64), Error> {
    let items = encoder.embed(films.map(|(id, text)| (id.clone(), text)))?;
    let index = FlatIndex::new(items.clone());
    let (mut recall, mut ndcg, mut n) = (0.0, 0.0, 0.0);
    for (user, next) in after.iter() {
        let (Some(history), Some(film)) = (before.get(user.as_str()), next.items().next()) else { continue };
        let list =
            index.top_k(&Pooling::Mean.interest(&items, history), 10, &Filter::exclude(history.items()))?;
        n += 1.0;
        if let Some(rank) = list.iter().position(|hit| hit.id == *film) {
            recall += 1.0;
            ndcg += 1.0 / (rank as f64 + 2.0).log2();
        }
    }
    Ok((recall / n, ndcg / n))
}
