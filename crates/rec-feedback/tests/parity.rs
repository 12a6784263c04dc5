//! Calibration against scikit-learn, bandits against MABWiser, NumPy and SciPy: `fixtures/feedback`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "the measured errors are shown")]

use rec_data::Id;
use rec_feedback::{Arms, Bandit, Exploration, IsotonicCalibration, LinearBandit, PlattScaling};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../fixtures/feedback/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn get<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(name: &str, found: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("{name}: max abs difference {worst:.1e} over {} values, bound {bound:.0e}", found.len());
    assert!(worst <= bound, "{name}");
}

#[test]
fn platt_scaling_is_that_of_scikit_learn() {
    let fixture = fixture("calibration");
    let (scores, labels): (Vec<f64>, Vec<bool>) = (get(&fixture["scores"]), get(&fixture["labels"]));
    let platt = PlattScaling::fit(&scores, &labels).unwrap();
    let found = [-platt.slope(), -platt.intercept()];
    close("optimum", &found, &get::<Vec<f64>>(&fixture["platt"]["optimum"]), 1e-9);
    // Scikit-learn stops earlier: it is 5e-9 from the optimum.
    close("scikit-learn", &found, &get::<Vec<f64>>(&fixture["platt"]["sklearn"]), 1e-6);
    let probabilities: Vec<f64> = scores[..20].iter().map(|&score| platt.probability(score)).collect();
    let expected: Vec<f64> = get(&fixture["platt"]["sklearn_probabilities"]);
    close("probabilities", &probabilities, &expected, 1e-6);
}

#[test]
fn isotonic_regression_is_that_of_scikit_learn() {
    let fixture = fixture("calibration");
    let (scores, labels): (Vec<f64>, Vec<bool>) = (get(&fixture["scores"]), get(&fixture["labels"]));
    let (weights, queries): (Vec<f64>, Vec<f64>) = (get(&fixture["weights"]), get(&fixture["queries"]));
    for (name, model) in [
        ("plain", IsotonicCalibration::fit(&scores, &labels).unwrap()),
        ("weighted", IsotonicCalibration::fit_weighted(&scores, &labels, &weights).unwrap()),
    ] {
        let found: Vec<f64> = queries.iter().map(|&score| model.probability(score)).collect();
        close(name, &found, &get::<Vec<f64>>(&fixture["isotonic"][name]), 1e-12);
    }
}

/// What the bandit of the fixture has seen.
fn learned(fixture: &Value, mut bandit: LinearBandit) -> LinearBandit {
    let (contexts, chosen): (Vec<Vec<f64>>, Vec<String>) =
        (get(&fixture["contexts"]), get(&fixture["chosen"]));
    for ((context, item), reward) in contexts.iter().zip(chosen).zip(get::<Vec<f64>>(&fixture["rewards"])) {
        bandit.update(&item.into(), context, reward).unwrap();
    }
    bandit
}

#[test]
fn models_of_items_are_those_of_mabwiser() {
    let fixture = fixture("bandit");
    let (ridge, alpha) = (fixture["ridge"].as_f64().unwrap(), fixture["alpha"].as_f64().unwrap());
    let items = ["a", "b", "c"].map(Id::from);
    for (name, exploration) in [("greedy", Exploration::Greedy), ("ucb", Exploration::Ucb { alpha })] {
        let bandit = learned(&fixture, LinearBandit::new(4, exploration).with_ridge(ridge).per_item());
        let expected: Vec<Vec<f64>> = get(&fixture["per_item"][name]);
        let queries: Vec<Vec<f64>> = get(&fixture["queries"]);
        let found: Vec<f64> = queries
            .iter()
            .flat_map(|query| bandit.scores(&Arms::new(&items, &query.repeat(3)).unwrap()))
            .collect();
        close(name, &found, &expected.concat(), 1e-12);
    }
}

#[test]
fn a_model_for_all_items_is_ridge_regression() {
    let fixture = fixture("bandit");
    let (ridge, alpha) = (fixture["ridge"].as_f64().unwrap(), fixture["alpha"].as_f64().unwrap());
    let queries: Vec<Vec<f64>> = get(&fixture["queries"]);
    let items: Vec<Id> = (0..queries.len()).map(|i| i.to_string().into()).collect();
    let features = queries.concat();
    let arms = Arms::new(&items, &features).unwrap();
    for (name, exploration) in [("greedy", Exploration::Greedy), ("ucb", Exploration::Ucb { alpha })] {
        let bandit = learned(&fixture, LinearBandit::new(4, exploration).with_ridge(ridge));
        close(name, &bandit.scores(&arms), &get::<Vec<f64>>(&fixture["shared"][name]), 1e-12);
    }
}

#[test]
fn thompson_draws_the_best_arm_as_often_as_the_normal_distribution_says() {
    let fixture = fixture("bandit");
    let (ridge, v) = (fixture["ridge"].as_f64().unwrap(), fixture["v"].as_f64().unwrap());
    let features = get::<Vec<Vec<f64>>>(&fixture["queries"])[..4].concat();
    let items = ["a", "b", "c", "d"].map(Id::from);
    let arms = Arms::new(&items, &features).unwrap();
    let expected: Vec<f64> = get(&fixture["best_draw"]);
    let n_draws = 200_000;
    let bandit = LinearBandit::new(4, Exploration::Thompson { v, n_draws }).with_ridge(ridge);
    let found = learned(&fixture, bandit).probabilities(&arms, 3);
    // Five standard errors.
    close("probabilities", &found, &expected, 5.0 * (0.25 / n_draws as f64).sqrt());
}
