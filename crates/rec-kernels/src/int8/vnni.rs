//! `vpdpbusd`, for which `pulp` has no function. The standard library's is safe inside of a function that is compiled for it; the step
//! into that function is the one unsafe block.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
};

use pulp::cast;

use super::strip::{Strip, Target};

/// Columns in a vector.
const LANES: usize = 16;
/// Rows of a full tile: with three vectors, 24 sums, 3 weights and a value of the left side take 28 of 32 registers.
const ROWS: usize = 8;

/// Proof that the processor has AVX-512 with VNNI: there is no other way to make one than [`detect`](Self::detect).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vnni(());

impl Vnni {
    pub(crate) fn detect() -> Option<Self> {
        let has = cfg!(feature = "x86-v4")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni");
        has.then_some(Self(()))
    }

    pub(super) fn multiply(self, strip: &Strip<'_>, target: Target<'_>) {
        // SAFETY: all that the function needs is a processor with the features that it names. `self` is made by `detect`
        // only, which asked the processor for each of them. The function itself has no unsafe code.
        unsafe { multiply(strip, target) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply(strip: &Strip<'_>, target: Target<'_>) {
    match strip.scales.len() / LANES {
        1 => rows::<1>(strip, target),
        2 => rows::<2>(strip, target),
        _ => rows::<3>(strip, target),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn rows<const V: usize>(strip: &Strip<'_>, target: Target<'_>) {
    let Target { values, stride, columns } = target;
    for first in (0..strip.n_rows).step_by(ROWS) {
        let target = Target { values: &mut values[first * stride..], stride, columns };
        match strip.n_rows - first {
            1 => tile::<1, V>(strip, first, target),
            2 => tile::<2, V>(strip, first, target),
            3 => tile::<3, V>(strip, first, target),
            4 => tile::<4, V>(strip, first, target),
            5 => tile::<5, V>(strip, first, target),
            6 => tile::<6, V>(strip, first, target),
            7 => tile::<7, V>(strip, first, target),
            _ => tile::<ROWS, V>(strip, first, target),
        }
    }
}

/// `M` rows times `V` vectors of columns, with all sums in registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn tile<const M: usize, const V: usize>(strip: &Strip<'_>, first: usize, target: Target<'_>) {
    let (codes, _) = strip.codes.as_chunks::<64>();
    let (codes, _) = codes.as_chunks::<V>();
    let rows: [&[i32]; M] =
        std::array::from_fn(|row| &strip.words[(first + row) * strip.n_words..][..codes.len()]);
    let (starts, _) = strip.starts.as_chunks::<LANES>();
    let starts: [__m512i; V] = std::array::from_fn(|vector| cast(starts[vector]));
    let mut sums = [starts; M];
    for (at, codes) in codes.iter().enumerate() {
        for row in 0..M {
            let value = _mm512_set1_epi32(rows[row][at]);
            for vector in 0..V {
                sums[row][vector] = _mm512_dpbusd_epi32(sums[row][vector], value, cast(codes[vector]));
            }
        }
    }
    let (scales, _) = strip.scales.as_chunks::<LANES>();
    let Target { values, stride, columns } = target;
    for (row, sums) in sums.iter().enumerate() {
        let row_scale = _mm512_set1_ps(strip.row_scales[first + row]);
        let values = &mut values[row * stride..][..columns];
        for ((values, sums), scales) in values.chunks_mut(LANES).zip(sums).zip(scales) {
            let product = _mm512_mul_ps(_mm512_cvtepi32_ps(*sums), cast(*scales));
            let product: [f32; LANES] = cast(_mm512_mul_ps(product, row_scale));
            match values.as_chunks_mut::<LANES>() {
                ([whole], _) => *whole = product,
                (_, part) => part.copy_from_slice(&product[..part.len()]),
            }
        }
    }
}
