//! Fusions, logistic regression and boosted trees against ranx and scikit-learn: `fixtures/hybrid`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "the measured errors are shown")]

use std::collections::BTreeMap;

use rec_data::{Hit, RankedList};
use rec_hybrid::{BoostingConfig, Combination, LogisticConfig, Normalization, fuse};
use serde_json::Value;

fn fixture(part: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/hybrid/hybrid.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[part].clone()
}

/// By query, the scores of items.
type Run = BTreeMap<String, BTreeMap<String, f64>>;

fn list(scores: &BTreeMap<String, f64>) -> RankedList {
    let hits = scores.iter().map(|(id, &score)| Hit { id: id.as_str().into(), score: score as f32 });
    RankedList::new(hits).unwrap()
}

#[test]
fn fusions_are_those_of_ranx() {
    let fixture = fixture("fusion");
    let systems: Vec<Run> = serde_json::from_value(fixture["systems"].clone()).unwrap();
    let fused: BTreeMap<String, Run> = serde_json::from_value(fixture["fused"].clone()).unwrap();
    let (mut worst, mut n): (f64, usize) = (0.0, 0);
    for (name, queries) in &fused {
        let (normalization, combination) = name.split_once(", ").unwrap();
        let normalization = match normalization {
            "min_max" => Normalization::MinMax,
            "z_score" => Normalization::ZScore,
            "rank" => Normalization::Rank,
            "reciprocal_rank" => Normalization::ReciprocalRank { k: 60.0 },
            other => panic!("no normalisation {other}"),
        };
        let combination = match combination {
            "sum" => Combination::Sum,
            "multiplied_sum" => Combination::MultipliedSum,
            other => panic!("no combination {other}"),
        };
        for (query, expected) in queries {
            let lists: Vec<RankedList> = systems.iter().map(|system| list(&system[query])).collect();
            let found = fuse(&lists, normalization, combination).unwrap();
            assert_eq!(found.len(), expected.len(), "{name}, {query}");
            for hit in &found {
                let error = (f64::from(hit.score) - expected[hit.id.as_str()]).abs();
                assert!(error < 1e-5, "{name}, {query}, `{}`: {}", hit.id, hit.score);
                (worst, n) = (worst.max(error), n + 1);
            }
        }
    }
    println!("{n} fused scores, largest error {worst:.1e}");
}

#[test]
fn coefficients_are_those_of_scikit_learn() {
    let fixture = fixture("logistic");
    let features: Vec<Vec<f64>> = serde_json::from_value(fixture["features"].clone()).unwrap();
    let labels: Vec<bool> = serde_json::from_value(fixture["labels"].clone()).unwrap();
    let mut worst: f64 = 0.0;
    for expected in fixture["models"].as_array().unwrap() {
        let config = LogisticConfig::new().with_c(expected["c"].as_f64().unwrap());
        let model = config.fit(&features.concat(), &labels).unwrap();
        let coefficients: Vec<f64> = serde_json::from_value(expected["coefficients"].clone()).unwrap();
        let pairs = model.coefficients().iter().zip(&coefficients);
        let intercepts = (model.intercept(), expected["intercept"].as_f64().unwrap());
        for (found, expected) in pairs.map(|(a, b)| (*a, *b)).chain([intercepts]) {
            let error = (found - expected).abs();
            assert!(error < 1e-6, "{found}, expected {expected}");
            worst = worst.max(error);
        }
    }
    println!("largest error of a coefficient: {worst:.1e}");
}

#[test]
fn trees_are_as_good_as_those_of_scikit_learn() {
    let fixture = fixture("trees");
    let features: Vec<Vec<f64>> = serde_json::from_value(fixture["features"].clone()).unwrap();
    let labels: Vec<bool> = serde_json::from_value(fixture["labels"].clone()).unwrap();
    let n = fixture["n_train"].as_u64().unwrap() as usize;
    let config = BoostingConfig::new().with_trees(60).with_leaves(15);
    let model = config.fit(&features[..n].concat(), &labels[..n]).unwrap();
    assert_eq!(format!("{model:?}"), "BoostedTrees { n_trees: 60, n_features: 5 }");
    let logits = model.logits(&features[n..].concat(), features.len() - n);
    let loss =
        |(logit, &label): (&f64, &bool)| if label { (-logit).exp().ln_1p() } else { logit.exp().ln_1p() };
    let loss = logits.iter().zip(&labels[n..]).map(loss).sum::<f64>() / logits.len() as f64;
    let expected = fixture["log_loss"].as_f64().unwrap();
    println!("log loss {loss:.4}, scikit-learn's {expected:.4}");
    assert!(loss < expected + 0.01);
    let again = config.fit(&features[..n].concat(), &labels[..n]).unwrap();
    assert_eq!(again.logits(&features[n..].concat(), features.len() - n), logits);
    assert_eq!(model.logit(&features[n]), logits[0]);
}
