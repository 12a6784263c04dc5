//! The main job on real input: a user of MovieLens 100K, by the titles and genres of the films that they rated.
//!
//! You will see the newest ratings of the user, and the films that fit all of them best, each with its score and the rated
//! film that it resembles most. The model knows nothing but the text: no other user's rating is read.
//!
//! With `--evaluate` you will see how good such lists are for all users: the last film of each user is to be found among all
//! that the user has not rated, by chance, by popularity, and by text.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example movielens -- --user 1
//! cargo run --release -p rec-examples --example movielens -- --evaluate
//! ```

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rec_core::VectorTable;
use rec_data::{Catalogue, Id, InteractionFields, Interactions, Signal, atomic, split};
use rec_encoder::TextEncoder;
use rec_eval::{Bootstrap, Candidates};
use rec_examples::evaluation::{Experiment, Judge, Popularity, Random, TextAverage};
use rec_examples::items::ItemTexts;
use rec_examples::{EncoderArgs, Error, claim, fit, run, titles};
use rec_interest::{Average, Decay, UserEncoder};
use rec_score::{Cosine, Filter, FlatIndex, reasons};
use rec_text::Template;

const SHOWN: usize = 10;

/// Recommends films to a user of MovieLens 100K
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// The user, 1 to 943
    #[arg(long, default_value = "1")]
    user: String,
    /// Judge the lists of all users instead: leave-one-out, full ranking
    #[arg(long, conflicts_with = "user")]
    evaluate: bool,
    /// With `--evaluate`, also write the split data set there, for the example `evaluate`
    #[arg(long, value_name = "DIR", requires = "evaluate")]
    split: Option<PathBuf>,
    /// With `--evaluate`, also draw the results there
    #[arg(long, value_name = "DIR", requires = "evaluate")]
    plots: Option<PathBuf>,
    /// How many films to recommend
    #[arg(long, default_value_t = 10)]
    k: usize,
    /// After how many days a rating counts half as much
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    half_life_days: u32,
    /// Take the films' vectors from this file; if it is not there yet, encode the films and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// The folder with ml-100k.item and ml-100k.inter
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ml-100k"))]
    data: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| movielens(&args, out))
}

pub(crate) fn movielens(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let file = |name: &str| args.data.join(name);
    if !file("ml-100k.item").is_file() {
        let folder = args.data.display();
        return Err(
            format!("no ml-100k.item in {folder}; `scripts/fetch ml-100k` brings the data set").into()
        );
    }
    let films = atomic::read_catalogue(file("ml-100k.item"))?.with_text_columns(["movie_title"])?;
    let log = atomic::read_interactions(file("ml-100k.inter"), &InteractionFields::default())?;
    if args.evaluate {
        return table(args, films, &log, out);
    }
    let rated = log.get(&args.user).ok_or_else(|| format!("no user `{}` in ml-100k.inter", args.user))?;
    let encoder = args.encoder.load()?;
    let items = vectors(&encoder, &films, args.vectors.as_deref())?;

    // One and two stars push away. Three pull a little: whoever is indifferent to a film did choose to see it.
    let history = rated.with_weights(|rating| stars(&rating.signal) - 2.5)?;
    let decay = Decay::half_life(rec_data::days(args.half_life_days.into()));
    let user = Average::with_decay(decay).normalized().interest(&items, &history);
    // Some films stand in the catalogue twice, so what is excluded goes by title.
    let mut known: HashSet<String> = history.items().map(|id| title(&films, id)).collect();
    let exclude = films.iter().map(|film| film.id()).filter(|id| !known.insert(title(&films, id)));
    let list =
        FlatIndex::with_scorer(items.clone(), &Cosine)?.top_k(&user, args.k, &Filter::exclude(exclude))?;

    writeln!(
        out,
        "User {} rated {} films, the newest {}:\n",
        args.user,
        rated.len(),
        SHOWN.min(rated.len())
    )?;
    for rating in rated.interactions().iter().rev().take(SHOWN) {
        let stars = "*".repeat(stars(&rating.signal) as usize);
        writeln!(
            out,
            "  {stars:<5}  {}  {}",
            fit(&title(&films, &rating.item), 44),
            genres(&films, &rating.item)
        )?;
    }
    writeln!(out, "\nFor them, by {}:\n", encoder.name())?;
    let liked = || rated.interactions().iter().filter(|rating| stars(&rating.signal) > 3.0);
    for (rank, hit) in list.iter().enumerate() {
        let film = fit(&title(&films, &hit.id), 44);
        let nearest = reasons(&hit.id, liked().map(|rating| &rating.item), &items, 1)?;
        let because =
            nearest.first().map_or(String::new(), |near| format!("like {}", title(&films, &near.id)));
        writeln!(
            out,
            "  {:>2}  {:.3}  {film}  {}  {because}",
            rank + 1,
            hit.score,
            fit(&genres(&films, &hit.id), 26)
        )?;
        assert!(history.items().all(|seen| *seen != hit.id), "rated films never come back");
    }
    assert!(list.is_sorted_by(|a, b| a.score >= b.score));
    Ok(())
}

/// The evaluated table: for each user the last film is to be found among all that the user has not rated before.
///
/// Every rating counts as one interaction, and equal times stand in the order of the file: the protocol of the published
/// number for popularity, which is checked.
fn table(args: &Args, films: Catalogue, log: &Interactions, out: &mut dyn Write) -> Result<(), Error> {
    let events = log.iter().flat_map(|(user, history)| {
        history.interactions().iter().map(move |rating| (user, rating.clone().with_weight(1.0)))
    });
    let split = split::leave_one_out(&Interactions::new(events)?);
    writeln!(out, "{}\n", split.report())?;
    if let Some(folder) = &args.split {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: cannot be made: {e}", folder.display()))?;
        atomic::write_catalogue(folder.join("ml-100k.item"), &films, "item_id")?;
        split.save(folder, "ml-100k")?;
    }

    let encoder = args.encoder.load()?;
    let items = vectors(&encoder, &films, args.vectors.as_deref())?;
    let (train, histories) = (split.train.clone(), split.train.merged(&split.valid));
    let experiment = Experiment::new("ml-100k", films, train, Some(histories), Some(&split.test));
    let users = experiment.users();
    let judge = Judge {
        experiment: &experiment,
        users: &users,
        cutoffs: vec![10],
        candidates: Candidates::All,
        groups: false,
        bootstrap: Bootstrap::new(0),
    };
    let popularity = Popularity::new(experiment.catalogue().ids(), experiment.train())?;
    let judged = [
        judge.method("random", &Random::new(experiment.catalogue().ids(), 0), None)?,
        judge.method("popularity", &popularity, None)?,
        judge.method("text", &TextAverage::new(items, 0.7)?, None)?,
    ];
    writeln!(
        out,
        "{} users, leave-one-out, all unrated films ranked; text by {}\n",
        users.len(),
        encoder.name()
    )?;
    Judge::table(&judged, &["hit_rate@10", "ndcg@10", "mrr@10", "coverage_of_catalogue@10"], out)?;
    writeln!(
        out,
        "\nWhat somebody rates next is mostly what everybody rates: titles and genres do not tell it, counts do. Text\n\
         serves many more films, and those that nobody has rated; so the two belong together."
    )?;
    if let Some(folder) = &args.plots {
        judge.draw(&judged, folder)?;
    }
    let sampled = Judge { candidates: Candidates::Sampled { n: 100, seed: 0 }, ..judge };
    let flattered = sampled.method("popularity", &popularity, None)?.report.value("hit_rate@10");
    let flattered = flattered.unwrap_or(f64::NAN);
    writeln!(
        out,
        "Among 100 sampled films the hit rate of popularity would be {flattered:.2}: do not sample."
    )?;

    let [_, served, served_by_text] =
        judged.each_ref().map(|one| one.report.value("coverage_of_catalogue@10").unwrap_or(f64::NAN));
    claim(served < served_by_text, "text serves more films than popularity")?;
    let [random, popularity, text] = judged.map(|one| one.report.value("hit_rate@10").unwrap_or(f64::NAN));
    claim(format!("{popularity:.6}") == "0.085896", "the hit rate of popularity is the published one")?;
    claim(random < text && text < popularity, "text alone is better than chance and worse than popularity")
}

/// The films' vectors, from the file if it is there. Vectors of another model are an error, because spaces do not mix.
fn vectors(encoder: &TextEncoder, films: &Catalogue, file: Option<&Path>) -> Result<VectorTable, Error> {
    let template = Template::parse("{movie_title}[ ({release_year})][. {class}]")?;
    let texts = ItemTexts::with_renderer(films, template, |template, film| {
        template.render_with(|field| match (field, film.get(field)) {
            ("movie_title", Some(title)) => Some(titles::natural(&title.to_string())),
            (_, value) => value.map(|value| value.to_string()),
        })
    });
    texts.vectors(encoder, file)
}

fn stars(signal: &Signal) -> f32 {
    match signal {
        Signal::Weight(rating) => *rating,
        Signal::Event(_) => 3.0,
    }
}

fn title(films: &Catalogue, id: &Id) -> String {
    let title = films.get(id).and_then(|film| film.get("movie_title")).map(|title| title.to_string());
    title.map_or_else(|| format!("film {id}"), |title| titles::natural(&title))
}

fn genres(films: &Catalogue, id: &Id) -> String {
    films.get(id).and_then(|film| film.get("class")).map_or(String::new(), |genres| genres.to_string())
}
