//! Re-ranking against the search of all sets, cold start against known data, and what holds for every combination.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use rec_cf::{
    Aggregation, EaseConfig, InteractionMatrix, PopularityConfig, Progress, Recommender, TransitionsConfig,
};
use rec_data::{Hit, IdMap, Interaction, Interactions, RankedList};
use rec_hybrid::{
    Blend, BoostingConfig, Calibration, ColdStart, ColdStartConfig, ContentModel, Example, Learner,
    LogisticConfig, Normalization, Source, StackingConfig, determinantal,
};

fn list(scores: &[f32]) -> RankedList {
    RankedList::new(scores.iter().enumerate().map(|(i, &score)| Hit { id: i.to_string().into(), score }))
        .unwrap()
}

/// Cosines of vectors.
fn cosines(vectors: &[[f64; 3]]) -> Vec<Vec<f64>> {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = |a: &[f64; 3]| dot(a, a).sqrt().max(1e-9);
    vectors.iter().map(|a| vectors.iter().map(|b| dot(a, b) / (norm(a) * norm(b))).collect()).collect()
}

/// A determinant by expansion along the first row.
fn determinant(matrix: &[Vec<f64>]) -> f64 {
    let Some((first, rest)) = matrix.split_first() else { return 1.0 };
    let minor = |column: usize| -> Vec<Vec<f64>> {
        let without = |row: &Vec<f64>| {
            row.iter().enumerate().filter(|&(at, _)| at != column).map(|(_, &value)| value).collect()
        };
        rest.iter().map(without).collect()
    };
    let sign = |column: usize| if column.is_multiple_of(2) { 1.0 } else { -1.0 };
    first.iter().enumerate().map(|(at, value)| sign(at) * value * determinant(&minor(at))).sum()
}

fn log_probability(set: &[usize], scores: &[f32], similarity: &[Vec<f64>], theta: f64) -> f64 {
    let part: Vec<Vec<f64>> = set.iter().map(|&a| set.iter().map(|&b| similarity[a][b]).collect()).collect();
    let relevance: f64 = set.iter().map(|&i| f64::from(scores[i])).sum();
    theta * relevance + (1.0 - theta) * determinant(&part).max(0.0).ln()
}

fn rows(hits: &[Hit]) -> Vec<usize> {
    hits.iter().map(|hit| hit.id.as_str().parse().unwrap()).collect()
}

fn log(events: &[(u8, u8)]) -> Interactions {
    let event = |(at, &(user, item)): (usize, &(u8, u8))| {
        (user.to_string(), Interaction::new(item.to_string(), at as f64))
    };
    Interactions::new(events.iter().enumerate().map(event)).unwrap()
}

/// Some sources over twelve items.
fn sources(log: &Interactions) -> (Vec<Source>, Vec<f64>) {
    let items = IdMap::try_from_ids((0..12).map(|item| item.to_string())).unwrap();
    let matrix = InteractionMatrix::with_items(log, &items, Aggregation::Binary).unwrap();
    let popular = PopularityConfig::new().fit(&matrix, Progress::ignore).unwrap();
    let counts = (0..12).map(|item| popular.count(item)).collect();
    let vectors = (0..36).map(|i| ((i * 7 % 11) as f32) - 5.0).collect();
    let sources = vec![
        Source::new("popularity", popular),
        Source::new("content", ContentModel::new(items.clone(), vectors, 3).unwrap()).with_decay(0.9),
        Source::new("EASE", EaseConfig::new(2.0).fit(&matrix, Progress::ignore).unwrap()).with_decay(0.7),
        Source::new("chain", TransitionsConfig::new().fit(log, &items, Progress::ignore).unwrap()),
    ];
    (sources, counts)
}

/// Twelve items, of which users take one and then the next.
fn examples() -> Vec<Example> {
    let of = |n: usize| Example { history: vec![(n * 5 % 12, 1.0), (n % 12, 1.0)], target: (n + 1) % 12 };
    (0..48)
        .map(of)
        .filter(|example| example.history.iter().all(|&(item, _)| item != example.target))
        .collect()
}

fn scores(model: &dyn Recommender, history: &[(usize, f32)]) -> Vec<f32> {
    let mut out = vec![f32::NAN; model.items().len()];
    model.scores(history, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn determinantal_is_the_greedy_search_over_determinants(
        vectors in prop::collection::vec(prop::array::uniform3(-1.0f64..1.0), 1..8),
        theta in 0.0f64..=1.0,
    ) {
        let scores: Vec<f32> = (0..vectors.len()).map(|i| 2.0 - 0.3 * i as f32).collect();
        let similarity = cosines(&vectors);
        let found = rows(&determinantal(&list(&scores), |a, b| similarity[a][b], theta, 3).unwrap());
        prop_assert_eq!(found.len(), vectors.len().min(3));
        // Each step is the best one, up to rounding, unless all that is left is spanned.
        for n in 0..found.len() {
            let value = |item: usize| {
                let set: Vec<usize> = found[..n].iter().copied().chain([item]).collect();
                log_probability(&set, &scores, &similarity, theta)
            };
            let best = (0..scores.len()).filter(|item| !found[..n].contains(item)).map(value).fold(f64::NEG_INFINITY, f64::max);
            let taken = value(found[n]);
            prop_assert!(taken >= best - 1e-4 || best < -8.0, "{found:?}: {taken} < {best}");
        }
    }

    #[test]
    fn calibration_is_the_naive_greedy_search(
        categories in prop::collection::vec(prop::collection::vec(0usize..4, 0..3), 1..9),
        weights in prop::array::uniform4(0.0f64..1.0),
        lambda in 0.0f64..=1.0,
    ) {
        let shares: Vec<Vec<(usize, f64)>> = categories
            .iter()
            .map(|of_item| of_item.iter().map(|&category| (category, 1.0 / of_item.len() as f64)).collect())
            .collect();
        let total: f64 = weights.iter().sum::<f64>() + 1e-9;
        let liked = weights.map(|weight| weight / total);
        let scores: Vec<f32> = (0..shares.len()).map(|i| 1.0 - 0.1 * i as f32).collect();
        let config = Calibration::new(lambda);
        let found = rows(&config.rerank(&list(&scores), &shares, &liked, 4).unwrap());
        prop_assert_eq!(found.len(), shares.len().min(4));
        // From the formula, with nothing kept between steps.
        let objective = |set: &[usize]| {
            let mut q = [0.0; 4];
            for &item in set {
                shares[item].iter().for_each(|&(category, share)| q[category] += share / set.len() as f64);
            }
            let divergence: f64 = (0..4)
                .filter(|&g| liked[g] > 0.0)
                .map(|g| liked[g] * (liked[g] / (0.99 * q[g] + 0.01 * liked[g])).ln())
                .sum();
            (1.0 - lambda) * set.iter().map(|&i| f64::from(scores[i])).sum::<f64>() - lambda * divergence
        };
        for n in 0..found.len() {
            let value = |item: usize| objective(&found[..n].iter().copied().chain([item]).collect::<Vec<_>>());
            let best = (0..shares.len()).filter(|item| !found[..n].contains(item)).map(value).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(value(found[n]) >= best - 1e-9);
        }
    }

    #[test]
    fn combinations_rank_what_is_unseen_and_nothing_is_nan(
        events in prop::collection::vec((0u8..8, 0u8..12), 0..60),
        history in prop::collection::vec(0usize..12, 0..6),
    ) {
        let (sources, counts) = sources(&log(&events));
        let history: Vec<(usize, f32)> = history.into_iter().map(|item| (item, 1.0)).collect();
        let normalizations = [
            Normalization::None,
            Normalization::MinMax,
            Normalization::ZScore,
            Normalization::Rank,
            Normalization::ReciprocalRank { k: 60.0 },
        ];
        let mut models: Vec<Box<dyn Recommender>> = Vec::new();
        for normalization in normalizations {
            let weighted = sources.iter().cloned().zip([0.5, 1.0, 2.0, -0.5]).collect();
            models.push(Box::new(Blend::new(weighted, normalization).unwrap()));
        }
        let [prior, content, ease, _] = <[Source; 4]>::try_from(sources.clone()).unwrap();
        models.push(Box::new(ColdStart::new(prior, content, ease, &counts, 1.0, 2.0).unwrap()));
        for learner in [Learner::Logistic(LogisticConfig::new()), Learner::Boosting(BoostingConfig::new().with_trees(3))] {
            let config = StackingConfig::new(learner).with_depth(4).with_negatives(5);
            models.push(Box::new(config.fit(sources.clone(), &counts, &examples()).unwrap()));
        }
        for model in &models {
            let scores = scores(&**model, &history);
            prop_assert!(scores.iter().all(|score| score.is_finite()), "{model:?}: {scores:?}");
            let best = model.top_k(&history, 12).unwrap();
            prop_assert!(best.iter().all(|hit| history.iter().all(|(item, _)| hit.id != item.to_string().as_str())));
        }
    }
}

#[test]
fn greedy_sets_are_near_the_most_probable() {
    // All triples of eight items are tried. Greedy choices are not the best set, and the bound is what is lost here at most.
    let vectors: Vec<[f64; 3]> =
        (0..8).map(|i| [(f64::from(i)).sin(), (f64::from(i) * 1.7).cos(), 0.3 + f64::from(i % 3)]).collect();
    let similarity = cosines(&vectors);
    let scores: Vec<f32> = (0..8).map(|i| 1.0 - 0.05 * i as f32).collect();
    for theta in [0.2, 0.5, 0.8] {
        let found = rows(&determinantal(&list(&scores), |a, b| similarity[a][b], theta, 3).unwrap());
        let mut best = f64::NEG_INFINITY;
        for (a, b, c) in (0..8).flat_map(|a| (a + 1..8).flat_map(move |b| (b + 1..8).map(move |c| (a, b, c))))
        {
            best = best.max(log_probability(&[a, b, c], &scores, &similarity, theta));
        }
        let greedy = log_probability(&found, &scores, &similarity, theta);
        assert!(greedy > best - 0.5, "theta {theta}: {greedy}, the best is {best}");
    }
}

#[test]
fn what_is_learned_is_what_users_do() {
    // Everybody takes the next item.
    let events: Vec<(u8, u8)> = (0..96).map(|n| (n / 8, (n / 8 + n % 8) % 12)).collect();
    let (sources, counts) = sources(&log(&events));
    for learner in [Learner::Logistic(LogisticConfig::new()), Learner::Boosting(BoostingConfig::new())] {
        let model =
            StackingConfig::new(learner).with_seed(3).fit(sources.clone(), &counts, &examples()).unwrap();
        for example in &examples() {
            let best = model.top_k(&example.history, 2).unwrap();
            assert!(best.iter().any(|hit| hit.id == example.target.to_string().as_str()), "{learner:?}");
        }
        let again =
            StackingConfig::new(learner).with_seed(3).fit(sources.clone(), &counts, &examples()).unwrap();
        let history = [(3, 1.0)];
        assert_eq!(scores(&model, &history), scores(&again, &history));
    }
}

#[test]
fn cold_start_trusts_what_the_examples_show() {
    let events: Vec<(u8, u8)> = (0..96).map(|n| (n / 8, (n / 8 + n % 8) % 12)).collect();
    let (sources, counts) = sources(&log(&events));
    let [popular, content, _, chain] = <[Source; 4]>::try_from(sources).unwrap();
    // The chain is right three times of four.
    let mut examples = examples();
    for (n, example) in examples.iter_mut().enumerate().filter(|(n, _)| n % 4 == 0) {
        example.target = (0..12)
            .cycle()
            .skip(n)
            .find(|&item| example.history.iter().all(|(seen, _)| *seen != item))
            .unwrap();
    }
    let fit = |collaborative: &Source, content: &Source| {
        let config = ColdStartConfig::new().with_sampled(50);
        config.fit(popular.clone(), content.clone(), collaborative.clone(), &counts, &examples).unwrap()
    };
    let model = fit(&chain, &content);
    assert!(model.tau_item() <= 2.0, "{}", model.tau_item());
    // The other way round: what stands for content knows.
    let model = fit(&content, &chain);
    assert!(model.tau_item() >= 64.0, "{}", model.tau_item());
    assert_eq!(model.trust(0, 0).0, 0.0);
}
