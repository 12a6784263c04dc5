use pulp::{Simd, WithSimd};

use crate::norm::OwnedNorm;

/// The tables of a rotary position embedding (Su et al. 2021, "RoFormer", section 3.2): pair `i` of a head's `d` values,
/// `(x_i, x_{i+d/2})`, turns by the angle whose cosine and sine stand in the row of its position.
#[derive(Debug, Clone, PartialEq)]
pub struct RotaryTable {
    /// `[len, d / 2]`.
    cos: Vec<f32>,
    sin: Vec<f32>,
    n_pairs: usize,
}

impl RotaryTable {
    /// The table of `len` positions with `speeds[i]` radians a position for pair `i`; angles are rounded to `f32`, as the
    /// reference implementations do.
    ///
    /// ```
    /// let table = rec_kernels::RotaryTable::new(&[1.0, 0.1], 512);
    /// assert_eq!(table.len(), 512);
    /// ```
    #[must_use]
    pub fn new(speeds: &[f32], len: usize) -> Self {
        let table = |f: fn(f32) -> f32| {
            (0..len).flat_map(|position| speeds.iter().map(move |speed| f(position as f32 * speed))).collect()
        };
        Self { cos: table(f32::cos), sin: table(f32::sin), n_pairs: speeds.len() }
    }

    /// Positions in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cos.len().checked_div(self.n_pairs).unwrap_or_default()
    }

    /// Whether there is no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of a head.
    pub(crate) fn d_head(&self) -> usize {
        2 * self.n_pairs
    }

    /// The cosine and sine of a pair.
    #[cfg(test)]
    pub(crate) fn at(&self, position: usize, pair: usize) -> (f32, f32) {
        let at = position * self.n_pairs + pair;
        (self.cos[at], self.sin[at])
    }

    #[inline(always)]
    fn turn<S: Simd>(&self, simd: S, head: &mut [f32], position: usize) {
        let n = self.n_pairs;
        let (cos, sin) = (&self.cos[position * n..][..n], &self.sin[position * n..][..n]);
        let (first, second) = head.split_at_mut(n);
        let ((cos, cos_rest), (sin, sin_rest)) = (S::as_simd_f32s(cos), S::as_simd_f32s(sin));
        let ((first, first_rest), (second, second_rest)) =
            (S::as_mut_simd_f32s(first), S::as_mut_simd_f32s(second));
        for at in 0..cos.len().min(first.len()).min(second.len()) {
            let (x, y) = (first[at], second[at]);
            let (cos, sin) = (cos[at], sin[at]);
            first[at] = simd.sub_f32s(simd.mul_f32s(x, cos), simd.mul_f32s(y, sin));
            second[at] = simd.add_f32s(simd.mul_f32s(y, cos), simd.mul_f32s(x, sin));
        }
        for at in 0..cos_rest.len() {
            let (x, y) = (first_rest[at], second_rest[at]);
            first_rest[at] = x * cos_rest[at] - y * sin_rest[at];
            second_rest[at] = y * cos_rest[at] + x * sin_rest[at];
        }
    }
}

/// Normalises and turns the heads of the rows of a sequence, in place.
pub(crate) struct Place<'a> {
    /// The rows of the sequence from its first, every `stride` values; a row begins with `n_heads` heads.
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) d_head: usize,
    pub(crate) n_heads: usize,
    pub(crate) norm: Option<&'a OwnedNorm>,
    pub(crate) rotary: Option<&'a RotaryTable>,
}

impl WithSimd for Place<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (position, row) in self.values.chunks_mut(self.stride).enumerate() {
            for head in row[..self.n_heads * self.d_head].chunks_exact_mut(self.d_head) {
                if let Some(norm) = self.norm {
                    norm.apply(simd, head);
                }
                if let Some(rotary) = self.rotary {
                    rotary.turn(simd, head, position);
                }
            }
        }
    }
}
