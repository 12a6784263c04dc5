//! The approximate index against exact search: recall, filters, determinism.
#![cfg(feature = "hnsw")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::collections::HashSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rec_search::{Found, Hnsw, HnswConfig, RowSet, Vectors, top_k};

const DIM: usize = 24;

/// Vectors of length 1 around 50 centres, sorted by centre.
fn clustered(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let centres: Vec<f32> = (0..50 * DIM).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Vec::with_capacity(n * DIM);
    for i in 0..n {
        let centre = &centres[i * 50 / n * DIM..][..DIM];
        let vector: Vec<f32> = centre.iter().map(|c| c + rng.random_range(-0.8..0.8)).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        values.extend(vector.iter().map(|x| x / norm));
    }
    values
}

fn recall(found: &[Found], exact: &[Found]) -> f64 {
    let exact: HashSet<usize> = exact.iter().map(|found| found.row).collect();
    found.iter().filter(|found| exact.contains(&found.row)).count() as f64 / exact.len() as f64
}

#[test]
fn nearly_all_neighbours_are_found_with_and_without_a_filter() {
    let (rows, queries) = (clustered(4000, 1), clustered(100, 2));
    let (rows, queries) = (Vectors::new(&rows, DIM), Vectors::new(&queries, DIM));
    let index = Hnsw::new(rows, &HnswConfig { m: 12, ef_construction: 80, seed: 3 }).unwrap();
    for modulus in [1, 2, 3, 50] {
        let allowed = RowSet::new(rows.len(), (0..rows.len()).step_by(modulus));
        let exact = top_k(queries, rows, 10, |row| allowed.contains(row)).unwrap();
        let mut mean = 0.0;
        for (query, exact) in queries.iter().zip(&exact) {
            let found = index.top_k(query, 10, 60, (modulus > 1).then_some(&allowed)).unwrap();
            assert!(found.iter().all(|found| allowed.contains(found.row)));
            assert!(found.is_sorted_by(|a, b| (b.score, a.row) < (a.score, b.row) || a.score > b.score));
            for found in &found {
                assert_eq!(found.score.to_bits(), rec_search::dot(query, rows.row(found.row)).to_bits());
            }
            mean += recall(&found, exact) / exact_len(queries);
        }
        println!("one row in {modulus}: recall@10 {mean:.4}");
        assert!(mean > 0.95, "one row in {modulus}: {mean}");
    }
}

fn exact_len(queries: Vectors<'_>) -> f64 {
    queries.len() as f64
}

#[test]
fn any_number_of_threads_gives_the_same_graph_and_lists() {
    let (rows, queries) = (clustered(1500, 4), clustered(40, 5));
    let (rows, queries) = (Vectors::new(&rows, DIM), Vectors::new(&queries, DIM));
    let lists = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let index = Hnsw::new(rows, &HnswConfig { m: 4, ef_construction: 20, seed }).unwrap();
            // Few links and candidates, so that another graph would give other lists.
            queries.iter().map(|q| index.top_k(q, 10, 10, None).unwrap()).collect::<Vec<_>>()
        })
    };
    let expected = lists(1, 0);
    for threads in [2, 3, 7] {
        assert_eq!(lists(threads, 0), expected, "{threads} threads");
    }
    assert_ne!(lists(1, 1), expected);
}

#[test]
fn few_rows_are_found_all() {
    for n in 0..40 {
        let rows = clustered(n, 6);
        let rows = Vectors::new(&rows, DIM);
        let index = Hnsw::new(rows, &HnswConfig { m: 2, ef_construction: 40, seed: 0 }).unwrap();
        let query = clustered(1, 7);
        let exact = top_k(Vectors::new(&query, DIM), rows, 40, |_| true).unwrap();
        let found = index.top_k(&query, 40, 40, None).unwrap();
        assert!(recall(&found, &exact[0]) >= 0.9 || n == 0, "{} of {n} rows", found.len());
        assert!(index.top_k(&query, 0, 40, None).unwrap().is_empty());
        assert!(index.top_k(&query, 5, 40, Some(&RowSet::new(n, []))).unwrap().is_empty());
    }
}

#[test]
fn equal_rows_and_what_does_not_fit() {
    let rows = [1.0, 0.0].repeat(300);
    let index = Hnsw::new(Vectors::new(&rows, 2), &HnswConfig::default()).unwrap();
    let found = index.top_k(&[1.0, 0.0], 3, 50, None).unwrap();
    assert_eq!(found.len(), 3);
    let error = Hnsw::new(Vectors::new(&[0.0, 1.0, 1.0, f32::NAN], 2), &HnswConfig::default()).unwrap_err();
    assert_eq!(error.to_string(), "row 1 is not finite at column 1");
    assert!(
        Hnsw::new(Vectors::new(&[f32::MAX, 1.0], 2), &HnswConfig::default()).unwrap_err().is_not_finite()
    );
    assert!(index.top_k(&[f32::MAX, f32::MAX], 3, 50, None).is_ok());
    assert!(index.top_k(&[f32::INFINITY, 0.0], 3, 50, None).unwrap_err().is_not_finite());
}
