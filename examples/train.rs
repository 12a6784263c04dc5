//! You will see a user model trained on anything that is written as RecBole's atomic files, from one JSON file of settings.
//!
//! The items' texts become vectors once; SASRec learns on them what users choose next (the form of UniSRec). Each user's last item is
//! for the test, the one before it for early stopping.
//!
//!     scripts/fetch ml-100k
//!     cargo run --release -p rec-examples --example train -- examples/data/train.json OUT
//!
//! `OUT` has checkpoints and `metrics.jsonl`; killed and started again, the program goes on from there.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::ProgressBar;
use rec_data::{InteractionFields, atomic, split};
use rec_encoder::TextEncoder;
use rec_examples::{EncoderArgs, Error};
use rec_interest::{SasRec, SasRecConfig};
use rec_text::Template;
use rec_train::user::{NextItem, Objective};
use rec_train::{Task, Trainer, TrainerConfig};
use serde::Deserialize;

#[derive(Parser)]
struct Args {
    /// The settings
    config: PathBuf,
    /// The folder of checkpoints and metrics
    out: PathBuf,
    #[command(flatten)]
    encoder: EncoderArgs,
}

/// What the file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The `.item` file.
    items: PathBuf,
    /// The `.inter` file.
    interactions: PathBuf,
    /// The text of an item.
    template: String,
    /// Columns that are text, whatever their header says.
    #[serde(default)]
    text_columns: Vec<String>,
    /// The user model; its `d_item` is the encoder's.
    model: Model,
    objective: Objective,
    batch_size: usize,
    trainer: TrainerConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    n_layers: usize,
    n_heads: usize,
    d_inner: usize,
    n_positions: usize,
    dropout: f32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| train(&args, out))
}

fn train(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let file = args.config.display();
    let text = fs::read(&args.config).map_err(|error| format!("{file}: {error}"))?;
    let settings: Settings = serde_json::from_slice(&text).map_err(|error| format!("{file}: {error}"))?;
    let columns: Vec<&str> = settings.text_columns.iter().map(String::as_str).collect();
    let catalogue = atomic::read_catalogue(&settings.items)?.with_text_columns(columns)?;
    let log = atomic::read_interactions(&settings.interactions, &InteractionFields::default())?;
    // That somebody chose an item is what counts, not how many stars it got.
    let log = rec_data::Interactions::new(log.iter().flat_map(|(user, history)| {
        history.interactions().iter().map(move |event| (user, event.clone().with_weight(1.0)))
    }))?;
    let split = split::leave_one_out(&log);

    let encoder: TextEncoder = args.encoder.load()?;
    let template = Template::parse(&settings.template)?;
    let items = encoder.embed(catalogue.iter().map(|item| (item.id().clone(), template.render(&item))))?;
    writeln!(out, "{} items, {} users, {} events", items.len(), log.len(), split.train.n_interactions())?;

    let Model { n_layers, n_heads, d_inner, n_positions, dropout } = settings.model;
    let d_item = items.dim();
    let model = SasRecConfig { d_item, n_layers, n_heads, d_inner, n_positions, n_time_buckets: 0, dropout };
    let model = model.init(&encoder.device(), settings.trainer.seed);
    let task = || -> Result<NextItem<SasRec>, Error> {
        let task = NextItem::new(items.clone(), &split.train, settings.objective)?;
        Ok(task.with_batch_size(settings.batch_size).with_max_len(n_positions))
    };
    let training = task()?.with_held_out(&split.train, &split.valid, 10);
    let trainer = Trainer::new(settings.trainer.clone()).in_folder(&args.out);
    writeln!(out, "memory: {}", trainer.memory(&model, &training))?;
    let bar = ProgressBar::new(settings.trainer.n_steps);
    let mut curve = Vec::new();
    let trained = trainer.run(model, &training, |progress| {
        bar.set_position(progress.metrics.step);
        curve.extend(
            progress.metrics.metric.map(|metric| (progress.metrics.step, progress.metrics.loss, metric)),
        );
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    for (step, loss, metric) in curve {
        writeln!(out, "step {step}: loss {loss:.3}, recall@10 {metric:.4}")?;
    }

    let seen = split.train.merged(&split.valid);
    let test = task()?.with_held_out(&seen, &split.test, 10).validate(&trained.module)?;
    if let (Some(best), Some(test)) = (trained.best, test) {
        writeln!(out, "best after step {}: recall@10 {:.4}, in the test {test:.4}", best.step, best.metric)?;
    }
    Ok(())
}
