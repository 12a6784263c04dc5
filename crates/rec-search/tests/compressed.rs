//! Compressed rows against plain loops over the rounded values, and what they miss.

use rec_search::{Found, HalfRows, Int8Rows, SignCodes, Vectors, rescore, top_k};

/// Pseudo-random values with many digits, about as often positive as negative.
fn rough(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| (0..4).map(|_| next()).sum()).collect()
}

fn rows_of(list: &[Found]) -> Vec<usize> {
    list.iter().map(|found| found.row).collect()
}

#[test]
fn enough_candidates_give_the_exact_list() {
    for dim in [7, 48, 100] {
        let (rows, queries) = (rough(3000 * dim, 1), rough(20 * dim, 2));
        let (rows, queries) = (Vectors::new(&rows, dim), Vectors::new(&queries, dim));
        let accepts = |row: usize| row % 5 != 2;
        let exact = top_k(queries, rows, 10, accepts).unwrap();
        let half = HalfRows::new(rows).unwrap();
        let bytes = Int8Rows::new(rows).unwrap();
        let signs = SignCodes::new(rows).unwrap();
        assert_eq!((half.len(), bytes.len(), signs.len()), (3000, 3000, 3000));
        let from_half = half.candidates(queries, 20, accepts).unwrap();
        let from_bytes = bytes.candidates(queries, 60, accepts).unwrap();
        for (q, query) in queries.iter().enumerate() {
            assert_eq!(
                rescore(query, rows, rows_of(&from_half[q]), 10).unwrap(),
                exact[q],
                "{dim} values, half"
            );
            assert_eq!(
                rescore(query, rows, rows_of(&from_bytes[q]), 10).unwrap(),
                exact[q],
                "{dim} values, bytes"
            );
            let all = signs.candidates(query, 9999, accepts).unwrap();
            assert_eq!(rescore(query, rows, all, 10).unwrap(), exact[q], "{dim} values, signs");
        }
    }
}

#[test]
fn half_scores_are_those_of_the_rounded_values() {
    let (dim, n) = (33, 700);
    let (rows, query) = (rough(n * dim, 3), rough(dim, 4));
    let rounded: Vec<f32> = rows.iter().map(|&x| half::f16::from_f32(x).to_f32()).collect();
    let expected = top_k(Vectors::new(&query, dim), Vectors::new(&rounded, dim), n, |_| true).unwrap();
    let half = HalfRows::new(Vectors::new(&rows, dim)).unwrap();
    assert_eq!(half.candidates(Vectors::new(&query, dim), n, |_| true).unwrap(), expected);
    let huge = HalfRows::new(Vectors::new(&[1e30, -1e30], 1)).unwrap();
    let found = huge.candidates(Vectors::new(&[1.0], 1), 2, |_| true).unwrap();
    assert_eq!((found[0][0].score, found[0][1].score), (65504.0, -65504.0));
}

#[test]
fn byte_scores_are_those_of_integers() {
    // 5000 values: more than are added in 32 bits at once, at the largest magnitudes.
    let dim = 5000;
    let rows = Int8Rows::new(Vectors::new(&[2.0, -1.0].repeat(dim), dim)).unwrap();
    let query = vec![4.0; dim];
    let found = rows.candidates(Vectors::new(&query, dim), 9, |_| true).unwrap();
    let integers = (dim / 2) as f64 * (127.0 - 64.0) * 2047.0;
    let expected = integers * f64::from(2.0f32 / 127.0) * f64::from(4.0f32 / 2047.0);
    assert!((f64::from(found[0][0].score) / expected - 1.0).abs() < 1e-6, "{found:?}, {expected}");
    let zero = Int8Rows::new(Vectors::new(&[0.0, 0.0, 1e-45, 0.0], 2)).unwrap();
    assert_eq!(zero.candidates(Vectors::new(&[1.0, 1.0], 2), 1, |_| true).unwrap()[0][0].row, 0);
}

#[test]
fn signs_are_sorted_by_distance_and_then_row_for_any_number_of_threads() {
    let (dim, n) = (100, 2000);
    let (rows, query) = (rough(n * dim, 5), rough(dim, 6));
    let rows = Vectors::new(&rows, dim);
    let mut expected: Vec<(usize, usize)> = (0..n)
        .filter(|row| row % 3 > 0)
        .map(|row| {
            (rows.row(row).iter().zip(&query).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count(), row)
        })
        .collect();
    expected.sort_unstable();
    let codes = SignCodes::new(rows).unwrap();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for k in [0, 1, 77, 5000] {
            let found = pool.install(|| codes.candidates(&query, k, |row| row % 3 > 0).unwrap());
            assert!(
                found.into_iter().eq(expected.iter().take(k).map(|&(_, row)| row)),
                "{k} of {threads} threads"
            );
        }
    }
}

#[test]
fn batches_and_threads_change_no_bit_and_bad_values_are_errors() {
    let dim = 20;
    let (rows, queries) = (rough(1000 * dim, 7), rough(9 * dim, 8));
    let (rows, queries) = (Vectors::new(&rows, dim), Vectors::new(&queries, dim));
    let (half, bytes) = (HalfRows::new(rows).unwrap(), Int8Rows::new(rows).unwrap());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let (of_half, of_bytes) = pool.install(|| {
        (half.candidates(queries, 30, |_| true).unwrap(), bytes.candidates(queries, 30, |_| true).unwrap())
    });
    for (q, query) in queries.iter().enumerate() {
        let query = Vectors::new(query, dim);
        assert_eq!(half.candidates(query, 30, |_| true).unwrap()[0], of_half[q]);
        assert_eq!(bytes.candidates(query, 30, |_| true).unwrap()[0], of_bytes[q]);
    }
    let bad = Vectors::new(&[0.0, 1.0, 2.0, f32::INFINITY], 2);
    for error in
        [HalfRows::new(bad).unwrap_err(), Int8Rows::new(bad).unwrap_err(), SignCodes::new(bad).unwrap_err()]
    {
        assert_eq!(error.to_string(), "row 1 is not finite at column 1");
        assert!(error.is_not_finite());
    }
}
