//! Known numbers on MovieLens 100K, which `scripts/fetch ml-100k` brings.
//!
//! Leave one out: of each user the latest interaction is the test, and the one before is left out of training and of the
//! candidates; ties of times are in the order of the file. All other items are ranked, seen ones left out, ties by id. The
//! numbers are those of dense NumPy 2.4 in `f64`: products, `lexsort` for neighbours, `linalg.inv` for EASE.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "the figures are shown")]

use std::path::PathBuf;

use rec_cf::{
    Aggregation, EaseConfig, InteractionMatrix, KnnConfig, PopularityConfig, Progress, Recommender, UserKnn,
};
use rec_data::split::{Split, leave_one_out};
use rec_data::{Hit, InteractionFields, RankedList, atomic};
use rec_eval::{Evaluator, Relevance};

/// The data set, in `REC_DATA` or in the folder `data` of the repository. Without it there is nothing to test, which CI, where
/// it is fetched, does not accept.
fn movielens() -> Option<(Split, InteractionMatrix)> {
    let folder = std::env::var_os("REC_DATA").map_or_else(|| PathBuf::from("../../data"), PathBuf::from);
    let path = folder.join("ml-100k/ml-100k.inter");
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "no {}; `scripts/fetch ml-100k` brings it", path.display());
        return None;
    }
    let log = atomic::read_interactions(path, &InteractionFields::default()).unwrap();
    let split = leave_one_out(&log);
    let matrix = InteractionMatrix::with_items(&split.train, log.items(), Aggregation::Binary).unwrap();
    assert_eq!((matrix.users().len(), matrix.items().len(), matrix.n_values()), (943, 1682, 98_114));
    Some((split, matrix))
}

/// Hit rate and nDCG at 10 of scores by user row.
fn judge(
    split: &Split,
    matrix: &InteractionMatrix,
    scores: impl Fn(usize, &[(usize, f32)], &mut [f32]) + Sync,
) -> [f64; 2] {
    let relevance = Relevance::binary(&split.test);
    let names = ["hit_rate@10", "ndcg@10"];
    let mut evaluator = Evaluator::new(names.map(|name| name.parse().unwrap()));
    let list = |user: &rec_data::Id| {
        let row = matrix.users().row(user).unwrap();
        let history: Vec<(usize, f32)> = matrix.row(row).collect();
        let mut out = vec![0.0; matrix.items().len()];
        scores(row, &history, &mut out);
        let valid = split.valid.get(user).unwrap();
        let wanted = |id: &rec_data::Id| {
            let item = matrix.items().row(id).unwrap();
            matrix.value(row, item) == 0.0 && valid.items().all(|other| other != id)
        };
        let hits = matrix.items().iter().zip(out).filter(|(id, _)| wanted(id));
        RankedList::new(hits.map(|(id, score)| Hit { id: id.clone(), score }))
    };
    evaluator.push_all(&relevance, list).unwrap();
    let report = evaluator.report(None);
    names.map(|name| report.value(name).unwrap())
}

#[track_caller]
fn assert_near(what: &str, found: [f64; 2], expected: [f64; 2]) {
    println!("{what}: HR@10 {:.6}, nDCG@10 {:.6}", found[0], found[1]);
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{what}: {found}, expected {expected}");
    }
}

#[test]
fn popularity() {
    let Some((split, matrix)) = movielens() else { return };
    let model = PopularityConfig::new().fit(&matrix, Progress::ignore).unwrap();
    let found = judge(&split, &matrix, |_, history, out| model.scores(history, out));
    assert_near("popularity", found, [0.085_896, 0.044_885]);
}

#[test]
fn item_knn() {
    let Some((split, matrix)) = movielens() else { return };
    let model = KnnConfig::new(100).fit_items(&matrix, Progress::ignore).unwrap();
    let found = judge(&split, &matrix, |_, history, out| model.scores(history, out));
    assert_near("item kNN", found, [0.112_407, 0.061_875]);
}

#[test]
fn user_knn() {
    let Some((split, matrix)) = movielens() else { return };
    let model: UserKnn = KnnConfig::new(100).fit_users(&matrix, Progress::ignore).unwrap();
    let found = judge(&split, &matrix, |user, _, out| model.scores_of_user(user, out));
    assert_near("user kNN", found, [0.111_347, 0.059_307]);
}

#[test]
fn ease() {
    let Some((split, matrix)) = movielens() else { return };
    for (lambda, expected) in
        [(100.0, [0.137_858, 0.069_998]), (250.0, [0.134_677, 0.069_830]), (500.0, [0.137_858, 0.070_523])]
    {
        let model = EaseConfig::new(lambda).fit(&matrix, Progress::ignore).unwrap();
        let found = judge(&split, &matrix, |_, history, out| model.scores(history, out));
        assert_near(&format!("EASE, lambda = {lambda}"), found, expected);
        if lambda == 250.0 {
            assert_eq!(matrix.items().row("1"), Some(0));
            for (i, j, expected) in [(0, 1, 0.003_503_555), (1, 0, 0.004_449_075), (49, 0, 0.062_635_816)] {
                assert!((f64::from(model.weight(i, j)) - expected).abs() < 1e-8, "B[{i}, {j}]");
            }
            let n = matrix.items().len();
            let all = || (0..n * n).map(|at| f64::from(model.weight(at / n, at % n)));
            let (max, min) = (all().fold(f64::MIN, f64::max), all().fold(f64::MAX, f64::min));
            let sum: f64 = all().sum();
            println!("EASE, lambda = 250: weights from {min:.9} to {max:.9}, sum {sum:.6}");
            assert!((max - 0.179_870_878).abs() < 1e-8 && (min + 0.036_028_296).abs() < 1e-8);
            assert!((sum - 1_179.699_287).abs() < 1e-5, "{sum}");
        }
    }
}
