//! How good are the lists? Ranks all items for each user of a split data set, and judges the lists by what came next.
//!
//! You will see every metric with its confidence interval, how many users it counts, and how many lists have tied scores.
//! Every item of the catalogue that the user does not know is ranked; sampled candidates, which flatter, are an option that
//! says so.
//!
//! ```text
//! scripts/fetch ml-100k && cargo run --release -p rec-examples --example movielens -- --split data/ml-100k-split
//! cargo run --release -p rec-examples --example evaluate -- --data data/ml-100k-split --method ease --target test
//! cargo run --release -p rec-examples --example evaluate -- --data data/ml-100k-split --method bm25 --held-out-items 0.05
//! ```

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::{Parser, ValueEnum};
use rec_cf::Recommender;
use rec_data::{Id, IdMap};
use rec_encoder::TextEncoder;
use rec_eval::trec::RunWriter;
use rec_eval::{Bootstrap, Candidates};
use rec_examples::evaluation::{
    Collaborative, Experiment, HistoryReader, Judge, Learned, Method, Model, ModelArgs, Random, Target,
    TextAverage,
};
use rec_examples::items::ItemTexts;
use rec_examples::{EncoderArgs, Error, run};
use rec_hybrid::Lexical;
use rec_text::{Analyzer, Bm25, HistoryText, Language, Template};
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
    /// How to rank: by chance, by the average of the history's texts, by the history as one text, by the words that texts
    /// share, by what other users did, or by all of it
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
    /// With `trained`, and with `hybrid` and `texts` if given: the folder that the example `sequence` wrote
    #[arg(long, value_name = "DIR")]
    trained: Option<PathBuf>,
    /// With `hybrid` or `texts` and `--trained`: the weight of the trained model, 15 beside `ease-text` and 1 beside `bilinear` unless set
    #[arg(long, value_name = "WEIGHT", value_parser = from_zero(f64::MAX))]
    trained_weight: Option<f64>,
    #[command(flatten)]
    models: ModelArgs,
    /// With `bm25`, `texts` and `hybrid`: how soon the repetition of a word saturates
    #[arg(long, default_value_t = 1.2, value_parser = from_zero(f64::MAX))]
    k1: f64,
    /// With `bm25`, `texts` and `hybrid`: how far the length of a text counts, from 0 to 1
    #[arg(long, default_value_t = 0.75, value_parser = from_zero(1.0))]
    b: f64,
    /// The lengths of lists to judge, ascending or not
    #[arg(long, value_delimiter = ',', default_value = "10,100", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    k: Vec<u32>,
    /// Only the users whose ids stand in this file, one a line
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Make this share of the items new: nobody is known to have met them, and they alone are to be found, among all items
    #[arg(long, value_name = "SHARE", value_parser = from_zero(1.0))]
    held_out_items: Option<f64>,
    /// Rank the target among so many sampled items only: repeats published numbers, and flatters
    #[arg(long, value_name = "N")]
    sampled: Option<usize>,
    /// Also by groups: users by the length of their history, items by their popularity
    #[arg(long)]
    groups: bool,
    /// The seed of intervals, samples, held-out items, the random method and those that are trained from random numbers
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MethodName {
    Random,
    Text,
    HistoryText,
    Bm25,
    Model(Model),
    Texts,
    Hybrid,
    Trained,
}

const METHODS: [MethodName; 19] = [
    MethodName::Random,
    MethodName::Model(Model::Popularity),
    MethodName::Text,
    MethodName::HistoryText,
    MethodName::Bm25,
    MethodName::Model(Model::ItemKnn),
    MethodName::Model(Model::UserKnn),
    MethodName::Model(Model::Ease),
    MethodName::Model(Model::EaseText),
    MethodName::Model(Model::Slim),
    MethodName::Model(Model::Slit),
    MethodName::Model(Model::Als),
    MethodName::Model(Model::Bpr),
    MethodName::Model(Model::Transitions),
    MethodName::Model(Model::SessionKnn),
    MethodName::Model(Model::Bilinear),
    MethodName::Texts,
    MethodName::Hybrid,
    MethodName::Trained,
];

impl ValueEnum for MethodName {
    fn value_variants<'a>() -> &'a [Self] {
        &METHODS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            MethodName::Random => PossibleValue::new("random").help("By chance"),
            MethodName::Text => PossibleValue::new("text").help("The average of the history's texts"),
            MethodName::HistoryText => PossibleValue::new("history-text").help("The history as one text"),
            MethodName::Bm25 => PossibleValue::new("bm25").help("The words that texts share"),
            MethodName::Model(model) => return model.to_possible_value(),
            MethodName::Texts => PossibleValue::new("texts").help("`bilinear` and `bm25` together"),
            MethodName::Hybrid => {
                PossibleValue::new("hybrid").help("`ease-text`, `slit` and `bm25` together")
            }
            MethodName::Trained => PossibleValue::new("trained").help("A learned model of users"),
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    run(|out| evaluate(&args, out))
}

pub(crate) fn evaluate(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let experiment = Experiment::open(&args.data, args.target)?;
    let experiment = match args.held_out_items {
        Some(share) => experiment.with_held_out_items(share, args.seed)?,
        None => experiment,
    };
    let users = users(args, &experiment, out)?;
    if experiment.relevance().is_none() && args.run.is_none() {
        let (name, target) = (experiment.name(), args.target);
        return Err(format!("no {name}.{target}.inter to judge by, and no --run to write").into());
    }
    writeln!(
        out,
        "{}: {} items, {} users of {}, target {}, {}{}",
        experiment.name(),
        experiment.catalogue().len(),
        users.len(),
        experiment.histories().len(),
        args.target,
        match args.sampled {
            None => "full ranking".to_owned(),
            Some(n) => format!("{n} SAMPLED candidates: not comparable with a full ranking"),
        },
        match args.held_out_items {
            None => String::new(),
            Some(share) => format!(", to be found are {}% of the items that nobody has met", share * 100.0),
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
            "method": described, "sampled_candidates": args.sampled, "held_out_items": args.held_out_items,
            "seed": args.seed,
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
    let (catalogue, last) = (experiment.catalogue(), args.models.last_n());
    let texts = || ItemTexts::new(catalogue, args.template.clone());
    let vectors = || texts()?.vectors(&args.encoder.load()?, args.vectors.as_deref());
    let decay = args.models.decay_of_texts();
    Ok(match args.method {
        MethodName::Random => (Box::new(Random::new(catalogue.ids(), args.seed)), "random".to_owned()),
        MethodName::Text => {
            let (encoder, texts) = (args.encoder.load()?, texts()?);
            let vectors = texts.vectors(&encoder, args.vectors.as_deref())?;
            let described = format!("text {}, decay {decay} a step", made_by(&encoder, &texts));
            (Box::new(TextAverage::new(vectors, decay, last)?), described)
        }
        MethodName::HistoryText => {
            let (encoder, texts) = (args.encoder.load()?, texts()?);
            let vectors = texts.vectors(&encoder, args.vectors.as_deref())?;
            let last = args.models.last.unwrap_or(10);
            let described = format!("history-text {}, the newest {last} items", made_by(&encoder, &texts));
            let prompt = encoder.prompt("query").unwrap_or_default();
            let history = HistoryText::new(texts.template().clone()).with_prompt(prompt).last_n(last);
            let texts: HashMap<Id, String> = texts.into_iter().collect();
            (Box::new(HistoryReader::new(vectors, encoder, history, texts)?), described)
        }
        MethodName::Bm25 => {
            let (texts, bm25) = (texts()?, Bm25::new(args.k1, args.b));
            let described = format!(
                "bm25 template \"{}\", k1 {}, b {}, decay {decay} a step",
                texts.template(),
                args.k1,
                args.b
            );
            let lexical = lexical(texts, bm25)?;
            (Box::new(Collaborative::new(Arc::new(lexical), catalogue.ids(), decay, last)?), described)
        }
        MethodName::Model(model) => {
            let name =
                model.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            let decay = args.models.decay_for(model);
            let (trained, described) = args.models.model(model, experiment, vectors, args.seed)?;
            let described = format!("{name} {described}, decay {decay} a step");
            (Box::new(Collaborative::new(trained, catalogue.ids(), decay, last)?), described)
        }
        MethodName::Texts => {
            let words = Arc::new(lexical(texts()?, Bm25::new(args.k1, args.b))?);
            let learned = learned_if_given(args, words.items(), 1.0)?;
            let (trained, described) = args.models.texts(experiment, words, learned, vectors, args.seed)?;
            let described = format!("texts {described}");
            (Box::new(Collaborative::new(trained, catalogue.ids(), 1.0, last)?), described)
        }
        MethodName::Hybrid => {
            let words = Arc::new(lexical(texts()?, Bm25::new(args.k1, args.b))?);
            let learned = learned_if_given(args, words.items(), 15.0)?;
            let (trained, described) = args.models.hybrid(experiment, words, learned, vectors, args.seed)?;
            let described = format!("hybrid {described}");
            (Box::new(Collaborative::new(trained, catalogue.ids(), 1.0, last)?), described)
        }
        MethodName::Trained => {
            let folder = args.trained.as_ref().ok_or("`trained` needs --trained DIR")?;
            let mut ids: Vec<Id> = catalogue.ids().iter().cloned().collect();
            ids.sort_unstable();
            let model = learned(args, folder, &IdMap::try_from_ids(ids)?)?;
            let described = format!("trained {}", folder.display());
            (Box::new(Collaborative::new(model, catalogue.ids(), 1.0, last)?), described)
        }
    })
}

/// A model and its weight beside others.
type Weighted = (Arc<dyn Recommender>, f64);

/// The model of `--trained`.
fn learned_if_given(args: &Args, items: &IdMap, weight: f64) -> Result<Option<Weighted>, Error> {
    let Some(folder) = &args.trained else { return Ok(None) };
    Ok(Some((learned(args, folder, items)?, args.trained_weight.unwrap_or(weight))))
}

fn learned(args: &Args, folder: &Path, items: &IdMap) -> Result<Arc<dyn Recommender>, Error> {
    Ok(Arc::new(Learned::load(folder, items.clone(), &args.encoder.device()?)?))
}

/// The words of the texts, by which items find items: what can be done with text without understanding it.
fn lexical(texts: ItemTexts, bm25: Bm25) -> Result<Lexical, Error> {
    let analyzer = Analyzer::new(Language::ENGLISH);
    let mut texts: Vec<(Id, String)> = texts.into_iter().collect();
    texts.sort_unstable();
    Ok(Lexical::new(texts.into_iter().map(|(id, text)| (id, analyzer.terms(&text))), bm25)?)
}

fn made_by(encoder: &TextEncoder, texts: &ItemTexts) -> String {
    format!("by {}, template \"{}\"", encoder.name(), texts.template())
}

fn from_zero(to: f64) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if (0.0..=to).contains(&number) => Ok(number),
        _ if to < f64::MAX => Err(format!("a number from 0 to {to}")),
        _ => Err("a number from 0".to_owned()),
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
