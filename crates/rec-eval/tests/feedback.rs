//! Off-policy estimates against the Open Bandit Pipeline and against a known truth, and calibration against scikit-learn:
//! `fixtures/feedback`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rec_data::Id;
use rec_eval::{Bootstrap, ExpectedReward, Impressions, LoggedChoice, OffPolicy, OffPolicyReport};
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../fixtures/feedback/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn off_policy_estimates_are_those_of_obp() {
    let fixture = fixture("off_policy");
    let columns = ["reward", "propensity", "target", "model_logged", "model_target"];
    let columns = columns.map(|column| numbers(&fixture[column]));
    let mut log = OffPolicy::new().with_clip(fixture["clip"].as_f64().unwrap());
    for i in 0..columns[0].len() {
        let [reward, propensity, target, of_choice, of_policy] = columns.each_ref().map(|column| column[i]);
        let expected = Some(ExpectedReward { of_choice, of_policy });
        log.add(&i.to_string().into(), LoggedChoice { reward, propensity, target, expected }).unwrap();
    }
    let report = log.into_report(Some(&Bootstrap::new(7)));
    for (name, found) in [
        ("ips", report.ips.value),
        ("clipped_ips", report.clipped_ips.value),
        ("snips", report.snips.value),
        ("direct", report.direct.unwrap().value),
        ("doubly_robust", report.doubly_robust.unwrap().value),
        ("effective_sample_size", report.effective_sample_size),
    ] {
        let (found, expected) = (found.unwrap(), fixture[name].as_f64().unwrap());
        println!("{name}: {found:.6}, difference {:.1e}", (found - expected).abs());
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{name}");
    }
    // The truth is known, and the estimates that are right hold it.
    let truth = fixture["truth"].as_f64().unwrap();
    for estimate in [report.ips, report.snips, report.doubly_robust.unwrap()] {
        assert!(estimate.interval.unwrap().contains(truth), "{estimate} without {truth}");
    }
    assert!(report.n_clipped > 0 && report.to_string().contains("doubly_robust"));
}

/// A log of a policy that explores, and the value of another policy, which is known.
fn simulated(seed: u64, wrong_model: bool) -> (OffPolicyReport, f64) {
    const ARMS: usize = 4;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut log, mut truth) = (OffPolicy::new(), 0.0);
    let n = 2000;
    for i in 0..n {
        let x: f64 = random.random();
        // What each arm earns depends on the context, and so does the best one.
        let expected: [f64; ARMS] = std::array::from_fn(|a| 0.5 + 0.4 * (7.0 * x + a as f64 * 1.7).sin());
        let best = (0..ARMS).max_by(|&a, &b| expected[a].total_cmp(&expected[b])).unwrap();
        // The log prefers arm 0, the policy mostly takes the best one.
        let logged: [f64; ARMS] = std::array::from_fn(|a| if a == 0 { 0.55 } else { 0.15 });
        let target: [f64; ARMS] = std::array::from_fn(|a| if a == best { 0.85 } else { 0.05 });
        truth += (0..ARMS).map(|a| target[a] * expected[a]).sum::<f64>() / f64::from(n);
        let mut draw: f64 = random.random();
        let chosen = logged.iter().position(|p| {
            draw -= p;
            draw < 0.0
        });
        let chosen = chosen.unwrap_or(ARMS - 1);
        let reward = f64::from(u8::from(random.random::<f64>() < expected[chosen]));
        let model = |a: usize| if wrong_model { 0.9 } else { expected[a] };
        let expected = ExpectedReward {
            of_choice: model(chosen),
            of_policy: (0..ARMS).map(|a| target[a] * model(a)).sum(),
        };
        let choice = LoggedChoice {
            reward,
            propensity: logged[chosen],
            target: target[chosen],
            expected: Some(expected),
        };
        log.add(&Id::from(i.to_string()), choice).unwrap();
    }
    (log.into_report(Some(&Bootstrap::new(seed).with_resamples(400))), truth)
}

#[test]
fn intervals_hold_a_known_truth_as_often_as_they_say() {
    let n_logs = 60;
    let mut held = [0; 4];
    let mut widths = [0.0; 4];
    for seed in 0..n_logs {
        let (report, truth) = simulated(seed, false);
        let (wrong, _) = simulated(seed, true);
        let estimates =
            [report.ips, report.snips, report.doubly_robust.unwrap(), wrong.doubly_robust.unwrap()];
        for ((held, width), estimate) in held.iter_mut().zip(&mut widths).zip(estimates) {
            let interval = estimate.interval.unwrap();
            *held += u64::from(interval.contains(truth));
            *width += (interval.high - interval.low) / n_logs as f64;
        }
        assert!(!wrong.direct.unwrap().interval.unwrap().contains(truth), "a wrong model is not found out");
    }
    println!(
        "of {n_logs} intervals of IPS, SNIPS, DR, and DR with a wrong model {held:?} hold the truth; widths {widths:?}"
    );
    // Binomial with .95: below 51 of 60 with a probability of .002.
    assert!(held.iter().all(|&n| n >= 51), "{held:?}");
    // That is what the model is for.
    assert!(widths[2] < 0.9 * widths[0]);
}

#[test]
fn brier_score_and_reliability_are_those_of_scikit_learn() {
    let fixture = fixture("calibration");
    let probabilities = numbers(&fixture["probabilities"]);
    let outcomes: Vec<bool> = serde_json::from_value(fixture["outcomes"].clone()).unwrap();
    let mut impressions = Impressions::new().with_probabilities();
    for (i, (&p, &outcome)) in probabilities.iter().zip(&outcomes).enumerate() {
        impressions.add(&i.to_string().into(), &["a".into()], &[p as f32], &[outcome]).unwrap();
    }
    let report = impressions.into_report(None);
    let brier = (report.brier.value.unwrap() - fixture["brier"].as_f64().unwrap()).abs();
    println!("Brier score: difference {brier:.1e}");
    assert!(brier < 1e-12);
    let expected = numbers(&fixture["predicted"]).into_iter().zip(numbers(&fixture["observed"]));
    assert_eq!(report.calibration.len(), numbers(&fixture["observed"]).len());
    for (bin, (predicted, observed)) in report.calibration.iter().zip(expected) {
        assert!((bin.predicted - predicted).abs() < 1e-12 && (bin.observed - observed).abs() < 1e-12);
    }
    assert_eq!(report.calibration.iter().map(|bin| bin.n_candidates).sum::<u64>(), report.n_candidates);
}
