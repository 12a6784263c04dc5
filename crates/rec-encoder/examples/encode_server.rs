//! You will see how long texts take to become vectors, one line of JSON for each line of commands on standard input.
//! `benches/peers/encoder.py` writes the texts and asks, in turn with its peers.
//!
//!     cargo run --release -p rec-encoder --example encode_server -- MODEL [THREADS [int8]]
//!
//! MODEL is a model folder, or `bundled`; `int8` after THREADS takes its linear maps in eight bits. Commands, each answered with
//! seconds of wall clock and of all threads:
//!
//!     read FILE             takes the lines of a file as the texts; answers with their number and that of the threads
//!     encode                all texts
//!     each                  all texts, one after the other: the seconds are those of the median text
//!     tokenize              all texts, to tokens only
//!     write FILE            all texts; the vectors as little-endian `f32`

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use burn::tensor::Device;
use rec_encoder::TextEncoder;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("expected MODEL [THREADS [int8]]")?;
    let threads = arguments.next().map_or(Ok(0), |threads| threads.parse())?;
    let encoder = match model.as_str() {
        "bundled" => TextEncoder::bundled(&Device::flex())?,
        folder => TextEncoder::from_dir(folder, &Device::flex())?,
    };
    let encoder = match arguments.next().as_deref() {
        None => encoder,
        Some("int8") => encoder.with_int8()?,
        Some(other) => return Err(format!("unknown precision `{other}`").into()),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| serve(&encoder))
}

fn serve(encoder: &TextEncoder) -> Outcome<()> {
    let mut texts = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = answer(encoder, &mut texts, &line)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{{answer}}}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(encoder: &TextEncoder, texts: &mut Vec<String>, line: &str) -> Outcome<String> {
    Ok(match line.split_once(' ').unwrap_or((line, "")) {
        ("read", file) => {
            *texts = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
            format!("\"texts\": {}, \"threads\": {}", texts.len(), rayon::current_num_threads())
        }
        ("encode", "") => timed(|| Ok(encoder.encode(texts)?.n_tokens()))?,
        ("each", "") => {
            let mut seconds = Vec::with_capacity(texts.len());
            for text in texts.iter() {
                let start = Instant::now();
                encoder.encode(&[text])?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            format!("\"wall\": {}", seconds.get(seconds.len() / 2).copied().unwrap_or_default())
        }
        ("tokenize", "") => timed(|| {
            Ok(encoder.tokenizer().encode_batch(texts)?.iter().map(|encoding| encoding.ids.len()).sum())
        })?,
        ("write", file) => {
            let bytes: Vec<u8> =
                encoder.encode(texts)?.values().iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(file, bytes)?;
            format!("\"dim\": {}", encoder.dim())
        }
        _ => return Err(format!("unknown command `{line}`").into()),
    })
}

fn timed(work: impl FnOnce() -> Outcome<usize>) -> Outcome<String> {
    let start = (Instant::now(), processor_seconds());
    let n_tokens = work()?;
    let (wall, cpu) = (start.0.elapsed().as_secs_f64(), processor_seconds() - start.1);
    Ok(format!("\"wall\": {wall}, \"cpu\": {cpu}, \"tokens\": {n_tokens}"))
}

/// What all threads have run so far; 0 where there is no `/proc`.
fn processor_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}
