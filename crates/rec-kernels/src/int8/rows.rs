use pulp::{Simd, WithSimd, bytemuck};

use super::kernel::{Kernel, Layout};
use super::{MAX_CODE, ZERO};
use crate::dispatch::Dispatch;
use crate::product::Columns;

/// The left side of a product in codes, a scale for each row. It is memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// `[rows, n_words]`
    words: Vec<i32>,
    n_words: usize,
    scales: Vec<f32>,
}

impl Rows {
    /// Takes rows, given as matrices side by side. A row that is not finite gets the scale NaN.
    pub(crate) fn quantize(
        &mut self,
        dispatch: Dispatch,
        kernel: Kernel,
        n_rows: usize,
        left: &[Columns<'_>],
    ) {
        let depth = left.iter().map(|columns| columns.width).sum::<usize>();
        self.n_words = depth.div_ceil(kernel.layout().group);
        self.words.resize(self.words.len().max(n_rows * self.n_words), 0);
        self.scales.resize(self.scales.len().max(n_rows), 0.0);
        let Self { words, n_words, scales } = self;
        dispatch.run(Quantize { n_rows, left, layout: kernel.layout(), words, n_words: *n_words, scales });
    }

    /// The words of the first rows, how many each has, and the scales.
    pub(super) fn parts(&self, n_rows: usize) -> (&[i32], usize, &[f32]) {
        (&self.words[..n_rows * self.n_words], self.n_words, &self.scales[..n_rows])
    }
}

struct Quantize<'a> {
    n_rows: usize,
    left: &'a [Columns<'a>],
    layout: Layout,
    words: &'a mut [i32],
    n_words: usize,
    scales: &'a mut [f32],
}

impl WithSimd for Quantize<'_> {
    type Output = ();

    /// Plain loops, which the compiler turns into the instructions that this is compiled for.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { n_rows, left, layout, words, n_words, scales } = self;
        for row in 0..n_rows {
            let parts = left.iter().map(|part| &part.values[row * part.stride..][..part.width]);
            let scale = Scale::of(parts.clone().fold(0, |largest, part| largest.max(largest_bits(part))));
            scales[row] = scale.value;
            let words = &mut words[row * n_words..][..n_words];
            let mut from = 0;
            if layout.group == 4 {
                let codes: &mut [u8] = bytemuck::cast_slice_mut(words);
                for part in parts {
                    for (code, x) in codes[from..][..part.len()].iter_mut().zip(part) {
                        *code = scale.code(*x) as u8 ^ ZERO;
                    }
                    from += part.len();
                }
                codes[from..].fill(ZERO);
            } else {
                let codes: &mut [i16] = bytemuck::cast_slice_mut(words);
                for part in parts {
                    for (code, x) in codes[from..][..part.len()].iter_mut().zip(part) {
                        *code = scale.code(*x) as i16;
                    }
                    from += part.len();
                }
                codes[from..].fill(0);
            }
        }
    }
}

/// The scale of a row or column, and its inverse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) value: f32,
    inverse: f32,
}

impl Scale {
    /// For values whose largest magnitude has these bits.
    #[inline(always)]
    pub(super) fn of(largest: u32) -> Self {
        let largest = f32::from_bits(largest);
        let inverse = MAX_CODE / largest;
        if !largest.is_finite() {
            Self { value: f32::NAN, inverse: 0.0 }
        } else if inverse.is_finite() {
            Self { value: largest / MAX_CODE, inverse }
        } else {
            // Zeros, and what is as good as that: below 4e-37.
            Self { value: 0.0, inverse: 0.0 }
        }
    }

    /// The code of a value, to the nearest, ties to even.
    #[inline(always)]
    pub(super) fn code(self, x: f32) -> i32 {
        // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
        const ROUND: f32 = 12_582_912.0;
        (x * self.inverse + ROUND).to_bits() as i32 - ROUND.to_bits() as i32
    }
}

/// The bits of the largest magnitude. As integers they are in the order of the numbers, with infinity and NaN above: no maximum of
/// numbers would keep NaN.
#[inline(always)]
pub(super) fn largest_bits(values: &[f32]) -> u32 {
    values.iter().fold(0, |largest, value| largest.max(value.to_bits() & (u32::MAX >> 1)))
}
