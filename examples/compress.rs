//! You will see a model made smaller and written as a new folder, and what that costs and saves.
//!
//! This is the tool behind the bundled model and the table in `docs/compression.md`: it removes what it is told to remove, saves
//! the rest in fewer bits, and compares the result with the original: bytes on disk, memory and time to load, each in a fresh
//! process, and on the films of MovieLens 100K how alike the vectors are and how much of a retrieval is lost.
//!
//! ```text
//! scripts/fetch ml-100k minilm
//! cargo run --release -p rec-examples --example compress -- models/all-MiniLM-L6-v2 OUT --format block8
//! cargo run --release -p rec-examples --example compress -- models/all-MiniLM-L6-v2 OUT --keep-layers 0,2,4 \
//!     --vocabulary data/ml-100k/ml-100k.item
//! ```

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use rec_core::device;
use rec_data::{Catalogue, Values, atomic};
use rec_encoder::{TextEncoder, WeightFormat};
use rec_examples::cost::{self, Cost};
use rec_examples::items::ItemTexts;
use rec_examples::likeness::Impression;
use rec_examples::{Error, claim, run};

/// Makes a model smaller and says what is lost
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// A folder in the sentence-transformers layout
    model: PathBuf,
    /// The folder to write
    #[arg(required_unless_present = "measure")]
    out: Option<PathBuf>,
    /// How weights are written
    #[arg(long, default_value = "f32", value_parser = PossibleValuesParser::new(FORMATS.map(|(name, _)| name)))]
    format: String,
    /// Keep these layers only; 0 is the first
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    keep_layers: Vec<usize>,
    /// Remove so many of the least important heads from every layer
    #[arg(long, value_name = "N", default_value_t = 0)]
    heads: usize,
    /// Set this share of every matrix's values to zero, the smallest
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    magnitude: f64,
    /// Keep the tokens that the text columns of this catalogue use
    #[arg(long, value_name = "CATALOGUE.item")]
    vocabulary: Option<PathBuf>,
    /// Compute in eight bits what was written: nothing of it is on disk
    #[arg(long)]
    int8: bool,
    /// Fail if the mean cosine to the original is less
    #[arg(long, value_name = "COSINE", default_value_t = -1.0)]
    min_cosine: f64,
    /// Fail if a smaller share of the original's nDCG is kept
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    min_ndcg: f64,
    /// The folder with ml-100k.item
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ml-100k"))]
    data: PathBuf,
    /// Load the model and print what that costs, for a process that asks
    #[arg(long, hide = true)]
    measure: bool,
}

const FORMATS: [(&str, WeightFormat); 5] = [
    ("f32", WeightFormat::F32),
    ("f16", WeightFormat::F16),
    ("bf16", WeightFormat::Bf16),
    ("block8", WeightFormat::Block8),
    ("block4", WeightFormat::Block4),
];

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| match args.measure {
        true => Ok(serde_json::to_writer(out, &cost::measure(&args.model)?)?),
        false => compress(&args, cost::measure_in_child, out),
    })
}

/// `measure` says what loading a folder costs.
pub(crate) fn compress(
    args: &Args,
    measure: impl Fn(&Path) -> Result<Cost, Error>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let file = args.data.join("ml-100k.item");
    if !file.is_file() {
        let folder = args.data.display();
        return Err(
            format!("no ml-100k.item in {folder}; `scripts/fetch ml-100k` brings the data set").into()
        );
    }
    let films = atomic::read_catalogue(file)?.with_text_columns(["movie_title"])?;
    let target = args.out.as_deref().ok_or("no folder to write")?;
    let original = TextEncoder::from_dir(&args.model, &device::host())?;
    let format = FORMATS.iter().find(|(name, _)| *name == args.format).map(|(_, format)| *format);
    smaller(&original, args)?.save(target, format.unwrap_or(WeightFormat::F32))?;
    // What was written is judged, not what is in memory.
    let compressed = TextEncoder::from_dir(target, &device::host())?;
    let compressed = if args.int8 { compressed.with_int8()? } else { compressed };

    let (cost_before, cost_after) = (measure(&args.model)?, measure(target)?);
    let (before, after) = (Impression::new(&original, &films)?, Impression::new(&compressed, &films)?);
    let likeness = before.likeness(&after);
    let kept = after.ndcg() / before.ndcg();

    table(
        out,
        &[
            ("", "original".to_owned(), "compressed".to_owned()),
            (
                "bytes on disk",
                megabytes(Some(cost_before.bytes_on_disk)),
                megabytes(Some(cost_after.bytes_on_disk)),
            ),
            ("memory once loaded", megabytes(cost_before.memory), megabytes(cost_after.memory)),
            (
                "most memory while loading",
                megabytes(cost_before.peak_memory),
                megabytes(cost_after.peak_memory),
            ),
            ("time to load", seconds(cost_before.load_seconds), seconds(cost_after.load_seconds)),
            ("values", values(&original), values(&compressed)),
            ("cosine to the original, mean", "1".to_owned(), format!("{:.4}", likeness.mean_cosine)),
            ("cosine to the original, least", "1".to_owned(), format!("{:.4}", likeness.least_cosine)),
            ("rank correlation of similarities", "1".to_owned(), format!("{:.4}", likeness.rank_correlation)),
            ("genre retrieval, nDCG@10", format!("{:.4}", before.ndcg()), format!("{:.4}", after.ndcg())),
            ("share of it kept", "100 %".to_owned(), format!("{:.1} %", 100.0 * kept)),
        ],
    )?;
    claim(likeness.mean_cosine >= args.min_cosine, "the mean cosine is as high as asked for")?;
    claim(kept >= args.min_ndcg, "as much of the retrieval quality is kept as asked for")
}

/// The encoder without what it can lose: layers first, so that the importance of heads is that among those which stay.
fn smaller(encoder: &TextEncoder, args: &Args) -> Result<TextEncoder, Error> {
    let mut encoder = encoder.clone();
    if !args.keep_layers.is_empty() {
        encoder = encoder.keep_layers(&args.keep_layers)?;
    }
    if args.heads > 0 {
        encoder = encoder.prune_heads(args.heads)?;
    }
    if let Some(file) = &args.vocabulary {
        encoder = encoder.prune_vocabulary(texts(&atomic::read_catalogue(file)?)?)?;
    }
    if args.magnitude > 0.0 {
        encoder = encoder.prune_magnitude(args.magnitude)?;
    }
    Ok(encoder)
}

/// Every text of a catalogue by itself, and each item's as they stand in a template.
fn texts(items: &Catalogue) -> Result<Vec<String>, Error> {
    let is_text = |values: &Values| matches!(values, Values::Token(_) | Values::TokenSeq(_));
    let columns: Vec<&str> =
        items.columns().iter().filter(|column| is_text(&column.values)).map(|column| &*column.name).collect();
    let mut texts: Vec<String> = ItemTexts::new(items, None)?.into_iter().map(|(_, text)| text).collect();
    for item in items.iter() {
        texts.extend(columns.iter().filter_map(|column| item.get(column)).map(|value| value.to_string()));
    }
    Ok(texts)
}

/// A table that Markdown reads, too.
fn table(out: &mut dyn Write, rows: &[(&str, String, String)]) -> io::Result<()> {
    for (i, (what, before, after)) in rows.iter().enumerate() {
        writeln!(out, "| {what:<32} | {before:>10} | {after:>10} |")?;
        if i == 0 {
            writeln!(out, "|{:-<34}|{:->11}:|{:->11}:|", "", "", "")?;
        }
    }
    Ok(())
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

fn values(encoder: &TextEncoder) -> String {
    format!("{:.1} M", encoder.report().n_values as f64 / 1e6)
}
