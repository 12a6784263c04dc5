//! Build once at night, load in the server.
//!
//! You will see everything that recommends saved as one folder, and loaded again: it gives the same lists, to many threads at
//! the same time, it answers a search by the encoder that made the vectors, and a clone of its index takes a new item. At last
//! the vectors of another model are put into the folder, and loading refuses them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rec_core::{EventWeights, Interests};
use rec_data::{Catalogue, History, Id, InteractionFields, Item, RankedList, atomic, days};
use rec_encoder::TextEncoder;
use rec_examples::{EncoderArgs, Error, claim, run};
use rec_interest::{Average, Decay};
use rec_pipeline::{EncoderSource, Pipeline};
use rec_score::{Cosine, Filter};
use rec_text::{Cleaner, Template};

const CATALOGUE: &str = include_str!("data/catalogue.item");
const HISTORIES: &str = include_str!("data/histories.inter");
const K: usize = 3;

/// Saves a recommender as one folder, loads it and recommends
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// A new folder to keep the pipeline in; one that goes away at the end without it
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| pipeline(&args, out))
}

pub(crate) fn pipeline(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let place = tempfile::tempdir()?;
    let folder = args.folder.clone().unwrap_or_else(|| place.path().join("pipeline"));
    let catalogue = atomic::read_catalogue_from(CATALOGUE.as_bytes(), "catalogue")?;
    let histories = histories()?;

    // At night.
    let encoder = args.encoder.load()?;
    let device = encoder.device();
    let source = match args.encoder.folder() {
        // Absolute, because a relative one is relative to the pipeline.
        Some(model) => EncoderSource::Folder(std::path::absolute(model)?),
        None => EncoderSource::Bundled,
    };
    let built = build(&catalogue, encoder.clone(), source)?;
    built.save(&folder)?;
    writeln!(out, "Saved, and loaded again, {} items:", built.items().len())?;
    print_files(&folder, out)?;

    // In the server.
    let server = Pipeline::load(&folder, &device)?;
    let expected = recommend(&built, &histories)?;
    let title = |id: &Id| catalogue.get(id).and_then(|item| item.get("title")).map(|title| title.to_string());
    for ((user, _), list) in histories.iter().zip(&recommend(&server, &histories)?) {
        let titles: Vec<String> = list.iter().filter_map(|hit| title(&hit.id)).collect();
        writeln!(out, "{user:<5} {}", titles.join(" / "))?;
    }
    let shared = std::thread::scope(|scope| {
        let asks = || recommend(&server, &histories);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(asks)).collect();
        threads.into_iter().all(|thread| matches!(thread.join(), Ok(Ok(lists)) if lists == expected))
    });
    claim(shared, "four threads get the lists of the pipeline that was saved")?;

    search(&server, &catalogue, out)?;
    take_a_new_item(&server)?;

    // Vectors of the same items by another model.
    let spoilt = place.path().join("spoilt");
    built.save(&spoilt)?;
    let short = encoder.clone().truncated(encoder.dim() / 2)?;
    vectors(&catalogue, &short)?.save(spoilt.join("items.safetensors"))?;
    let refused = Pipeline::load(&spoilt, &device);
    claim(
        matches!(&refused, Err(error) if error.is_space_mismatch()),
        "vectors of another model are refused",
    )?;
    if let Err(error) = refused {
        let message = error.to_string().replace(&*spoilt.display().to_string(), "DIR");
        writeln!(out, "\nWith vectors of another model: {message}")?;
    }
    Ok(())
}

fn histories() -> Result<Vec<(Id, History)>, Error> {
    let fields = InteractionFields::default().event("event");
    let log = atomic::read_interactions_from(HISTORIES.as_bytes(), "histories", &fields)?;
    Ok(log.iter().map(|(user, history)| (user.clone(), history.clone())).collect())
}

fn template() -> Result<(Template, Cleaner), Error> {
    Ok((Template::parse("{title}. {text}")?, Cleaner::new()))
}

fn vectors(catalogue: &Catalogue, encoder: &TextEncoder) -> Result<rec_core::VectorTable, Error> {
    let (template, cleaner) = template()?;
    let template = template.with_prompt(encoder.prompt("passage").unwrap_or_default());
    let text = |item: Item<'_>| cleaner.clean(&template.render(&item)).into_owned();
    Ok(encoder.embed(catalogue.iter().map(|item| (item.id(), text(item))))?)
}

fn build(catalogue: &Catalogue, encoder: TextEncoder, source: EncoderSource) -> Result<Pipeline, Error> {
    let weights = EventWeights::new([("view", 1.0), ("like", 2.0), ("buy", 3.0), ("skip", -1.0)]);
    let user = Average::with_decay(Decay::half_life(days(30))).normalized().with_event_weights(weights);
    let (template, cleaner) = template()?;
    Ok(Pipeline::new(vectors(catalogue, &encoder)?, user, Cosine)?
        .with_encoder(encoder, source)?
        .with_provenance("template", template.to_string())
        .with_provenance("cleaner", cleaner.describe()))
}

fn recommend(pipeline: &Pipeline, histories: &[(Id, History)]) -> Result<Vec<RankedList>, Error> {
    let users: Vec<&History> = histories.iter().map(|(_, history)| history).collect();
    let filters: Vec<Filter> = users.iter().map(|history| Filter::exclude(history.items())).collect();
    Ok(pipeline.recommend_batch(&users, K, &filters)?)
}

/// The items that fit a text best: the encoder came with the vectors, so both are in one space.
fn search(server: &Pipeline, catalogue: &Catalogue, out: &mut dyn Write) -> Result<(), Error> {
    let encoder = server.encoder().ok_or("the pipeline has no encoder")?;
    let query = "bread that rises";
    let vectors = encoder.encode(&[format!("{}{query}", encoder.prompt("query").unwrap_or_default())])?;
    let wish = Interests::new(vectors.row(0).to_vec(), encoder.dim(), encoder.space())?;
    let list = server.index().top_k(&wish, 1, &Filter::none())?;
    let field =
        |name| catalogue.get(&list[0].id).and_then(|item| item.get(name)).map(|value| value.to_string());
    writeln!(out, "\nA search for \"{query}\" finds: {}", field("title").unwrap_or_default())?;
    claim(field("topic").as_deref() == Some("baking"), "a search for bread finds something about baking")
}

/// An item that came after the build goes into a clone of the index; who reads the old one is not disturbed.
fn take_a_new_item(server: &Pipeline) -> Result<(), Error> {
    let encoder = server.encoder().ok_or("the pipeline has no encoder")?;
    let mut index = server.index().clone();
    index.upsert("comet", encoder.encode(&["A comet is coming, bring your telescope"])?.row(0))?;
    assert!(index.contains("comet") && !server.index().contains("comet"));
    Ok(())
}

fn print_files(folder: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.insert(entry.file_name().display().to_string(), entry.metadata()?.len());
    }
    files.iter().try_for_each(|(name, bytes)| writeln!(out, "  {name:<20} {bytes:>7} bytes"))?;
    Ok(writeln!(out)?)
}
