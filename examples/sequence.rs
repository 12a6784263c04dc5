//! You will see a transformer learn what users choose next, from the texts of items, from their ids, or from both.
//!
//! SASRec reads a history and is trained at each of its events, against all items that somebody has met. Its items are mapped from
//! text vectors that stand still, and have what is learned of each beside it. What comes out is a folder that `evaluate` takes: the vectors of
//! all items, and the model of users.
//!
//! ```text
//! scripts/fetch ml-100k minilm && cargo run --release -p rec-examples --example movielens -- --split data/ml-100k-split
//! cargo run --release -p rec-examples --example sequence -- data/ml-100k-split OUT --model models/all-MiniLM-L6-v2
//! cargo run --release -p rec-examples --example evaluate -- --data data/ml-100k-split --method trained --trained OUT --target test
//! ```
//!
//! `OUT` has checkpoints, `metrics.jsonl` and `curves.svg`, too; killed and started again, the program goes on from there.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use burn::module::{Module, ModuleDisplay};
use clap::Parser;
use indicatif::ProgressBar;
use rec_core::{EmbeddingBagConfig, FrozenItems, ItemEmbeddingConfig, ItemSource, Sum, VectorTable};
use rec_data::{Id, Interactions};
use rec_examples::evaluation::{Experiment, Learned, Target};
use rec_examples::items::ItemTexts;
use rec_examples::{EncoderArgs, Error, curves};
use rec_interest::{AdaptorConfig, SasRecConfig, TrainedUserEncoder};
use rec_train::user::{SequenceModel, Sequences};
use rec_train::{AdamW, Group, Schedule, Trainer, TrainerConfig};

#[derive(Parser)]
struct Args {
    /// The folder with NAME.item, NAME.train.inter and NAME.valid.inter
    data: PathBuf,
    /// The folder for the model, checkpoints and metrics
    out: PathBuf,
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Take the items' vectors from this file; if it is not there yet, encode the items and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// Learn from texts alone: items that nobody has met are served like all others
    #[arg(long, conflicts_with = "ids_only")]
    text_only: bool,
    /// Learn from the words of texts, too: an embedding of each word, and of each pair of words, that two items have
    #[arg(long, conflicts_with = "ids_only")]
    words: bool,
    /// Learn without texts
    #[arg(long)]
    ids_only: bool,
    /// Experts that map text vectors
    #[arg(long, default_value_t = 1)]
    experts: usize,
    /// Dimensions of an item
    #[arg(long, default_value_t = 64)]
    dim: usize,
    #[arg(long, default_value_t = 2)]
    layers: usize,
    #[arg(long, default_value_t = 2)]
    heads: usize,
    /// The share of values that are dropped
    #[arg(long, default_value_t = 0.2)]
    dropout: f32,
    /// The events of a history that count
    #[arg(long, default_value_t = 50)]
    events: usize,
    #[arg(long, default_value_t = 20)]
    epochs: u64,
    /// Users in a batch
    #[arg(long, default_value_t = 128)]
    batch: usize,
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    /// The decay of weights; biases, norms and positions have none
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f64,
    /// Stop after so many validations in a row without a better one
    #[arg(long, default_value_t = 3)]
    patience: u64,
    /// How many users validate, drawn by the seed
    #[arg(long, default_value_t = 2000)]
    validate: usize,
    /// Users who do not validate, because they are reported on: a file of ids, one a line
    #[arg(long, value_name = "FILE")]
    reported: Option<PathBuf>,
    /// Make this share of the items new, as `evaluate` does with the same seed
    #[arg(long, value_name = "SHARE")]
    held_out_items: Option<f64>,
    /// The seed of weights, batches, dropout, the users that validate, and of held-out items
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| sequence(&args, out))
}

fn sequence(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let experiment = Experiment::open(&args.data, Target::Valid)?;
    let mut validating = validating(args, &experiment)?;
    let experiment = match args.held_out_items {
        Some(share) => experiment.with_held_out_items(share, args.seed)?,
        None => experiment,
    };
    if args.held_out_items.is_some() {
        // What is to be found in the end chooses nothing.
        let known: HashSet<&Id> =
            experiment.train().iter().flat_map(|(_, history)| history.items()).collect();
        validating = validating.filter(|_, interaction| known.contains(&interaction.item));
    }
    let encoder = args.encoder.load()?;
    let device = encoder.device();
    let titles = ItemTexts::new(experiment.catalogue(), None)?;
    let vectors = titles.vectors(&encoder, args.vectors.as_deref())?;
    let ids = || ItemEmbeddingConfig { n_items: vectors.len(), dim: args.dim }.init(&device, args.seed);
    let texts = || {
        let config = AdaptorConfig { d_text: vectors.dim(), d_item: args.dim, n_experts: args.experts };
        config.init(&device, args.seed).after(FrozenItems::new(vectors.clone(), &device))
    };
    let words = || -> Result<_, Error> {
        let (n_terms, items) = titles.terms()?;
        let words = EmbeddingBagConfig { n_terms, dim: args.dim }.init(items, &device, args.seed);
        Ok(Sum::new(texts(), words))
    };
    let data = (&experiment, &validating);
    match (args.words, args.text_only, args.ids_only) {
        (_, _, true) => train(args, data, &vectors, ids(), out),
        (false, true, _) => train(args, data, &vectors, texts(), out),
        (true, true, _) => train(args, data, &vectors, words()?, out),
        (false, false, _) => train(args, data, &vectors, Sum::new(texts(), ids()), out),
        (true, false, _) => train(args, data, &vectors, Sum::new(words()?, ids()), out),
    }
}

fn train<I: Module + ItemSource + ModuleDisplay>(
    args: &Args,
    (experiment, validating): (&Experiment, &Interactions),
    vectors: &VectorTable,
    items: I,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let user = SasRecConfig {
        d_item: args.dim,
        n_layers: args.layers,
        n_heads: args.heads,
        d_inner: 4 * args.dim,
        n_positions: args.events,
        from_oldest: true,
        n_time_buckets: 0,
        dropout: args.dropout,
    };
    let device = args.encoder.device()?;
    let model = SequenceModel { items, user: user.init(&device, args.seed) };
    let task = Sequences::new(vectors.ids(), experiment.train())?
        .with_sizes(args.batch, args.events + 1)
        .with_held_out(experiment.histories(), validating, 10);
    let epoch = task.steps_per_epoch();
    let trainer = Trainer::new(TrainerConfig {
        n_steps: args.epochs * epoch,
        seed: args.seed,
        optimizer: AdamW::new(args.lr)
            .with_weight_decay(args.weight_decay)
            .with_group(Group::new(["bias", "norm", "beta", "gamma", "positions"]).with_weight_decay(0.0)),
        schedule: Schedule::WarmUpCosine { n_warm_up: 200, floor: 0.05 },
        clip: Some(1.0),
        validate_every: Some(epoch),
        patience: Some(args.patience),
        checkpoint_every: epoch,
        ..TrainerConfig::default()
    })
    .in_folder(&args.out);
    writeln!(out, "{} items, {} users, {epoch} steps an epoch", vectors.len(), experiment.train().len())?;
    writeln!(out, "memory: {}", trainer.memory(&model, &task))?;
    out.flush()?;
    let bar = ProgressBar::new(args.epochs * epoch);
    let (mut result, mut last, mut spent, mut n_timed) = (Ok(()), Instant::now(), 0.0, 0u32);
    let trained = trainer.run(model, &task, |progress| {
        bar.set_position(progress.metrics.step);
        let time = last.elapsed().as_secs_f64();
        last = Instant::now();
        if progress.metrics.metric.is_none() {
            (spent, n_timed) = (spent + time, n_timed + 1);
        }
        if let (Some(metric), Ok(())) = (progress.metrics.metric, &result) {
            let (epoch, loss) = (progress.metrics.step / epoch, progress.metrics.loss);
            let ms = 1e3 * spent / f64::from(n_timed);
            result = writeln!(out, "epoch {epoch}: loss {loss:.3}, recall@10 {metric:.4}, {ms:.1} ms a step")
                .and_then(|()| out.flush());
        }
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    result?;
    curves::draw(&args.out, "SASRec", "recall@10", 1.0)?;
    if let Some(best) = trained.best {
        writeln!(out, "best: recall@10 {:.4} after epoch {}", best.metric, best.step / epoch)?;
    }
    let items = trained.module.item_vectors(vectors.ids())?;
    let user = TrainedUserEncoder::new(trained.module.user, items.space());
    Learned::save(&args.out, &items, &user)
}

/// Held-out items of the users that validate.
fn validating(args: &Args, experiment: &Experiment) -> Result<Interactions, Error> {
    let reported: HashSet<String> = match &args.reported {
        None => HashSet::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            text.lines().map(|line| line.trim().to_owned()).collect()
        }
    };
    let mut users: Vec<Id> = experiment.users();
    users.retain(|user| !reported.contains(user.as_str()));
    let mut random = rec_train::Draw { seed: args.seed, index: 0 }.random();
    random.shuffle(&mut users);
    let targets = experiment.targets().ok_or("no NAME.valid.inter to validate with")?;
    let chosen: HashSet<&Id> = users.iter().take(args.validate).collect();
    Ok(targets.filter(|user, _| chosen.contains(user)))
}
