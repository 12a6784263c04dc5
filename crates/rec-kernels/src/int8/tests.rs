//! Every kernel against the definition, bit by bit, on shapes that straddle tiles, strips, panels and words.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::kernel::Kernel;
use super::{Rows, Weights, avx2::Avx2};
use crate::dispatch::Dispatch;
use crate::product::{Columns, Target};

/// What this processor can run: the best under each choice of instructions, and AVX2 where panels are those of AVX-512.
fn kernels() -> Vec<(Dispatch, Kernel)> {
    let mut all: Vec<_> =
        Dispatch::all().into_iter().map(|dispatch| (dispatch, Kernel::new(dispatch))).collect();
    all.extend(Dispatch::all().into_iter().map(|dispatch| (dispatch, Kernel::Portable)));
    let wide = Dispatch::native();
    all.extend(Avx2::detect().filter(|_| wide.shape().lanes >= 8).map(|avx2| (wide, Kernel::Avx2(avx2))));
    all
}

/// Codes of values with a common scale, and that scale.
fn codes(values: &[f32]) -> (Vec<i32>, f32) {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if values.iter().any(|value| !value.is_finite()) {
        return (vec![0; values.len()], f32::NAN);
    }
    if !(127.0 / largest).is_finite() {
        return (vec![0; values.len()], 0.0);
    }
    let codes = values.iter().map(|value| (value * (127.0 / largest)).round_ties_even() as i32).collect();
    (codes, largest / 127.0)
}

/// The definition: `x [rows, depth]` times `w [depth, columns]`.
fn reference(x: &[f32], w: &[f32], depth: usize, columns: usize) -> Vec<f32> {
    let right: Vec<_> = (0..columns)
        .map(|column| codes(&(0..depth).map(|row| w[row * columns + column]).collect::<Vec<_>>()))
        .collect();
    let left = x.chunks_exact(depth).map(codes);
    left.flat_map(|(row, row_scale)| {
        let value = move |(column, scale): &(Vec<i32>, f32)| {
            let sum: i64 = row.iter().zip(column).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
            i32::try_from(sum).unwrap_or(i32::MAX) as f32 * scale * row_scale
        };
        right.iter().map(value).collect::<Vec<f32>>()
    })
    .collect()
}

/// By a kernel; the left side is cut into two matrices, and the result stands within a wider one.
fn product(
    (dispatch, kernel): (Dispatch, Kernel),
    x: &[f32],
    w: &[f32],
    [depth, columns, cut]: [usize; 3],
) -> Vec<f32> {
    const BESIDE: f32 = -7.0;
    let n_rows = x.len() / depth;
    let weights = Weights::new(dispatch, kernel, w, columns, &(0..columns).collect::<Vec<_>>());
    let mut rows = Rows::default();
    let left = [
        Columns { values: x, stride: depth, width: cut },
        Columns { values: &x[cut.min(x.len())..], stride: depth, width: depth - cut },
    ];
    // Memory that was used for more before.
    rows.quantize(dispatch, kernel, 1, &[Columns { values: &[9.0; 300], stride: 300, width: 300 }]);
    rows.quantize(dispatch, kernel, n_rows, &left);
    let stride = columns + 3;
    let mut values = vec![BESIDE; n_rows * stride];
    let target = Target { values: &mut values, stride, width: columns };
    weights.multiply(&rows, n_rows, 0..weights.n_panels(), target);
    for row in values.chunks_exact(stride) {
        assert_eq!(row[columns..], [BESIDE; 3], "{kernel:?} writes beside its columns");
    }
    values.chunks_exact(stride).flat_map(|row| &row[..columns]).copied().collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    // All NaN are one.
    values.iter().map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits()).collect()
}

#[test]
fn every_kernel_gives_the_bits_of_the_definition() {
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    for case in 0..200 {
        let [n_rows, depth, columns] =
            [rng.random_range(0..20), rng.random_range(1..130), rng.random_range(1..120)];
        let cut = rng.random_range(0..=depth);
        let mut random = |n: usize| -> Vec<f32> {
            let mut value = || rng.random::<f32>() - 0.5;
            // Rows and columns of very different sizes, and a few values far from the others.
            (0..n).map(|at| value() * if at % 37 == 0 { 30.0 } else { value().exp2() }).collect()
        };
        let (mut x, mut w) = (random(n_rows * depth), random(depth * columns));
        if case % 5 == 0 {
            // A row and a column of zeros; ties; the largest numbers.
            x.iter_mut().take(depth).for_each(|x| *x = 0.0);
            w.iter_mut().step_by(columns).for_each(|w| *w = 0.0);
            x.iter_mut()
                .skip(depth)
                .take(depth)
                .enumerate()
                .for_each(|(at, x)| *x = (at % 255) as f32 / 2.0 - 63.5);
            x.iter_mut().skip(2 * depth).take(1).for_each(|x| *x = f32::MAX);
        }
        let want = reference(&x, &w, depth, columns);
        for kernel in kernels() {
            let got = product(kernel, &x, &w, [depth, columns, cut]);
            assert_eq!(bits(&got), bits(&want), "{kernel:?}, {n_rows} rows, {depth} deep, {columns} columns");
        }
    }
}

/// The largest sums: all codes are 127 or -127, over the depth of a large model.
#[test]
fn sums_do_not_saturate() {
    let depth = 1 << 14;
    for sign in [1.0, -1.0] {
        let (x, w) = (vec![1.0; depth], vec![sign; depth]);
        for kernel in kernels() {
            let got = product(kernel, &x, &w, [depth, 1, depth]);
            assert_eq!(got, reference(&x, &w, depth, 1), "{kernel:?}");
            assert!((got[0] - sign * depth as f32).abs() < 0.1, "{kernel:?}: {got:?}");
        }
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for kernel in kernels() {
            let got = product(kernel, &[1.0, 2.0, bad, 2.0], &[1.0, 1.0], [2, 1, 1]);
            assert!((got[0] - 3.0).abs() < 0.02 && got[1].is_nan(), "{kernel:?}: {got:?} of {bad}");
            let got = product(kernel, &[1.0, 2.0], &[1.0, bad, 1.0, 1.0], [2, 2, 2]);
            assert!((got[0] - 3.0).abs() < 0.02 && got[1].is_nan(), "{kernel:?}: {got:?} of {bad}");
        }
    }
}
