//! Laws: propensities are what happens, isotonic regression is its min-max formula, bandits learn, files come back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::collection::vec;
use proptest::prelude::*;
use rec_data::Id;
use rec_feedback::{
    Arms, Bandit, EpsilonGreedy, Exploration, IsotonicCalibration, LinearBandit, PlattScaling,
};

fn ids(n: usize) -> Vec<Id> {
    (0..n).map(|i| i.to_string().into()).collect()
}

fn explorations() -> [Exploration; 3] {
    let n_draws = 50;
    [Exploration::Greedy, Exploration::Ucb { alpha: 0.7 }, Exploration::Thompson { v: 0.5, n_draws }]
}

/// Bandits of all kinds, which learned from these rewards.
fn bandits(dim: usize, epsilon: f64, seen: &[(usize, Vec<f64>, f64)]) -> Vec<LinearBandit> {
    let mut all: Vec<LinearBandit> = explorations()
        .into_iter()
        .map(|exploration| LinearBandit::new(dim, exploration).with_epsilon(epsilon))
        .flat_map(|bandit| [bandit.clone(), bandit.per_item()])
        .collect();
    for bandit in &mut all {
        for (item, features, reward) in seen {
            bandit.update(&item.to_string().into(), features, *reward).unwrap();
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn probabilities_are_a_distribution_and_the_choice_is_of_it(
        n in 1..6usize,
        features in vec(-2.0..2.0f64, 18),
        seen in vec((0..6usize, vec(-2.0..2.0f64, 3), 0.0..1.0f64), 0..8),
        epsilon in prop_oneof![Just(0.0), 0.01..1.0f64],
        seed in any::<u64>(),
    ) {
        let items = ids(n);
        let arms = Arms::new(&items, &features[..3 * n]).unwrap();
        for bandit in bandits(3, epsilon, &seen) {
            let p = bandit.probabilities(&arms, seed);
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{p:?}");
            prop_assert!(p.iter().all(|&p| p >= epsilon / n as f64));
            let choice = bandit.choose(&arms, seed);
            prop_assert_eq!(choice.propensity, p[choice.arm]);
            prop_assert!(choice.propensity > 0.0);
            prop_assert_eq!(bandit.choose(&arms, seed), choice);
        }
    }

    /// The order of updates does not matter to a model, but for rounding.
    #[test]
    fn learning_does_not_depend_on_the_order(
        seen in vec((0..3usize, vec(-2.0..2.0f64, 3), -1.0..1.0f64), 1..12),
        features in vec(-2.0..2.0f64, 9),
    ) {
        let items = ids(3);
        let arms = Arms::new(&items, &features).unwrap();
        let mut reversed = seen.clone();
        reversed.reverse();
        for (a, b) in bandits(3, 0.0, &seen).iter().zip(bandits(3, 0.0, &reversed)) {
            for (a, b) in a.scores(&arms).iter().zip(b.scores(&arms)) {
                prop_assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
        }
    }

    /// `m(s_i) = max_(j <= i) min_(k >= i) mean(y_j .. y_k)` (Robertson, Wright and Dykstra 1988, section 1.4).
    #[test]
    fn isotonic_regression_is_the_min_max_formula(examples in vec((-5..5i32, any::<bool>(), 1..4u32), 1..25)) {
        let mut examples = examples;
        examples.sort_by_key(|(score, _, _)| *score);
        let scores: Vec<f64> = examples.iter().map(|(score, _, _)| f64::from(*score)).collect();
        let labels: Vec<bool> = examples.iter().map(|(_, label, _)| *label).collect();
        let weights: Vec<f64> = examples.iter().map(|(_, _, weight)| f64::from(*weight)).collect();
        let found = IsotonicCalibration::fit_weighted(&scores, &labels, &weights).unwrap();
        let n = scores.len();
        let mean = |from: usize, to: usize| {
            let positives: f64 = (from..=to).filter(|&i| labels[i]).map(|i| weights[i]).sum();
            positives / weights[from..=to].iter().sum::<f64>()
        };
        // Equal scores are one point: its range begins and ends with them.
        let first = |i: usize| scores.iter().position(|s| *s == scores[i]).unwrap();
        let last = |i: usize| scores.iter().rposition(|s| *s == scores[i]).unwrap();
        for (i, &score) in scores.iter().enumerate() {
            let least = |from: usize| (last(i)..n).filter(|&k| last(k) == k).map(|k| mean(from, k)).fold(2.0, f64::min);
            let expected = (0..=first(i)).filter(|&j| first(j) == j).map(least).fold(-1.0, f64::max);
            prop_assert!((found.probability(score) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn platt_scaling_keeps_the_order_of_what_helps(examples in vec((-9.0..9.0f64, any::<bool>()), 1..40)) {
        let (scores, labels): (Vec<f64>, Vec<bool>) = examples.into_iter().unzip();
        let platt = PlattScaling::fit(&scores, &labels).unwrap();
        let p: Vec<f64> = scores.iter().map(|&score| platt.probability(score)).collect();
        prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        let ascends = |a: usize, b: usize| (p[a] - p[b]) * platt.slope() * (scores[a] - scores[b]) >= 0.0;
        prop_assert!((1..p.len()).all(|b| ascends(b - 1, b)));
        // The slope rises where positives have the larger scores: the loss is convex, and this is minus its derivative at a slope of 0.
        let n = scores.len() as f64;
        let (n_positive, mean) = (labels.iter().filter(|&&label| label).count() as f64, scores.iter().sum::<f64>() / n);
        let [negative, positive] = [1.0 / (n - n_positive + 2.0), (n_positive + 1.0) / (n_positive + 2.0)];
        let target = |label: bool| if label { positive } else { negative };
        let covariance: f64 = scores.iter().zip(&labels).map(|(score, &label)| (score - mean) * target(label)).sum();
        prop_assert!(platt.slope() * covariance >= -1e-6, "slope {} and covariance {covariance}", platt.slope());
    }
}

#[test]
fn propensities_are_the_shares_of_choices() {
    let (items, features) = (ids(3), [1.0, 0.0, 0.8, 0.3, 0.2, 1.0]);
    let arms = Arms::new(&items, &features).unwrap();
    let n = 20_000;
    let mut thompson = LinearBandit::new(2, Exploration::Thompson { v: 0.5, n_draws: 20 }).with_epsilon(0.1);
    thompson.update(&items[0], &[1.0, 0.2], 1.0).unwrap();
    let policies: [&dyn Bandit; 2] = [&EpsilonGreedy::new(0.3), &thompson];
    for policy in policies {
        let (mut shares, mut expected) = ([0.0; 3], [0.0; 3]);
        let mut inverse = 0.0;
        for seed in 0..n {
            let choice = policy.choose(&arms, seed);
            shares[choice.arm] += 1.0 / n as f64;
            inverse += 1.0 / choice.propensity / n as f64;
            let p = policy.probabilities(&arms, seed);
            expected.iter_mut().zip(p).for_each(|(sum, p)| *sum += p / n as f64);
        }
        for (share, expected) in shares.iter().zip(expected) {
            // Five standard errors.
            assert!((share - expected).abs() < 5.0 * (0.25 / n as f64).sqrt(), "{shares:?} {expected}");
        }
        // What makes inverse propensities unbiased: their mean is the number of arms.
        assert!((inverse - 3.0).abs() < 0.3, "{inverse}");
    }
}

/// Rewards that are linear in the features of user and item, with noise.
fn earned(bandit: &mut dyn Bandit) -> f64 {
    let (n, dim, n_arms) = (1500, 4, 5);
    let truth = [0.3, -0.4, 0.5, 0.1];
    let noise = |i: usize| (i as f64 * 12.9898).sin() * 43_758.547;
    let uniform = |i: usize| noise(i) - noise(i).floor();
    let items = ids(n_arms);
    let mut regret = 0.0;
    for step in 0..n {
        let features: Vec<f64> =
            (0..n_arms * dim).map(|i| 2.0 * uniform(step * n_arms * dim + i) - 1.0).collect();
        let arms = Arms::new(&items, &features).unwrap();
        let value = |arm: usize| arms.features(arm).iter().zip(truth).map(|(x, t)| x * t).sum::<f64>();
        let best = (0..n_arms).map(value).fold(f64::MIN, f64::max);
        let choice = bandit.choose(&arms, step as u64);
        let reward = value(choice.arm) + uniform(step + 77_777) - 0.5;
        bandit.update(&items[choice.arm], arms.features(choice.arm), reward).unwrap();
        regret += (best - value(choice.arm)) / n as f64;
    }
    regret
}

#[test]
fn bandits_that_learn_regret_little() {
    let random = earned(&mut EpsilonGreedy::new(1.0));
    for exploration in
        [Exploration::Ucb { alpha: 0.3 }, Exploration::Thompson { v: 0.1, n_draws: 20 }, Exploration::Greedy]
    {
        let regret = earned(&mut LinearBandit::new(4, exploration).with_epsilon(0.01));
        println!("{exploration:?}: regret {regret:.4}, of random choices {random:.4}");
        assert!(regret < 0.1 * random);
    }
}

#[test]
fn models_come_back_bit_for_bit_and_damaged_files_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let seen = [(0, vec![0.1, 0.2, 0.3], 1.0), (2, vec![-1.0, 1.0 / 3.0, 0.7], 0.1)];
    for bandit in bandits(3, 0.1, &seen) {
        bandit.save(&path).unwrap();
        assert_eq!(LinearBandit::load(&path).unwrap(), bandit);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("rec-feedback 1", "rec-feedback 9"),
        ("\"dim\":3", "\"dim\":2"),
        ("\"epsilon\":0.1", "\"epsilon\":7.0"),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = LinearBandit::load(&path).unwrap_err();
        assert!(error.is_malformed() && error.to_string().contains("model.json: "), "{error}");
    }
    let platt = PlattScaling::fit(&[0.1, 0.7, 0.9], &[false, true, true]).unwrap();
    platt.save(&path).unwrap();
    assert_eq!(PlattScaling::load(&path).unwrap(), platt);
    let error = IsotonicCalibration::load(&path).unwrap_err();
    assert!(error.to_string().ends_with("holds a model of kind `platt`, not `isotonic`"), "{error}");
    let isotonic = IsotonicCalibration::fit(&[0.1, 0.7, 0.9], &[false, true, true]).unwrap();
    isotonic.save(&path).unwrap();
    assert_eq!(IsotonicCalibration::load(&path).unwrap(), isotonic);
    assert!(PlattScaling::load(folder.path().join("none")).unwrap_err().is_io());
}

#[test]
fn feedback_that_is_no_number_changes_nothing() {
    let mut bandit = LinearBandit::new(2, Exploration::Greedy);
    let before = bandit.clone();
    let error = bandit.update(&"a".into(), &[1.0, f64::NAN], 1.0).unwrap_err();
    assert_eq!(error.to_string(), "the feature of `a` is NaN, not a finite number");
    assert!(bandit.update(&"a".into(), &[1.0, 0.0], f64::INFINITY).unwrap_err().is_not_finite());
    assert!(bandit.update(&"a".into(), &[1e300, 0.0], 1e300).unwrap_err().is_not_finite());
    assert_eq!(bandit, before);
    assert!(Arms::new(&[], &[]).unwrap_err().is_empty());
    assert_eq!(Arms::new(&ids(2), &[1.0]).unwrap_err().to_string(), "1 features for 2 arms of 0 features");
}
