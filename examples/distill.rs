//! You will see a transformer boiled down, and what that costs and saves: to a table of embeddings, one row a token, or to fewer layers
//! or heads that learn what the whole model said.
//!
//! The table needs no training text and no accelerator, and encodes texts hundreds of times faster; it knows words and not their
//! order. A student of fewer layers begins as layers of the teacher, and learns its vectors, similarities and hidden states from the
//! texts of a catalogue. All are compared on ML-100K: each set of genres searches for the films that have exactly these.
//!
//!     scripts/fetch ml-100k minilm
//!     cargo run --release -p rec-examples --example distill -- models/all-MiniLM-L6-v2 OUT
//!     cargo run --release -p rec-examples --example distill -- models/all-MiniLM-L6-v2 OUT --layers 0,2,4 --texts CATALOGUE.item
//!
//! `evaluate --model OUT` judges the student by what users did next. Python's sentence-transformers opens it, and the table's folder
//! model2vec. A student that learns keeps checkpoints, `metrics.jsonl` and `curves.svg` in `OUT-run`; killed and started again, the program
//! goes on.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::ProgressBar;
use rec_data::Catalogue;
use rec_data::atomic::read_catalogue;
use rec_encoder::{Distillation, TextEncoder, WeightFormat};
use rec_examples::items::ItemTexts;
use rec_examples::likeness::Impression;
use rec_examples::{Error, claim, curves};
use rec_train::encoder::{Distilled, FineTuning};
use rec_train::{AdamW, Group, Schedule, Trainer, TrainerConfig};

#[derive(Parser)]
struct Args {
    /// The folder of the teacher
    model: PathBuf,
    /// The folder to write
    out: PathBuf,
    /// Dimensions of the vectors of a table
    #[arg(long, default_value_t = 256, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    dims: usize,
    /// The coefficient of smooth inverse frequency: the less, the less frequent words count
    #[arg(long, default_value_t = 1e-4, value_parser = coefficient)]
    sif: f64,
    /// How the weights are written; Python does not read blocks
    #[arg(long, value_enum, default_value_t = Format::F16)]
    format: Format,
    /// The folder of ML-100K
    #[arg(long, default_value = "data/ml-100k")]
    data: PathBuf,
    /// No table, but these layers of the teacher, which learn; 0 is the first
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    layers: Vec<usize>,
    /// No table, but the teacher without so many of the least important heads of every layer, which learns
    #[arg(long, value_name = "N", default_value_t = 0)]
    heads: usize,
    /// The catalogue whose texts a student learns from; without it, the films
    #[arg(long, value_name = "CATALOGUE.item")]
    texts: Option<PathBuf>,
    /// Steps of the optimizer
    #[arg(long, default_value_t = 500)]
    steps: u64,
    /// Texts a batch
    #[arg(long, default_value_t = 32, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    batch: usize,
    /// The learning rate
    #[arg(long, default_value_t = 3e-4)]
    lr: f64,
    /// The seed of the batches
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    F32,
    F16,
    Block8,
    Block4,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| distill(&args, out))
}

fn distill(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    if args.out.exists() {
        return Err(format!("{}: exists already", args.out.display()).into());
    }
    let device = rec_core::device::host();
    let films = read_catalogue(args.data.join("ml-100k.item"))?.with_text_columns(["movie_title"])?;
    let teacher = TextEncoder::from_dir(&args.model, &device)?;
    let learns = !args.layers.is_empty() || args.heads > 0;
    let (student, untrained) = match learns {
        true => {
            let untrained = pruned(&teacher, args)?;
            (learned(&teacher, &untrained, &films, args, out)?, Some(untrained))
        }
        false => (table(&teacher, args, out)?, None),
    };
    student.save(
        &args.out,
        match args.format {
            Format::F32 => WeightFormat::F32,
            Format::F16 => WeightFormat::F16,
            Format::Block8 => WeightFormat::Block8,
            Format::Block4 => WeightFormat::Block4,
        },
    )?;

    // As it will be used: loaded from the folder, in the precision that it was written in.
    let student = TextEncoder::from_dir(&args.out, &device)?;
    let judged = [Judged::new(&teacher, &films)?, Judged::new(&student, &films)?];
    let untrained = untrained.map(|untrained| Judged::new(&untrained, &films)).transpose()?;
    writeln!(out, "\n| | MB | dimensions | texts/s | cosine | ranks | genre retrieval nDCG@10 |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    let mut row = |name: &str, folder: Option<&Path>, dim: usize, one: &Judged| -> Result<(), Error> {
        let megabytes = folder.map(weights).transpose()?;
        let megabytes = megabytes.map_or("-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6));
        let like = judged[0].impression.likeness(&one.impression);
        let (speed, ndcg) = (one.texts_a_second, one.impression.ndcg());
        let (cosine, ranks) = (like.mean_cosine, like.rank_correlation);
        writeln!(
            out,
            "| {name} | {megabytes} | {dim} | {speed:.0} | {cosine:.4} | {ranks:.4} | {ndcg:.4} |"
        )?;
        Ok(())
    };
    row("teacher", Some(&args.model), teacher.dim(), &judged[0])?;
    if let Some(untrained) = &untrained {
        row("student, untrained", None, student.dim(), untrained)?;
    }
    row("student", Some(&args.out), student.dim(), &judged[1])?;
    let kept = judged[1].impression.ndcg() / judged[0].impression.ndcg();
    writeln!(out, "\nshare of the teacher's nDCG@10 kept: {:.1} %", 100.0 * kept)?;
    match &untrained {
        // A student that lost heads only begins near its teacher.
        Some(_) if args.layers.is_empty() => Ok(()),
        Some(untrained) => {
            let like = |one: &Judged| judged[0].impression.likeness(&one.impression).mean_cosine;
            claim(like(&judged[1]) > like(untrained), "the student became more like its teacher")
        }
        None => claim(judged[1].texts_a_second > judged[0].texts_a_second, "the student is faster"),
    }
}

/// A table of embeddings, without training.
fn table(teacher: &TextEncoder, args: &Args, out: &mut dyn Write) -> Result<TextEncoder, Error> {
    let bar = ProgressBar::new(teacher.tokenizer().vocab_size() as u64);
    let start = Instant::now();
    let student =
        Distillation::default().dims(args.dims).sif(args.sif).distill_with(teacher, |progress| {
            bar.set_position(progress.n_texts as u64);
            ControlFlow::Continue(())
        })?;
    bar.finish_and_clear();
    writeln!(
        out,
        "{} tokens distilled in {:.0} s",
        student.token_encoder().vocab_size(),
        start.elapsed().as_secs_f64()
    )?;
    Ok(student)
}

/// What of the teacher stays: what the student begins as.
fn pruned(teacher: &TextEncoder, args: &Args) -> Result<TextEncoder, Error> {
    let mut student = teacher.clone();
    if !args.layers.is_empty() {
        student = student.keep_layers(&args.layers)?;
    }
    if args.heads > 0 {
        student = student.prune_heads(args.heads)?;
    }
    Ok(student)
}

/// A student that learned from the texts of a catalogue. Its layers learn; its embeddings are the teacher's.
fn learned(
    teacher: &TextEncoder,
    student: &TextEncoder,
    films: &Catalogue,
    args: &Args,
    out: &mut dyn Write,
) -> Result<TextEncoder, Error> {
    let catalogue = args.texts.as_deref().map(read_catalogue).transpose()?;
    let texts = ItemTexts::new(catalogue.as_ref().unwrap_or(films), None)?;
    let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
    let n_layers = |encoder: &TextEncoder| -> Result<usize, Error> {
        Ok(encoder.text_model()?.transformer().config().layers.len())
    };
    let (n_teacher, n_student) = (n_layers(teacher)?, n_layers(student)?);
    // Evenly, the last with the last.
    let layers = (1..=n_student).map(|layer| (layer * n_teacher / n_student, layer)).collect();
    let task = Distilled::new(teacher, student, &texts)?
        .with_hidden_states(teacher, layers)?
        .with_batch_size(args.batch)
        .with_held_out((texts.len() / 10).min(512));
    let every = args.steps.div_ceil(10).max(1);
    let config = TrainerConfig {
        n_steps: args.steps,
        seed: args.seed,
        optimizer: AdamW::new(args.lr).with_group(Group::new(["bias", "norm"]).with_weight_decay(0.0)),
        schedule: Schedule::WarmUpCosine { n_warm_up: args.steps / 20, floor: 0.0 },
        clip: Some(1.0),
        validate_every: Some(every),
        checkpoint_every: every,
        ..TrainerConfig::default()
    };
    let model = FineTuning::TopLayers(n_student).apply(student.text_model()?)?;
    let mut name = args.out.file_name().ok_or("OUT names no folder")?.to_owned();
    name.push("-run");
    let run = args.out.with_file_name(name);
    let trainer = Trainer::new(config).in_folder(&run);
    writeln!(out, "{} texts; memory: {}", texts.len(), trainer.memory(&model, &task))?;
    let bar = ProgressBar::new(args.steps);
    let mut curve = Vec::new();
    let trained = trainer.run(model, &task, |progress| {
        bar.set_position(progress.metrics.step);
        curve.extend(progress.metrics.metric.map(|metric| (progress.metrics.step, metric)));
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    for (step, cosine) in curve {
        writeln!(out, "step {step}: cosine to the teacher on held-out texts {cosine:.4}")?;
    }
    curves::draw(&run, "A student and its teacher", "cosine on held-out texts", 1.0)?;
    Ok(student.clone().with_text_model(&trained.module)?)
}

/// What an encoder makes of the films.
struct Judged {
    impression: Impression,
    texts_a_second: f64,
}

impl Judged {
    fn new(encoder: &TextEncoder, films: &Catalogue) -> Result<Self, Error> {
        let start = Instant::now();
        let impression = Impression::new(encoder, films)?;
        // Every film is encoded twice: its title, and its title with genres.
        Ok(Self { impression, texts_a_second: (2 * films.len()) as f64 / start.elapsed().as_secs_f64() })
    }
}

/// Bytes of a folder's weights.
fn weights(folder: &Path) -> Result<u64, Error> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".safetensors") || name.ends_with(".bin") {
            total += fs::metadata(entry.path())?.len();
        }
    }
    Ok(total)
}

fn coefficient(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(a) if a > 0.0 && a < 1.0 => Ok(a),
        _ => Err("a number above 0 and below 1".to_owned()),
    }
}
