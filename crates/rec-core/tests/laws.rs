//! The laws of sequences, pooling and tables, against the obvious loops.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;
use rec_core::masked::softmax;
use rec_core::{Fingerprint, Pooling, Sequence, VectorTable};
use rec_testkit::{device, max_abs_diff};

const ALL: [Pooling; 6] = [
    Pooling::Cls,
    Pooling::Mean,
    Pooling::Max,
    Pooling::LastToken,
    Pooling::WeightedMean,
    Pooling::MeanSqrtLen,
];

/// Sums of a dozen values near one, in two orders.
const BOUND: f32 = 1e-5;

/// Rows of vectors of three dimensions, some empty, none longer than six.
fn rows() -> impl Strategy<Value = Vec<Vec<[f32; 3]>>> {
    let vector = [-2f32..2.0, -2f32..2.0, -2f32..2.0];
    prop::collection::vec(prop::collection::vec(vector, 0..6), 1..4)
}

/// Pads rows to `len` with `fill`, on the left or on the right.
fn padded(rows: &[Vec<[f32; 3]>], len: usize, fill: f32, left: bool) -> Sequence {
    let (mut values, mut mask) = (Vec::new(), Vec::new());
    for row in rows {
        let padding = len - row.len();
        let before = if left { padding } else { 0 };
        values.extend(vec![fill; before * 3]);
        values.extend(row.iter().flatten());
        values.extend(vec![fill; (padding - before) * 3]);
        mask.extend((0..len).map(|i| i < before || i >= before + row.len()));
    }
    let device = device();
    Sequence::new(
        Tensor::from_data(TensorData::new(values, [rows.len(), len, 3]), &device),
        Some(Tensor::from_data(TensorData::new(mask, [rows.len(), len]), &device)),
    )
}

fn pool(pooling: Pooling, sequence: &Sequence) -> Vec<f32> {
    pooling.pool(sequence).try_into_vec_as().unwrap()
}

/// The definition of each pooling, one row at a time.
fn naive(pooling: Pooling, row: &[[f32; 3]]) -> [f32; 3] {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return [0.0; 3] };
    let n = row.len() as f32;
    let sum = |weight: &dyn Fn(usize) -> f32| -> [f32; 3] {
        std::array::from_fn(|d| row.iter().enumerate().map(|(i, h)| weight(i) * h[d]).sum())
    };
    match pooling {
        Pooling::Cls => *first,
        Pooling::LastToken => *last,
        Pooling::Max => std::array::from_fn(|d| row.iter().map(|h| h[d]).fold(f32::MIN, f32::max)),
        Pooling::Mean => sum(&|_| 1.0 / n),
        Pooling::MeanSqrtLen => sum(&|_| 1.0 / n.sqrt()),
        Pooling::WeightedMean => sum(&|i| (i + 1) as f32 / (n * (n + 1.0) / 2.0)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pooling_is_its_definition(rows in rows()) {
        let len = rows.iter().map(Vec::len).max().unwrap().max(1);
        for pooling in ALL {
            let expected: Vec<f32> = rows.iter().flat_map(|row| naive(pooling, row)).collect();
            let actual = pool(pooling, &padded(&rows, len, 0.0, false));
            prop_assert!(max_abs_diff(&actual, &expected) <= BOUND, "{pooling:?}: {actual:?} {expected:?}");
        }
    }

    #[test]
    fn padding_changes_nothing(rows in rows(), more in 0usize..4, left: bool, nan: bool) {
        let len = rows.iter().map(Vec::len).max().unwrap().max(1);
        let fill = if nan { f32::NAN } else { 1e6 };
        for pooling in ALL {
            let tight = pool(pooling, &padded(&rows, len, 0.0, false));
            let loose = pool(pooling, &padded(&rows, len + more, fill, left));
            prop_assert!(max_abs_diff(&loose, &tight) <= BOUND, "{pooling:?}: {loose:?} {tight:?}");
        }
    }

    #[test]
    fn softmax_is_a_distribution_over_what_is_left(
        scores in prop::collection::vec(-50f32..50.0, 12),
        mask in prop::collection::vec(any::<bool>(), 12),
    ) {
        let device = device();
        let p: Vec<f32> = softmax(
            Tensor::<2>::from_data(TensorData::new(scores.clone(), [3, 4]), &device),
            Some(Tensor::from_data(TensorData::new(mask.clone(), [3, 4]), &device)),
            1,
        )
        .try_into_vec_as()
        .unwrap();
        for row in 0..3 {
            let at = row * 4..row * 4 + 4;
            let weights: Vec<f64> = at.clone()
                .map(|i| if mask[i] { 0.0 } else { f64::from(scores[i]).exp() })
                .collect();
            let total: f64 = weights.iter().sum();
            for (i, weight) in at.zip(weights) {
                let expected = if total > 0.0 { weight / total } else { 0.0 };
                prop_assert!((f64::from(p[i]) - expected).abs() < 1e-5);
                prop_assert!(!mask[i] || p[i] == 0.0);
            }
        }
    }

    #[test]
    fn tables_round_trip(
        vectors in prop::collection::vec([-1e30f32..1e30, -1.0f32..1.0], 0..20),
        half: bool,
    ) {
        let ids: Vec<String> = (0..vectors.len()).map(|i| format!("item {i} é")).collect();
        let ids = rec_data::IdMap::try_from_ids(ids).unwrap();
        let space = Fingerprint::declared("round trip");
        let table = VectorTable::new(ids, vectors.concat(), 2, space).unwrap().with_provenance("by", "test");
        let table = match (half, table.to_half()) {
            (true, Ok(half)) => half,
            _ => table, // out of the range of f16 is an error, never an infinity
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.safetensors");
        table.save(&path).unwrap();
        let loaded = VectorTable::load(&path).unwrap();
        prop_assert_eq!(loaded.space(), space);
        prop_assert_eq!(loaded.provenance(), table.provenance());
        prop_assert_eq!(loaded.is_half(), table.is_half());
        prop_assert!(loaded.iter().eq(table.iter()));
        for (row, (id, vector)) in loaded.iter().enumerate() {
            prop_assert_eq!(loaded.ids().row(id), Some(row));
            prop_assert_eq!(loaded.get(id), Some(vector));
        }
    }
}

#[test]
fn a_batch_of_padding_is_zero_on_every_pooling() {
    for pooling in ALL {
        let values = pool(pooling, &padded(&[vec![], vec![[1.0, 2.0, 3.0]]], 2, f32::NAN, false));
        assert_eq!(values, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0], "{pooling:?}");
    }
}

#[test]
fn damaged_vector_files_are_errors() {
    let space = Fingerprint::declared("damage");
    let table = VectorTable::from_rows(space, [("a", [1.0, 2.0]), ("b", [3.0, 4.0])]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.safetensors");
    table.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        let message = VectorTable::load(&path).unwrap_err().to_string();
        assert!(message.contains("table.safetensors"), "{message}");
    }
    // A flipped byte is an error or another table, never a panic, and never a vector that is not finite.
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x80;
        std::fs::write(&path, &flipped).unwrap();
        if let Ok(table) = VectorTable::load(&path) {
            assert!(table.iter().all(|(_, vector)| vector.iter().all(|value| value.is_finite())));
        }
    }
}

#[test]
fn vectors_that_are_not_finite_do_not_enter() {
    let space = Fingerprint::declared("finite");
    let error = VectorTable::from_rows(space, [("a", [1.0, 2.0]), ("b", [3.0, f32::INFINITY])]).unwrap_err();
    assert!(error.is_not_finite());
    assert_eq!(error.to_string(), "the vector of `b` is not finite at column 1");
    let error = VectorTable::from_rows(space, [("a", [1.0]), ("a", [2.0])]).unwrap_err();
    assert!(error.to_string().contains("`a`"), "{error}");
    assert!(VectorTable::from_rows(space, [("a", &[1.0][..]), ("b", &[2.0, 3.0])]).is_err());
    assert!(VectorTable::from_rows::<&str, [f32; 2]>(space, []).is_err());
}
