//! The laws of decay and average, against naive loops in `f64`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use proptest::prelude::*;
use rec_core::{Fingerprint, HistoryBatch, Interests, VectorTable};
use rec_data::{History, Interaction, days};
use rec_interest::{Average, Decay, Pooling, UserEncoder};

const DIM: usize = 3;
const N_ITEMS: usize = 5;
/// The largest item value; bounds are relative to it.
const LARGEST: f32 = 3.0;

/// An event: item (the last one is unknown to the table), day, weight.
type Event = (usize, f64, f32);

fn event() -> impl Strategy<Value = Event> {
    // Whole days and few weights, so that ties and zeros are common.
    (0..=N_ITEMS, (0..60u32).prop_map(f64::from), prop::sample::select(vec![-1.5, -1.0, 0.0, 0.5, 1.0, 3.0]))
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 0..12)
}

fn decay() -> impl Strategy<Value = Decay> {
    prop_oneof![
        Just(Decay::none()),
        (1..100u64).prop_map(|n| Decay::half_life(days(n))),
        (0.2..=1.0).prop_map(Decay::geometric),
        (0.0..3.0, 1..30u64).prop_map(|(exponent, n)| Decay::power_law(exponent, days(n))),
    ]
}

fn items() -> impl Strategy<Value = VectorTable> {
    prop::collection::vec(prop::array::uniform3(-LARGEST..LARGEST), N_ITEMS).prop_map(|rows| {
        let rows = rows.into_iter().enumerate().map(|(i, row)| (i.to_string(), row));
        VectorTable::from_rows(Fingerprint::declared("test"), rows).unwrap()
    })
}

/// A history as of day 60, one day after the latest event there can be.
fn history(events: &[Event]) -> History {
    let interaction =
        |&(item, day, weight): &Event| Interaction::new(item.to_string(), day * 86400.0).with_weight(weight);
    History::new(events.iter().map(interaction)).unwrap().as_of(60.0 * 86400.0).unwrap()
}

fn encode(model: &impl UserEncoder, items: &VectorTable, histories: &[History]) -> Vec<Vec<f32>> {
    let batch = HistoryBatch::new(items, histories, &rec_testkit::device());
    let users = Interests::from_sequence(&model.encode(&batch), items.space()).unwrap();
    users.iter().map(|user| user.iter().flatten().copied().collect()).collect()
}

/// The definition: a loop over the known events.
fn naive(decay: Decay, items: &VectorTable, history: &History) -> Vec<f32> {
    let known: Vec<_> = history
        .interactions()
        .iter()
        .zip(history.ages())
        .filter_map(|(event, age)| Some((event, age, items.get(event.item.as_str())?)))
        .collect();
    let (mut sum, mut norm) = (vec![0.0; DIM], 0.0);
    for (i, (event, age, vector)) in known.iter().enumerate() {
        let rec_data::Signal::Weight(weight) = event.signal else { panic!("weights only") };
        let weight = f64::from(weight) * decay.at(*age, known.len() - 1 - i);
        sum.iter_mut().zip(vector.iter()).for_each(|(sum, x)| *sum += weight * f64::from(*x));
        norm += weight.abs();
    }
    sum.into_iter().map(|sum| if norm == 0.0 { 0.0 } else { (sum / norm) as f32 }).collect()
}

fn close(a: &[f32], b: &[f32], bound: f32) -> Result<(), TestCaseError> {
    let diff = rec_testkit::max_abs_diff(a, b);
    prop_assert!(diff <= bound, "{a:?} and {b:?} differ by {diff:e}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn average_is_its_definition(items in items(), decay in decay(), events in events()) {
        let history = history(&events);
        let user = &encode(&Average::with_decay(decay), &items, std::slice::from_ref(&history))[0];
        // The exponent of a decay is below 50 and rounds by half a part in 2^23, so 3e-6 of a weight.
        close(user, &naive(decay, &items, &history), 3e-6 * LARGEST)?;
    }

    #[test]
    fn the_rest_of_the_batch_changes_nothing(
        items in items(), decay in decay(), users in prop::collection::vec(events(), 1..6),
    ) {
        let histories: Vec<History> = users.iter().map(|events| history(events)).collect();
        let average = Average::with_decay(decay);
        let normalized = average.clone().normalized();
        let together = [encode(&average, &items, &histories), encode(&normalized, &items, &histories)];
        let pooled = encode(&Pooling::LastToken, &items, &histories);
        for (i, history) in histories.iter().enumerate() {
            let alone = std::slice::from_ref(history);
            close(&encode(&average, &items, alone)[0], &together[0][i], 1e-6 * LARGEST)?;
            close(&encode(&normalized, &items, alone)[0], &together[1][i], 1e-6)?;
            prop_assert_eq!(&encode(&Pooling::LastToken, &items, alone)[0], &pooled[i]);
        }
    }

    #[test]
    fn the_scale_of_weights_does_not_matter(
        items in items(), decay in decay(), events in events(), exponent in -120..120i32,
    ) {
        let scaled: Vec<Event> =
            events.iter().map(|&(item, day, weight)| (item, day, weight * 2f32.powi(exponent))).collect();
        let users = encode(&Average::with_decay(decay), &items, &[history(&events), history(&scaled)]);
        close(&users[0], &users[1], 1e-6 * LARGEST)?;
    }

    #[test]
    fn events_of_one_time_and_weight_may_change_places(
        items in items(), n in 1..60u64, mut events in prop::collection::vec(0..=N_ITEMS, 1..10),
    ) {
        let decay = Decay::half_life(days(n));
        let at_once = |items: &[usize]| {
            history(&items.iter().map(|&item| (item, 7.0, 2.0)).chain([(0, 20.0, 1.0)]).collect::<Vec<_>>())
        };
        let before = at_once(&events);
        events.sort_unstable();
        let users = encode(&Average::with_decay(decay), &items, &[before, at_once(&events)]);
        close(&users[0], &users[1], 1e-6 * LARGEST)?;
    }

    #[test]
    fn interests_do_not_exceed_the_items(items in items(), decay in decay(), events in events()) {
        for value in &encode(&Average::with_decay(decay), &items, &[history(&events)])[0] {
            prop_assert!(value.abs() <= LARGEST * 1.000_001);
        }
    }

    #[test]
    fn decay_never_grows_with_age(decay in decay(), a in 0.0..1e10, b in 0.0..1e10, i in 0..1000usize, j in 0..1000usize) {
        let (old, new) = (decay.at(f64::max(a, b), i.max(j)), decay.at(f64::min(a, b), i.min(j)));
        prop_assert!(old <= new && new <= 1.0 && old >= 0.0);
    }

    #[test]
    fn weights_are_relative_to_the_newest(items in items(), decay in decay(), events in events()) {
        let events: Vec<Event> = events.into_iter().map(|(item, day, _)| (item % N_ITEMS, day, 1.0)).collect();
        let history = history(&events);
        let batch = HistoryBatch::new(&items, [&history], &rec_testkit::device());
        let weights = decay.weights(&batch).into_data().try_to_vec::<f32>().unwrap();
        let newest = history.ages().last().map_or(1.0, |age| decay.at(age, 0));
        for (i, age) in history.ages().enumerate() {
            let expected = decay.at(age, history.len() - 1 - i) / newest;
            prop_assert!((f64::from(weights[i]) - expected).abs() <= 3e-6, "{} {expected}", weights[i]);
        }
    }
}

#[test]
fn interests_are_the_same_one_by_one_and_all_together() {
    let items = VectorTable::from_rows(
        Fingerprint::declared("test"),
        (0..N_ITEMS).map(|i| (i.to_string(), [i as f32, 1.0, -(i as f32)])),
    )
    .unwrap();
    // Long histories of very different lengths, so that several batches are needed.
    let users: Vec<History> = (0..40)
        .map(|user: usize| {
            let events = (0..user * user * 40).map(|i| Interaction::new((i % N_ITEMS).to_string(), i as f64));
            History::new(events).unwrap()
        })
        .collect();
    let model = Average::with_decay(Decay::half_life(Duration::from_secs(100)));
    let histories: Vec<&History> = users.iter().collect();
    let together = model.interests(&items, &histories);
    assert_eq!(together.len(), users.len());
    for (user, interests) in users.iter().zip(&together) {
        let alone = model.interest(&items, user);
        let (alone, together) = (alone.iter().next().unwrap(), interests.iter().next().unwrap());
        assert!(rec_testkit::max_abs_diff(alone, together) <= 1e-6 * N_ITEMS as f32);
    }
}
