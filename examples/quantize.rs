//! You will see a sentence-transformers folder written again with its matrices in 4-bit blocks, and what that costs.
//!
//! This is the tool behind the bundled model: it quantizes, loads the result, and compares it with the original on
//! ML-100K: the cosine between both vectors of every title, and a retrieval check in which each set of genres searches
//! for the movies that have exactly these.
//!
//!     scripts/fetch ml-100k minilm-l3
//!     cargo run --release -p rec-examples --example quantize -- models/paraphrase-MiniLM-L3-v2 OUT

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use half::f16;
use rec_core::Interests;
use rec_data::atomic::read_catalogue;
use rec_data::{Catalogue, Id};
use rec_encoder::burn::tensor::Device;
use rec_encoder::{Block4, TextEncoder};
use rec_examples::{Error, claim};
use rec_score::{Cosine, Filter, FlatIndex};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

#[derive(Parser)]
struct Args {
    /// A folder with F32 weights in one model.safetensors.
    model: PathBuf,
    /// The folder to write.
    out: PathBuf,
    /// Consecutive values that share a scale.
    #[arg(long, default_value_t = 32)]
    block: usize,
    /// The folder of ML-100K.
    #[arg(long, default_value = "data/ml-100k")]
    data: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    rec_examples::run(|out| {
        quantize(&args, out)?;
        compare(&args, out)
    })
}

/// Copies the folder, with matrices in 4-bit blocks and everything else in half precision.
fn quantize(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let bytes = fs::read(args.model.join("model.safetensors"))?;
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, view) in SafeTensors::deserialize(&bytes)?.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("tensor `{name}` is {:?}, not F32", view.dtype()).into());
        }
        let values: Vec<f32> =
            view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        match *view.shape() {
            [rows, cols] if cols.is_multiple_of(args.block) => {
                tensors.extend(Block4::quantize(&values, [rows, cols], args.block).tensors(name));
            }
            _ => {
                let halves = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
                tensors.push((name.to_owned(), Dtype::F16, view.shape().to_vec(), halves));
            }
        }
    }
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, dtype, shape, data)| Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), data)?)))
        .collect::<Result<_, safetensors::SafeTensorError>>()?;
    let written = safetensors::serialize(views, Some(HashMap::from([("format".into(), "pt".into())])))?;

    fs::create_dir_all(args.out.join("1_Pooling"))?;
    for file in [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    ] {
        fs::copy(args.model.join(file), args.out.join(file)).map_err(|e| format!("{file}: {e}"))?;
    }
    writeln!(out, "model.safetensors: {} bytes, was {}", written.len(), bytes.len())?;
    Ok(fs::write(args.out.join("model.safetensors"), written)?)
}

fn compare(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let device = rec_core::device::host();
    let movies = read_catalogue(args.data.join("ml-100k.item"))?.with_text_columns(["movie_title"])?;
    let [original, quantized] = [&args.model, &args.out].map(|folder| Judged::new(folder, &device, &movies));
    let (original, quantized) = (original?, quantized?);
    let cosines: Vec<f64> =
        original.titles.iter().zip(&quantized.titles).map(|(a, b)| cosine(a, b)).collect();
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let least = cosines.iter().copied().fold(f64::INFINITY, f64::min);
    writeln!(out, "cosine to the original, {} titles: mean {mean:.4}, least {least:.4}", cosines.len())?;
    writeln!(out, "genre retrieval nDCG@10: original {:.4}, 4 bits {:.4}", original.ndcg, quantized.ndcg)?;
    writeln!(out, "share of the original's nDCG@10 kept: {:.1} %", 100.0 * quantized.ndcg / original.ndcg)?;
    claim(mean >= 0.975, "the mean cosine is at least .975")?;
    claim(quantized.ndcg >= 0.97 * original.ndcg, "97 % of the retrieval quality is kept")
}

/// What an encoder makes of ML-100K.
struct Judged {
    titles: Vec<Vec<f32>>,
    ndcg: f64,
}

impl Judged {
    fn new(folder: &Path, device: &Device, movies: &Catalogue) -> Result<Self, Error> {
        let encoder = TextEncoder::from_dir(folder, device)?;
        let text = |item: &rec_data::Item<'_>, field| item.get(field).map(|value| value.to_string());
        let titles: Vec<String> =
            movies.iter().map(|item| text(&item, "movie_title").unwrap_or_default()).collect();
        let titles = encoder.encode(&titles)?.rows().map(<[f32]>::to_vec).collect();

        // Queries are the genre sets that at least five movies share; documents are titles with their genres.
        let mut by_genres: BTreeMap<String, Vec<&Id>> = BTreeMap::new();
        for item in movies.iter() {
            by_genres.entry(text(&item, "class").unwrap_or_default()).or_default().push(item.id());
        }
        by_genres.retain(|genres, ids| !genres.is_empty() && ids.len() >= 5);
        let documents = rec_text::Template::parse("{movie_title}[. {class}]")?;
        let table = encoder.embed(movies.iter().map(|item| (item.id(), documents.render(&item))))?;
        let space = table.space();
        let index = FlatIndex::with_scorer(table, &Cosine)?;
        let mut total = 0.0;
        for (genres, relevant) in &by_genres {
            let query = Interests::new(encoder.encode(&[genres])?.values().to_vec(), encoder.dim(), space)?;
            let hits = index.top_k(&query, 10, &Filter::none())?;
            let discount = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
            let dcg: f64 = hits
                .iter()
                .enumerate()
                .filter(|(_, hit)| relevant.contains(&&hit.id))
                .map(|(r, _)| discount(r))
                .sum();
            total += dcg / (0..relevant.len().min(10)).map(discount).sum::<f64>();
        }
        Ok(Self { titles, ndcg: total / by_genres.len() as f64 })
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
