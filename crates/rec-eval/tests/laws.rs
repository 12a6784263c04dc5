//! The laws of ranking metrics and of reports, against the obvious loops.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use proptest::test_runner::Config;
use rec_data::{Hit, Id, IdMap, Interaction, Interactions, RankedList};
use rec_eval::{
    BeyondAccuracy, Bootstrap, Candidates, CoOccurrence, Evaluator, Formula, Groups, JudgedList,
    RankingMetric, Relevance, Relevant, Satisfaction, Ties,
};

/// Gains in the order of the ranks, and those that the list misses: small integers, so that sums are exact enough to compare.
fn gains() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let gain = (0u8..4).prop_map(f64::from);
    (prop::collection::vec(gain.clone(), 0..12), prop::collection::vec(gain, 0..6))
}

fn relevant_of(gains: &[f64]) -> Relevant {
    Relevant::with_gains(gains.iter().enumerate().map(|(item, gain)| (item.to_string(), *gain))).unwrap()
}

fn ranked(scores: &[f32]) -> RankedList {
    let hits =
        scores.iter().enumerate().map(|(item, score)| Hit { id: item.to_string().into(), score: *score });
    RankedList::new(hits).unwrap()
}

fn is_gain(formula: Formula) -> bool {
    matches!(formula, Formula::Dcg | Formula::DcgExp)
}

/// Every order of the places 0 to `groups.len()` in which the groups, which ascend, stay in their order.
fn orders(groups: &[u8]) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for (place, group) in groups.iter().enumerate() {
        let longer = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let first = order.iter().position(|other| groups[*other] == *group).unwrap_or(order.len());
            (first..=order.len())
                .map(|at| {
                    let mut order = order.clone();
                    order.insert(at, place);
                    order
                })
                .collect()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn values_are_shares((gains, missed) in gains(), k in 1usize..15) {
        let list = JudgedList::from_gains(gains, missed);
        for formula in Formula::ALL {
            for metric in [formula.at(k), formula.of_whole_list()] {
                match metric.value(&list) {
                    Some(value) if is_gain(formula) => prop_assert!(value >= 0.0),
                    Some(value) => prop_assert!((0.0..=1.0).contains(&value), "{} {}", metric, value),
                    None => prop_assert!(list.n_relevant() == 0 || list.is_empty(), "{}", metric),
                }
            }
        }
    }

    #[test]
    fn ndcg_is_one_for_the_ideal_order_and_no_other((gains, missed) in gains(), k in 1usize..15) {
        let list = JudgedList::from_gains(gains.clone(), missed.clone());
        let mut ideal: Vec<f64> = gains.iter().chain(&missed).copied().filter(|gain| *gain > 0.0).collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        ideal.truncate(k);
        if !ideal.is_empty() {
            let is_ideal = gains.starts_with(&ideal);
            prop_assert_eq!(Formula::Ndcg.at(k).value(&list) == Some(1.0), is_ideal);
            prop_assert_eq!(Formula::NdcgExp.at(k).value(&list) == Some(1.0), is_ideal);
        }
    }

    #[test]
    fn a_longer_look_finds_no_less((gains, missed) in gains(), k in 1usize..15) {
        let list = JudgedList::from_gains(gains, missed);
        for formula in [Formula::Recall, Formula::HitRate, Formula::RPrecision, Formula::Map, Formula::Mrr, Formula::Dcg] {
            prop_assert!(formula.at(k).value(&list) <= formula.at(k + 1).value(&list), "{}", formula.name());
        }
    }

    #[test]
    fn a_relevant_item_further_up_is_no_worse((gains, missed) in gains(), k in 1usize..15, place in any::<prop::sample::Index>()) {
        if gains.len() < 2 {
            return Ok(());
        }
        let place = place.index(gains.len() - 1);
        let mut better = gains.clone();
        if better[place] < better[place + 1] {
            better.swap(place, place + 1);
        }
        let (list, better) = (JudgedList::from_gains(gains, missed.clone()), JudgedList::from_gains(better, missed));
        // The two whose denominator is what the list has may fall when it gets more.
        let of_hits = [Formula::NdcgHits, Formula::MapHits];
        for formula in Formula::ALL.into_iter().filter(|formula| !of_hits.contains(formula)) {
            let (before, after) = (formula.at(k).value(&list), formula.at(k).value(&better));
            prop_assert!(after.unwrap_or(0.0) >= before.unwrap_or(0.0) - 1e-12, "{}", formula.name());
        }
    }

    #[test]
    fn expected_values_are_means_over_all_orders(
        items in prop::collection::vec((0u8..3, 0u8..3), 1..6),
        missed in 0usize..3,
        k in 1usize..8,
    ) {
        let mut groups: Vec<u8> = items.iter().map(|(group, _)| *group).collect();
        groups.sort_unstable();
        let gains: Vec<f64> = items.iter().map(|(_, gain)| f64::from(*gain)).collect();
        let of_missed: Vec<f64> = vec![1.0; missed];

        let scores: Vec<f32> = groups.iter().map(|group| -f32::from(*group)).collect();
        let relevant = relevant_of(&[gains.clone(), of_missed.clone()].concat());
        let expected = JudgedList::new(&ranked(&scores), &relevant, Ties::Expected);
        let orders: Vec<JudgedList> = orders(&groups)
            .iter()
            .map(|order| JudgedList::from_gains(order.iter().map(|place| gains[*place]), of_missed.clone()))
            .collect();
        for formula in Formula::ALL {
            for metric in [formula.at(k), formula.of_whole_list()] {
                let Some(found) = metric.value(&expected) else {
                    let of_hits = matches!(formula, Formula::NdcgHits | Formula::MapHits);
                    prop_assert!(of_hits || relevant.is_empty());
                    continue;
                };
                let mean = orders.iter().map(|list| metric.value(list).unwrap()).sum::<f64>() / orders.len() as f64;
                prop_assert!((found - mean).abs() < 1e-12, "{}: {}, by all orders {}", metric, found, mean);
            }
        }
    }

    #[test]
    fn without_ties_expected_values_are_values(
        gains in prop::collection::vec(0u8..4, 1..12),
        shuffled in Just((0u8..12).collect::<Vec<u8>>()).prop_shuffle(),
        k in 1usize..15,
    ) {
        let gains: Vec<f64> = gains.into_iter().map(f64::from).collect();
        let scores: Vec<f32> = shuffled[..gains.len()].iter().map(|score| f32::from(*score)).collect();
        let (list, relevant) = (ranked(&scores), relevant_of(&gains));
        let by_id = JudgedList::new(&list, &relevant, Ties::ById);
        prop_assert_eq!(&by_id, &JudgedList::new(&list, &relevant, Ties::Expected));
        prop_assert!(Formula::ALL.into_iter().all(|f| f.at(k).value(&by_id).is_some() != relevant.is_empty()));
    }

    #[test]
    fn names_round_trip(place in any::<prop::sample::Index>(), k in 1usize..) {
        let formula = Formula::ALL[place.index(Formula::ALL.len())];
        for metric in [formula.at(k), formula.of_whole_list()] {
            prop_assert_eq!(metric.to_string().parse::<RankingMetric>().unwrap(), metric);
        }
    }

    #[test]
    fn names_that_are_accepted_are_those_that_are_printed(name in "(ndcg|map_k|f2)?(@[+0-9]{0,3})?") {
        if let Ok(metric) = name.parse::<RankingMetric>() {
            prop_assert_eq!(metric.to_string(), name);
        }
    }

    #[test]
    fn samples_are_candidates(n in 0usize..40, seed: u64, user in "[a-c]{0,3}", relevant in prop::collection::vec(0u8..40, 0..5)) {
        let catalogue = IdMap::try_from_ids((0..30).map(|i| i.to_string())).unwrap();
        let relevant = Relevant::binary(relevant.iter().map(u8::to_string));
        let is_excluded = |item: &Id| item.ends_with('7');
        let rows = |candidates: Candidates| candidates.rows(&user.as_str().into(), &catalogue, &relevant, is_excluded);
        let (all, sampled) = (rows(Candidates::All), rows(Candidates::Sampled { n, seed }));
        let is_relevant = |row: &&usize| relevant.contains(catalogue.id(**row).unwrap());
        prop_assert_eq!(all.len(), 27);
        prop_assert!(sampled.is_sorted_by(|a, b| a < b) && sampled.iter().all(|row| all.contains(row)));
        prop_assert!(sampled.iter().filter(is_relevant).eq(all.iter().filter(is_relevant)));
        let n_others = all.len() - all.iter().filter(is_relevant).count();
        prop_assert_eq!(sampled.len(), all.len() - n_others + n.min(n_others));
    }
}

/// A made-up world: who knows what, and who will like what.
fn world() -> (Interactions, Interactions) {
    let item =
        |user: u32, n: u32| ((user * user * 7 + n * n * 13 + user * n) % 97 % (20 + user % 30)).to_string();
    let log = |from: u32, to: u32| {
        let events = (0..1200u32).flat_map(move |user| (from..to - user % 3).map(move |n| (user, n)));
        Interactions::new(events.map(move |(user, n)| {
            let rating = ((user + n) % 5) as f32;
            (user.to_string(), Interaction::new(item(user, n), f64::from(n)).with_weight(rating))
        }))
        .unwrap()
    };
    (log(0, 8), log(8, 11))
}

#[test]
fn the_report_is_the_same_for_any_number_of_threads() {
    let (train, test) = world();
    let catalogue = IdMap::try_from_ids((0..60).map(|i| i.to_string())).unwrap();
    let relevance = Relevance::from_ratings(&test, 2.0);
    let recommend = |user: &Id| {
        let seed: u32 = user.parse().unwrap();
        let hits =
            (0..40u32).map(|item| Hit { id: item.to_string().into(), score: (item * seed % 23) as f32 });
        RankedList::new(hits)
    };
    let evaluator = || {
        let co_occurrence = CoOccurrence::new(&train);
        let beyond = BeyondAccuracy::at(10)
            .with_catalogue(&catalogue)
            .with_train(&train)
            .with_similarity("co_occurrence", move |a, b| co_occurrence.cosine(a, b))
            .with_satisfaction(Satisfaction::new(&test, 3.0));
        Evaluator::new(Formula::ALL.map(|formula| formula.at(10)))
            .with_beyond_accuracy(beyond)
            .with_user_groups(Groups::by_history_length(&train, &[8]))
            .with_item_groups(Groups::by_popularity(&train, &[50]))
    };
    let bootstrap = Bootstrap::new(3).with_resamples(50);
    let reports = [1, 2, 5].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let mut evaluator = evaluator();
            evaluator.push_all(&relevance, recommend).unwrap();
            serde_json::to_string(&evaluator.report(Some(&bootstrap))).unwrap()
        })
    });
    let mut one_by_one = evaluator();
    for (user, relevant) in relevance.iter() {
        one_by_one.push(user, &recommend(user).unwrap(), relevant).unwrap();
    }
    let report = serde_json::to_string(&one_by_one.report(Some(&bootstrap))).unwrap();
    assert!(reports.iter().all(|other| *other == report));
    assert_eq!(one_by_one.users().len(), 1200);
    assert!(!report.contains("\"value\":null"), "everything is defined here");
}
