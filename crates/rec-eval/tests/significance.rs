//! The laws of paired tests, and the numbers of scipy and statsmodels.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rec_eval::{Bootstrap, PairedTest, PairedValues, holm};
use serde_json::Value;

const REFERENCE: &str = include_str!("../../../fixtures/eval/significance.json");

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn pairs(differences: &[f64]) -> PairedValues {
    PairedValues::from_columns(differences, &vec![0.0; differences.len()])
}

/// The share of all sign changes whose mean is at least as far from zero.
fn naive_randomization(differences: &[f64]) -> f64 {
    let n = differences.len();
    let observed: f64 = differences.iter().sum();
    let sum = |signs: u32| -> f64 {
        (0..n).map(|i| if signs >> i & 1 == 0 { differences[i] } else { -differences[i] }).sum()
    };
    let n_extreme = (0..1u32 << n).filter(|signs| sum(*signs).abs() >= observed.abs() - 1e-9).count();
    n_extreme as f64 / f64::from(1u32 << n)
}

#[test]
fn tests_agree_with_scipy() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let bootstrap = Bootstrap::new(3).with_resamples(100_000);
    for case in reference["pairs"].as_array().unwrap() {
        let pairs = PairedValues::from_columns(&numbers(&case["first"]), &numbers(&case["second"]));
        let t = pairs.t_test(0.9).unwrap();
        let found = [t.statistic, t.p_value, t.interval.low, t.interval.high];
        let keys = ["statistic", "p_value", "low", "high"];
        let error = |(found, key): (f64, &str)| (found - case["t_test"][key].as_f64().unwrap()).abs();
        let error = found.into_iter().zip(keys).map(error).fold(0.0, f64::max);
        println!("n = {}: t test differs by {error:.1e}", pairs.n());
        assert!(error < 1e-9);

        let found = pairs.randomization_test(&bootstrap).unwrap().p_value;
        let expected = case["randomization"]["p_value"].as_f64().unwrap();
        println!("n = {}: randomization p = {found}, scipy {expected}", pairs.n());
        if case["randomization"]["is_exact"].as_bool().unwrap() {
            assert_eq!(found, expected);
        } else {
            // Both are shares of 100,000 draws.
            assert!((found - expected).abs() < 4.0 * (2.0 * expected * (1.0 - expected) / 100_000.0).sqrt());
        }
    }
}

#[test]
fn holm_is_that_of_statsmodels() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let (found, expected) =
        (holm(&numbers(&reference["holm"]["p_values"])), numbers(&reference["holm"]["adjusted"]));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    }
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let differences: Vec<f64> = (0..100).map(|i| f64::from(i).sin() + 0.1).collect();
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let (pairs, bootstrap) = (pairs(&differences), Bootstrap::new(9));
            [pairs.randomization_test(&bootstrap).unwrap(), pairs.bootstrap_test(&bootstrap).unwrap()]
        })
    };
    let expected = on(1);
    assert_eq!(on(2), expected);
    assert_eq!(on(3), expected);
}

#[test]
fn tests_claim_as_often_as_they_say_where_nothing_differs() {
    let n_experiments = 500;
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut n_claims = [0; 3];
    for seed in 0..n_experiments {
        let first: Vec<f64> = (0..40).map(|_| uniform()).collect();
        let second: Vec<f64> = (0..40).map(|_| uniform()).collect();
        let (pairs, bootstrap) =
            (PairedValues::from_columns(&first, &second), Bootstrap::new(seed).with_resamples(400));
        let tests = [
            pairs.t_test(0.95).unwrap(),
            pairs.randomization_test(&bootstrap).unwrap(),
            pairs.bootstrap_test(&bootstrap).unwrap(),
        ];
        for (n_claims, test) in n_claims.iter_mut().zip(tests) {
            *n_claims += u32::from(test.p_value <= 0.1);
        }
    }
    println!("p <= 0.1 in {n_claims:?} of {n_experiments} experiments: t, randomization, bootstrap");
    // 50 are expected, with a standard deviation of 6.7.
    assert!(n_claims.iter().all(|n| (30..=72).contains(n)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exact_randomization_is_the_naive_one(tenths in prop::collection::vec(-9i8..=9, 2..12)) {
        let differences: Vec<f64> = tenths.iter().map(|tenth| f64::from(*tenth) / 10.0).collect();
        let test = pairs(&differences).randomization_test(&Bootstrap::new(1).with_resamples(2)).unwrap();
        prop_assert_eq!(test.p_value, naive_randomization(&differences));
    }

    #[test]
    fn swapping_the_runs_changes_only_signs(
        values in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0), 2..60),
        seed: u64,
    ) {
        let (first, second): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let bootstrap = Bootstrap::new(seed).with_resamples(100);
        let tests = |a: &[f64], b: &[f64]| {
            let pairs = PairedValues::from_columns(a, b);
            [pairs.t_test(0.95), pairs.randomization_test(&bootstrap), pairs.bootstrap_test(&bootstrap)]
        };
        for (test, swapped) in tests(&first, &second).into_iter().zip(tests(&second, &first)) {
            let (test, swapped): (PairedTest, PairedTest) = (test.unwrap(), swapped.unwrap());
            prop_assert!(test.p_value > 0.0 && test.p_value <= 1.0);
            prop_assert!((test.p_value - swapped.p_value).abs() < 1e-12);
            prop_assert_eq!(test.mean_difference, -swapped.mean_difference);
            prop_assert!((test.interval.low + swapped.interval.high).abs() < 1e-12);
        }
    }

    #[test]
    fn holm_never_lowers_and_keeps_the_order(p_values in prop::collection::vec(0.0f64..=1.0, 0..20)) {
        let adjusted = holm(&p_values);
        for (i, p) in p_values.iter().enumerate() {
            prop_assert!(*p <= adjusted[i] && adjusted[i] <= 1.0);
            for (j, q) in p_values.iter().enumerate() {
                prop_assert!(p > q || adjusted[i] <= adjusted[j]);
            }
        }
    }
}
