//! What holds for every model, and each model against the obvious loops.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rec_cf::{
    Aggregation, BilinearConfig, CoOccurrence, EaseConfig, FoldIn, ImplicitAlsConfig, InteractionMatrix,
    KnnConfig, PopularityConfig, Progress, Recency, Recommender, SessionKnnConfig, Similarity, SlimConfig,
    SlitConfig, TransitionsConfig, Weighting,
};
use rec_data::{Interaction, Interactions};

/// Events of few users with few items, at few times.
fn events() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0u8..8, 0u8..12, 0u8..10), 0..80)
}

fn log(events: &[(u8, u8, u8)]) -> Interactions {
    let event = |&(user, item, time): &(u8, u8, u8)| {
        (
            user.to_string(),
            Interaction::new(item.to_string(), time.into()).with_weight(1.0 + f32::from(time % 3)),
        )
    };
    Interactions::new(events.iter().map(event)).unwrap()
}

fn matrix(log: &Interactions, aggregation: Aggregation) -> InteractionMatrix {
    InteractionMatrix::new(log, aggregation).unwrap()
}

/// One of each kind.
fn models(log: &Interactions) -> Vec<(&'static str, Box<dyn Recommender>)> {
    let matrix = matrix(log, Aggregation::Sum);
    let tf_idf = KnnConfig::new(4).with_weighting(Weighting::TfIdf).with_shrinkage(2.0);
    let sessions = SessionKnnConfig::new(3).with_recent(5).with_recency(Recency::Exponential(0.7));
    let chain = TransitionsConfig::new().with_window(3).with_last_n(4);
    let go = Progress::ignore;
    vec![
        ("popularity", Box::new(PopularityConfig::new().fit(&matrix, go).unwrap())),
        ("item kNN", Box::new(KnnConfig::new(3).fit_items(&matrix, go).unwrap())),
        ("item kNN, TF-IDF", Box::new(tf_idf.fit_items(&matrix, go).unwrap())),
        ("user kNN", Box::new(KnnConfig::new(3).fit_users(&matrix, go).unwrap())),
        ("user kNN, TF-IDF", Box::new(tf_idf.fit_users(&matrix, go).unwrap())),
        ("user kNN, Jaccard", {
            Box::new(KnnConfig::new(5).with_similarity(Similarity::Jaccard).fit_users(&matrix, go).unwrap())
        }),
        ("EASE", Box::new(EaseConfig::new(3.0).fit(&matrix, go).unwrap())),
        ("SLIM", Box::new(SlimConfig::new().fit(&matrix, go).unwrap())),
        ("SLIT", Box::new(SlitConfig::new(3.0).fit(log, log.items(), go).unwrap())),
        ("bilinear", {
            // A tenth of the items are alike in nothing.
            let value = |at: usize| if at % 30 < 3 { 0.0 } else { (at * at % 17) as f32 - 8.0 };
            let vectors: Vec<f32> = (0..3 * matrix.items().len()).map(value).collect();
            Box::new(
                BilinearConfig::new().with_regularization(2.0, 1.0).fit(&matrix, &vectors, 3, go).unwrap(),
            )
        }),
        (
            "ALS",
            Box::new(ImplicitAlsConfig::new().with_factors(3).with_iterations(2).fit(&matrix, go).unwrap()),
        ),
        ("transitions", Box::new(chain.fit(log, log.items(), go).unwrap())),
        ("session kNN", Box::new(sessions.fit(log, log.items(), go).unwrap())),
    ]
}

/// A history of any items, some of them twice.
fn history() -> impl Strategy<Value = Vec<(usize, f32)>> {
    prop::collection::vec((0usize..12, prop::sample::select(vec![0.25f32, 0.5, 1.0, 2.0])), 0..8)
}

fn scores(model: &dyn Recommender, history: &[(usize, f32)]) -> Vec<f32> {
    let mut out = vec![f32::NAN; model.items().len()];
    model.scores(history, &mut out);
    out
}

fn bits(scores: &[f32]) -> Vec<u32> {
    scores.iter().map(|score| score.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn histories_are_rows_of_the_matrix(events in events(), last_n in 0usize..6, decay in 0.0f32..=1.0) {
        let log = log(&events);
        for aggregation in [Aggregation::Binary, Aggregation::Count, Aggregation::Sum, Aggregation::Last] {
            let matrix = matrix(&log, aggregation);
            for (user, history) in log.iter() {
                let mut rows = FoldIn::new(aggregation).rows(matrix.items(), history).unwrap();
                let newest = history.items().next_back().unwrap();
                prop_assert_eq!(matrix.items().id(rows[rows.len() - 1].0), Some(newest));
                rows.sort_by_key(|&(item, _)| item);
                prop_assert!(matrix.row(matrix.users().row(user).unwrap()).eq(rows));

                let fold_in = FoldIn::new(aggregation).with_decay(decay);
                let short = fold_in.rows(matrix.items(), &history.last_n(last_n)).unwrap();
                prop_assert_eq!(fold_in.with_last_n(last_n).rows(matrix.items(), history).unwrap(), short);
            }
        }
    }

    #[test]
    fn slit_solves_its_normal_equations(events in events(), decay in 0.0f64..=1.0, window in 1usize..5) {
        let log = log(&events);
        let (lambda, n) = (0.7, log.items().len());
        let config = SlitConfig::new(lambda).with_decay(decay).with_window(window);
        let model = config.fit(&log, log.items(), Progress::ignore).unwrap();
        // S and T, dense, a row for each step to an item that is new.
        let mut steps: Vec<(Vec<f64>, usize)> = Vec::new();
        for (_, history) in log.iter() {
            let rows: Vec<usize> = history.items().map(|item| model.items().row(item).unwrap()).collect();
            for at in (1..rows.len()).filter(|&at| !rows[..at].contains(&rows[at])) {
                let mut past = vec![0.0; n];
                for step in (0..at.min(window)).rev() {
                    past[rows[at - 1 - step]] = decay.powi(step as i32);
                }
                steps.push((past, rows[at]));
            }
        }
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let gram = |k: usize| steps.iter().map(|(past, _)| past[i] * past[k]).sum::<f64>();
            let left: f64 = (0..n).map(|k| gram(k) * f64::from(model.weight(k, j))).sum();
            let right: f64 = steps.iter().filter(|&&(_, next)| next == j).map(|(past, _)| past[i]).sum();
            let error = left + lambda * f64::from(model.weight(i, j)) - right;
            prop_assert!(error.abs() < 1e-4, "row {} of column {}: {}", i, j, error);
        }
    }

    #[test]
    fn vectors_of_items_are_more_users(events in events(), weight in 0.0f64..3.0) {
        let log = log(&events);
        let matrix = matrix(&log, Aggregation::Binary);
        let n = matrix.items().len();
        // Features of 0 and 1 and a weight of 1 are users who have these items.
        let vectors: Vec<f32> = (0..3 * n).map(|i| f32::from(u8::from(i * i % 5 < 2))).collect();
        let features = (0..3 * n).filter(|&i| vectors[i] > 0.0).map(|i| {
            (format!("feature {}", i % 3), Interaction::new(matrix.items().id(i / 3).unwrap().clone(), 0.0))
        });
        let more = log.merged(&Interactions::new(features).unwrap());
        let more = EaseConfig::new(2.0).fit(&self::matrix(&more, Aggregation::Binary), Progress::ignore).unwrap();
        let fit = |weight: f64| {
            EaseConfig::new(2.0).fit_with_vectors(&matrix, &vectors, 3, weight, Progress::ignore).unwrap()
        };
        prop_assert_eq!(fit(1.0), more);
        prop_assert_eq!(fit(0.0), EaseConfig::new(2.0).fit(&matrix, Progress::ignore).unwrap());
        let together = fit(weight);
        prop_assert!((0..n).all(|item| together.weight(item, item) == 0.0));
    }

    #[test]
    fn contributions_are_the_score(events in events(), history in history()) {
        let log = log(&events);
        for (name, model) in models(&log) {
            let n_items = model.items().len();
            let history: Vec<_> = history.iter().copied().filter(|&(item, _)| item < n_items).collect();
            let scores = scores(&*model, &history);
            for (item, &score) in scores.iter().enumerate() {
                prop_assert!(score.is_finite(), "{}", name);
                let Some(parts) = model.explain(&history, item) else {
                    prop_assert_eq!(name, "popularity");
                    continue;
                };
                prop_assert_eq!(parts.len(), history.len());
                let sum: f32 = parts.iter().sum();
                let scale: f32 = 1.0 + parts.iter().map(|part| part.abs()).sum::<f32>();
                prop_assert!((sum - score).abs() < 1e-5 * scale, "{}: {:?} for {}", name, parts, score);
            }
        }
    }

    #[test]
    fn lists_hold_the_best_unseen_items(events in events(), history in history(), k in 0usize..15) {
        let log = log(&events);
        for (name, model) in models(&log) {
            let n_items = model.items().len();
            let history: Vec<_> = history.iter().copied().filter(|&(item, _)| item < n_items).collect();
            let mut expected: Vec<(f32, usize)> =
                scores(&*model, &history).into_iter().enumerate().map(|(item, score)| (score + 0.0, item)).collect();
            expected.retain(|&(_, item)| history.iter().all(|&(seen, _)| seen != item));
            expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            expected.truncate(k);
            let list = model.top_k(&history, k).unwrap();
            let found: Vec<(f32, usize)> =
                list.iter().map(|hit| (hit.score, model.items().row(&hit.id).unwrap())).collect();
            prop_assert_eq!(&found, &expected, "{}", name);
            let batch = model.top_k_batch(&[history.clone(), Vec::new()], k).unwrap();
            prop_assert_eq!(&batch[0], &list);
        }
    }

    #[test]
    fn co_occurrence_follows_the_interactions(before in events(), more in events(), sums in any::<bool>()) {
        let aggregation = if sums { Aggregation::Sum } else { Aggregation::Binary };
        let old = matrix(&log(&before), aggregation);
        let new = matrix(&log(&[before, more].concat()), aggregation);
        let mut followed = CoOccurrence::new(&old, u64::MAX, Progress::ignore).unwrap();
        followed.update(&old, &new);
        let counted = CoOccurrence::new(&new, u64::MAX, Progress::ignore).unwrap();
        prop_assert_eq!(&followed, &counted);
        for i in 0..new.items().len() {
            for j in 0..new.items().len() {
                let sum: f32 = (0..new.users().len()).map(|user| new.value(user, i) * new.value(user, j)).sum();
                prop_assert_eq!(counted.value(i, j), f64::from(sum));
            }
        }
        // Forgetting works as well.
        followed.update(&new, &old);
        let all_items = InteractionMatrix::with_items(&log(&[]), new.items(), aggregation).unwrap();
        prop_assert_eq!(followed.items(), all_items.items());

        let knn = KnnConfig::new(3).with_shrinkage(1.0);
        prop_assert_eq!(
            knn.fit_co_occurrence(&counted, Progress::ignore).unwrap(),
            knn.fit_items(&new, Progress::ignore).unwrap()
        );
        let ease = EaseConfig::new(2.0);
        prop_assert_eq!(
            ease.fit_co_occurrence(&counted, Progress::ignore).unwrap(),
            ease.fit(&new, Progress::ignore).unwrap()
        );
        if !sums {
            let jaccard = knn.with_similarity(Similarity::Jaccard);
            prop_assert_eq!(
                jaccard.fit_co_occurrence(&counted, Progress::ignore).unwrap(),
                jaccard.fit_items(&new, Progress::ignore).unwrap()
            );
        }
    }

    #[test]
    fn counts_follow_the_interactions(before in events(), more in events()) {
        let (old, new) = (log(&before), log(&more));
        let counted = PopularityConfig::new().fit_interactions(&old.merged(&new));
        prop_assert_eq!(PopularityConfig::new().fit_interactions(&old).updated(&new), counted);
        let decayed = PopularityConfig::new().with_half_life(std::time::Duration::from_secs(3));
        let (followed, counted) =
            (decayed.fit_interactions(&old).updated(&new), decayed.fit_interactions(&old.merged(&new)));
        for item in 0..counted.items().len() {
            prop_assert!((followed.count(item) - counted.count(item)).abs() < 1e-12 * (1.0 + counted.count(item)));
        }

        // Sessions that begin anew, so that the users are others.
        let others: Vec<_> = more.iter().map(|&(user, item, time)| (user + 100, item, time)).collect();
        let (new, config) = (log(&others), TransitionsConfig::new());
        let all = old.merged(&new);
        prop_assert_eq!(
            config.fit(&old, old.items(), Progress::ignore).unwrap().updated(&new, Progress::ignore).unwrap(),
            config.fit(&all, all.items(), Progress::ignore).unwrap()
        );
    }

    #[test]
    fn item_neighbours_are_those_of_the_obvious_loop(events in events(), k in 0usize..5) {
        let matrix = matrix(&log(&events), Aggregation::Sum);
        let n_items = matrix.items().len();
        let column = |item: usize| -> Vec<f64> {
            (0..matrix.users().len()).map(|user| matrix.value(user, item).into()).collect()
        };
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let model = KnnConfig::new(k).with_shrinkage(1.0).fit_items(&matrix, Progress::ignore).unwrap();
        for item in 0..n_items {
            let this = column(item);
            let mut all: Vec<(f32, usize)> = (0..n_items)
                .filter(|&other| other != item)
                .map(|other| {
                    let that = column(other);
                    let norms = dot(&this, &this).sqrt() * dot(&that, &that).sqrt();
                    ((dot(&this, &that) / (norms + 1.0 + 1e-6)) as f32, other)
                })
                .collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (rank, (similarity, other)) in all.into_iter().enumerate() {
                let expected = if rank < k { similarity } else { 0.0 };
                prop_assert_eq!(model.similarity(other, item), expected);
            }
            prop_assert_eq!(model.similarity(item, item), 0.0);
        }
    }

    #[test]
    fn slim_satisfies_the_conditions_of_its_optimum(events in events(), l1 in 0.0f64..3.0, l2 in 0.1f64..3.0) {
        let matrix = matrix(&log(&events), Aggregation::Sum);
        let (n_users, n_items) = (matrix.users().len(), matrix.items().len());
        let config = SlimConfig::new().with_l1(l1).with_l2(l2).with_tolerance(1e-10).with_max_sweeps(100_000);
        let model = config.fit(&matrix, Progress::ignore).unwrap();
        prop_assert_eq!(model.n_unfinished(), 0);
        for j in 0..n_items {
            let residual: Vec<f64> = (0..n_users)
                .map(|user| {
                    let predicted: f64 = matrix.row(user).map(|(i, x)| f64::from(x) * f64::from(model.weight(i, j))).sum();
                    f64::from(matrix.value(user, j)) - predicted
                })
                .collect();
            for i in (0..n_items).filter(|&i| i != j) {
                let correlation: f64 = (0..n_users).map(|user| f64::from(matrix.value(user, i)) * residual[user]).sum();
                let weight = f64::from(model.weight(i, j));
                let gradient = l2 * weight + l1 - correlation;
                // Zero where there is a weight, and not negative where there is none.
                prop_assert!(gradient > -1e-3 && (weight == 0.0 || gradient < 1e-3), "{} at {}", gradient, weight);
            }
        }
    }

    #[test]
    fn session_neighbours_are_those_of_the_obvious_loop(
        events in events(),
        history in history(),
        k in 0usize..5,
        n_recent in 0usize..6,
    ) {
        let log = log(&events);
        let config = SessionKnnConfig::new(k).with_recent(n_recent).with_recency(Recency::Linear);
        let model = config.fit(&log, log.items(), Progress::ignore).unwrap();
        let items = model.items();
        let history: Vec<_> = history.iter().copied().filter(|&(item, _)| item < items.len()).collect();

        let mut current: BTreeMap<usize, f64> = BTreeMap::new();
        for (place, &(item, weight)) in history.iter().enumerate() {
            *current.entry(item).or_default() += f64::from(weight) * (place + 1) as f64 / history.len() as f64;
        }
        let norm = current.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        let mut sessions: Vec<(f64, u32, Vec<usize>)> = log
            .iter()
            .map(|(user, history)| {
                let mut rows: Vec<usize> = history.items().map(|item| items.row(item).unwrap()).collect();
                rows.sort_unstable();
                rows.dedup();
                (history.now(), user.parse().unwrap(), rows)
            })
            .filter(|(_, _, rows)| rows.iter().any(|row| current.contains_key(row)))
            .collect();
        sessions.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        sessions.truncate(n_recent);
        let mut near: Vec<(f64, Vec<usize>)> = sessions
            .into_iter()
            .map(|(_, _, rows)| {
                let shared: f64 = rows.iter().filter_map(|row| current.get(row)).sum();
                (shared / (norm * (rows.len() as f64).sqrt()), rows)
            })
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Ties of nearly equal similarities may be broken otherwise.
        let tied = near.len() > k && k > 0 && near[k - 1].0 - near[k].0 < 1e-6;
        near.truncate(k);
        let mut expected = vec![0.0; items.len()];
        near.iter().for_each(|(similarity, rows)| rows.iter().for_each(|&row| expected[row] += similarity));
        if !tied {
            for (found, expected) in scores(&model, &history).iter().zip(expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-5);
            }
        }
    }
}

/// A log of some size, the same each time.
fn large_log() -> Interactions {
    let events = (0u32..30_000).map(|n| {
        // The quadratic residues of a prime: spread without a pattern, the small ones more often.
        let (user, item) = (n.wrapping_mul(n) % 1009, n.wrapping_mul(n + 7) % 977 * (n % 5) / 4);
        let weight = 0.1 + (n % 17) as f32 * 0.3;
        (user.to_string(), Interaction::new(item.to_string(), f64::from(n)).with_weight(weight))
    });
    Interactions::new(events).unwrap()
}

#[test]
fn thread_counts_change_no_bit() {
    let log = large_log();
    let rows = matrix(&log, Aggregation::Sum);
    let histories: Vec<Vec<(usize, f32)>> = (0..40).map(|user| rows.row(user * 7).collect()).collect();
    let on = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let results = models(&log).into_iter().map(|(name, model)| {
                let of_all: Vec<Vec<u32>> =
                    histories.iter().map(|history| bits(&scores(&*model, history))).collect();
                (name, of_all, model.top_k_batch(&histories, 20).unwrap())
            });
            let together = CoOccurrence::new(&rows, u64::MAX, Progress::ignore).unwrap();
            (results.collect::<Vec<_>>(), together)
        })
    };
    let one = on(1);
    assert!(rows.items().len() > 512, "{} items are not several tiles", rows.items().len());
    for n_threads in [2, 3] {
        let several = on(n_threads);
        for (expected, found) in one.0.iter().zip(&several.0) {
            assert!(expected == found, "{} on {n_threads} threads", expected.0);
        }
        assert!(one.1 == several.1, "co-occurrence on {n_threads} threads");
    }
}

#[test]
fn empty_input_is_no_error() {
    for (name, model) in models(&Interactions::default()) {
        assert!(model.items().is_empty(), "{name}");
        model.scores(&[], &mut []);
        assert!(model.top_k(&[], 5).unwrap().is_empty());
        assert_eq!(model.top_k_batch(&[], 5).unwrap(), []);
    }
    for (name, model) in models(&log(&[(0, 1, 1), (0, 2, 2), (1, 1, 1)])) {
        let nobody = scores(&*model, &[]);
        assert!(name == "popularity" || nobody == [0.0, 0.0], "{name}: {nobody:?}");
        assert_eq!(model.top_k(&[], 5).unwrap().len(), 2, "{name}");
    }
}

#[test]
fn items_and_users_without_values_are_no_error() {
    let catalogue = log(&[(0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 9, 0)]);
    let cancelled = ["a", "b"]
        .map(|user| [1.0, -1.0].map(|weight| (user, Interaction::new("1", 0.0).with_weight(weight))));
    let log = Interactions::new(cancelled.into_iter().flatten()).unwrap();
    let matrix = InteractionMatrix::with_items(&log, catalogue.items(), Aggregation::Sum).unwrap();
    assert_eq!((matrix.users().len(), matrix.items().len(), matrix.n_values()), (2, 4, 0));
    let bm25 = KnnConfig::new(3).with_weighting(Weighting::Bm25 { k1: 1.2, b: 0.75 });
    let go = Progress::ignore;
    let models: [Box<dyn Recommender>; 5] = [
        Box::new(bm25.fit_items(&matrix, go).unwrap()),
        Box::new(bm25.fit_users(&matrix, go).unwrap()),
        Box::new(EaseConfig::new(1.0).fit(&matrix, go).unwrap()),
        Box::new(SlimConfig::new().fit(&matrix, go).unwrap()),
        Box::new(PopularityConfig::new().fit(&matrix, go).unwrap()),
    ];
    for model in models {
        assert_eq!(scores(&*model, &[(0, 1.0), (3, 2.0)]), [0.0; 4], "{model:?}");
    }
}

#[test]
fn weights_that_overflow_are_an_error_of_the_list() {
    let log = log(&[(0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 1, 1), (1, 4, 1), (1, 5, 1), (2, 4, 1), (2, 3, 1)]);
    let model = EaseConfig::new(0.1).fit(&matrix(&log, Aggregation::Binary), Progress::ignore).unwrap();
    let history: Vec<(usize, f32)> = (0..5).map(|item| (item, f32::INFINITY)).collect();
    let error = model.top_k_where(&history, 2, &|_| true).unwrap_err();
    assert!(error.is_not_finite());
    assert_eq!(error.to_string(), "the score of `1` is NaN");
}

#[test]
fn shapes_that_do_not_fit_panic() {
    let log = log(&[(0, 1, 1), (0, 2, 2), (1, 1, 1)]);
    for (name, model) in models(&log) {
        let panics = |call: &dyn Fn()| {
            let call = std::panic::AssertUnwindSafe(call);
            assert!(std::panic::catch_unwind(call).is_err(), "{name}");
        };
        panics(&|| model.scores(&[], &mut [0.0; 3]));
        panics(&|| model.scores(&[(2, 1.0)], &mut [0.0; 2]));
        panics(&|| drop(model.top_k(&[(2, 1.0)], 1)));
        if model.explain(&[], 0).is_some() {
            panics(&|| drop(model.explain(&[(2, 1.0)], 0)));
            panics(&|| drop(model.explain(&[(0, 1.0)], 2)));
        }
    }
}
