//! Impressions and ratings against the obvious loops and the numbers of scikit-learn.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rec_data::Id;
use rec_eval::{Bootstrap, Estimate, ImpressionReport, Impressions, Ratings};
use serde_json::Value;

const IMPRESSIONS: &str = include_str!("../../../fixtures/eval/impressions.json");
const RATINGS: &str = include_str!("../../../fixtures/eval/ratings.json");

/// The scores and labels of one group.
type Group = Vec<(f32, bool)>;

fn ids(n: usize) -> Vec<Id> {
    (0..n).map(|i| Id::from(i.to_string())).collect()
}

/// One group per user.
fn report(groups: &[Group], bootstrap: Option<&Bootstrap>) -> ImpressionReport {
    let mut impressions = Impressions::new().with_global_auc();
    for (user, group) in groups.iter().enumerate() {
        let (scores, labels): (Vec<f32>, Vec<bool>) = group.iter().copied().unzip();
        impressions.add(&Id::from(format!("u{user}")), &ids(group.len()), &scores, &labels).unwrap();
    }
    impressions.into_report(bootstrap)
}

/// The share of weighted pairs in order, ties counted as half; NaN without pairs.
fn naive_auc(candidates: &[(f32, bool, u32)]) -> f64 {
    let (mut in_order, mut n_pairs) = (0.0, 0.0);
    for (a, _, a_weight) in candidates.iter().filter(|(_, label, _)| *label) {
        for (b, _, b_weight) in candidates.iter().filter(|(_, label, _)| !*label) {
            let weight = f64::from(a_weight * b_weight);
            n_pairs += weight;
            in_order += weight
                * if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
        }
    }
    in_order / n_pairs
}

fn naive_global_auc(groups: &[Group], weights: &[u32]) -> f64 {
    let weighted = groups.iter().zip(weights);
    let all: Vec<_> = weighted.flat_map(|(group, w)| group.iter().map(|(s, l)| (*s, *l, *w))).collect();
    naive_auc(&all)
}

/// The mean AUC of the groups that have one.
fn naive_group_auc(groups: &[Group], weights: &[u32]) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for (group, weight) in groups.iter().zip(weights) {
        let auc = naive_auc(&group.iter().map(|(s, l)| (*s, *l, 1)).collect::<Vec<_>>());
        if !auc.is_nan() {
            sum += f64::from(*weight) * auc;
            n += f64::from(*weight);
        }
    }
    sum / n
}

fn groups() -> impl Strategy<Value = Vec<Group>> {
    // Few distinct scores, so that ties are common; both zeros, which tie.
    let few = vec![f32::NEG_INFINITY, -1.5, -0.0, 0.0, 2.0, f32::INFINITY];
    let score = prop_oneof![prop::sample::select(few), -2.0f32..2.0];
    prop::collection::vec(prop::collection::vec((score, any::<bool>()), 0..9), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn auc_counts_pairs(groups in groups()) {
        let (report, ones) = (report(&groups, None), vec![1; groups.len()]);
        for (estimate, naive) in [
            (report.group_auc, naive_group_auc(&groups, &ones)),
            (report.global_auc.unwrap(), naive_global_auc(&groups, &ones)),
        ] {
            match estimate.value {
                Some(value) => prop_assert!((value - naive).abs() < 1e-12, "{} {}", value, naive),
                None => prop_assert!(naive.is_nan()),
            }
        }
        let n_one_class = groups.iter().filter(|group| group.iter().all(|(_, label)| *label == group[0].1)).count();
        let counted = report.n_empty_groups + report.n_positive_only_groups + report.n_negative_only_groups;
        prop_assert_eq!(counted, n_one_class);
    }

    #[test]
    fn intervals_are_those_of_the_naive_statistic(groups in groups(), seed: u64) {
        let bootstrap = Bootstrap::new(seed).with_resamples(50);
        let naive = bootstrap.percentile(groups.len(), 2, |weights, out| {
            out[0] = naive_group_auc(&groups, weights);
            out[1] = naive_global_auc(&groups, weights);
        });
        let report = report(&groups, Some(&bootstrap));
        for (found, naive) in [report.group_auc, report.global_auc.unwrap()].into_iter().zip(naive) {
            let difference = found.interval.zip(naive).map(|(a, b)| (a.low - b.low).abs() + (a.high - b.high).abs());
            prop_assert_eq!(found.interval.is_some(), naive.is_some());
            prop_assert!(difference.unwrap_or(0.0) < 1e-12);
        }
    }

    #[test]
    fn reversing_every_order_mirrors_the_auc(groups in groups()) {
        let reversed: Vec<Group> =
            groups.iter().map(|group| group.iter().map(|(score, label)| (-score, *label)).collect()).collect();
        let (report, reversed) = (report(&groups, None), report(&reversed, None));
        prop_assert_eq!(report.n_tied_pairs, reversed.n_tied_pairs);
        for (a, b) in [(report.group_auc, reversed.group_auc), (report.global_auc.unwrap(), reversed.global_auc.unwrap())] {
            prop_assert!(a.value.zip(b.value).is_none_or(|(a, b)| (a + b - 1.0).abs() < 1e-12));
        }
    }

    #[test]
    fn order_of_the_candidates_does_not_matter(groups in groups(), turn in 0usize..9) {
        let (mut straight, mut turned) = (Impressions::new(), Impressions::new());
        for (user, group) in groups.iter().enumerate() {
            let user = Id::from(user.to_string());
            let mut rows: Vec<(Id, (f32, bool))> = ids(group.len()).into_iter().zip(group.iter().copied()).collect();
            for impressions in [&mut straight, &mut turned] {
                let (items, scored): (Vec<Id>, Vec<(f32, bool)>) = rows.iter().cloned().unzip();
                let (scores, labels): (Vec<f32>, Vec<bool>) = scored.into_iter().unzip();
                impressions.add(&user, &items, &scores, &labels).unwrap();
                if !rows.is_empty() {
                    let turn = turn % rows.len();
                    rows.rotate_left(turn);
                }
            }
        }
        let (straight, turned) = (straight.into_report(None), turned.into_report(None));
        prop_assert_eq!(straight.ndcg_5, turned.ndcg_5);
        prop_assert_eq!(straight.mrr_mind, turned.mrr_mind);
        prop_assert_eq!(straight.group_auc, turned.group_auc);
    }
}

fn fixture() -> (Impressions, Value) {
    let reference: Value = serde_json::from_str(IMPRESSIONS).unwrap();
    let mut impressions = Impressions::new().with_global_auc();
    for group in reference["groups"].as_array().unwrap() {
        let scores: Vec<f32> = serde_json::from_value(group["scores"].clone()).unwrap();
        let labels: Vec<bool> = serde_json::from_value(group["labels"].clone()).unwrap();
        let user = Id::from(group["user"].as_str().unwrap());
        impressions.add(&user, &ids(scores.len()), &scores, &labels).unwrap();
    }
    (impressions, reference["expected"].clone())
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let (impressions, expected) = fixture();
    let report = impressions.into_report(Some(&Bootstrap::new(2)));
    let n_one_class = report.n_empty_groups + report.n_positive_only_groups + report.n_negative_only_groups;
    assert_eq!((report.n_groups - n_one_class) as u64, expected["n_two_classes"].as_u64().unwrap());
    assert!(report.n_tied_pairs > 50);
    for (name, estimate) in [
        ("group_auc", report.group_auc),
        ("group_auc_by_positives", report.group_auc_by_positives),
        ("group_auc_by_candidates", report.group_auc_by_candidates),
        ("global_auc", report.global_auc.unwrap()),
        ("ndcg@5", report.ndcg_5),
        ("ndcg@10", report.ndcg_10),
        ("log_loss", report.log_loss),
        ("accuracy", report.accuracy),
        ("calibration_error", Estimate { value: report.calibration_error, interval: None }),
    ] {
        let error = (estimate.value.unwrap() - expected[name].as_f64().unwrap()).abs();
        println!("{name}: {estimate}, differs by {error:.1e}");
        assert!(error < 1e-12, "{name}");
        assert!(estimate.interval.is_none_or(|interval| interval.contains(estimate.value.unwrap())));
    }
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| fixture().0.into_report(Some(&Bootstrap::new(2))))
    };
    let expected = on(1);
    assert!(expected.global_auc.unwrap().interval.is_some());
    assert_eq!(on(2), expected);
    assert_eq!(on(3), expected);
}

#[test]
fn report_survives_json_and_prints_a_table() {
    let report = fixture().0.into_report(Some(&Bootstrap::new(2)));
    let json = serde_json::to_string(&report).unwrap();
    let found: ImpressionReport = serde_json::from_str(&json).unwrap();
    // The parser may miss the last bit of a number.
    assert_eq!((found.n_tied_pairs, found.to_string()), (report.n_tied_pairs, report.to_string()));
    let table = report.to_string();
    assert!(table.starts_with("group_auc                0.6663 ["), "{table}");
    assert!(table.ends_with(" tied pairs"), "{table}");
    assert_eq!(table.lines().count(), 14);
}

#[test]
fn rating_errors_are_those_of_scikit_learn() {
    let reference: Value = serde_json::from_str(RATINGS).unwrap();
    let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(reference[key].clone()).unwrap() };
    let mut ratings = Ratings::new();
    for ((user, given), predicted) in
        numbers("users").into_iter().zip(numbers("given")).zip(numbers("predicted"))
    {
        ratings.add(&Id::from(user.to_string()), &Id::from("item"), given, predicted).unwrap();
    }
    let report = ratings.into_report(Some(&Bootstrap::new(2)));
    for (name, estimate) in [
        ("rmse", report.rmse),
        ("mae", report.mae),
        ("rmse_of_users", report.rmse_of_users),
        ("mae_of_users", report.mae_of_users),
    ] {
        let error = (estimate.value.unwrap() - reference["expected"][name].as_f64().unwrap()).abs();
        println!("{name}: {estimate}, differs by {error:.1e}");
        assert!(error < 1e-12, "{name}");
        assert!(estimate.interval.unwrap().contains(estimate.value.unwrap()));
    }
}
