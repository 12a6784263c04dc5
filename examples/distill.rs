//! You will see a transformer boiled down to a table of embeddings, one row a token, and what that costs and saves.
//!
//! The student needs no training text and no accelerator, and encodes texts hundreds of times faster; it knows words and not their
//! order. Both are compared on ML-100K: each set of genres searches for the films that have exactly these.
//!
//!     scripts/fetch ml-100k minilm
//!     cargo run --release -p rec-examples --example distill -- models/all-MiniLM-L6-v2 OUT
//!
//! `evaluate --model OUT` judges the student by what users did next, and Python's model2vec and sentence-transformers open it, too.

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
use rec_examples::likeness::Impression;
use rec_examples::{Error, claim};

#[derive(Parser)]
struct Args {
    /// The folder of the teacher
    model: PathBuf,
    /// The folder to write
    out: PathBuf,
    /// Dimensions of the student's vectors
    #[arg(long, default_value_t = 256, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    dims: usize,
    /// The coefficient of smooth inverse frequency: the less, the less frequent words count
    #[arg(long, default_value_t = 1e-4, value_parser = coefficient)]
    sif: f64,
    /// How the table is written; Python does not read blocks
    #[arg(long, value_enum, default_value_t = Format::F16)]
    format: Format,
    /// The folder of ML-100K
    #[arg(long, default_value = "data/ml-100k")]
    data: PathBuf,
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
    let device = rec_core::device::host();
    let films = read_catalogue(args.data.join("ml-100k.item"))?.with_text_columns(["movie_title"])?;
    let teacher = TextEncoder::from_dir(&args.model, &device)?;
    let bar = ProgressBar::new(teacher.tokenizer().vocab_size() as u64);
    let start = Instant::now();
    let student =
        Distillation::default().dims(args.dims).sif(args.sif).distill_with(&teacher, |progress| {
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
    writeln!(out, "\n| | MB | dimensions | texts/s | genre retrieval nDCG@10 |\n|---|---|---|---|---|")?;
    let encoders = [("teacher", &teacher, &args.model), ("student", &student, &args.out)];
    for ((name, encoder, folder), judged) in encoders.into_iter().zip(&judged) {
        let megabytes = weights(folder)? as f64 / 1e6;
        let Judged { ndcg, texts_a_second } = judged;
        writeln!(out, "| {name} | {megabytes:.1} | {} | {texts_a_second:.0} | {ndcg:.4} |", encoder.dim())?;
    }
    let kept = judged[1].ndcg / judged[0].ndcg;
    writeln!(out, "\nshare of the teacher's nDCG@10 kept: {:.1} %", 100.0 * kept)?;
    claim(judged[1].texts_a_second > judged[0].texts_a_second, "the student is faster")
}

/// What an encoder makes of the films.
struct Judged {
    ndcg: f64,
    texts_a_second: f64,
}

impl Judged {
    fn new(encoder: &TextEncoder, films: &Catalogue) -> Result<Self, Error> {
        let start = Instant::now();
        let ndcg = Impression::new(encoder, films)?.ndcg();
        // Every film is encoded twice: its title, and its title with genres.
        Ok(Self { ndcg, texts_a_second: (2 * films.len()) as f64 / start.elapsed().as_secs_f64() })
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
