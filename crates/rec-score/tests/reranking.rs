//! MMR against its definition, and reasons.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use proptest::prelude::*;
use rec_core::{Fingerprint, VectorTable};
use rec_data::{Hit, Id, RankedList};
use rec_score::{mmr, reasons};

const D: usize = 3;

fn table(vectors: &[[f32; D]]) -> VectorTable {
    let rows = vectors.iter().enumerate().map(|(i, x)| (i.to_string(), x));
    VectorTable::from_rows(Fingerprint::declared("tests"), rows).unwrap()
}

fn list(scores: &[f32]) -> RankedList {
    let hits = scores.iter().enumerate().map(|(i, &score)| Hit { id: i.to_string().into(), score });
    RankedList::new(hits).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let norms = dot(a, a).sqrt() * dot(b, b).sqrt();
    if norms == 0.0 { 0.0 } else { dot(a, b) / norms }
}

proptest! {
    #[test]
    fn every_pick_maximises_the_marginal_relevance(
        rows in prop::collection::vec((prop::array::uniform((-3i8..=3).prop_map(f32::from)), -1.0f32..1.0), 1..15),
        lambda in 0.0f32..=1.0,
        k in 0usize..20,
    ) {
        let (vectors, scores): (Vec<[f32; D]>, Vec<f32>) = rows.into_iter().unzip();
        let (table, candidates) = (table(&vectors), list(&scores));
        let picked = mmr(&candidates, &table, lambda, k).unwrap();
        prop_assert_eq!(picked.len(), k.min(scores.len()));
        let row = |id: &Id| id.parse::<usize>().unwrap();
        for (at, hit) in picked.iter().enumerate() {
            prop_assert_eq!(hit.score.to_bits(), (scores[row(&hit.id)] + 0.0).to_bits());
            prop_assert!(picked[..at].iter().all(|other| other.id != hit.id));
            let value = |id: &Id| {
                let similar = picked[..at].iter().map(|s| cosine(&vectors[row(id)], &vectors[row(&s.id)]));
                let nearest = similar.fold(None, |max: Option<f32>, c| Some(max.map_or(c, |m| m.max(c))));
                lambda * scores[row(id)] - (1.0 - lambda) * nearest.unwrap_or(0.0)
            };
            let greatest = candidates
                .iter()
                .filter(|c| picked[..at].iter().all(|p| p.id != c.id))
                .map(|c| value(&c.id))
                .fold(f32::NEG_INFINITY, f32::max);
            prop_assert!(value(&hit.id) >= greatest - 1e-5, "pick {at} of {:?}", picked);
        }
    }

    #[test]
    fn lambda_one_keeps_the_list(scores in prop::collection::vec(-5.0f32..5.0, 0..20)) {
        let vectors = vec![[1.0, 0.0, 0.0]; scores.len().max(1)];
        let candidates = list(&scores);
        prop_assert_eq!(mmr(&candidates, &table(&vectors), 1.0, 100).unwrap(), candidates.hits());
    }
}

#[test]
fn ties_go_to_the_better_rank() {
    let candidates = list(&[0.5, 0.5, 0.5]);
    let hits =
        mmr(&candidates, &table(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), 0.5, 3).unwrap();
    assert!(hits.iter().map(|hit| &hit.id).eq(["0", "1", "2"]));
}

#[test]
fn mmr_refuses_what_it_cannot_rank() {
    let table = table(&[[1.0, 0.0, 0.0]]);
    for lambda in [-0.1, 1.5, f32::NAN] {
        assert!(mmr(&list(&[0.5]), &table, lambda, 1).unwrap_err().to_string().starts_with("lambda = "));
    }
    let error = mmr(&list(&[0.5, 0.4]), &table, 0.5, 1).unwrap_err();
    assert!(error.is_unknown_item());
    assert_eq!(error.to_string(), "no vector of item `1`");
    assert!(mmr(&list(&[f32::INFINITY]), &table, 0.0, 1).unwrap_err().is_not_finite());
}

#[test]
fn reasons_are_distinct_known_and_other_items() {
    let table = table(&[[1.0, 0.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]]);
    let history = ["1", "0", "unknown", "3", "2", "1"].map(Id::from);
    let because = reasons(&"0".into(), &history, &table, 9).unwrap();
    assert!(because.iter().map(|hit| &hit.id).eq(["1", "2", "3"]));
    assert!((because[0].score - 0.5f32.sqrt()).abs() < 1e-6);
    assert_eq!((because[1].score, because[2].score), (0.0, 0.0));
    assert_eq!(reasons(&"0".into(), &history, &table, 1).unwrap().len(), 1);
    assert!(reasons(&"0".into(), [], &table, 1).unwrap().is_empty());
    assert!(reasons(&"unknown".into(), &history, &table, 1).unwrap_err().is_unknown_item());
}
