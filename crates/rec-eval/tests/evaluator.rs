//! Evaluators on a small world, every number of which can be computed by hand.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use rec_data::{Hit, Id, IdMap, Interaction, Interactions, RankedList};
use rec_eval::{
    BeyondAccuracy, Bootstrap, Evaluator, Groups, RankingMetric, Relevance, Report, Satisfaction, Ties,
};

fn ranked<const N: usize>(scored: [(&str, f32); N]) -> RankedList {
    RankedList::new(scored.map(|(id, score)| Hit { id: id.into(), score })).unwrap()
}

fn metrics<const N: usize>(names: [&str; N]) -> [RankingMetric; N] {
    names.map(|name| name.parse().unwrap())
}

fn interactions<const N: usize>(log: [(&str, &str, f32); N]) -> Interactions {
    Interactions::new(log.map(|(user, item, weight)| (user, Interaction::new(item, 0.0).with_weight(weight))))
        .unwrap()
}

fn relevance() -> Relevance {
    let judgements =
        [("ann", "a", 1.0), ("ann", "b", 1.0), ("bob", "c", 1.0), ("cid", "d", 1.0), ("dee", "a", 0.0)];
    Relevance::from_judgements(judgements).unwrap()
}

fn push_all(mut evaluator: Evaluator, lists: [RankedList; 4]) -> Evaluator {
    for ((user, relevant), list) in relevance().iter().zip(lists) {
        evaluator.push(user, &list, relevant).unwrap();
    }
    evaluator
}

fn lists() -> [RankedList; 4] {
    [
        ranked([("a", 3.0), ("c", 2.0), ("b", 1.0)]),
        ranked([("b", 1.0), ("c", 1.0), ("a", 1.0)]),
        ranked([("x", 2.0)]),
        ranked([("b", 1.0), ("c", 0.0)]),
    ]
}

#[test]
fn users_without_relevant_items_are_counted_and_in_no_mean() {
    let evaluator = push_all(Evaluator::new(metrics(["recall@2", "recall@2", "precision"])), lists());
    let report = evaluator.report(None);
    assert_eq!((report.n_users, report.n_without_relevant, report.metrics.len()), (4, 1, 2));
    // 1 of 2, 0 of 1 (after a and b, by id), 0 of 1.
    let recall = report.get("recall@2").unwrap();
    assert_eq!((recall.estimate.value, recall.n_users, recall.n_skipped), (Some(0.5 / 3.0), 3, 1));
    let values: Vec<f64> = evaluator.values("recall@2").unwrap().map(|(_, value)| value).collect();
    assert_eq!(values[..3], [0.5, 0.0, 0.0]);
    assert!(values[3].is_nan());
    assert!(evaluator.values("recall@3").is_none() && report.get("recall@3").is_none());
}

#[test]
fn ties_are_counted_by_cutoff_and_can_be_averaged_over() {
    let evaluator = push_all(Evaluator::new(metrics(["recall@1", "recall@3", "recall"])), lists());
    let report = evaluator.report(None);
    let counts = report.tie_counts.iter().map(|count| (count.cutoff, count.n_within, count.n_across));
    assert!(counts.eq([(Some(1), 0, 1), (Some(3), 1, 0), (None, 1, 0)]));

    let expected = Evaluator::new(metrics(["recall@1", "ndcg_hits@1"])).with_ties(Ties::Expected);
    let report = push_all(expected, lists()).report(None);
    // 1 of 2, a third of the time 1 of 1, 0 of 1.
    assert_eq!(report.value("recall@1"), Some((0.5 + 1.0 / 3.0) / 3.0));
    let of_hits = report.get("ndcg_hits@1").unwrap();
    assert_eq!((of_hits.n_users, of_hits.n_skipped, of_hits.n_undefined), (2, 1, 1));
}

#[test]
fn groups_of_users_and_of_items() {
    let train = interactions([("ann", "a", 1.0), ("ann", "b", 1.0), ("bob", "a", 1.0), ("dee", "c", 1.0)]);
    let evaluator = Evaluator::new(metrics(["recall@3", "precision@3"]))
        .with_user_groups(Groups::by_history_length(&train, &[1, 2]))
        .with_item_groups(Groups::by_popularity(&train, &[1, 2]));
    let report = push_all(evaluator, lists()).report(None);
    let found: Vec<_> = report
        .groups
        .iter()
        .map(|group| {
            let recall = &group.metrics[0];
            (group.label.as_str(), recall.estimate.value, recall.n_users, recall.n_skipped)
        })
        .collect();
    assert_eq!(
        found,
        [
            // Users: cid has no history; bob and dee one event, and dee no truth; ann two.
            ("0", Some(0.0), 1, 0),
            ("1", Some(1.0), 1, 1),
            ("2+", Some(1.0), 1, 0),
            // Items: d is cold (cid), b and c have one event (ann, bob), a has two (ann).
            ("0", Some(0.0), 1, 3),
            ("1", Some(1.0), 2, 2),
            ("2+", Some(1.0), 1, 3),
        ]
    );
    // Of the list of ann, only b is of the group, and of the list of bob only c.
    assert_eq!(report.groups[4].metrics[1].estimate.value, Some(1.0 / 3.0));
}

#[test]
fn lists_of_users_without_relevant_items_still_cover_items() {
    let train = interactions([("ann", "a", 1.0), ("ann", "b", 1.0), ("bob", "a", 1.0), ("bob", "q", 1.0)]);
    let consumed = interactions([("ann", "a", 4.0), ("ann", "c", 2.0), ("cid", "a", 5.0)]);
    let catalogue = IdMap::try_from_ids(["a", "b", "c", "d"]).unwrap();
    let beyond = BeyondAccuracy::at(2)
        .with_catalogue(&catalogue)
        .with_train(&train)
        .with_similarity("none", |_, _| 0.0)
        .with_satisfaction(Satisfaction::new(&consumed, 4.0));
    let evaluator = push_all(Evaluator::new([]).with_beyond_accuracy(beyond), lists());
    let report = evaluator.report(Some(&Bootstrap::new(1).with_resamples(200)));
    assert!(evaluator.names().eq(report.metrics.iter().map(|metric| metric.metric.clone())));

    // Shown: a c, a b, x, b c. Of a, b, c, d the first three; of the training items a, b, q two.
    assert_eq!(report.value("coverage_of_catalogue@2"), Some(0.75));
    assert_eq!(report.value("coverage_of_train@2"), Some(2.0 / 3.0));
    // Counts 0, 2, 2, 2: (-3 * 0 + (-1 + 1 + 3) * 2) / (4 * 6).
    assert_eq!(report.value("gini@2"), Some(0.25));
    let recommended = report.recommended.as_ref().unwrap();
    assert_eq!((recommended.n_slots, recommended.n_outside_catalogue), (7, Some(1)));
    assert_eq!(recommended.n_outside_train, Some(3), "c twice, and x");
    // Of four events a has 2; b has 1, and c and x count as if they had: 1.5, 1.5, 2 and 2 bits.
    assert_eq!(report.value("novelty_choice@2"), Some(7.0 / 4.0));

    let counted = |name: &str| {
        let metric = report.get(name).unwrap();
        (metric.estimate.value, metric.n_users, metric.n_skipped, metric.n_undefined)
    };
    assert_eq!(counted("diversity_none@2"), (Some(1.0), 3, 0, 1));
    // ann: one of a and c is relevant; bob: neither a nor b; cid has no history, dee no truth.
    assert_eq!(counted("serendipity_none@2"), (Some((0.5 + 0.0) / 2.0), 2, 1, 1));
    assert_eq!(counted("satisfied_hits@2"), (Some(0.5), 1, 0, 3));
    assert_eq!(counted("mean_value_of_hits@2"), (Some(3.0), 1, 0, 3));
    for name in ["coverage_of_catalogue@2", "gini@2"] {
        let estimate = report.get(name).unwrap().estimate;
        let interval = estimate.interval.unwrap();
        assert!(interval.contains(estimate.value.unwrap()) && interval.low >= 0.0 && interval.high <= 1.0);
    }
}

#[test]
fn nothing_pushed_gives_nothing() {
    let train = Interactions::default();
    let beyond = BeyondAccuracy::at(5).with_catalogue(train.items()).with_train(&train);
    let evaluator = Evaluator::new(metrics(["ndcg@5"])).with_beyond_accuracy(beyond);
    let report = evaluator.report(Some(&Bootstrap::new(1)));
    assert!(report.metrics.iter().all(|metric| metric.estimate.value.is_none() && metric.n_users == 0));
    assert!(report.to_string().starts_with("metric "));
}

#[test]
fn what_the_world_gets_wrong_is_an_error_and_changes_nothing() {
    let beyond = BeyondAccuracy::at(2).with_similarity("bad", |a, _| if *a == "a" { f64::NAN } else { 0.0 });
    let mut evaluator = Evaluator::new([]).with_beyond_accuracy(beyond);
    let relevance = relevance();
    let ann = relevance.get("ann").unwrap();
    let error = evaluator.push(&"ann".into(), &lists()[0], ann).unwrap_err();
    assert!(error.is_not_finite());
    assert_eq!(
        error.to_string(),
        "the similarity `bad` is not a finite number for items of the list of `ann`"
    );
    evaluator.push(&"ann".into(), &lists()[3], ann).unwrap();
    let error = evaluator.push(&"ann".into(), &lists()[3], ann).unwrap_err();
    assert!(error.is_duplicate());
    assert_eq!(evaluator.report(None).n_users, 1);
}

#[test]
fn errors_of_a_recommender_are_kept() {
    let mut evaluator = Evaluator::new(metrics(["ndcg@5"]));
    let recommend = |user: &Id| {
        let score = if *user == "bob" { f32::NAN } else { 1.0 };
        RankedList::new([Hit { id: "a".into(), score }])
    };
    let error = evaluator.push_all(&relevance(), recommend).unwrap_err();
    assert_eq!(error.to_string(), "there are no recommendations for `bob`");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the score of `a` is NaN");
    assert_eq!(evaluator.users().len(), 1);
}

#[test]
fn reports_print_and_round_trip() {
    let train = interactions([("ann", "a", 1.0), ("bob", "b", 1.0)]);
    let beyond = BeyondAccuracy::at(2).with_train(&train);
    let evaluator = Evaluator::new(metrics(["ndcg@2", "precision_of_list@10"]))
        .with_beyond_accuracy(beyond)
        .with_user_groups(Groups::by_history_length(&train, &[1]));
    let report = push_all(evaluator, lists())
        .report(Some(&Bootstrap::new(9).with_resamples(200).with_confidence(0.9)));
    let text = report.to_string();
    println!("{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "metric                value   90 % interval     users  skipped  undefined");
    assert!(lines[1].starts_with("ndcg@2                0.2044  [0.0000, "));
    assert!(text.contains("\nusers of history length 0\nndcg@2                0.0000  -                     1        1          0\n"));
    assert!(text.contains("\nequal scores within the first 2: 1 users; across that cut-off: 1 users\n"));
    assert!(text.ends_with("\n7 recommendations within the first 2, 3 of items outside the training data\n"));
    assert!(format!("{report:.1}").contains("ndcg@2                0.2"));

    let json = serde_json::to_string(&report).unwrap();
    let value = report.value("ndcg@2").unwrap();
    assert!(json.contains(&format!(
        "{{\"metric\":\"ndcg@2\",\"value\":{value},\"interval\":{{\"low\":0.0,\"high\":"
    )));
    assert_eq!(value.to_string().parse::<f64>().unwrap().to_bits(), value.to_bits());
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back.groups.len(), report.groups.len());
    assert_eq!(back.tie_counts, report.tie_counts);
}

#[test]
#[should_panic(expected = "1 lists were judged before all was configured")]
fn configuration_comes_first() {
    let mut evaluator = Evaluator::new(metrics(["ndcg@5"]));
    evaluator.push(&"ann".into(), &lists()[0], relevance().get("ann").unwrap()).unwrap();
    let _ = evaluator.with_ties(Ties::Expected);
}
