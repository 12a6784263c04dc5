//! Exact search against sorting all products, and its laws: threads, batches, filters.

use proptest::prelude::*;
use rec_search::{Found, Vectors, dot, top_k};

/// Pseudo-random values that do round.
fn rough(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 10007) as f32 / 3333.3 - 1.5).collect()
}

fn bits(list: &[Found]) -> Vec<(usize, u32)> {
    list.iter().map(|found| (found.row, found.score.to_bits())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_the_heads_of_the_sorted_products(
        dim in 1usize..40,
        // Small integers: ties are common.
        values in prop::collection::vec((-2i8..=2).prop_map(f32::from), 40..30_000),
        n_queries in 1usize..20,
        k in prop_oneof![Just(0), 1usize..50, Just(10_000)],
        modulus in 1usize..4,
    ) {
        let vectors = Vectors::new(&values[..values.len() / dim * dim], dim);
        let n_queries = n_queries.min(vectors.len());
        let queries = vectors.range(0..n_queries);
        let lists = top_k(queries, vectors, k, |row| row.is_multiple_of(modulus)).unwrap();
        prop_assert_eq!(lists.len(), n_queries);
        for (query, list) in queries.iter().zip(lists) {
            let mut all: Vec<Found> = (0..vectors.len())
                .step_by(modulus)
                .map(|row| Found { row, score: dot(query, vectors.row(row)) + 0.0 })
                .collect();
            all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
            all.truncate(k);
            prop_assert_eq!(list, all);
        }
    }
}

#[test]
fn any_number_of_threads_and_any_batch_give_the_same_bits() {
    let dim = 19;
    let (rows, queries) = (rough(5000 * dim), rough(23 * dim + 7));
    let (rows, queries) = (Vectors::new(&rows, dim), Vectors::new(&queries[7..], dim));
    let alone: Vec<_> =
        queries.iter().map(|q| bits(&top_k(Vectors::new(q, dim), rows, 30, |_| true).unwrap()[0])).collect();
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let lists = pool.install(|| top_k(queries, rows, 30, |_| true).unwrap());
        assert_eq!(lists.iter().map(|list| bits(list)).collect::<Vec<_>>(), alone, "{threads} threads");
    }
}

#[test]
fn an_overflowing_score_is_an_error_unless_filtered_out() {
    let mut values = vec![1.0; 2000];
    for row in [700, 300, 900] {
        values[2 * row] = if row == 300 { -f32::MAX } else { f32::MAX };
    }
    let rows = Vectors::new(&values, 2);
    let query = Vectors::new(&[4.0, 4.0], 2);
    let error = top_k(query, rows, 1, |_| true).unwrap_err();
    assert_eq!(error.to_string(), "the score of row 300 is not a finite number");
    let error = top_k(query, rows, 1, |row| row != 300).unwrap_err();
    assert_eq!(error.to_string(), "the score of row 700 is not a finite number");
    let lists = top_k(query, rows, 2, |row| ![300, 700, 900].contains(&row)).unwrap();
    assert_eq!(bits(&lists[0]), [(0, 8f32.to_bits()), (1, 8f32.to_bits())]);
}

#[test]
fn nothing_in_gives_nothing_out() {
    let none = Vectors::new(&[], 3);
    assert!(top_k(none, none, 5, |_| true).unwrap().is_empty());
    let one = Vectors::new(&[1.0, 2.0, 3.0], 3);
    assert_eq!(top_k(one, none, 5, |_| true).unwrap(), [vec![]]);
    assert_eq!(top_k(one, one, 5, |_| false).unwrap(), [vec![]]);
}
