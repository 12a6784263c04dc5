//! Training that is refused or stopped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::ControlFlow;

use rec_cf::{
    Aggregation, CoOccurrence, EaseConfig, Error, InteractionMatrix, KnnConfig, PopularityConfig, Progress,
    SessionKnnConfig, SlimConfig, TransitionsConfig,
};
use rec_data::{IdMap, Interaction, Interactions};

fn log(n_items: u32) -> Interactions {
    let events = (0..n_items).flat_map(|item| [item, item + 1].map(|user| (user.to_string(), item)));
    Interactions::new(events.map(|(user, item)| (user, Interaction::new(item.to_string(), f64::from(item)))))
        .unwrap()
}

type Callback<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// The error of each model, trained with a limit and a callback.
fn errors(log: &Interactions, limit: u64, progress: Callback<'_>) -> Vec<(&'static str, Option<Error>)> {
    let matrix = InteractionMatrix::new(log, Aggregation::Binary).unwrap();
    let (knn, sessions) =
        (KnnConfig::new(5).with_memory_limit(limit), SessionKnnConfig::new(5).with_memory_limit(limit));
    let (ease, slim) =
        (EaseConfig::new(1.0).with_memory_limit(limit), SlimConfig::new().with_memory_limit(limit));
    let chain = TransitionsConfig::new().with_memory_limit(limit);
    let together = CoOccurrence::new(&matrix, u64::MAX, Progress::ignore).unwrap();
    vec![
        ("co-occurrence", CoOccurrence::new(&matrix, limit, &mut *progress).err()),
        ("item kNN", knn.fit_items(&matrix, &mut *progress).err()),
        ("item kNN of co-occurrences", knn.fit_co_occurrence(&together, &mut *progress).err()),
        ("user kNN", knn.fit_users(&matrix, &mut *progress).err()),
        ("EASE", ease.fit(&matrix, &mut *progress).err()),
        ("EASE of co-occurrences", ease.fit_co_occurrence(&together, &mut *progress).err()),
        ("SLIM", slim.fit(&matrix, &mut *progress).err()),
        ("transitions", chain.fit(log, log.items(), &mut *progress).err()),
        ("session kNN", sessions.fit(log, log.items(), &mut *progress).err()),
    ]
}

#[test]
fn limits_refuse_with_both_figures() {
    for (name, error) in errors(&log(300), 10, &mut Progress::ignore) {
        let error = error.unwrap_or_else(|| panic!("{name} was trained"));
        assert!(error.is_memory(), "{name}: {error}");
        assert!(error.to_string().ends_with("MB of memory, and the limit is 0.0 MB"), "{error}");
    }
    for (name, error) in errors(&log(300), u64::MAX, &mut Progress::ignore) {
        assert!(error.is_none(), "{name}: {error:?}");
    }
}

#[test]
fn ease_of_100_000_items_is_refused_before_anything_is_allocated() {
    let items = IdMap::try_from_ids((0..100_000).map(|item| item.to_string())).unwrap();
    let matrix =
        InteractionMatrix::with_items(&Interactions::default(), &items, Aggregation::Binary).unwrap();
    let error = EaseConfig::new(100.0).fit(&matrix, Progress::ignore).unwrap_err();
    assert!(error.is_memory());
    assert_eq!(error.to_string(), "EASE would need 81.0 GB of memory, and the limit is 8.0 GB");
}

#[test]
fn callbacks_see_every_step_and_can_stop() {
    for (name, error) in errors(&log(50), u64::MAX, &mut |_| ControlFlow::Break(())) {
        let error = error.unwrap_or_else(|| panic!("{name} was trained"));
        assert!(error.is_interrupted(), "{name}: {error}");
    }
    let mut told: Vec<Progress> = Vec::new();
    let mut progress = |step: Progress| {
        told.push(step);
        ControlFlow::Continue(())
    };
    let n_models = errors(&log(3000), u64::MAX, &mut progress).len();
    let ends = told.iter().filter(|step| step.n_done == step.n_total).count();
    assert_eq!(ends, n_models);
    assert!(
        told.windows(2).all(|pair| pair[0].n_done <= pair[1].n_done || pair[0].n_done == pair[0].n_total)
    );
    // Neighbours come in thousands, and EASE in tiles.
    assert!(told.len() > 3 * 3 + 2 * 11, "{}", told.len());

    let mut n_calls = 0;
    let error = PopularityConfig::new()
        .fit(&InteractionMatrix::new(&log(5), Aggregation::Binary).unwrap(), |_| {
            n_calls += 1;
            ControlFlow::Break(())
        })
        .unwrap_err();
    assert_eq!(
        (n_calls, error.to_string()),
        (1, "the training of popularity was stopped after 5 of 5 items".to_owned())
    );
}

#[test]
fn slim_takes_no_negative_values_and_says_whose() {
    let log = Interactions::new([("ann", Interaction::new("dune", 0.0).with_weight(-1.0))]).unwrap();
    let matrix = InteractionMatrix::new(&log, Aggregation::Sum).unwrap();
    let error = SlimConfig::new().fit(&matrix, Progress::ignore).unwrap_err();
    assert_eq!(error.to_string(), "the value of `ann` with `dune` is -1, but SLIM takes no negative values");
}

#[test]
fn slim_counts_items_that_were_not_finished() {
    let matrix = InteractionMatrix::new(&log(30), Aggregation::Binary).unwrap();
    let config = SlimConfig::new().with_l1(0.1).with_l2(0.1).with_tolerance(1e-12);
    let model = config.with_max_sweeps(2).fit(&matrix, Progress::ignore).unwrap();
    assert!(model.n_unfinished() > 20, "{}", model.n_unfinished());
    assert_eq!(config.fit(&matrix, Progress::ignore).unwrap().n_unfinished(), 0);
}
