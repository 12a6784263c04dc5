//! The inner loop of every product: a tile of the result that stays in registers.

use pulp::Simd;

/// Rows of the largest tile.
pub(crate) const MAX_ROWS: usize = 8;

/// Values in a row of the largest tile: three vectors of 16.
pub(crate) const MAX_WIDTH: usize = 48;

/// Rows of a full tile. Accumulators, the vectors of one row of weights and one value of the left side fill the registers:
/// 12 + 2 + 1 of 16, or 24 + 3 + 1 of 32.
#[inline(always)]
pub(crate) const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 6 }
}

/// Vectors in a row of a full tile.
#[inline(always)]
pub(crate) const fn vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 3 } else { 2 }
}

/// `target = a b`, or `target + a b` with `accumulate`: `M` rows of `a` times a panel `[depth, V * lanes]` of weights. `a` and
/// `target` are row-major, with a stride from row to row.
///
/// Every value of the result is one chain of multiply-adds in the order of the depth, wherever tiles begin and however
/// many rows they have. So results do not depend on how work is divided.
#[inline(always)]
pub(crate) fn tile<S: Simd, const M: usize, const V: usize>(
    simd: S,
    (a, a_stride): (&[f32], usize),
    panel: &[f32],
    (target, stride): (&mut [f32], usize),
    accumulate: bool,
) {
    let (panel, _) = S::as_simd_f32s(panel);
    let (panel, _) = panel.as_chunks::<V>();
    let rows: [&[f32]; M] = std::array::from_fn(|row| &a[row * a_stride..][..panel.len()]);
    let mut sums = [[simd.splat_f32s(0.0); V]; M];
    if accumulate {
        for (row, sums) in sums.iter_mut().enumerate() {
            let (values, _) = S::as_simd_f32s(&target[row * stride..]);
            sums.copy_from_slice(&values[..V]);
        }
    }
    for (depth, weights) in panel.iter().enumerate() {
        for row in 0..M {
            let value = simd.splat_f32s(rows[row][depth]);
            for vector in 0..V {
                sums[row][vector] = simd.mul_add_e_f32s(value, weights[vector], sums[row][vector]);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let (values, _) = S::as_mut_simd_f32s(&mut target[row * stride..]);
        values[..V].copy_from_slice(sums);
    }
}
