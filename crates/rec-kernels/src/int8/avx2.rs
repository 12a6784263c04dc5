use super::strip::{Strip, Target};

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(#[cfg(target_arch = "x86_64")] pulp::x86::V3);

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        pulp::x86::V3::try_new().map(Self)
    }

    pub(super) fn multiply(self, strip: &Strip<'_>, target: Target<'_>) {
        self.0.vectorize(x86::Multiply { simd: self.0, strip, target });
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        None
    }

    pub(super) fn multiply(self, strip: &Strip<'_>, target: Target<'_>) {
        super::portable::multiply(strip, target);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::__m256i;

    use pulp::x86::V3;
    use pulp::{NullaryFnOnce, cast};

    use super::super::strip::{Strip, Target};

    /// Columns in a vector.
    const LANES: usize = 8;
    /// Rows of a full tile: with two vectors, 12 sums, 2 weights and a value of the left side take 15 of 16 registers.
    const ROWS: usize = 6;

    pub(super) struct Multiply<'a> {
        pub(super) simd: V3,
        pub(super) strip: &'a Strip<'a>,
        pub(super) target: Target<'a>,
    }

    impl NullaryFnOnce for Multiply<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            match self.strip.scales.len() / LANES {
                1 => rows::<1>(self),
                _ => rows::<2>(self),
            }
        }
    }

    #[inline(always)]
    fn rows<const V: usize>(Multiply { simd, strip, target }: Multiply<'_>) {
        let Target { values, stride, columns } = target;
        for first in (0..strip.n_rows).step_by(ROWS) {
            let target = Target { values: &mut values[first * stride..], stride, columns };
            match strip.n_rows - first {
                1 => tile::<1, V>(simd, strip, first, target),
                2 => tile::<2, V>(simd, strip, first, target),
                3 => tile::<3, V>(simd, strip, first, target),
                4 => tile::<4, V>(simd, strip, first, target),
                5 => tile::<5, V>(simd, strip, first, target),
                _ => tile::<ROWS, V>(simd, strip, first, target),
            }
        }
    }

    #[inline(always)]
    fn tile<const M: usize, const V: usize>(simd: V3, strip: &Strip<'_>, first: usize, target: Target<'_>) {
        let (codes, _) = strip.codes.as_chunks::<16>();
        let (codes, _) = codes.as_chunks::<V>();
        let rows: [&[i32]; M] =
            std::array::from_fn(|row| &strip.words[(first + row) * strip.n_words..][..codes.len()]);
        let (starts, _) = strip.starts.as_chunks::<LANES>();
        let starts: [__m256i; V] = std::array::from_fn(|vector| cast(starts[vector]));
        let mut sums = [starts; M];
        for (at, codes) in codes.iter().enumerate() {
            let weights: [__m256i; V] =
                std::array::from_fn(|vector| simd.avx2._mm256_cvtepi8_epi16(cast(codes[vector])));
            for row in 0..M {
                let value = simd.avx._mm256_set1_epi32(rows[row][at]);
                for vector in 0..V {
                    let products = simd.avx2._mm256_madd_epi16(value, weights[vector]);
                    sums[row][vector] = simd.avx2._mm256_add_epi32(sums[row][vector], products);
                }
            }
        }
        let (scales, _) = strip.scales.as_chunks::<LANES>();
        let Target { values, stride, columns } = target;
        for (row, sums) in sums.iter().enumerate() {
            let row_scale = simd.avx._mm256_set1_ps(strip.row_scales[first + row]);
            let values = &mut values[row * stride..][..columns];
            for ((values, sums), scales) in values.chunks_mut(LANES).zip(sums).zip(scales) {
                let product = simd.avx._mm256_mul_ps(simd.avx._mm256_cvtepi32_ps(*sums), cast(*scales));
                let product: [f32; LANES] = cast(simd.avx._mm256_mul_ps(product, row_scale));
                match values.as_chunks_mut::<LANES>() {
                    ([whole], _) => *whole = product,
                    (_, part) => part.copy_from_slice(&product[..part.len()]),
                }
            }
        }
    }
}
