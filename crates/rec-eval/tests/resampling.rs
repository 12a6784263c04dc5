//! The laws of bootstrap intervals, and scipy's.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rec_eval::{Bootstrap, Interval};
use serde_json::Value;

const REFERENCE: &str = include_str!("../../../fixtures/eval/significance.json");

/// Normal variates from a closed formula: the sum of twelve uniform ones, less six.
fn normal(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn on_threads<T: Send>(n_threads: usize, compute: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(compute)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn interval_of_a_mean_has_the_mean_and_stays_in_range(
        values in prop::collection::vec(0.0f64..1.0, 2..40),
        seed: u64,
    ) {
        let interval = Bootstrap::new(seed).mean(&values).unwrap();
        let (low, high) = values.iter().fold((1.0f64, 0.0f64), |(low, high), v| (low.min(*v), high.max(*v)));
        prop_assert!(interval.low <= mean(&values) + 1e-12 && mean(&values) <= interval.high + 1e-12);
        prop_assert!(low <= interval.low + 1e-12 && interval.high <= high + 1e-12);
    }

    #[test]
    fn more_confidence_is_a_wider_interval(values in prop::collection::vec(-5.0f64..5.0, 2..40), seed: u64) {
        let at = |confidence| Bootstrap::new(seed).with_confidence(confidence).mean(&values).unwrap();
        let (narrow, wide) = (at(0.5), at(0.95));
        prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
    }

    #[test]
    fn shifting_and_scaling_values_shifts_and_scales_the_interval(
        values in prop::collection::vec(-5.0f64..5.0, 2..40),
        (shift, scale) in (-9.0f64..9.0, 0.1f64..9.0),
        seed: u64,
    ) {
        let bootstrap = Bootstrap::new(seed).with_resamples(200);
        let moved: Vec<f64> = values.iter().map(|value| shift + scale * value).collect();
        let (plain, moved) = (bootstrap.mean(&values).unwrap(), bootstrap.mean(&moved).unwrap());
        prop_assert!((shift + scale * plain.low - moved.low).abs() < 1e-9);
        prop_assert!((shift + scale * plain.high - moved.high).abs() < 1e-9);
    }
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let values = normal(300, 1);
    let moments = |weights: &[u32], out: &mut [f64]| {
        for (power, sum) in (1..).zip(out) {
            *sum = weights.iter().zip(&values).map(|(w, v)| f64::from(*w) * v.powi(power)).sum();
        }
    };
    let bits = |intervals: Vec<Option<Interval>>| -> Vec<_> {
        intervals
            .into_iter()
            .flatten()
            .map(|interval| (interval.low.to_bits(), interval.high.to_bits()))
            .collect()
    };
    let on = |n_threads| {
        on_threads(n_threads, || {
            let bootstrap = Bootstrap::new(5);
            (bits(bootstrap.percentile(300, 3, moments)), bits(bootstrap.normal(300, &[0.0; 3], moments)))
        })
    };
    let expected = on(1);
    assert_eq!(expected.0.len(), 3);
    assert_eq!(on(2), expected);
    assert_eq!(on(3), expected);
}

#[test]
fn intervals_agree_with_scipy_within_monte_carlo_error() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let numbers = |value: &Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    let bootstrap = Bootstrap::new(11).with_resamples(100_000).with_confidence(0.9);
    for case in reference["pairs"].as_array().unwrap() {
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let differences: Vec<f64> = first.iter().zip(&second).map(|(a, b)| a - b).collect();
        let expected = |key: &str| case["bootstrap"][key].as_f64().unwrap();
        let interval = bootstrap.mean(&differences).unwrap();
        // A 5 % quantile of B = 100,000 draws has a standard error of sqrt(0.05 * 0.95 / B) / density, 2.1 / sqrt(B) of the
        // standard errors of the mean where that is normal; both sides have it. Few units make steps, which may be missed.
        let error = expected("standard_error");
        let step = if first.len() < 10 { 0.11 } else { 0.0 };
        let bound = (4.0 * 2.0f64.sqrt() * 2.1 / 100_000f64.sqrt() + step) * error;
        let (low, high) = (interval.low - expected("low"), interval.high - expected("high"));
        println!("n = {}: ends differ by {low:.1e} and {high:.1e}, bound {bound:.1e}", first.len());
        assert!(low.abs() < bound && high.abs() < bound);

        let normal = bootstrap.normal(differences.len(), &[mean(&differences)], |weights, out| {
            out[0] = weights.iter().zip(&differences).map(|(w, v)| f64::from(*w) * v).sum::<f64>()
                / differences.len() as f64;
        });
        let width = normal[0].map(|interval| interval.high - interval.low).unwrap();
        // Of a standard deviation of B draws, 1 / sqrt(2 B) is the relative error.
        let relative = width / (2.0 * 1.6448536269514722 * error) - 1.0;
        println!("n = {}: standard errors differ by {:.1e} of their value", first.len(), relative);
        assert!(relative.abs() < 4.0 * 2.0f64.sqrt() / 200_000f64.sqrt());
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let n_experiments = 400;
    let holds = |seed: usize| {
        let values = normal(60, seed as u64);
        Bootstrap::new(seed as u64)
            .with_resamples(400)
            .with_confidence(0.9)
            .mean(&values)
            .unwrap()
            .contains(0.0)
    };
    let share = (0..n_experiments).filter(|seed| holds(*seed)).count() as f64 / n_experiments as f64;
    println!("90 % intervals held the truth in {:.1} % of {n_experiments} experiments", 100.0 * share);
    // A standard error of 1.5 %; the percentile interval of 60 values is a little too narrow.
    assert!((0.85..0.945).contains(&share));
}
