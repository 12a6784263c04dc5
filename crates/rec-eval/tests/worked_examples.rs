//! Numbers that other projects publish in their tests and documents, to every digit that they print.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use approx::assert_abs_diff_eq;
use rec_data::{Hit, Id, IdMap, Interaction, Interactions, RankedList};
use rec_eval::{
    BeyondAccuracy, CoOccurrence, Evaluator, JudgedList, Popularity, RankingMetric, Relevance, Relevant,
    Report, Ties, entropy_bits, gini,
};

/// A list in this order.
fn ranked(items: &[u32]) -> RankedList {
    let hits = items.iter().enumerate().map(|(rank, item)| Hit { id: id(*item), score: -(rank as f32) });
    RankedList::new(hits).unwrap()
}

fn id(item: u32) -> Id {
    item.to_string().into()
}

fn metric(name: &str) -> RankingMetric {
    name.parse().unwrap()
}

fn value(name: &str, list: &JudgedList) -> f64 {
    metric(name).value(list).unwrap()
}

/// Microsoft Recommenders, tests/unit/recommenders/evaluation/conftest.py: `rating_true` and `rating_pred`.
const MICROSOFT: [(&[u32], &[u32]); 3] = [
    (&[1, 2, 3], &[3, 10, 12]),
    (&[1, 4, 5, 6, 7], &[10, 3, 5, 11, 13]),
    (&[2, 5, 6, 8, 9, 10, 11, 12, 13, 14], &[4, 10, 7, 13, 1, 3, 5, 2, 11, 14]),
];

fn microsoft_mean(name: &str) -> f64 {
    let mut evaluator = Evaluator::new([metric(name)]);
    for (user, (relevant, list)) in (1..).zip(MICROSOFT) {
        let relevant = Relevant::binary(relevant.iter().map(|item| id(*item)));
        evaluator.push(&id(user), &ranked(list), &relevant).unwrap();
    }
    evaluator.report(None).value(name).unwrap()
}

#[test]
fn microsoft_recommenders() {
    // Its test_python_evaluation.py, which cuts numbers off after five digits; the others by the definitions of the libraries
    // that `Formula` names.
    for (name, expected, tolerance) in [
        ("precision@10", 0.26666, 1e-5),
        ("recall@10", 0.37777, 1e-5),
        ("map@10", 0.23613, 1e-5),
        ("ndcg@10", 0.38172, 1e-5),
        ("r_precision@3", 0.21111, 5e-6),
        ("r_precision@5", 0.24444, 5e-6),
        ("r_precision@10", 0.37777, 1e-5),
        ("r_precision", 0.37777, 1e-5),
        ("ndcg_lenskit@10", 0.363756, 5e-7),
        ("ndcg_hits@10", 0.732046, 5e-7),
        ("ndcg_k_ideal@10", 0.278820, 5e-7),
        ("map_hits@10", 0.615785, 5e-7),
        ("map_k@10", 0.147249, 5e-7),
        ("precision@5", 0.266667, 5e-7),
        ("recall@5", 0.244444, 5e-7),
        ("recall_capped@5", 0.311111, 5e-7),
        ("ndcg@5", 0.332971, 5e-7),
        ("ndcg_lenskit@5", 0.326133, 5e-7),
        ("map@3", 0.15, 5e-7),
        ("map_capped@3", 0.203704, 5e-7),
        ("hit_rate@10", 1.0, 0.0),
        // (1 + 1/3 + 1/2) / 3
        ("mrr@10", 11.0 / 18.0, 1e-15),
        // (1/3 + 1/5 + 6/10) / 3, and 2 h / (10 + |R|) with 1, 1 and 6 hits.
        ("precision_of_list@10", (1.0 / 3.0 + 0.2 + 0.6) / 3.0, 1e-15),
        ("f1@10", (2.0 / 13.0 + 2.0 / 15.0 + 12.0 / 20.0) / 3.0, 1e-15),
    ] {
        let found = microsoft_mean(name);
        assert!((found - expected).abs() <= tolerance, "{name}: {found}, expected {expected}");
    }
}

#[test]
fn precision_of_implicit_is_a_recall_of_all_users_together() {
    let (mut hits, mut capped) = (0.0, 0.0);
    for (relevant, list) in MICROSOFT {
        let n_capped = relevant.len().min(10) as f64;
        let relevant = Relevant::binary(relevant.iter().map(|item| id(*item)));
        hits += value("recall_capped@10", &JudgedList::new(&ranked(list), &relevant, Ties::ById)) * n_capped;
        capped += n_capped;
    }
    assert_abs_diff_eq!(hits / capped, 0.444444, epsilon = 5e-7);
}

#[test]
fn wikipedia_dcg() {
    // https://en.wikipedia.org/wiki/Discounted_cumulative_gain
    let list = JudgedList::from_gains([3.0, 2.0, 3.0, 0.0, 1.0, 2.0], [3.0, 2.0]);
    for (name, expected) in [
        ("dcg@6", 6.861127),
        ("ndcg@6", 0.785002),
        ("dcg_exp@6", 13.848264),
        ("ndcg_exp@6", 0.751083),
        ("ndcg_hits@6", 0.960808),
    ] {
        assert_abs_diff_eq!(value(name, &list), expected, epsilon = 5e-7);
    }
    let ideal = JudgedList::from_gains([3.0, 3.0, 3.0, 2.0, 2.0, 2.0], [1.0]);
    assert_abs_diff_eq!(value("dcg@6", &ideal), 8.740262, epsilon = 5e-7);
    assert_abs_diff_eq!(value("dcg_exp@6", &ideal), 18.437718, epsilon = 5e-7);
}

#[test]
fn recbole_ranking() {
    // RecBole, tests/metrics/test_topk_metrics.py: hits and numbers of relevant items of four users.
    let users = [([0, 0, 0], 1), ([1, 1, 1], 3), ([1, 0, 1], 4), ([0, 0, 1], 2)];
    let lists = users.map(|(hits, n_relevant)| {
        let n_missed = n_relevant - hits.iter().sum::<i32>();
        JudgedList::from_gains(hits.map(f64::from), (0..n_missed).map(|_| 1.0))
    });
    for (name, expected) in [
        ("ndcg@2", [0.0, 1.0, 0.613147, 0.0]),
        ("ndcg@3", [0.0, 1.0, 0.703918, 0.306574]),
        ("map_capped@3", [0.0, 1.0, 0.555556, 0.166667]),
        ("mrr@3", [0.0, 1.0, 1.0, 0.333333]),
    ] {
        for (list, expected) in lists.iter().zip(expected) {
            assert_abs_diff_eq!(value(name, list), expected, epsilon = 5e-7);
        }
    }
}

#[test]
fn recbole_items() {
    let lists: [&[u32]; 5] = [&[5, 7, 3], &[4, 5, 2], &[2, 3, 5], &[1, 4, 6], &[5, 3, 7]];
    let catalogue = IdMap::try_from_ids((0..8).map(id)).unwrap();
    let mut evaluator =
        Evaluator::new([]).with_beyond_accuracy(BeyondAccuracy::at(3).with_catalogue(&catalogue));
    for (user, list) in (0..).zip(lists) {
        evaluator.push(&id(user), &ranked(list), &Relevant::default()).unwrap();
    }
    let report = evaluator.report(None);
    let value = |name| report.value(name).unwrap();
    assert_eq!(value("coverage_of_catalogue@3"), 0.875);
    assert_abs_diff_eq!(value("gini@3"), 0.341667, epsilon = 5e-7);
    assert_abs_diff_eq!(value("entropy_bits@3"), 2.656565, epsilon = 5e-7);
    assert_abs_diff_eq!(value("entropy_nats@3"), 1.841390, epsilon = 5e-7);
    // What RecBole prints is in nats, and divided by the number of distinct items.
    assert_abs_diff_eq!(value("entropy_nats@3") / 7.0, 0.263056, epsilon = 5e-7);

    let counts = [0, 1, 2, 3, 2, 4, 1, 2];
    assert_eq!(gini(&counts), report.value("gini@3"));
    assert_abs_diff_eq!(entropy_bits(&counts).unwrap(), value("entropy_bits@3"), epsilon = 1e-15);
}

/// Microsoft Recommenders, conftest.py: `diversity_data`.
fn diversity_data() -> (Interactions, Relevance) {
    let train = [(1, 1), (1, 2), (1, 4), (2, 3), (2, 4), (3, 3), (3, 4), (3, 5)];
    let train = train.map(|(user, item)| (id(user), Interaction::new(id(item), 0.0)));
    let relevant = [(1, 3), (2, 2), (2, 5), (3, 1)].map(|(user, item)| (id(user), id(item), 1.0));
    (Interactions::new(train).unwrap(), Relevance::from_judgements(relevant).unwrap())
}

fn diversity_evaluator<'a>(train: &'a Interactions, relevance: &Relevance) -> Evaluator<'a> {
    let features: [[f64; 5]; 5] = [
        [0.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 1.0],
    ];
    let content = move |a: &Id, b: &Id| {
        let [a, b] = [a, b].map(|id| features[id.parse::<usize>().unwrap() - 1]);
        let dot = |a: [f64; 5], b: [f64; 5]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let co_occurrence = CoOccurrence::new(train);
    let beyond = BeyondAccuracy::at(2)
        .with_train(train)
        .with_similarity("co_occurrence", move |a, b| co_occurrence.cosine(a, b))
        .with_similarity("content", content);
    let mut evaluator = Evaluator::new([]).with_beyond_accuracy(beyond);
    for (user, list) in [(1, [3, 5]), (2, [2, 5]), (3, [1, 2])] {
        evaluator.push(&id(user), &ranked(&list), relevance.get(&id(user)).unwrap()).unwrap();
    }
    evaluator
}

#[test]
fn microsoft_beyond_accuracy() {
    let (train, relevance) = diversity_data();
    let evaluator = diversity_evaluator(&train, &relevance);
    let report: Report = evaluator.report(None);
    for (name, expected, tolerance) in [
        ("coverage_of_train@2", 0.8, 1e-15),
        ("entropy_bits@2", 1.9183, 5e-5),
        ("novelty_choice@2", 2.83333, 5e-6),
        ("novelty_user@2", 1.418296, 5e-7),
        ("diversity_co_occurrence@2", 0.43096, 5e-6),
        ("diversity_content@2", 0.5, 1e-15),
        ("serendipity_co_occurrence@2", 0.43408, 5e-6),
        ("serendipity_content@2", 0.4028, 5e-5),
    ] {
        let found = report.value(name).unwrap();
        assert!((found - expected).abs() <= tolerance, "{name}: {found}, expected {expected}");
    }
    for (name, expected) in [
        ("diversity_co_occurrence@2", [0.29289, 1.0, 0.0]),
        ("serendipity_co_occurrence@2", [0.363915, 0.53455, 0.403775]),
    ] {
        for ((_, found), expected) in evaluator.values(name).unwrap().zip(expected) {
            assert_abs_diff_eq!(found, expected, epsilon = 1e-5);
        }
    }
    let popularity = Popularity::new(&train);
    for (item, expected) in (1..).zip([3.0, 3.0, 2.0, 1.41504, 3.0]) {
        assert_abs_diff_eq!(popularity.novelty_choice(&id(item)).unwrap(), expected, epsilon = 5e-6);
    }
}

#[test]
fn lenskit() {
    // LensKit for Python, issue 309: items 1, 2, 3 of gains 3, 5, 4.
    let two = JudgedList::from_gains([3.0, 5.0], [4.0]);
    let three = JudgedList::from_gains([5.0, 4.0, 3.0], []);
    assert_abs_diff_eq!(value("ndcg_lenskit", &two), 0.8888, epsilon = 1e-4);
    assert_abs_diff_eq!(value("ndcg_lenskit@2", &two), 0.8888, epsilon = 1e-4);
    for name in ["ndcg_lenskit", "ndcg_lenskit@2", "ndcg", "ndcg@2"] {
        assert_eq!(value(name, &three), 1.0);
    }
    // The wrong 0.7344 and 1.21 of that issue: the ideal list of the other length.
    assert_abs_diff_eq!(value("ndcg_lenskit@3", &two), 0.7344, epsilon = 5e-5);

    // Negative gains are clipped to 0. (Its tests of nDCG.)
    let negative = JudgedList::from_gains([-6.0, -2.0, 3.0, 1.0, -3.0], []);
    assert_abs_diff_eq!(value("ndcg_lenskit", &negative), 0.5982, epsilon = 5e-5);
}

#[test]
fn mind_mrr() {
    let list = JudgedList::from_gains([0.0, 1.0, 0.0, 0.0, 1.0, 1.0], []);
    assert_abs_diff_eq!(value("mrr_mind", &list), 0.288889, epsilon = 5e-7);
    assert_eq!(value("mrr", &list), 0.5);
}

#[test]
fn scikit_learn_ties() {
    // sklearn.metrics.dcg_score and ndcg_score of y = [10, 0, 0, 1, 5].
    let relevant = Relevant::with_gains([(id(0), 10.0), (id(3), 1.0), (id(4), 5.0)]).unwrap();
    let judged = |scores: [f32; 5]| {
        let hits = (0..).zip(scores).map(|(item, score)| Hit { id: id(item), score });
        JudgedList::new(&RankedList::new(hits).unwrap(), &relevant, Ties::Expected)
    };
    let constant = judged([1.0; 5]);
    assert_abs_diff_eq!(value("dcg", &constant), 9.435069, epsilon = 5e-7);
    assert_abs_diff_eq!(value("ndcg", &constant), 0.690979, epsilon = 5e-7);
    assert_abs_diff_eq!(value("ndcg", &judged([1.0, 1.0, 1.0, 0.5, 0.5])), 0.699812, epsilon = 5e-7);
    assert_abs_diff_eq!(value("ndcg", &judged([0.1, 0.2, 0.3, 4.0, 70.0])), 0.695694, epsilon = 5e-7);
}
