//! The laws of splits, against the definitions, and their reports.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use rec_data::atomic::{read_interactions, write_interactions};
use rec_data::split::{Order, Split, global_time, global_time_ratio, leave_n_out, leave_one_out, ratio};
use rec_data::{Id, Interaction, InteractionFields, Interactions};

/// A log of few users, items and times, so that ties and cold starts are common.
fn log() -> impl Strategy<Value = Interactions> {
    let event = ("[a-e]", 0u8..12, -3i8..6);
    prop::collection::vec(event, 0..60).prop_map(|events| {
        let events = events.into_iter().enumerate().map(|(i, (user, item, time))| {
            // The weight tells apart what is otherwise the same.
            (user, Interaction::new(item.to_string(), f64::from(time)).with_weight(i as f32))
        });
        Interactions::new(events).unwrap()
    })
}

fn shares() -> impl Strategy<Value = [f64; 3]> {
    (0.0f64..=1.0, 0.0f64..=1.0).prop_map(|(a, b)| {
        let (low, high) = (a.min(b), a.max(b));
        [low, high - low, 1.0 - high]
    })
}

fn of<'a>(part: &'a Interactions, user: &str) -> &'a [Interaction] {
    part.get(user).map_or(&[], |history| history.interactions())
}

fn sizes(split: &Split) -> [usize; 3] {
    [&split.train, &split.valid, &split.test].map(Interactions::n_interactions)
}

/// What is in the three parts together is the log, and nothing twice.
fn check_parts(log: &Interactions, split: &Split) -> Result<(), TestCaseError> {
    let weight = |interaction: &Interaction| format!("{:?}", interaction.signal);
    for (user, history) in log.iter() {
        let parts = [&split.train, &split.valid, &split.test].map(|part| of(part, user));
        let mut found: Vec<String> = parts.into_iter().flatten().map(weight).collect();
        let mut expected: Vec<String> = history.interactions().iter().map(weight).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
    prop_assert_eq!(sizes(split).into_iter().sum::<usize>(), log.n_interactions());
    for part in [&split.train, &split.valid, &split.test] {
        // Users and items are those that occur, users in the order of the log.
        let order: Vec<&Id> = log.users().iter().filter(|user| part.users().contains(user)).collect();
        prop_assert!(part.users().iter().eq(order));
        let items: HashSet<&Id> = part.iter().flat_map(|(_, history)| history.items()).collect();
        prop_assert_eq!(items.len(), part.items().len());
    }
    Ok(())
}

fn all(part: &Interactions) -> Vec<(Id, Interaction)> {
    let pairs = part.iter().flat_map(|(user, history)| {
        history.interactions().iter().map(move |interaction| (user.clone(), interaction.clone()))
    });
    pairs.collect()
}

fn users(part: &[(Id, Interaction)]) -> HashSet<Id> {
    part.iter().map(|(user, _)| user.clone()).collect()
}

/// The report by the definitions, in quadratic time.
fn check_report(split: &Split) -> Result<(), TestCaseError> {
    let report = split.report();
    let [train, valid, test] = [&split.train, &split.valid, &split.test].map(all);
    prop_assert_eq!([report.n_train, report.n_valid, report.n_test], [train.len(), valid.len(), test.len()]);
    let leaking = test.iter().filter(|(_, late)| train.iter().any(|(_, early)| early.time > late.time));
    prop_assert_eq!(report.n_leaking, leaking.count());
    prop_assert_eq!(report.has_leakage(), report.n_leaking > 0);
    prop_assert_eq!(report.to_string().contains("warning"), report.n_leaking > 0);

    let mut times: HashMap<Id, Vec<f64>> = HashMap::new();
    for (user, interaction) in train.iter().chain(&valid).chain(&test) {
        times.entry(user.clone()).or_default().push(interaction.time);
    }
    prop_assert_eq!(report.n_users, times.len());
    let tied = times.values().filter(|times| {
        let latest = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        times.iter().filter(|time| **time == latest).count() > 1
    });
    prop_assert_eq!(report.n_tied_users, tied.count());
    let later: HashSet<Id> = &users(&valid) | &users(&test);
    prop_assert_eq!(report.n_train_only_users, (&users(&train) - &later).len());
    prop_assert_eq!(report.n_cold_users, (&users(&test) - &users(&train)).len());
    let known: HashSet<&Id> = train.iter().map(|(_, interaction)| &interaction.item).collect();
    let items = test.iter().map(|(_, interaction)| &interaction.item);
    let cold: Vec<&Id> = items.filter(|item| !known.contains(item)).collect();
    prop_assert_eq!(report.n_cold_interactions, cold.len());
    prop_assert_eq!(report.n_cold_items, cold.into_iter().collect::<HashSet<_>>().len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn leaving_out_takes_the_ends_of_histories(log in log(), n_valid in 0usize..4, n_test in 0usize..4) {
        let split = leave_n_out(&log, n_valid, n_test);
        check_parts(&log, &split)?;
        check_report(&split)?;
        for (user, history) in log.iter() {
            let n = history.len();
            let (n_valid, n_test) = if n > n_valid + n_test { (n_valid, n_test) } else { (0, 0) };
            let (train, rest) = history.interactions().split_at(n - n_valid - n_test);
            let (valid, test) = rest.split_at(n_valid);
            prop_assert_eq!(of(&split.train, user), train);
            prop_assert_eq!(of(&split.valid, user), valid);
            prop_assert_eq!(of(&split.test, user), test);
        }
        prop_assert_eq!(leave_one_out(&log), leave_n_out(&log, 1, 1));
    }

    #[test]
    fn ratios_divide_each_history(log in log(), shares in shares(), seed: u64) {
        let in_time = ratio(&log, shares, Order::Time);
        let random = ratio(&log, shares, Order::Random { seed });
        for split in [&in_time, &random] {
            check_parts(&log, split)?;
            check_report(split)?;
        }
        for (user, history) in log.iter() {
            let n = history.len();
            let lengths = |split: &Split| [&split.train, &split.valid, &split.test].map(|part| of(part, user).len());
            prop_assert_eq!(lengths(&in_time), lengths(&random));
            let [n_train, n_valid, n_test] = lengths(&in_time);
            for (found, share) in [(n_valid, shares[1]), (n_test, shares[2])] {
                let exact = n as f64 * share;
                prop_assert!((exact - 1.0..exact + 1e-6).contains(&(found as f64)), "{found} of {exact}");
            }
            prop_assert_eq!(of(&in_time.train, user), &history.interactions()[..n_train]);
            prop_assert_eq!(of(&in_time.test, user), &history.interactions()[n - n_test..]);
        }
        // A user's shuffle does not depend on other users.
        if let Some((first, _)) = log.iter().next() {
            let alone = ratio(&log.filter(|user, _| user == first), shares, Order::Random { seed });
            prop_assert_eq!(of(&alone.test, first), of(&random.test, first));
        }
    }

    #[test]
    fn a_global_time_leaks_nothing(log in log(), a in -4i8..7, b in -4i8..7, shares in shares()) {
        let (from, to) = (f64::from(a.min(b)), f64::from(a.max(b)));
        let split = global_time(&log, from, to).unwrap();
        for split in [&split, &global_time_ratio(&log, shares)] {
            check_parts(&log, split)?;
            check_report(split)?;
            prop_assert_eq!(split.report().n_leaking, 0);
        }
        let is_in = |part: &Interactions, low: f64, high: f64| {
            part.iter().flat_map(|(_, history)| history.interactions()).all(|i| low <= i.time && i.time < high)
        };
        prop_assert!(is_in(&split.train, f64::NEG_INFINITY, from));
        prop_assert!(is_in(&split.valid, from, to));
        prop_assert!(is_in(&split.test, to, f64::INFINITY));
    }

    #[test]
    fn helpers_are_their_definitions(log in log()) {
        let popularity = log.popularity();
        for (row, item) in log.items().iter().enumerate() {
            let n = log.iter().flat_map(|(_, history)| history.items()).filter(|seen| *seen == item).count();
            prop_assert_eq!(popularity[row], n);
        }
        let split = leave_one_out(&log);
        let merged = split.train.merged(&split.valid).merged(&split.test);
        prop_assert!(merged.iter().eq(log.iter()));
        prop_assert!(log.filter(|_, _| true).iter().eq(log.iter()));
        let some = log.of_users(split.test.users());
        prop_assert!(some.users().iter().eq(split.test.users().iter()));
    }
}

#[test]
fn the_last_of_a_tie_is_the_last_to_arrive() {
    let log = ["a", "b", "c", "d"].map(|item| ("ann", Interaction::new(item, 5.0)));
    let split = leave_one_out(&Interactions::new(log).unwrap());
    assert_eq!(of(&split.test, "ann")[0].item, "d");
    assert_eq!(of(&split.valid, "ann")[0].item, "c");
    let report = split.report();
    assert_eq!((report.n_tied_users, report.n_leaking), (1, 0));
}

#[test]
fn reports_speak() {
    let log = [("ann", "a", 1.0), ("ann", "b", 2.0), ("ann", "c", 3.0), ("bob", "a", 9.0)];
    let log = Interactions::new(log.map(|(user, item, time)| (user, Interaction::new(item, time)))).unwrap();
    assert_eq!(
        leave_one_out(&log).report().to_string(),
        "2 interactions for training, 1 for validation, 1 for test; 2 users\n\
         1 users are only in train\n\
         0 users have several interactions at their latest time, whose order is that of arrival\n\
         0 users and 1 items of the test are not in train (1 test interactions have such items)\n\
         warning: 1 of 1 test interactions (100.0 %) are older than the newest training interaction, so models learn \
         from the future of the test; results may not hold in use"
    );
    let report = Split::default().report();
    assert_eq!((report.n_users, report.leaking_share()), (0, 0.0));
}

#[test]
fn bad_times_are_errors_and_bad_shares_panic() {
    let log = Interactions::default();
    assert!(global_time(&log, f64::NAN, 1.0).unwrap_err().is_not_finite());
    assert!(global_time(&log, 0.0, f64::INFINITY).unwrap_err().is_not_finite());
    let error = global_time(&log, 2.0, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "the test would begin at 1, before the validation at 2");
    for shares in [[0.8, 0.1, 0.2], [1.1, -0.1, 0.0], [f64::NAN, 0.5, 0.5]] {
        assert!(std::panic::catch_unwind(|| ratio(&log, shares, Order::Time)).is_err());
        assert!(std::panic::catch_unwind(|| global_time_ratio(&log, shares)).is_err());
    }
}

#[test]
fn shares_are_rounded_down_but_not_by_the_last_bit() {
    let log = (0..100).map(|i| ("ann", Interaction::new("a", f64::from(i))));
    let log = Interactions::new(log).unwrap();
    assert_eq!(sizes(&ratio(&log, [0.42, 0.29, 0.29], Order::Time)), [42, 29, 29]);
    assert_eq!(sizes(&leave_n_out(&log, usize::MAX, 1)), [100, 0, 0]);
}

#[test]
fn splits_are_saved_as_benchmark_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = (0..20).map(|i| {
        let interaction = Interaction::new(format!("i{}", i % 7), f64::from(i / 3)).with_weight(i as f32);
        (format!("u{}", i % 4), interaction)
    });
    let split = ratio(&Interactions::new(log).unwrap(), [0.6, 0.2, 0.2], Order::Random { seed: 1 });
    split.save(folder.path(), "x").unwrap();
    let loaded = Split::load(folder.path(), "x", &InteractionFields::default()).unwrap();
    for (found, expected) in
        [(&loaded.train, &split.train), (&loaded.valid, &split.valid), (&loaded.test, &split.test)]
    {
        assert!(found.iter().eq(expected.iter()));
    }
    assert_eq!(loaded.report(), split.report());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    assert!(Split::load(folder.path(), "y", &InteractionFields::default()).unwrap_err().is_io());
}

/// With MovieLens 100K, where `REC_DATA` names the folder that has `ml-100k/ml-100k.inter`.
#[test]
fn movielens_100k_has_its_known_numbers() {
    let Some(folder) = std::env::var_os("REC_DATA") else { return };
    let path = std::path::Path::new(&folder).join("ml-100k/ml-100k.inter");
    let log = read_interactions(path, &InteractionFields::default()).unwrap();
    let report = leave_one_out(&log).report();
    println!("leave one out: {report}");
    assert_eq!((report.n_users, report.n_train, report.n_valid, report.n_test), (943, 98_114, 943, 943));
    assert_eq!((report.n_tied_users, report.n_train_only_users), (415, 0));
    assert!(report.has_leakage());
    let random = ratio(&log, [0.8, 0.1, 0.1], Order::Random { seed: 1 }).report();
    println!("random: {random}");
    assert!(random.has_leakage());
    let global = global_time_ratio(&log, [0.8, 0.1, 0.1]).report();
    println!("global time: {global}");
    assert_eq!(global.n_leaking, 0);

    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy.inter.gz");
    write_interactions(&copy, &log).unwrap();
    let read = read_interactions(&copy, &InteractionFields::default()).unwrap();
    assert!(read.iter().eq(log.iter()));
}
