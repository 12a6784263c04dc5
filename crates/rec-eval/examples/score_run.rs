//! You will see what a TREC run is worth by TREC judgements, as JSON: for each metric its mean over the users with something
//! relevant, and with `--users` the value of each of them.
//!
//!     cargo run -p rec-eval --example score_run -- QRELS RUN METRIC... [--users]
//!
//! A user of the judgements whom the run leaves out has an empty list.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use rec_data::{Id, RankedList};
use rec_eval::trec::{RunReader, read_qrels};
use rec_eval::{Evaluator, RankingMetric};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(json) => match writeln!(std::io::stdout(), "{json}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("score_run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Vec<String>) -> Result<Value, Box<dyn Error>> {
    let n_args = args.len();
    args.retain(|arg| arg != "--users");
    let by_user = args.len() < n_args;
    let [qrels, run, metrics @ ..] = args.as_slice() else {
        return Err("score_run QRELS RUN METRIC... [--users]".into());
    };
    let metrics: Vec<RankingMetric> = metrics.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    let relevance = read_qrels(qrels)?;
    let lists: HashMap<Id, RankedList> = RunReader::open(run)?.collect::<Result<_, _>>()?;

    let mut evaluator = Evaluator::new(metrics.iter().copied());
    let empty = RankedList::default();
    for (user, relevant) in relevance.iter() {
        evaluator.push(user, lists.get(user).unwrap_or(&empty), relevant)?;
    }
    let report = evaluator.report(None);
    let means: BTreeMap<&str, Option<f64>> =
        report.metrics.iter().map(|metric| (metric.metric.as_str(), metric.estimate.value)).collect();
    if !by_user {
        return Ok(json!(means));
    }
    let values = |metric: &RankingMetric| {
        let name = metric.to_string();
        let values: BTreeMap<String, f64> = evaluator
            .values(&name)
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_finite())
            .map(|(user, value)| (user.to_string(), value))
            .collect();
        (name.clone(), values)
    };
    Ok(json!({ "means": means, "users": metrics.iter().map(values).collect::<BTreeMap<_, _>>() }))
}
