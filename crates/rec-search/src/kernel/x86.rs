//! AVX2 with FMA, and AVX-512.

use std::arch::x86_64::{__m256, __m256i, __m512};

use pulp::cast;
use pulp::x86::{V3, V4};

use super::wide::{LANES, Wide};

impl Wide for V4 {
    type Lanes = __m512;

    const SIDE: usize = 4;

    #[inline(always)]
    fn zero(self) -> __m512 {
        self.avx512f._mm512_setzero_ps()
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> __m512 {
        cast(*values)
    }

    #[inline(always)]
    fn store(self, lanes: __m512) -> [f32; LANES] {
        cast(lanes)
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.avx512f._mm512_fmadd_ps(a, b, c)
    }

    /// A tree for all sixteen at once: each step adds the halves of two vectors and leaves one, so that lane `i` of the last
    /// one is the sum of vector `i`.
    #[inline(always)]
    fn sums(self, all: [__m512; LANES]) -> [f32; LANES] {
        let f = self.avx512f;
        let mut by8 = [all[0]; 8];
        for i in 0..8 {
            let (a, b) = (all[i], all[i + 8]);
            // The outer halves of both, and then the inner ones.
            by8[i] =
                f._mm512_add_ps(f._mm512_mask_blend_ps(0xff00, a, b), f._mm512_shuffle_f32x4::<0x4e>(a, b));
        }
        let mut by4 = [all[0]; 4];
        for i in 0..4 {
            let (a, b) = (by8[i], by8[i + 4]);
            let crossed = f._mm512_mask_blend_ps(0xf0f0, b, a);
            let moved = f._mm512_shuffle_f32x4::<0xb1>(crossed, crossed);
            by4[i] = f._mm512_add_ps(f._mm512_mask_blend_ps(0xf0f0, a, b), moved);
        }
        let mut by2 = [all[0]; 2];
        for i in 0..2 {
            let (a, b) = (by4[i], by4[i + 2]);
            by2[i] = f._mm512_add_ps(f._mm512_mask_blend_ps(0xcccc, a, b), f._mm512_shuffle_ps::<0x4e>(a, b));
        }
        let [a, b] = by2;
        let moved = f._mm512_permute_ps::<0xb1>(f._mm512_mask_blend_ps(0xaaaa, b, a));
        cast(f._mm512_add_ps(f._mm512_mask_blend_ps(0xaaaa, a, b), moved))
    }

    #[inline(always)]
    fn load_half(self, values: &[u16; LANES]) -> __m512 {
        self.avx512f._mm512_cvtph_ps(cast::<[u16; LANES], __m256i>(*values))
    }
}

impl Wide for V3 {
    type Lanes = [__m256; 2];

    const SIDE: usize = 2;

    #[inline(always)]
    fn zero(self) -> [__m256; 2] {
        [self.avx._mm256_setzero_ps(); 2]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> [__m256; 2] {
        cast(*values)
    }

    #[inline(always)]
    fn store(self, lanes: [__m256; 2]) -> [f32; LANES] {
        cast(lanes)
    }

    #[inline(always)]
    fn mul_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        [self.fma._mm256_fmadd_ps(a[0], b[0], c[0]), self.fma._mm256_fmadd_ps(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn sums(self, all: [[__m256; 2]; LANES]) -> [f32; LANES] {
        // As for AVX-512, but the first step adds registers, and eight vectors make one.
        cast([sums_of_eight(self, &all[..8]), sums_of_eight(self, &all[8..])])
    }
}

/// Eight sums.
#[inline(always)]
fn sums_of_eight(simd: V3, all: &[[__m256; 2]]) -> __m256 {
    let f = simd.avx;
    let mut by8 = [all[0][0]; 8];
    for i in 0..8 {
        by8[i] = f._mm256_add_ps(all[i][0], all[i][1]);
    }
    let mut by4 = [all[0][0]; 4];
    for i in 0..4 {
        let (a, b) = (by8[i], by8[i + 4]);
        by4[i] = f._mm256_add_ps(f._mm256_blend_ps::<0xf0>(a, b), f._mm256_permute2f128_ps::<0x21>(a, b));
    }
    let mut by2 = [all[0][0]; 2];
    for i in 0..2 {
        let (a, b) = (by4[i], by4[i + 2]);
        by2[i] = f._mm256_add_ps(f._mm256_blend_ps::<0xcc>(a, b), f._mm256_shuffle_ps::<0x4e>(a, b));
    }
    let [a, b] = by2;
    let moved = f._mm256_permute_ps::<0xb1>(f._mm256_blend_ps::<0xaa>(b, a));
    f._mm256_add_ps(f._mm256_blend_ps::<0xaa>(a, b), moved)
}
