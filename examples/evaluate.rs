//! How good are the lists? Ranks all items for each user of a split data set, and judges the lists by what came next.
//!
//! You will see every metric with its confidence interval, how many users it counts, and how many lists have tied scores.
//! Every item of the catalogue that the user does not know is ranked; sampled candidates, which flatter, are an option that
//! says so.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example movielens -- --split data/ml-100k-split
//! cargo run --release -p rec-examples --example evaluate -- --data data/ml-100k-split --method popularity --target test
//! ```

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rec_data::{Id, IdMap};
use rec_eval::trec::RunWriter;
use rec_eval::{Bootstrap, Candidates};
use rec_examples::evaluation::{
    Experiment, HistoryReader, Judge, Method, Popularity, Random, Target, TextAverage,
};
use rec_examples::items::ItemTexts;
use rec_examples::{EncoderArgs, Error, run};
use rec_text::{HistoryText, Template};
use serde_json::json;

/// Evaluates a method on a split data set in RecBole's atomic files
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The folder with NAME.item, NAME.train.inter, NAME.valid.inter and perhaps NAME.test.inter
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What to predict; with `test` the histories are train and valid. Without the target's file a run is written, unjudged
    #[arg(long, value_enum, default_value_t = Target::Valid)]
    target: Target,
    /// How to rank: by chance, by popularity, by the average of the history's texts, or by the history as one text
    #[arg(long, value_enum, default_value_t = MethodName::Text)]
    method: MethodName,
    #[command(flatten)]
    encoder: EncoderArgs,
    /// The text of an item; by default its text columns in order
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<Template>,
    /// Take the items' vectors from this file; if it is not there yet, encode the items and write it
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// With `text`, the factor by which an event counts less with each newer one; 1 for none
    #[arg(long, default_value_t = 0.7, value_parser = factor)]
    decay: f64,
    /// With `history-text`, how many of the newest items the model reads
    #[arg(long, default_value_t = 10)]
    last: usize,
    /// The lengths of lists to judge, ascending or not
    #[arg(long, value_delimiter = ',', default_value = "10,100", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    k: Vec<u32>,
    /// Only the users whose ids stand in this file, one a line
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Rank the target among so many sampled items only: repeats published numbers, and flatters
    #[arg(long, value_name = "N")]
    sampled: Option<usize>,
    /// Also by groups: users by the length of their history, items by their popularity
    #[arg(long)]
    groups: bool,
    /// The seed of intervals, samples and the random method
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also judge this TREC run, and test whether the method differs from it; may be given several times
    #[arg(long, value_name = "RUN.trec")]
    against: Vec<PathBuf>,
    /// Draw the metrics, and coverage against accuracy, as SVG files in this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Write the lists as a TREC run
    #[arg(long, value_name = "OUT.trec")]
    run: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "OUT.json")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    Random,
    Popularity,
    Text,
    HistoryText,
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| evaluate(&args, out))
}

pub(crate) fn evaluate(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let experiment = Experiment::open(&args.data, args.target)?;
    let users = users(args, &experiment, out)?;
    if experiment.relevance().is_none() && args.run.is_none() {
        let (name, target) = (experiment.name(), args.target);
        return Err(format!("no {name}.{target}.inter to judge by, and no --run to write").into());
    }
    writeln!(
        out,
        "{}: {} items, {} users of {}, target {}, {}",
        experiment.name(),
        experiment.catalogue().len(),
        users.len(),
        experiment.histories().len(),
        args.target,
        match args.sampled {
            None => "full ranking".to_owned(),
            Some(n) => format!("{n} SAMPLED candidates: not comparable with a full ranking"),
        }
    )?;
    out.flush()?;
    let (method, described) = method(args, &experiment)?;
    let judge = Judge {
        experiment: &experiment,
        users: &users,
        cutoffs: args.k.iter().map(|&k| k as usize).collect(),
        candidates: match args.sampled {
            Some(n) => Candidates::Sampled { n, seed: args.seed },
            None => Candidates::All,
        },
        groups: args.groups,
        bootstrap: Bootstrap::new(args.seed),
    };
    let name = described.split_whitespace().next().unwrap_or("run");
    let mut run = args.run.as_ref().map(|path| RunWriter::create(path, name)).transpose()?;
    let ours = judge.method(name, &*method, run.as_mut())?;
    if let Some(run) = run {
        run.finish()?;
    }
    if experiment.relevance().is_none() {
        writeln!(out, "{described}: a run without metrics, because there is no target to judge by")?;
        return Ok(());
    }
    let report = &ours.report;
    writeln!(out, "{described}\n\n{report}")?;
    if experiment.n_unreachable() > 0 {
        writeln!(
            out,
            "{} targets are not in the catalogue: no method can find them",
            experiment.n_unreachable()
        )?;
    }
    if let Some(path) = &args.json {
        let protocol = json!({
            "data": experiment.name(), "target": args.target.to_string(), "n_items": experiment.catalogue().len(),
            "method": described, "sampled_candidates": args.sampled, "seed": args.seed,
        });
        let json = serde_json::to_string_pretty(&json!({ "protocol": protocol, "report": report }))?;
        write_whole(path, &json)?;
    }
    let mut judged = vec![ours];
    for path in &args.against {
        judged.push(judge.run(path)?);
    }
    if judged.len() > 1 {
        judge.compare(&judged, out)?;
    }
    if let Some(folder) = &args.plots {
        judge.draw(&judged, folder)?;
    }
    Ok(())
}

/// The users to rank for, with a word on those that `--users` names in vain.
fn users(args: &Args, experiment: &Experiment, out: &mut dyn Write) -> Result<Vec<Id>, Error> {
    let users = experiment.users();
    let Some(path) = &args.users else {
        return Ok(users);
    };
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
    let wanted: HashSet<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let kept: Vec<Id> = users.into_iter().filter(|user| wanted.contains(user.as_str())).collect();
    if kept.is_empty() {
        return Err(format!("{}: none of its {} users has a target", path.display(), wanted.len()).into());
    }
    if kept.len() < wanted.len() {
        writeln!(out, "{} users of {} have no target", wanted.len() - kept.len(), path.display())?;
    }
    Ok(kept)
}

/// The method, and what to call it.
fn method<'a>(args: &Args, experiment: &'a Experiment) -> Result<(Box<dyn Method + 'a>, String), Error> {
    let items: &IdMap = experiment.catalogue().ids();
    Ok(match args.method {
        MethodName::Random => (Box::new(Random::new(items, args.seed)), "random".to_owned()),
        MethodName::Popularity => {
            (Box::new(Popularity::new(items, experiment.train())?), "popularity".to_owned())
        }
        MethodName::Text | MethodName::HistoryText => {
            let encoder = args.encoder.load()?;
            let texts = ItemTexts::new(experiment.catalogue(), args.template.clone())?;
            let vectors = texts.vectors(&encoder, args.vectors.as_deref())?;
            let by = format!("by {}, template \"{}\"", encoder.name(), texts.template());
            match args.method {
                MethodName::Text => (
                    Box::new(TextAverage::new(vectors, args.decay)?),
                    format!("text {by}, decay {} a step", args.decay),
                ),
                _ => {
                    let prompt = encoder.prompt("query").unwrap_or_default();
                    let history =
                        HistoryText::new(texts.template().clone()).with_prompt(prompt).last_n(args.last);
                    let texts: HashMap<Id, String> = texts.into_iter().collect();
                    (
                        Box::new(HistoryReader::new(vectors, encoder, history, texts)?),
                        format!("history-text {by}, the newest {} items", args.last),
                    )
                }
            }
        }
    })
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if factor > 0.0 && factor <= 1.0 => Ok(factor),
        _ => Err("a number above 0 and at most 1".to_owned()),
    }
}

/// Writes a file so that it is there as a whole or not at all.
fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |e: std::io::Error| format!("{}: cannot be written: {e}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}
