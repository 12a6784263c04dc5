//! candle's BERT behind the same lines of JSON as `encode_server`; `benches/peers/encoder.py` asks, in turn with the others.
//!
//!     candle-encoder FOLDER
//!
//! Commands, each answered with seconds of wall clock and of all threads:
//!
//!     ids FILE LENGTH       token ids of a batch, little-endian `u32`, all rows of this length
//!     encode                the batch, without padding, to token states
//!     write FILE            the batch; its token states as little-endian `f32`
//!
//! The threads are those of rayon's global pool: `RAYON_NUM_THREADS`.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or("expected FOLDER")?;
    let folder = Path::new(&folder);
    let config: Config = serde_json::from_slice(&std::fs::read(folder.join("config.json"))?)?;
    let weights = std::fs::read(folder.join("model.safetensors"))?;
    let builder = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let model = BertModel::load(builder, &config)?;
    let mut ids = Tensor::zeros((1, 1), DType::U32, &Device::Cpu)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words.as_slice() {
            ["ids", file, length] => {
                let bytes = std::fs::read(file)?;
                let values: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
                let length: usize = length.parse()?;
                ids = Tensor::from_vec(values.clone(), (values.len() / length, length), &Device::Cpu)?;
                format!("\"tokens\": {}", values.len())
            }
            ["encode"] => {
                let start = (Instant::now(), processor_seconds());
                states(&model, &ids)?;
                let (wall, cpu) = (start.0.elapsed().as_secs_f64(), processor_seconds() - start.1);
                format!("\"wall\": {wall}, \"cpu\": {cpu}")
            }
            ["write", file] => {
                let states: Vec<f32> = states(&model, &ids)?.flatten_all()?.to_vec1()?;
                std::fs::write(file, states.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
                format!("\"values\": {}", states.len())
            }
            _ => return Err(format!("unknown command `{line}`").into()),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{{answer}}}")?;
        out.flush()?;
    }
    Ok(())
}

/// No mask: nothing is padded, and candle would add a tensor of zeros.
fn states(model: &BertModel, ids: &Tensor) -> candle_core::Result<Tensor> {
    model.forward(ids, &ids.zeros_like()?, None)
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
