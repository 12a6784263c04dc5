//! `FlatIndex` against sorting all dot products, and its laws: threads, batches, updates.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rec_core::{Fingerprint, Interests, VectorTable};
use rec_data::{Hit, IdMap, RankedList, rank_order};
use rec_score::{Cosine, Filter, FlatIndex};

const DIM: usize = 19; // not a multiple of the kernel's lanes

fn space() -> Fingerprint {
    Fingerprint::declared("tests")
}

/// Small integers: sums are exact in any order, so a naive loop gives the same bits, and ties are common.
fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-2i8..=2).prop_map(f32::from), DIM)
}

fn vectors(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(vector(), n)
}

/// Pseudo-random values that do round, for bit-for-bit comparisons.
fn rough(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 10007) as f32 / 3333.3 - 1.5).collect()
}

fn table(vectors: &[Vec<f32>]) -> VectorTable {
    let ids = IdMap::try_from_ids((0..vectors.len()).map(|i| i.to_string())).unwrap();
    VectorTable::new(ids, vectors.concat(), DIM, space()).unwrap()
}

fn rough_table(n: usize) -> VectorTable {
    let ids = IdMap::try_from_ids((0..n).map(|i| i.to_string())).unwrap();
    VectorTable::new(ids, rough(n * DIM), DIM, space()).unwrap()
}

fn user(interests: &[Vec<f32>]) -> Interests {
    Interests::new(interests.concat(), DIM, space()).unwrap()
}

fn naive(items: &VectorTable, interests: &[Vec<f32>], k: usize, accepts: impl Fn(usize) -> bool) -> Vec<Hit> {
    let mut hits: Vec<Hit> = items
        .iter()
        .enumerate()
        .filter(|(row, _)| accepts(*row))
        .map(|(_, (id, x))| {
            let score = |u: &Vec<f32>| u.iter().zip(x.iter()).map(|(u, x)| u * x).sum::<f32>() + 0.0;
            Hit { id: id.clone(), score: interests.iter().map(score).fold(f32::NEG_INFINITY, f32::max) }
        })
        .collect();
    hits.sort_by(|a, b| rank_order(a.score, &a.id, b.score, &b.id));
    hits.truncate(k);
    hits
}

fn bits(list: &RankedList) -> Vec<(String, u32)> {
    list.iter().map(|hit| (hit.id.to_string(), hit.score.to_bits())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn top_k_is_the_head_of_the_sorted_scores(
        items in vectors(1..600),
        interests in vectors(1..4),
        k in prop_oneof![Just(0), 1usize..20, Just(10_000)],
        denied in prop::collection::btree_set(0usize..700, 0..40),
        allowed in prop::option::of(prop::collection::btree_set(0usize..700, 0..300)),
        modulus in 1usize..4,
    ) {
        let (items, names) = (table(&items), |rows: &BTreeSet<usize>| {
            rows.iter().map(ToString::to_string).collect::<Vec<_>>()
        });
        let filter = allowed.as_ref().map_or_else(Filter::none, |rows| Filter::allow(names(rows)));
        let filter = filter
            .and_exclude(names(&denied))
            .with_predicate(move |id| id.parse::<usize>().unwrap().is_multiple_of(modulus));
        let accepts = |row: usize| {
            !denied.contains(&row)
                && allowed.as_ref().is_none_or(|allowed| allowed.contains(&row))
                && row.is_multiple_of(modulus)
        };
        let expected = naive(&items, &interests, k, accepts);
        let list = FlatIndex::new(items).top_k(&user(&interests), k, &filter).unwrap();
        prop_assert_eq!(list.hits(), expected);
    }

    #[test]
    fn updates_lead_to_the_index_of_the_final_items(
        items in vectors(1..40),
        // Positive ids far beyond one block, so that blocks come and go.
        steps in prop::collection::vec((0usize..600, prop::option::of(0usize..1000)), 0..1500),
        interest in vector(),
    ) {
        let values = rough(1000 + DIM);
        let mut expected: BTreeMap<String, Vec<f32>> =
            items.iter().enumerate().map(|(i, x)| (i.to_string(), x.clone())).collect();
        let mut index = FlatIndex::with_scorer(table(&items), &Cosine).unwrap();
        for (id, step) in steps {
            let id = id.to_string();
            match step {
                Some(at) => {
                    let x = values[at..at + DIM].to_vec();
                    prop_assert_eq!(index.upsert(id.as_str(), &x).unwrap(), !expected.contains_key(&id));
                    expected.insert(id, x);
                }
                None => prop_assert_eq!(index.remove(id.as_str()), expected.remove(&id).is_some()),
            }
        }
        prop_assert_eq!(index.len(), expected.len());
        prop_assert_eq!(index.is_empty(), expected.is_empty());
        let ids = IdMap::try_from_ids(expected.keys().map(String::as_str)).unwrap();
        let flat: Vec<f32> = expected.values().flatten().copied().collect();
        let rebuilt = VectorTable::new(ids, flat, DIM, space()).unwrap();
        let rebuilt = FlatIndex::with_scorer(rebuilt, &Cosine).unwrap();
        let answer = |index: &FlatIndex| {
            bits(&index.top_k(&user(std::slice::from_ref(&interest)), 2000, &Filter::none()).unwrap())
        };
        prop_assert_eq!(answer(&index), answer(&rebuilt));
        for id in expected.keys() {
            prop_assert!(index.contains(id.as_str()));
            prop_assert_eq!(index.vector(id.as_str()), rebuilt.vector(id.as_str()));
        }
    }
}

#[test]
fn any_number_of_threads_and_any_batch_give_the_same_bits() {
    let index = FlatIndex::new(rough_table(3000));
    let values = rough(50 * DIM);
    let users: Vec<Interests> = (0..20)
        .map(|u| Interests::new(values[u * DIM..(u + 1 + u % 3) * DIM].to_vec(), DIM, space()).unwrap())
        .collect();
    let filters: Vec<Filter> = (0..20)
        .map(|u| match u % 3 {
            0 => Filter::none(),
            1 => Filter::exclude((0..u * 50).map(|id| id.to_string())),
            _ => Filter::allow((0..u * 80).map(|id| id.to_string())), // short and long lists
        })
        .collect();
    let expected: Vec<_> = users
        .iter()
        .zip(&filters)
        .map(|(user, filter)| bits(&index.top_k(user, 25, filter).unwrap()))
        .collect();
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let lists = index.top_k_batch(&users, 25, &filters).unwrap();
            assert_eq!(lists.iter().map(bits).collect::<Vec<_>>(), expected, "{threads} threads");
            for (u, expected) in expected.iter().enumerate() {
                assert_eq!(bits(&index.top_k(&users[u], 25, &filters[u]).unwrap()), *expected);
            }
        });
    }
}

#[test]
fn a_reader_keeps_its_snapshot_while_the_writer_writes() {
    let mut index = FlatIndex::new(rough_table(2000));
    let snapshot = index.clone();
    let user = Interests::new(rough(DIM), DIM, space()).unwrap();
    let expected = bits(&snapshot.top_k(&user, 50, &Filter::none()).unwrap());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..50 {
                assert_eq!(bits(&snapshot.top_k(&user, 50, &Filter::none()).unwrap()), expected);
                assert_eq!(snapshot.len(), 2000);
            }
        });
        for i in 0..3000usize {
            index.upsert(format!("new {i}"), &[9.0; DIM]).unwrap();
            assert_eq!(index.remove(i.to_string()), i < 2000);
            index.upsert(((i + 1000) % 2000).to_string(), &[0.5; DIM]).unwrap();
        }
        reader.join().unwrap();
    });
    assert_ne!(bits(&index.top_k(&user, 50, &Filter::none()).unwrap()), expected);
    assert_eq!(bits(&snapshot.top_k(&user, 50, &Filter::none()).unwrap()), expected);
}

#[test]
fn ties_go_to_the_smaller_id() {
    let rows = ["b", "10", "a", "9"].map(|id| (id, [1.0]));
    let index = FlatIndex::new(VectorTable::from_rows(space(), rows).unwrap());
    let user = Interests::new(vec![1.0], 1, space()).unwrap();
    let list = index.top_k(&user, 3, &Filter::none()).unwrap();
    assert!(list.iter().map(|hit| &hit.id).eq(["9", "10", "a"]));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let table = VectorTable::from_rows(space(), [("a", [1.0, 2.0])]).unwrap();
    let mut index = FlatIndex::new(table);
    let ask = |index: &FlatIndex, values: &[f32], space| {
        index.top_k(&Interests::new(values.to_vec(), values.len(), space).unwrap(), 1, &Filter::none())
    };
    assert!(ask(&index, &[1.0, 1.0], Fingerprint::declared("x")).unwrap_err().is_space_mismatch());
    assert_eq!(
        ask(&index, &[1.0], space()).unwrap_err().to_string(),
        "an interest has 1 dimensions where 2 are expected"
    );
    assert_eq!(
        index.upsert("b", &[1.0]).unwrap_err().to_string(),
        "the vector of `b` has 1 dimensions where 2 are expected"
    );
    let error = index.upsert("b", &[1.0, f32::NAN]).unwrap_err();
    assert!(error.is_not_finite());
    assert_eq!(error.to_string(), "the vector of `b` is not finite at column 1");
    assert_eq!((index.len(), index.dim(), index.space()), (1, 2, space()));
    assert!(!index.contains("b") && index.vector("b").is_none() && !index.remove("b"));
}

#[test]
fn an_overflowing_score_is_an_error_unless_filtered_out() {
    // Row "c" gives inf - inf, row "b" infinity; the smaller id is named whatever the thread.
    let rows = [("a", [1.0, 1.0]), ("c", [f32::MAX, f32::MAX]), ("b", [f32::MAX, 0.0])];
    let index = FlatIndex::new(VectorTable::from_rows(space(), rows).unwrap());
    let user = Interests::new(vec![f32::MAX, -f32::MAX, 1.0, 1.0], 2, space()).unwrap();
    let error = index.top_k(&user, 1, &Filter::none()).unwrap_err();
    assert!(error.is_not_finite() && error.to_string().contains("`b`"), "{error}");
    let list = index.top_k(&user, 5, &Filter::exclude(["b", "c"])).unwrap();
    assert_eq!((list.len(), list[0].score), (1, 2.0));
}

#[test]
fn an_empty_index_answers_and_grows() {
    let mut index = FlatIndex::new(VectorTable::new(IdMap::new(), vec![], DIM, space()).unwrap());
    let user = Interests::new(vec![1.0; DIM], DIM, space()).unwrap();
    assert!(index.is_empty() && index.top_k(&user, 3, &Filter::none()).unwrap().is_empty());
    assert!(index.top_k_batch(&[], 3, &[]).unwrap().is_empty());
    assert!(index.upsert("a", &[1.0; DIM]).unwrap());
    assert_eq!(index.top_k(&user, 3, &Filter::none()).unwrap()[0].score, DIM as f32);
    assert!(index.remove("a") && index.is_empty());
}

#[test]
fn half_precision_tables_are_served() {
    let table = table(&[vec![1.0; DIM], vec![2.0; DIM]]).to_half().unwrap();
    let user = Interests::new(vec![1.0; DIM], DIM, space()).unwrap();
    let list = FlatIndex::new(table).top_k(&user, 1, &Filter::none()).unwrap();
    assert_eq!((list[0].id.as_str(), list[0].score), ("1", 2.0 * DIM as f32));
}

#[test]
fn shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<FlatIndex>();
    shared::<Filter>();
    shared::<rec_score::Bilinear>();
    shared::<rec_score::AdditiveLinear>();
    shared::<rec_score::Error>();
}
