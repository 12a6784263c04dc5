//! Sixteen lanes of `f32`, whatever the registers of the machine.

use pulp::{Arch, Simd, WithSimd};

/// The lanes of a dot product: one AVX-512 register, two of AVX, four of NEON.
pub(crate) const LANES: usize = 16;

/// What a kernel needs of an instruction set. All implementations give the same bits.
pub(crate) trait Wide: Copy {
    /// Sixteen numbers.
    type Lanes: Copy;

    /// Rows, and queries, of the largest square of products whose sums and operands fit the registers.
    const SIDE: usize;

    fn zero(self) -> Self::Lanes;

    fn load(self, values: &[f32; LANES]) -> Self::Lanes;

    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Lanes, b: Self::Lanes, c: Self::Lanes) -> Self::Lanes;

    /// The sum of the lanes of each: lane `i` is added to lane `i + 8`, then `i` to `i + 4`, `i + 2` and `i + 1`.
    fn sums(self, all: [Self::Lanes; LANES]) -> [f32; LANES];

    /// Half-precision numbers, which must be finite.
    #[inline(always)]
    fn load_half(self, values: &[u16; LANES]) -> Self::Lanes {
        let mut widened = [0.0; LANES];
        for (single, half) in widened.iter_mut().zip(values) {
            *single = half_to_single(*half);
        }
        self.load(&widened)
    }

    fn store(self, lanes: Self::Lanes) -> [f32; LANES];
}

/// Work that is compiled once for each instruction set.
pub(crate) trait Kernel {
    type Output;

    /// Must be `#[inline(always)]`, as all that it calls: only so is it compiled with the instructions of `wide`.
    fn run<W: Wide>(self, wide: W) -> Self::Output;
}

/// Runs a kernel with the best instructions that the machine has.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match Arch::new() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(simd) => on(simd, simd, kernel),
        #[cfg(target_arch = "x86_64")]
        Arch::V3(simd) => on(simd, simd, kernel),
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(simd) => on(simd, simd, kernel),
        _ => kernel.run(Portable),
    }
}

/// Runs a kernel where the instructions of `simd` are enabled.
pub(crate) fn on<S: Simd, W: Wide, K: Kernel>(simd: S, wide: W, kernel: K) -> K::Output {
    struct On<W, K>(W, K);

    impl<W: Wide, K: Kernel> WithSimd for On<W, K> {
        type Output = K::Output;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> K::Output {
            self.1.run(self.0)
        }
    }
    simd.vectorize(On(wide, kernel))
}

/// Plain Rust for any machine: the meaning of the others, and slow where there is no instruction for [`f32::mul_add`].
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Wide for Portable {
    type Lanes = [f32; LANES];

    const SIDE: usize = 1;

    #[inline(always)]
    fn zero(self) -> Self::Lanes {
        [0.0; LANES]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Lanes {
        *values
    }

    #[inline(always)]
    fn store(self, lanes: Self::Lanes) -> [f32; LANES] {
        lanes
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Lanes, b: Self::Lanes, c: Self::Lanes) -> Self::Lanes {
        let mut sums = c;
        for i in 0..LANES {
            sums[i] = a[i].mul_add(b[i], c[i]);
        }
        sums
    }

    #[inline(always)]
    fn sums(self, all: [Self::Lanes; LANES]) -> [f32; LANES] {
        all.map(sum)
    }
}

/// The sum of sixteen lanes, in the order of [`Wide::sums`].
#[inline(always)]
pub(crate) fn sum(lanes: [f32; LANES]) -> f32 {
    let (mut by8, mut by4) = ([0.0; 8], [0.0; 4]);
    for i in 0..8 {
        by8[i] = lanes[i] + lanes[i + 8];
    }
    for i in 0..4 {
        by4[i] = by8[i] + by8[i + 4];
    }
    (by4[0] + by4[2]) + (by4[1] + by4[3])
}

/// A finite half-precision number, exactly.
#[inline(always)]
fn half_to_single(bits: u16) -> f32 {
    // The exponents differ by 112. A power of two as factor moves subnormal numbers, too.
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits((112 + 127) << 23);
    f32::from_bits(magnitude.to_bits() | (u32::from(bits & 0x8000) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_is_exact() {
        for bits in 0..=u16::MAX {
            let half = half::f16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(half_to_single(bits).to_bits(), half.to_f32().to_bits(), "{bits:#x}");
            }
        }
    }
}
