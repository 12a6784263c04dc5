//! The main job on real input: a user of MovieLens 100K, by the films that they rated, what other users rated, and texts.
//!
//! You will see the newest ratings of the user, and the films that fit all of them best by a hybrid of models, each with its
//! score, the rated film that speaks for it most because the same people watch both, and the one that it resembles most by title
//! and genres. With `--method text` nothing but the text is known: no other user's rating is read.
//!
//! With `--evaluate` you will see how good such lists are for all users: the last film of each user is to be found among all
//! that the user has not rated, by chance, by popularity, by text, and by the hybrid.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example movielens -- --user 1
//! cargo run --release -p rec-examples --example movielens -- --evaluate
//! ```

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use rec_cf::{Aggregation, FoldIn};
use rec_data::{History, Id, atomic, split};
use rec_eval::{Bootstrap, Candidates};
use rec_examples::evaluation::{Collaborative, Experiment, Judge, Random, TextAverage};
use rec_examples::films::{self, Films, genres, stars, title};
use rec_examples::{EncoderArgs, Error, Parts, claim, fit, run};
use rec_hybrid::{Blend, Normalization, Source};
use rec_interest::{Average, Decay, UserEncoder};
use rec_score::{Cosine, Filter, FlatIndex, reasons};

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
    /// By what films are recommended
    #[arg(long, value_enum, default_value_t = MethodName::Hybrid, conflicts_with = "evaluate")]
    method: MethodName,
    /// How many films to recommend
    #[arg(long, default_value_t = 10)]
    k: usize,
    /// With `--method text`, after how many days a rating counts half as much
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    half_life_days: u32,
    /// Take the films' vectors from this file; if it is not there yet, encode the films and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// The folder with ml-100k.item and ml-100k.inter
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ml-100k"))]
    data: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// What other users rated, and texts.
    Hybrid,
    /// Texts alone.
    Text,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| movielens(&args, out))
}

pub(crate) fn movielens(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let films = Films::open(&args.data)?;
    if args.evaluate {
        return table(args, films, out);
    }
    let Films { catalogue: films, ratings } = films;
    let rated = ratings.get(&args.user).ok_or_else(|| format!("no user `{}` in ml-100k.inter", args.user))?;
    let encoder = args.encoder.load()?;
    let items = films::vectors(&encoder, &films, args.vectors.as_deref())?;

    // One and two stars push away. Three pull a little: whoever is indifferent to a film did choose to see it.
    let history = rated.with_weights(|rating| stars(&rating.signal) - 2.5)?;
    // Some films stand in the catalogue twice, so what is excluded goes by title.
    let mut known: HashSet<String> = history.items().map(|id| title(&films, id)).collect();
    let exclude = films.iter().map(|film| film.id()).filter(|id| !known.insert(title(&films, id)));
    let filter = Filter::exclude(exclude);
    let parts = match args.method {
        MethodName::Hybrid => Some(Parts::train(&ratings, &items)?),
        MethodName::Text => None,
    };
    let list = match &parts {
        Some(parts) => {
            let hybrid = parts.hybrid()?;
            let (model, ids) = (hybrid.model(), hybrid.model().items());
            let rows = FoldIn::new(Aggregation::Sum).rows(ids, &history)?;
            model.top_k_where(&rows, args.k, &|row| ids.id(row).is_some_and(|id| filter.accepts(id)))?
        }
        None => {
            let decay = Decay::half_life(rec_data::days(args.half_life_days.into()));
            let user = Average::with_decay(decay).normalized().interest(&items, &history);
            FlatIndex::with_scorer(items.clone(), &Cosine)?.top_k(&user, args.k, &filter)?
        }
    };

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
    let by = if parts.is_some() { "what others rated, and " } else { "" };
    writeln!(out, "\nFor them, by {by}{}:\n", encoder.name())?;
    let liked = || rated.interactions().iter().filter(|rating| stars(&rating.signal) > 3.0);
    for (rank, hit) in list.iter().enumerate() {
        let film = fit(&title(&films, &hit.id), 44);
        let nearest = reasons(&hit.id, liked().map(|rating| &rating.item), &items, 1)?;
        let mut because =
            nearest.first().map_or(String::new(), |near| format!("like {}", title(&films, &near.id)));
        if let Some(parts) = &parts
            && let Some(speaks_for) = strongest(&parts.ease, &history, &hit.id)?
        {
            because = format!("{}  {because}", fit(&format!("with {}", title(&films, &speaks_for)), 32));
        }
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

/// The film of a history that adds most to the score of a film, if any speaks for it.
fn strongest(source: &Source, history: &History, film: &str) -> Result<Option<Id>, Error> {
    let items = source.model().items();
    let rows = FoldIn::new(Aggregation::Sum).rows(items, history)?;
    let parts = items.row(film).and_then(|film| source.explain(&rows, film)).unwrap_or_default();
    let strongest = rows.iter().zip(parts).filter(|(_, part)| *part > 0.0).max_by(|a, b| a.1.total_cmp(&b.1));
    Ok(strongest.and_then(|((row, _), _)| items.id(*row)).cloned())
}

/// The evaluated table: for each user the last film is to be found among all that the user has not rated before.
///
/// Every rating counts as one interaction, and equal times stand in the order of the file: the protocol of the published
/// number for popularity, which is checked.
fn table(args: &Args, films: Films, out: &mut dyn Write) -> Result<(), Error> {
    let split = split::leave_one_out(&films.interactions()?);
    let films = films.catalogue;
    writeln!(out, "{}\n", split.report())?;
    if let Some(folder) = &args.split {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: cannot be made: {e}", folder.display()))?;
        atomic::write_catalogue(folder.join("ml-100k.item"), &films, "item_id")?;
        split.save(folder, "ml-100k")?;
    }

    let encoder = args.encoder.load()?;
    let items = films::vectors(&encoder, &films, args.vectors.as_deref())?;
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
    let parts = Parts::train(experiment.train(), &items)?;
    let ids = experiment.catalogue().ids();
    let popularity = Blend::new(vec![(parts.popularity.clone(), 1.0)], Normalization::None)?;
    let popularity = Collaborative::new(Arc::new(popularity), ids, 1.0, usize::MAX)?;
    let hybrid = Blend::new(vec![(parts.hybrid()?, 1.0)], Normalization::None)?;
    let judged = [
        judge.method("random", &Random::new(ids, 0), None)?,
        judge.method("popularity", &popularity, None)?,
        judge.method("text", &TextAverage::new(items, 0.7, usize::MAX)?, None)?,
        judge.method("hybrid", &Collaborative::new(Arc::new(hybrid), ids, 1.0, usize::MAX)?, None)?,
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
         serves many more films, and those that nobody has rated. What the same people rate tells more than either, and\n\
         the hybrid has all of it."
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

    let [_, served, served_by_text, served_by_hybrid] =
        judged.each_ref().map(|one| one.report.value("coverage_of_catalogue@10").unwrap_or(f64::NAN));
    claim(served < served_by_text, "text serves more films than popularity")?;
    claim(served < served_by_hybrid, "the hybrid serves more films than popularity")?;
    let [random, popularity, text, hybrid] =
        judged.map(|one| one.report.value("hit_rate@10").unwrap_or(f64::NAN));
    claim(format!("{popularity:.6}") == "0.085896", "the hit rate of popularity is the published one")?;
    claim(random < text && text < popularity, "text alone is better than chance and worse than popularity")?;
    claim(popularity < hybrid, "the hybrid is better than popularity")
}
