//! You will see a part-of-speech tagger trained on tagged sentences, and written as one small file.
//!
//!     cargo run --release -p rec-text --example train_tagger -- TRAIN.tsv OUT.tagger [DEV.tsv] [--epochs 8] [--seed 0] ...
//!
//! A .tsv has a word, a tab and its universal tag in each line, and an empty line after each sentence. With DEV the
//! result is tagged and counted, which is how options are chosen; `measure_tagger` has the details.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use rec_text::{PerceptronTagger, Tagger, TrainingOptions, read_tagged};

const USAGE: &str = "train_tagger TRAIN.tsv OUT.tagger [DEV.tsv] [--epochs N] [--shuffles N] [--dropout SHARE] [--recased true|false] \
                     [--min-count N] [--min-word-count N] [--min-weight X] [--seed N]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("train_tagger: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let (mut options, mut files) = (TrainingOptions::default(), Vec::new());
    while let Some(arg) = args.next() {
        if !arg.starts_with("--") {
            files.push(arg);
            continue;
        }
        let value = args.next().ok_or(USAGE)?;
        match arg.as_str() {
            "--epochs" => options.epochs = value.parse()?,
            "--shuffles" => options.shuffles = value.parse()?,
            "--dropout" => options.dropout = value.parse()?,
            "--recased" => options.recased = value.parse()?,
            "--min-count" => options.min_count = value.parse()?,
            "--min-word-count" => options.min_word_count = value.parse()?,
            "--min-weight" => options.min_weight = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    let (train, out, dev) = match files.as_slice() {
        [train, out] => (train, out, None),
        [train, out, dev] => (train, out, Some(dev)),
        _ => return Err(USAGE.into()),
    };

    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{options:?}")?;
    let began = Instant::now();
    let mut written = Ok(());
    let tagger = PerceptronTagger::train(&options, read_tagged(train)?, |progress| {
        let (shuffle, epoch) = (progress.shuffle + 1, progress.epoch + 1);
        let right = 100.0 * progress.n_right as f64 / progress.n_words as f64;
        let line = writeln!(stdout, "shuffle {shuffle}, epoch {epoch}: {right:.2} % right while training");
        written = std::mem::replace(&mut written, Ok(())).and(line);
    });
    written?;
    tagger.save(out)?;
    let (n_features, n_weights) = (tagger.n_features(), tagger.n_weights());
    writeln!(stdout, "{:.1} s, {n_features} features, {n_weights} weights", began.elapsed().as_secs_f64())?;
    writeln!(stdout, "{out}: {} bytes", std::fs::metadata(out)?.len())?;

    if let Some(dev) = dev {
        // The file, and not the tagger in memory, is what will be used.
        let tagger = PerceptronTagger::from_file(out)?;
        let (mut n_words, mut n_right) = (0, 0);
        for sentence in read_tagged(dev)? {
            let words: Vec<&str> = sentence.iter().map(|(word, _)| word.as_str()).collect();
            n_words += words.len();
            n_right +=
                tagger.tag(&words).iter().zip(&sentence).filter(|(tag, (_, right))| *tag == right).count();
        }
        let accuracy = 100.0 * n_right as f64 / n_words as f64;
        writeln!(stdout, "{dev}: {n_right} of {n_words} words right, {accuracy:.3} %")?;
    }
    Ok(())
}
