//! Laws of BPR. Single steps are checked in its own file.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::ops::ControlFlow;

use rec_cf::{Aggregation, Bpr, BprConfig, InteractionMatrix, Negatives, Progress, Recommender, Schedule};
use rec_data::{IdMap, Interaction, Interactions};

const N_USERS: usize = 60;
const N_ITEMS: usize = 40;

/// Users like items of their own parity; item 40 is nobody's.
fn matrix() -> InteractionMatrix {
    let likes = |user: usize| {
        (0..N_ITEMS).filter(move |item| item % 2 == user % 2 && !(user * 7 + item * 5).is_multiple_of(3))
    };
    let log = (0..N_USERS).flat_map(|user| likes(user).map(move |item| (user, item)));
    let log = log.map(|(user, item)| (user.to_string(), Interaction::new(item.to_string(), 0.0)));
    let items = IdMap::try_from_ids((0..=N_ITEMS).map(|item| item.to_string())).unwrap();
    InteractionMatrix::with_items(&Interactions::new(log).unwrap(), &items, Aggregation::Binary).unwrap()
}

fn config() -> BprConfig {
    BprConfig::new().with_factors(8).with_epochs(30)
}

fn kinds() -> impl Iterator<Item = (Schedule, Negatives)> {
    [Schedule::Sequential, Schedule::Blocks]
        .into_iter()
        .flat_map(|schedule| [Negatives::Uniform, Negatives::Popular].map(|negatives| (schedule, negatives)))
}

/// The share of pairs of an item of the user's parity that the user has not, and one of the other parity, in the right order.
fn auc(matrix: &InteractionMatrix, scores: &dyn Fn(usize, &mut [f32])) -> f64 {
    let (mut right, mut all) = (0, 0);
    let mut out = vec![0.0; N_ITEMS + 1];
    for user in 0..N_USERS {
        scores(user, &mut out);
        let unseen = (0..N_ITEMS).filter(|&item| matrix.value(user, item) == 0.0);
        let (liked, other): (Vec<usize>, Vec<usize>) = unseen.partition(|item| item % 2 == user % 2);
        for (&liked, &other) in liked.iter().flat_map(|liked| other.iter().map(move |other| (liked, other))) {
            all += 1;
            right += usize::from(out[liked] > out[other]);
        }
    }
    f64::from(right as u32) / f64::from(all as u32)
}

#[test]
fn preferences_are_learned_and_the_objective_falls() {
    let matrix = matrix();
    for (schedule, negatives) in kinds() {
        let mut objectives = Vec::new();
        let config = config().with_schedule(schedule).with_negatives(negatives);
        let model = config.fit(&matrix, |progress| {
            objectives.extend(progress.objective);
            ControlFlow::Continue(())
        });
        let model = model.unwrap();
        // Vectors that are nearly zero have the loss ln 2.
        assert!((objectives[0] - 2.0_f64.ln()).abs() < 0.02, "{}", objectives[0]);
        assert!(objectives[29] < 0.4, "{}", objectives[29]);
        let trained = auc(&matrix, &|user, out| model.user_scores(user, out));
        let folded = auc(&matrix, &|user, out| {
            model.scores(&matrix.row(user).collect::<Vec<_>>(), out);
        });
        assert!(trained > 0.95 && folded > 0.95, "{schedule:?} {negatives:?}: {trained} {folded}");
    }
}

#[test]
fn threads_change_no_bit() {
    let matrix = matrix();
    for (schedule, negatives) in kinds() {
        let config = config().with_schedule(schedule).with_negatives(negatives).with_epochs(3);
        let train = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| config.fit(&matrix, Progress::ignore).unwrap())
        };
        let one = train(1);
        assert!([2, 5].into_iter().all(|n_threads| train(n_threads) == one));
        assert_ne!(config.with_seed(1).fit(&matrix, Progress::ignore).unwrap(), one);
    }
}

/// What the vector of a history minimises, in f64 and pair by pair.
fn objective(model: &Bpr, lambda: f64, history: &[(usize, f32)], vector: &[f64]) -> f64 {
    let n = model.n_factors();
    let score = |item: usize| -> f64 {
        let row = &model.item_factors()[item * n..(item + 1) * n];
        row.iter().zip(vector).map(|(&a, b)| f64::from(a) * b).sum::<f64>()
            + f64::from(model.item_biases()[item])
    };
    let others: Vec<usize> =
        (0..model.items().len()).filter(|item| history.iter().all(|(seen, _)| seen != item)).collect();
    let liked = || history.iter().filter(|(_, weight)| *weight > 0.0);
    let sum: f64 = liked().map(|&(_, weight)| f64::from(weight)).sum();
    let mut loss = 0.0;
    for &(item, weight) in liked() {
        let pairs = others.iter().map(|&other| (score(other) - score(item)).exp().ln_1p());
        loss += f64::from(weight) / sum * pairs.sum::<f64>() / others.len() as f64;
    }
    loss + lambda / 2.0 * vector.iter().map(|value| value * value).sum::<f64>()
}

#[test]
fn vector_of_a_history_is_where_the_gradient_vanishes() {
    let lambda = 0.1;
    let model = config().with_regularization(lambda).fit(&matrix(), Progress::ignore).unwrap();
    let history = [(4, 1.0), (9, 0.5), (12, 2.0), (31, -1.0), (4, 1.5)];
    let merged = [(4, 2.5), (9, 0.5), (12, 2.0), (31, -1.0)];
    let vector: Vec<f64> = model.user_vector(&history).into_iter().map(f64::from).collect();
    let lambda = f64::from(lambda);
    for place in 0..vector.len() {
        let at = |h: f64| {
            let mut moved = vector.clone();
            moved[place] += h;
            objective(&model, lambda, &merged, &moved)
        };
        let (gradient, slope) = ((at(1e-5) - at(-1e-5)) / 2e-5, lambda * vector[place]);
        assert!(gradient.abs() < 1e-3, "{gradient} where the regularisation alone is {slope}");
    }
    let nothing = objective(&model, lambda, &merged, &[0.0; 8]);
    assert!(objective(&model, lambda, &merged, &vector) < 0.9 * nothing);
}

#[test]
fn histories_without_likes_are_ordered_by_bias() {
    let model = config().fit(&matrix(), Progress::ignore).unwrap();
    let mut scores = vec![0.0; N_ITEMS + 1];
    for history in [&[][..], &[(3, 0.0)], &[(3, -1.0)]] {
        model.scores(history, &mut scores);
        assert_eq!(scores, model.item_biases());
    }
    // Every item is in the history: nothing to compare with.
    let all: Vec<(usize, f32)> = (0..=N_ITEMS).map(|item| (item, 1.0)).collect();
    model.scores(&all, &mut scores);
    assert_eq!(scores, model.item_biases());
    assert!(model.top_k_where(&[(0, f32::NAN)], 1, &|_| true).unwrap_err().is_not_finite());
    assert!(model.explain(&all, 0).is_none());
}

#[test]
fn items_without_values_and_biases_that_are_off_stay_zero() {
    let model = config().with_item_bias(false).fit(&matrix(), Progress::ignore).unwrap();
    assert!(model.item_biases().iter().all(|&bias| bias == 0.0));
    let model = config().with_negatives(Negatives::Popular).fit(&matrix(), Progress::ignore).unwrap();
    assert!(model.item_factors()[N_ITEMS * 8..].iter().all(|&value| value == 0.0));
    assert_eq!(model.item_biases()[N_ITEMS], 0.0);
}

#[test]
fn users_who_have_everything_and_tiny_matrices_are_no_problem() {
    for (n_users, n_items) in [(0, 0), (1, 1), (1, 2), (3, 2), (2, 5)] {
        let log = (0..n_users).flat_map(|user| (0..n_items).map(move |item| (user, item)));
        let log = log.map(|(user, item)| (user.to_string(), Interaction::new(item.to_string(), 0.0)));
        let matrix = InteractionMatrix::new(&Interactions::new(log).unwrap(), Aggregation::Binary).unwrap();
        for (schedule, negatives) in kinds() {
            let config = config().with_schedule(schedule).with_negatives(negatives);
            let model = config.fit(&matrix, Progress::ignore).unwrap();
            assert_eq!(model.top_k(&[], 9).unwrap().len(), n_items);
        }
    }
}

#[test]
fn training_is_told_stopped_limited_and_diverges_with_an_error() {
    let matrix = matrix();
    let mut told = Vec::new();
    let error = config().fit(&matrix, |progress| {
        told.push((progress.unit, progress.n_done, progress.n_total));
        if progress.n_done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let error = error.unwrap_err();
    assert!(error.is_interrupted());
    assert_eq!(error.to_string(), "the training of BPR was stopped after 2 of 30 epochs");
    assert_eq!(told, [("epochs", 1, 30), ("epochs", 2, 30)]);

    let needed = config().memory_estimate(&matrix);
    assert!(config().with_memory_limit(needed).fit(&matrix, Progress::ignore).is_ok());
    assert!(config().with_memory_limit(needed - 1).fit(&matrix, Progress::ignore).unwrap_err().is_memory());

    let error = config().with_learning_rate(1e30).fit(&matrix, Progress::ignore).unwrap_err();
    assert!(error.is_not_finite());
    assert!(error.to_string().starts_with("BPR diverged in epoch "), "{error}");
}

#[test]
fn files_keep_every_bit_and_are_checked() {
    let model = config().fit(&matrix(), Progress::ignore).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bpr");
    model.save(&path).unwrap();
    assert_eq!(Bpr::load(&path).unwrap(), model);

    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(Bpr::load(&path).unwrap_err().is_malformed());

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
    let error = Bpr::load(&path).unwrap_err();
    assert!(error.to_string().ends_with("the config has a value out of its range"), "{error}");
}
