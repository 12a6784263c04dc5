//! `evaluate` with every method on a toy data set, printing into memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Parser;
use tempfile::TempDir;

#[path = "../evaluate.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod evaluate;

/// Users of two tastes, five items each, and an item that only the catalogue knows.
fn toy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let words = ["space war", "space station", "space opera", "space ship", "space alien"];
    let others = ["court love", "love letter", "love story", "true love", "love song"];
    let mut items = "item_id:token\ttitle:token_seq\n".to_owned();
    for (id, title) in words.iter().chain(&others).chain(&["space and love"]).enumerate() {
        writeln!(items, "{id}\t{title}").unwrap();
    }
    let header = "user_id:token\titem_id:token\ttimestamp:float\n";
    let (mut train, mut valid, mut test) = (header.to_owned(), header.to_owned(), header.to_owned());
    for user in 0..20 {
        let item = |place: usize| 5 * (user % 2) + (user / 2 + place) % 5;
        for place in 0..3 {
            writeln!(train, "{user}\t{}\t{place}", item(place)).unwrap();
        }
        writeln!(valid, "{user}\t{}\t3", item(3)).unwrap();
        writeln!(test, "{user}\t{}\t4", item(4)).unwrap();
    }
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("toy.item", &items);
    write("toy.train.inter", &train);
    write("toy.valid.inter", &valid);
    write("toy.test.inter", &test);
    folder
}

fn evaluate(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let data = folder.to_str().unwrap();
    let arguments = [&["evaluate", "--data", data, "--k", "2"], arguments].concat();
    let mut out = Vec::new();
    let args = evaluate::Args::try_parse_from(arguments).map_err(|error| error.to_string())?;
    evaluate::evaluate(&args, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

fn value(report: &Path, metric: &str) -> f64 {
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let metrics = report["report"]["metrics"].as_array().unwrap();
    metrics.iter().find(|one| one["metric"] == metric).unwrap()["value"].as_f64().unwrap()
}

const MODELS: [&str; 11] = [
    "popularity",
    "item-knn",
    "user-knn",
    "ease",
    "ease-text",
    "slim",
    "slit",
    "als",
    "bpr",
    "transitions",
    "session-knn",
];

#[test]
fn every_method_ranks_for_either_target() {
    let folder = toy();
    for method in MODELS.iter().chain(&["random", "bm25", "text", "history-text", "hybrid"]) {
        for target in ["valid", "test"] {
            let (run, json) = (folder.path().join("run.trec"), folder.path().join("report.json"));
            let files = ["--run", run.to_str().unwrap(), "--json", json.to_str().unwrap()];
            let arguments = [&["--method", method, "--target", target, "--l1", "0.01"][..], &files].concat();
            let out = evaluate(folder.path(), &arguments).unwrap();
            assert!(out.contains(&format!("\n{method}")), "{out}");
            // Two items of the user's taste are left for valid, one for test; chance and popularity do not know which.
            let recall = value(&json, "recall@2");
            assert!(
                ["random", "popularity", "bpr"].contains(method) || recall >= 0.9,
                "{method} {target}: {recall}"
            );
            assert!(!fs::read_to_string(&run).unwrap().is_empty());
        }
    }
}

#[test]
fn saved_models_rank_as_they_did() {
    let folder = toy();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for method in MODELS.iter().chain(&["hybrid"]) {
        // The parts of the hybrid are files in a folder.
        let model = if *method == "hybrid" { "parts" } else { "a.model" };
        let (model, first, second) = (path(model), path("first.trec"), path("second.trec"));
        evaluate(folder.path(), &["--method", method, "--save-model", &model, "--run", &first]).unwrap();
        evaluate(folder.path(), &["--method", method, "--load-model", &model, "--run", &second]).unwrap();
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap(), "{method}");
    }
    let error = evaluate(folder.path(), &["--method", "ease", "--load-model", &path("a.model")]).unwrap_err();
    assert!(error.contains("a.model"), "{error}");
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_figures() {
    let error = evaluate(toy().path(), &["--method", "ease", "--memory-limit", "0.000001"]).unwrap_err();
    assert!(
        error.contains("EASE would need 0.") && error.contains("limit is 0.0 MB; --memory-limit GB"),
        "{error}"
    );
}

#[test]
fn held_out_items_are_found_by_their_words_only() {
    let folder = toy();
    let json = folder.path().join("report.json");
    let held = ["--held-out-items", "0.3", "--seed", "3", "--k", "5", "--json", json.to_str().unwrap()];
    let out = evaluate(folder.path(), &[&["--method", "bm25"][..], &held].concat()).unwrap();
    assert!(out.contains("to be found are 30% of the items that nobody has met"), "{out}");
    assert!(value(&json, "recall@5") > 0.9);
    evaluate(folder.path(), &[&["--method", "ease"][..], &held].concat()).unwrap();
    assert_eq!(value(&json, "recall@5"), 0.0);
}
