//! Ranking metrics of random lists against trec_eval, ranx and scikit-learn, user by user.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use rec_data::{Hit, RankedList};
use rec_eval::{JudgedList, RankingMetric, Relevant, Ties};
use serde_json::Value;

/// Sums of some ten terms in another order.
const TOLERANCE: f64 = 1e-12;

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/ranking/ranking.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn ranked(scores: impl Iterator<Item = (String, f32)>) -> RankedList {
    RankedList::new(scores.map(|(id, score)| Hit { id: id.into(), score })).unwrap()
}

fn numbers(array: &Value) -> impl Iterator<Item = f64> {
    array.as_array().unwrap().iter().map(|number| number.as_f64().unwrap())
}

#[test]
fn lists_without_ties() {
    let lists = &fixture()["lists"];
    let (judged, order) = (lists["judged"].as_array().unwrap(), lists["ranked"].as_array().unwrap());
    let users: Vec<JudgedList> = judged
        .iter()
        .zip(order)
        .map(|(gains, items)| {
            let gains = gains.as_object().unwrap();
            let gains = gains.iter().map(|(item, gain)| (item.as_str(), gain.as_f64().unwrap()));
            let items = items.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned());
            let list = ranked(items.zip((0u16..).map(|rank| -f32::from(rank))));
            JudgedList::new(&list, &Relevant::with_gains(gains).unwrap(), Ties::ById)
        })
        .collect();
    assert_eq!(users.len(), 30);
    for library in ["trec_eval", "ranx"] {
        for (name, expected) in lists[library].as_object().unwrap() {
            let metric: RankingMetric = name.parse().unwrap();
            let pairs = users.iter().map(|list| metric.value(list).unwrap()).zip(numbers(expected));
            let worst = pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max);
            println!("{library} {name}: largest difference {worst:.1e}");
            assert!(worst < TOLERANCE, "{library} {name}");
        }
    }
}

#[test]
fn expected_values_of_ties() {
    let fixture = fixture();
    let mut worst: f64 = 0.0;
    for case in fixture["ties"].as_array().unwrap() {
        let scores = (0..).zip(numbers(&case["scores"]));
        let list = ranked(scores.map(|(item, score): (u32, f64)| (item.to_string(), score as f32)));
        let gains =
            (0..).zip(numbers(&case["gains"])).map(|(item, gain): (u32, f64)| (item.to_string(), gain));
        let judged = JudgedList::new(&list, &Relevant::with_gains(gains).unwrap(), Ties::Expected);
        for (name, expected) in case["scikit-learn"].as_object().unwrap() {
            let found = name.parse::<RankingMetric>().unwrap().value(&judged).unwrap();
            worst = worst.max((found - expected.as_f64().unwrap()).abs());
        }
    }
    println!("scikit-learn: largest difference {worst:.1e}");
    assert!(worst < TOLERANCE);
}
