//! Implicit ALS against the package `implicit`, and its own laws.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::ops::ControlFlow;

use rec_cf::{
    Aggregation, AlsSolver, Confidence, ImplicitAls, ImplicitAlsConfig, InteractionMatrix, Progress,
    Recommender,
};
use rec_data::{IdMap, Interaction, Interactions};
use serde::Deserialize;

const REFERENCE: &str = include_str!("../../../fixtures/mf/als.json");

#[derive(Deserialize)]
struct Reference {
    n_users: usize,
    n_items: usize,
    n_factors: usize,
    alpha: f32,
    lambda: f32,
    values: Vec<(usize, usize, f32)>,
    start_users: Vec<f32>,
    start_items: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    solver: Solver,
    iterations: usize,
    f32_distance: f32,
    user_factors: Vec<f32>,
    item_factors: Vec<f32>,
    objective: f64,
    recalculated_users: Vec<f32>,
    top_items: Vec<Vec<usize>>,
    top_scores: Vec<f32>,
    explained: Explained,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Solver {
    Cholesky,
    ConjugateGradient,
}

impl Solver {
    /// How far numbers may be from those of implicit in f64. Conjugate gradients run in f32 here; the fixture has the distance
    /// of implicit's own f32.
    fn bound(self) -> f32 {
        match self {
            Solver::Cholesky => 1e-6,
            Solver::ConjugateGradient => 1e-5,
        }
    }
}

#[derive(Deserialize)]
struct Explained {
    user: usize,
    item: usize,
    score: f32,
    parts: Vec<(usize, f32)>,
}

fn reference() -> (Reference, InteractionMatrix) {
    let reference: Reference = serde_json::from_str(REFERENCE).unwrap();
    let log = reference.values.iter().map(|&(user, item, value)| {
        (user.to_string(), Interaction::new(item.to_string(), 0.0).with_weight(value))
    });
    let items = IdMap::try_from_ids((0..reference.n_items).map(|item| item.to_string())).unwrap();
    let log = Interactions::new(log).unwrap();
    let matrix = InteractionMatrix::with_items(&log, &items, Aggregation::Sum).unwrap();
    assert_eq!(matrix.users().len(), reference.n_users);
    (reference, matrix)
}

impl Reference {
    fn config(&self, solver: Solver, iterations: usize) -> ImplicitAlsConfig {
        ImplicitAlsConfig::new()
            .with_factors(self.n_factors)
            .with_iterations(iterations)
            .with_regularization(self.lambda)
            .with_confidence(Confidence::Proportional { alpha: self.alpha })
            .with_solver(match solver {
                Solver::Cholesky => AlsSolver::Cholesky,
                Solver::ConjugateGradient => AlsSolver::ConjugateGradient { n_steps: 3 },
            })
    }

    fn fit(&self, matrix: &InteractionMatrix, solver: Solver, iterations: usize) -> (ImplicitAls, f64) {
        let mut objective = None;
        let tell = |progress: Progress| {
            objective = progress.objective.or(objective);
            ControlFlow::Continue(())
        };
        let config = self.config(solver, iterations);
        let model = config.fit_from(matrix, &self.start_users, &self.start_items, tell).unwrap();
        (model, objective.unwrap())
    }
}

fn history(matrix: &InteractionMatrix, user: usize) -> Vec<(usize, f32)> {
    matrix.row(user).collect()
}

/// The users of an item.
fn column(matrix: &InteractionMatrix, item: usize) -> Vec<(usize, f32)> {
    let users = (0..matrix.users().len()).map(|user| (user, matrix.value(user, item)));
    users.filter(|&(_, value)| value != 0.0).collect()
}

/// The largest difference, in terms of the largest value.
fn distance(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    difference / theirs.iter().map(|value| value.abs()).fold(0.0, f32::max)
}

#[test]
fn factors_objectives_lists_and_explanations_are_those_of_implicit() {
    let (reference, matrix) = reference();
    for case in &reference.cases {
        let (model, objective) = reference.fit(&matrix, case.solver, case.iterations);
        let users = distance(model.user_factors(), &case.user_factors);
        let items = distance(model.item_factors(), &case.item_factors);
        let objective = (objective / case.objective - 1.0).abs();
        let vectors: Vec<f32> =
            (0..reference.n_users).flat_map(|user| model.user_vector(&history(&matrix, user))).collect();
        let folded = distance(&vectors, &case.recalculated_users);
        eprintln!(
            "{:?}, {} iterations: users {users:e}, items {items:e}, objective {objective:e}, fold-in {folded:e}; implicit in f32: {:e}",
            case.solver, case.iterations, case.f32_distance
        );
        let bound = case.solver.bound();
        assert!(users < bound && items < bound && objective < f64::from(bound) && folded < bound);

        let mut scores = Vec::new();
        for (user, items) in case.top_items.iter().enumerate() {
            let list = model.top_k(&history(&matrix, user), 5).unwrap();
            let ids = list.iter().map(|hit| hit.id.as_str().parse::<usize>().unwrap());
            assert_eq!(ids.collect::<Vec<usize>>(), *items, "user {user}: {list:?}");
            scores.extend(list.iter().map(|hit| hit.score));
        }
        assert!(distance(&scores, &case.top_scores) < bound);

        let Explained { user, item, score, parts } = &case.explained;
        let history = history(&matrix, *user);
        let ours = model.explain(&history, *item).unwrap();
        assert!((ours.iter().sum::<f32>() - score).abs() < bound);
        for (item, part) in parts {
            let place = history.iter().position(|(seen, _)| seen == item).unwrap();
            assert!((ours[place] - part).abs() < bound);
        }
    }
}

/// What `work` gives on this many threads.
fn on_threads<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(work)
}

#[test]
fn threads_change_no_bit() {
    let (reference, matrix) = reference();
    for solver in [Solver::Cholesky, Solver::ConjugateGradient] {
        let config = reference.config(solver, 3);
        let train = |n_threads| on_threads(n_threads, || config.fit(&matrix, Progress::ignore).unwrap());
        let one = train(1);
        assert!([2, 5].into_iter().all(|n_threads| train(n_threads) == one));
        assert_ne!(config.with_seed(1).fit(&matrix, Progress::ignore).unwrap(), one);
    }
}

#[test]
fn enough_steps_of_conjugate_gradients_are_cholesky() {
    let (reference, matrix) = reference();
    let exact = reference.fit(&matrix, Solver::Cholesky, 5).0;
    let config =
        reference.config(Solver::Cholesky, 5).with_solver(AlsSolver::ConjugateGradient { n_steps: 20 });
    let steps =
        config.fit_from(&matrix, &reference.start_users, &reference.start_items, Progress::ignore).unwrap();
    let distance = distance(steps.item_factors(), exact.item_factors());
    eprintln!("{distance:e}");
    assert!(distance < 1e-3);
}

#[test]
fn incremental_rows_are_those_of_a_half_iteration() {
    let (reference, matrix) = reference();
    let (model, _) = reference.fit(&matrix, Solver::Cholesky, 2);
    // The next iteration: all users on the items of `model`, then all items on these users.
    let config = reference.config(Solver::Cholesky, 1);
    let next =
        config.fit_from(&matrix, model.user_factors(), model.item_factors(), Progress::ignore).unwrap();

    let mut updated = model.clone();
    for user in 0..reference.n_users {
        updated.update_user(user, &history(&matrix, user)).unwrap();
    }
    assert_eq!(updated.user_factors(), next.user_factors());
    let items: Vec<f32> =
        (0..reference.n_items).flat_map(|item| updated.item_vector(&column(&matrix, item))).collect();
    assert_eq!(items, next.item_factors());
    for item in 0..reference.n_items {
        updated.update_item(item, &column(&matrix, item)).unwrap();
    }
    assert_eq!(updated.item_factors(), next.item_factors());
    assert_eq!(updated.user_vector(&[(3, 2.0)]), next.user_vector(&[(3, 2.0)]));
}

#[test]
fn explanations_sum_to_scores() {
    let (reference, matrix) = reference();
    let (model, _) = reference.fit(&matrix, Solver::Cholesky, 5);
    let mut scores = vec![0.0; reference.n_items];
    // An item twice, one disliked, one without weight.
    let history = [(4, 1.0), (9, 2.0), (4, 3.0), (20, -1.0), (25, 0.0)];
    model.scores(&history, &mut scores);
    for (item, score) in scores.iter().enumerate() {
        let parts = model.explain(&history, item).unwrap();
        assert!((parts.iter().sum::<f32>() - score).abs() < 1e-5, "{parts:?} {score}");
        assert_eq!((parts[3], parts[4]), (0.0, 0.0));
        assert!((parts[2] - 3.0 * parts[0]).abs() < 1e-5);
    }
    let mut merged = vec![0.0; reference.n_items];
    model.scores(&[(20, -1.0), (4, 4.0), (9, 2.0)], &mut merged);
    assert_eq!(merged, scores);
    model.scores(&[], &mut scores);
    assert!(scores.iter().all(|&score| score == 0.0));
}

#[test]
fn dislikes_lower_scores() {
    let (reference, matrix) = reference();
    let (model, _) = reference.fit(&matrix, Solver::Cholesky, 5);
    let score = |history: &[(usize, f32)], item: usize| {
        let mut scores = vec![0.0; reference.n_items];
        model.scores(history, &mut scores);
        scores[item]
    };
    let liked = [(4, 1.0), (9, 2.0)];
    let best = (0..reference.n_items)
        .filter(|item| liked.iter().all(|(seen, _)| seen != item))
        .max_by(|&a, &b| score(&liked, a).total_cmp(&score(&liked, b)))
        .unwrap();
    assert!(score(&[(4, 1.0), (9, 2.0), (best, -3.0)], best) < score(&liked, best));
}

#[test]
fn weighted_regularisation_is_that_of_equal_counts() {
    // Every user and item has two values, so that lambda n is 2 lambda.
    let log = [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z"), ("c", "z"), ("c", "x")];
    let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0)))).unwrap();
    let matrix = InteractionMatrix::new(&log, Aggregation::Binary).unwrap();
    let config = ImplicitAlsConfig::new().with_factors(3);
    let fit = |config: ImplicitAlsConfig| {
        let mut objective = 0.0;
        let model = config.fit(&matrix, |progress| {
            objective = progress.objective.unwrap_or(objective);
            ControlFlow::Continue(())
        });
        (model.unwrap().item_factors().to_vec(), objective)
    };
    let scaled = config.with_regularization(0.25).with_frequency_exponent(1.0);
    assert_eq!(fit(scaled), fit(config.with_regularization(0.5)));
}

#[test]
fn training_is_told_stopped_and_limited() {
    let (_, matrix) = reference();
    let config = ImplicitAlsConfig::new().with_factors(4);
    let mut told = Vec::new();
    let error = config.fit(&matrix, |progress| {
        told.push((progress.unit, progress.n_done, progress.n_total));
        if progress.n_done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let error = error.unwrap_err();
    assert!(error.is_interrupted());
    assert_eq!(error.to_string(), "the training of implicit ALS was stopped after 2 of 15 iterations");
    assert_eq!(told, [("iterations", 1, 15), ("iterations", 2, 15)]);

    let needed = config.memory_estimate(&matrix);
    assert!(config.with_memory_limit(needed).fit(&matrix, Progress::ignore).is_ok());
    let error = config.with_memory_limit(needed - 1).fit(&matrix, Progress::ignore).unwrap_err();
    assert!(error.is_memory());
}

#[test]
fn problems_without_a_solution_are_errors() {
    // Two factors, one value, no regularisation: a line of solutions.
    let log = Interactions::new([("u", Interaction::new("i", 0.0))]).unwrap();
    let matrix = InteractionMatrix::new(&log, Aggregation::Binary).unwrap();
    let config =
        ImplicitAlsConfig::new().with_factors(2).with_regularization(0.0).with_solver(AlsSolver::Cholesky);
    let error = config.fit_from(&matrix, &[0.0, 0.0], &[0.5, 0.0], Progress::ignore).unwrap_err();
    assert!(error.is_not_finite(), "{error}");

    let mut model = ImplicitAlsConfig::new().with_factors(2).fit(&matrix, Progress::ignore).unwrap();
    let before = model.clone();
    assert!(model.update_user(0, &[(0, f32::INFINITY)]).unwrap_err().is_not_finite());
    assert_eq!(model, before);
    assert!(model.top_k_where(&[(0, f32::NAN)], 1, &|_| true).unwrap_err().is_not_finite());
}

#[test]
fn empty_matrices_give_models() {
    let matrix = InteractionMatrix::new(&Interactions::default(), Aggregation::Binary).unwrap();
    for solver in [AlsSolver::Cholesky, AlsSolver::ConjugateGradient { n_steps: 3 }] {
        let model = ImplicitAlsConfig::new().with_solver(solver).fit(&matrix, Progress::ignore).unwrap();
        assert!(model.top_k(&[], 3).unwrap().is_empty());
    }
}

#[test]
fn files_keep_every_bit_and_are_checked() {
    let (reference, matrix) = reference();
    let (model, _) = reference.fit(&matrix, Solver::ConjugateGradient, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("als");
    model.save(&path).unwrap();
    assert_eq!(ImplicitAls::load(&path).unwrap(), model);

    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(ImplicitAls::load(&path).unwrap_err().is_malformed());

    // A config that nobody could have built, with a check sum that fits.
    model.save(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let name = br#""n_factors":"#;
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    bytes[place] = b'0';
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = ImplicitAls::load(&path).unwrap_err();
    assert!(error.to_string().ends_with("the config has a value out of its range"), "{error}");
}
