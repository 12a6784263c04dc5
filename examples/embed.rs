//! Texts to vectors, for use in a pipe.
//!
//! You will see a line of JSON for every line of input, `{"text":"...","vector":[...]}`; or with `--npy FILE` nothing, and a
//! NumPy array `[n, dim]` in the file. Progress shows on standard error if that is a terminal.
//!
//! ```text
//! printf 'a desert planet\nsand and worms\n' | cargo run --release -p rec-examples --example embed
//! ```

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rec_examples::embed::{NpyFile, encode_lines, write_json};
use rec_examples::{EncoderArgs, Error, run};
use rec_text::Cleaner;

/// Encodes the lines of standard input, one vector a line
///
/// Output comes in chunks of about a thousand lines, and memory does not grow with the input.
#[derive(Debug, Parser)]
struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Write a NumPy file of f32 [n, dim] instead of JSON lines
    #[arg(long, value_name = "FILE")]
    npy: Option<PathBuf>,
    /// Remove markup, entities, invisible characters and surplus spaces first; the JSON has the clean text
    #[arg(long)]
    clean: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| embed(&args, out))
}

fn embed(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let encoder = args.encoder.load()?;
    let cleaner = if args.clean { Cleaner::new() } else { Cleaner::none() };
    // Draws nothing unless standard error is a terminal.
    let progress = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {human_pos} texts, {per_sec}, {elapsed}")?);
    progress.enable_steady_tick(Duration::from_millis(200));

    let input = io::stdin().lock();
    let done = match &args.npy {
        None => encode_lines(input, &encoder, &cleaner, &progress, |text, vector| {
            Ok(write_json(out, text, vector)?)
        })?,
        Some(path) => {
            let mut file = NpyFile::create(path, encoder.dim())?;
            let done =
                encode_lines(input, &encoder, &cleaner, &progress, |_, vector| Ok(file.push(vector)?))?;
            file.finish()?;
            done
        }
    };
    out.flush()?;
    progress.finish_and_clear();
    if done.n_truncated_texts > 0 {
        let (truncated, all, max_len) = (done.n_truncated_texts, done.n_texts, encoder.max_len());
        writeln!(
            io::stderr(),
            "{truncated} of {all} texts were longer than {max_len} tokens and lost their ends"
        )?;
    }
    Ok(())
}
