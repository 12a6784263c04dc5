//! From popularity to a hybrid: which recommender finds the next film, for whom, and how many different films it serves.
//!
//! You will see one table for MovieLens 100K, leave-one-out: popularity, texts alone, two models of what other users did, and the
//! hybrid of all; then what more diverse and better calibrated lists cost; then the same models for users who are new to them, of
//! whom nothing but the newest 1, 2, 5, 10 or all films are known. `--plots` draws it all, and accuracy against coverage.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example hybrid -- --plots target/hybrid
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use rec_core::VectorTable;
use rec_data::{Id, Interactions, split};
use rec_eval::{Bootstrap, Candidates, Estimate, plot};
use rec_examples::evaluation::{Collaborative, Experiment, Judge, Judged};
use rec_examples::films::{self, Films};
use rec_examples::{EncoderArgs, Error, Parts, claim, front, run};
use rec_hybrid::{Blend, Normalization, Source};

/// What the newest films of a new user are cut to.
const KNOWN: [usize; 5] = [1, 2, 5, 10, usize::MAX];

/// Compares recommenders on MovieLens 100K, up to a hybrid of them
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Take the films' vectors from this file; if it is not there yet, encode the films and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// Draw the results as SVG files in this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Judge on the validation items, with training items as histories: for choosing settings
    #[arg(long)]
    valid: bool,
    /// The folder with ml-100k.item and ml-100k.inter
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/ml-100k"))]
    data: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| hybrid(&args, out))
}

pub(crate) fn hybrid(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let films = Films::open(&args.data)?;
    let split = split::leave_one_out(&films.interactions()?);
    let encoder = args.encoder.load()?;
    let vectors = films::vectors(&encoder, &films.catalogue, args.vectors.as_deref())?;
    let (histories, targets) = match args.valid {
        true => (split.train.clone(), &split.valid),
        false => (split.train.merged(&split.valid), &split.test),
    };
    let train = split.train.clone();
    let experiment = Experiment::new("ml-100k", films.catalogue, train, Some(histories), Some(targets));

    let everybody = experiment.users();
    let judge = judge(&experiment, &everybody);
    let parts = Parts::train(experiment.train(), &vectors)?;
    let judged = models(&judge, &parts.all()?, usize::MAX)?;
    writeln!(out, "{} users, the last film of each; text by {}\n", everybody.len(), encoder.name())?;
    let metrics = [
        "hit_rate@10",
        "ndcg@10",
        "coverage_of_catalogue@10",
        "novelty_user@10",
        "diversity_co_occurrence@10",
    ];
    Judge::table(&judged, &metrics, out)?;
    writeln!(
        out,
        "\nCounts tell more than titles, what people have in common tells more than counts, and the hybrid has all of it.\n"
    )?;
    if let Some(folder) = &args.plots {
        judge.draw(&judged, folder)?;
    }
    let ndcg = judged.iter().map(|one| one.report.value("ndcg@10").unwrap_or(f64::NAN));
    let [popularity, text, item_knn, ease, hybrid] = ndcg.collect::<Vec<_>>()[..] else {
        return Err("five models".into());
    };
    claim(text < popularity, "text alone is worse than popularity")?;
    claim(popularity < item_knn && popularity < ease, "what people have in common tells more than counts")?;
    claim(item_knn.max(ease) < hybrid, "the hybrid is better than its parts")?;

    front(&experiment, &parts.hybrid()?, &vectors, args.plots.as_deref(), out)?;
    cold_start(args, &experiment, &split.valid, &vectors, out)
}

fn judge<'a>(experiment: &'a Experiment, users: &'a [Id]) -> Judge<'a> {
    Judge {
        experiment,
        users,
        cutoffs: vec![10],
        candidates: Candidates::All,
        groups: false,
        bootstrap: Bootstrap::new(0),
    }
}

/// The lists of each source, shown the newest `known` events of each history.
fn models<'a>(judge: &Judge<'a>, sources: &[Source], known: usize) -> Result<Vec<Judged<'a>>, Error> {
    let judged = |source: &Source| {
        let items = judge.experiment.catalogue().ids();
        // A source knows how fast it forgets.
        let model = Blend::new(vec![(source.clone(), 1.0)], Normalization::None)?;
        let method = Collaborative::new(Arc::new(model), items, 1.0, known)?;
        judge.method(source.name(), &method, None)
    };
    sources.iter().map(judged).collect()
}

/// The hit rate for users whom the models have never seen, by how much is known of them. Every second user trains the models,
/// the others are judged. The validation items of the first fit a schedule from what everybody likes to what users like these do.
fn cold_start(
    args: &Args,
    experiment: &Experiment,
    held_out: &Interactions,
    vectors: &VectorTable,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let users = experiment.users();
    let is_new = |user: &Id| users.binary_search(user).is_ok_and(|place| place % 2 == 1);
    let old: Interactions = experiment.train().filter(|user, _| !is_new(user));
    let parts = Parts::train(&old, vectors)?;
    let schedule = parts.schedule(&old, held_out, &KNOWN)?;
    let (tau_user, tau_item) = (schedule.tau_user(), schedule.tau_item());
    let mut sources = parts.all()?;
    sources.push(Source::new("schedule", schedule));
    let new: Vec<Id> = users.iter().filter(|user| is_new(user)).cloned().collect();
    let judge = judge(experiment, &new);
    writeln!(
        out,
        "\n{} users whom the models have never seen, hit_rate@10 by the films that are known of them. The schedule, fitted on\n\
         the others: what everybody likes is worth {tau_user} films of a user, and the text of a film {tau_item} of its viewers.\n",
        new.len()
    )?;
    let mut rows: Vec<(String, Vec<Estimate>)> = Vec::new();
    let mut names = Vec::new();
    for known in KNOWN {
        let judged = models(&judge, &sources, known)?;
        names = judged.iter().map(|one| one.name.clone()).collect();
        let hit_rate =
            |one: &Judged<'_>| one.report.get("hit_rate@10").map(|found| found.estimate).unwrap_or_default();
        let label = if known == usize::MAX { "all".to_owned() } else { known.to_string() };
        rows.push((label, judged.iter().map(hit_rate).collect()));
    }
    let header: String = names.iter().map(|name| format!("{name:<24}")).collect();
    writeln!(out, "{:<8}{}", "known", header.trim_end())?;
    for (label, estimates) in &rows {
        let cells: String =
            estimates.iter().map(|estimate| format!("{:<24}", estimate.to_string())).collect();
        writeln!(out, "{label:<8}{}", cells.trim_end())?;
    }
    if let Some(folder) = &args.plots {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let labelled: Vec<(String, &[Estimate])> =
            rows.iter().map(|(label, row)| (format!("newest {label}"), &row[..])).collect();
        plot::grouped_bars(folder.join("cold-start.svg"), "hit_rate@10 of new users", &names, &labelled)?;
    }
    let hybrid = names.iter().position(|name| name == "hybrid").unwrap_or_default();
    let of_hybrid = |row: usize| rows[row].1[hybrid].value.unwrap_or(f64::NAN);
    claim(of_hybrid(0) < of_hybrid(KNOWN.len() - 1), "the hybrid gains from knowing more of a user")
}
