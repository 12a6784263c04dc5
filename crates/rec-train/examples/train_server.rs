//! You will see how long a step of contrastive training takes, one line of JSON for each line of commands on standard input.
//! `benches/peers/training.py` writes the texts and asks, in turn with PyTorch.
//!
//!     cargo run --release -p rec-train --example train_server -- MODEL [LEARNING-RATE]
//!
//! MODEL is a model folder. All of its parameters are trained, as `rec_train::Trainer` does it, with AdamW. Commands:
//!
//!     read FILE             takes the lines of a file as the texts: the first half against the second, row by row
//!     step                  forward and backward pass and optimizer; answers with the loss before it, and with seconds of wall
//!                           clock and of all threads
//!
//! The threads are those of rayon's global pool: `RAYON_NUM_THREADS`.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use rec_encoder::{TextEncoder, TextModel};
use rec_train::encoder::{FineTuning, TextPairs};
use rec_train::{AdamW, Optimizer, Task, gradients};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("expected MODEL [LEARNING-RATE]")?;
    let lr = arguments.next().map_or(Ok(2e-5), |lr| lr.parse())?;
    let encoder = TextEncoder::from_dir(model, &Device::flex())?;
    let mut run = Run {
        module: Some(FineTuning::Full.apply(encoder.text_model()?)?.train()),
        optimizer: Optimizer::new(AdamW::new(lr)),
        encoder,
        batch: None,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = run.answer(&line)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{{answer}}}")?;
        out.flush()?;
    }
    Ok(())
}

struct Run {
    encoder: TextEncoder,
    /// Gone only while a step changes it.
    module: Option<TextModel>,
    optimizer: Optimizer,
    batch: Option<(TextPairs, Vec<(usize, usize)>)>,
}

impl Run {
    fn answer(&mut self, line: &str) -> Outcome<String> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("read", file) => {
                let texts = std::fs::read_to_string(file)?;
                let texts: Vec<&str> = texts.lines().collect();
                let n = texts.len() / 2;
                let pairs: Vec<_> = (0..n).map(|row| (row, n + row)).collect();
                self.batch = Some((TextPairs::new(&self.encoder, &texts, pairs.clone())?, pairs));
                Ok(format!("\"texts\": {}, \"threads\": {}", texts.len(), rayon_threads()))
            }
            ("step", "") => self.step(),
            _ => Err(format!("unknown command `{line}`").into()),
        }
    }

    fn step(&mut self) -> Outcome<String> {
        let (task, batch) = self.batch.as_ref().ok_or("no texts were read")?;
        let start = (Instant::now(), processor_seconds());
        let module = self.module.take().ok_or("no module")?;
        let gradients = gradients(&module, task.loss(&module, batch)?)?;
        self.module = Some(self.optimizer.step(module, &gradients, 1.0));
        let (wall, cpu) = (start.0.elapsed().as_secs_f64(), processor_seconds() - start.1);
        Ok(format!("\"wall\": {wall}, \"cpu\": {cpu}, \"loss\": {}", gradients.loss()))
    }
}

/// What rayon's global pool was told, or 0.
fn rayon_threads() -> usize {
    std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
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
