//! The laws of ids, histories and ranked lists, against the obvious loops.

use std::cmp::Ordering;

use proptest::prelude::*;
use rec_data::{History, Hit, Id, IdMap, Interaction, RankedList, TopK, rank_order};

/// Ids of all kinds: integers of any length, almost-integers, text.
fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,3}", "[0-9]{18,40}", "[+-]?[0-9]{0,2}[a-c]?", "\\PC{0,3}"]
}

/// Few distinct scores, so that ties and both zeros are common.
fn score() -> impl Strategy<Value = f32> {
    let few = [f32::NEG_INFINITY, -1.5, -0.0, 0.0, f32::MIN_POSITIVE, 2.0, f32::INFINITY];
    prop_oneof![prop::sample::select(few.to_vec()), -2.0f32..2.0]
}

/// Sorting and truncating, as the bits of scores and the keys; every zero is the positive one.
fn best_by_sorting(mut scored: Vec<(f32, u8)>, k: usize) -> Vec<(u32, u8)> {
    scored.sort_by(|a, b| b.0.partial_cmp(&a.0).expect("no NaN").then(a.1.cmp(&b.1)));
    scored.truncate(k);
    bits(scored.into_iter().map(|(score, key)| (if score == 0.0 { 0.0 } else { score }, key)).collect())
}

fn bits(scored: Vec<(f32, u8)>) -> Vec<(u32, u8)> {
    scored.into_iter().map(|(score, key)| (score.to_bits(), key)).collect()
}

proptest! {
    #[test]
    fn id_order_is_total_and_agrees_with_equality(a in id(), b in id(), c in id()) {
        let [a, b, c] = [a, b, c].map(Id::from);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        prop_assert_eq!(a == b, a.as_str() == b.as_str());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn integers_are_in_the_order_of_their_values(a: u128, b: u128) {
        prop_assert_eq!(Id::from(a.to_string()).cmp(&Id::from(b.to_string())), a.cmp(&b));
    }

    #[test]
    fn id_map_gives_back_what_it_was_given(ids in prop::collection::vec(id(), 0..40)) {
        let mut map = IdMap::new();
        let mut naive: Vec<String> = Vec::new();
        for id in &ids {
            let known = naive.iter().position(|earlier| earlier == id);
            prop_assert_eq!(map.insert(id.as_str()), (known.unwrap_or(naive.len()), known.is_none()));
            if known.is_none() {
                naive.push(id.clone());
            }
        }
        prop_assert_eq!(map.len(), naive.len());
        for (row, id) in naive.iter().enumerate() {
            prop_assert_eq!(map.row(id), Some(row));
            prop_assert_eq!(map.id(row).map(Id::as_str), Some(id.as_str()));
        }
        prop_assert!(map.id(map.len()).is_none());
        prop_assert_eq!(IdMap::try_from_ids(map.iter()).unwrap(), map.clone());
        prop_assert_eq!(IdMap::try_from_ids(ids.iter().map(String::as_str)).is_ok(), map.len() == ids.len());
    }

    #[test]
    fn top_k_is_sorting_and_truncating(
        scored in prop::collection::vec((score(), 0u8..6), 0..40),
        order in any::<prop::sample::Index>(),
        split in any::<prop::sample::Index>(),
        k in 0usize..12,
        reverse: bool,
    ) {
        let mut pushed = scored.clone();
        let turn = order.index(pushed.len() + 1);
        pushed.rotate_left(turn);
        if reverse {
            pushed.reverse();
        }
        let (left, right) = pushed.split_at(split.index(pushed.len() + 1));
        let heaps = [left, right].map(|part| {
            let mut top = TopK::new(k);
            for (score, key) in part {
                let would_enter = top.would_enter(*score);
                let entered = top.push(*score, *key).unwrap();
                assert!(would_enter || !entered);
            }
            top
        });
        let expected = best_by_sorting(scored, k);
        let [left, right] = heaps;
        let (mut a, mut b) = (left.clone(), right.clone());
        a.merge(right);
        b.merge(left);
        prop_assert_eq!(bits(a.into_sorted()), expected.clone());
        prop_assert_eq!(bits(b.into_sorted()), expected);
    }

    #[test]
    fn ranked_list_is_sorted_whatever_the_input_order(scores in prop::collection::vec(score(), 0..20)) {
        let hits = scores.iter().enumerate().map(|(i, score)| Hit { id: i.to_string().into(), score: *score });
        let list = RankedList::new(hits.clone()).unwrap();
        for pair in list.windows(2) {
            let order = rank_order(pair[0].score, &pair[0].id, pair[1].score, &pair[1].id);
            prop_assert_eq!(order, Ordering::Less);
        }
        prop_assert_eq!(RankedList::new(hits.rev()).unwrap(), list);
    }

    #[test]
    fn history_is_a_stable_sort_and_as_of_a_filter(
        times in prop::collection::vec(-4i8..4, 0..20),
        now in -5i8..5,
        n in 0usize..25,
    ) {
        let events = times.iter().enumerate().map(|(i, time)| Interaction::new(i.to_string(), f64::from(*time)));
        let history = History::new(events).unwrap();
        let mut naive: Vec<usize> = (0..times.len()).collect();
        naive.sort_by_key(|i| (times[*i], *i));
        prop_assert!(history.items().map(|id| id.to_string()).eq(naive.iter().map(usize::to_string)));

        let past = history.as_of(f64::from(now)).unwrap();
        let known = naive.iter().filter(|i| times[**i] <= now);
        prop_assert!(past.items().map(|id| id.to_string()).eq(known.map(usize::to_string)));
        prop_assert!(past.ages().all(|age| age >= 0.0));

        let last = history.last_n(n);
        prop_assert_eq!(last.interactions(), &history.interactions()[times.len().saturating_sub(n)..]);
    }
}
