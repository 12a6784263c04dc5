//! The one dot product of the crate, and what is built on it.

/// Independent partial sums: enough to fill four SSE or two AVX registers.
const LANES: usize = 16;

/// `sum_i a_i b_i`, always added in the same order, so that a product has the same bits wherever it is computed.
///
/// Element `i` goes to lane `i mod 16`; the lanes are added as a tree. Plain safe code that compilers vectorise, because
/// the lanes are independent and nothing is reassociated.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len(), "dot product of {} and {} values", a.len(), b.len());
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += a * b;
    }
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        width /= 2;
    }
    lanes[0]
}

/// Scales a vector to length 1; the zero vector stays as it is.
///
/// The length is taken in `f64`, where the squares of finite `f32` values neither overflow nor vanish, so no epsilon is
/// needed.
pub(crate) fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if norm > 0.0 {
        for x in vector {
            *x = (f64::from(*x) / norm) as f32;
        }
    }
}

/// A copy of a vector, scaled to length 1.
pub(crate) fn normalised(vector: &[f32]) -> Vec<f32> {
    let mut vector = vector.to_vec();
    normalise(&mut vector);
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for n in 0..70 {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let expected: usize = (0..n).map(|i| i * i).sum();
            assert_eq!(dot(&a, &a), expected as f32, "{n} values"); // small integers are exact
        }
    }

    #[test]
    fn length_is_one_over_the_whole_range() {
        for scale in [1e-45, 1e-30, 1.0, 1e38] {
            let unit = normalised(&[3.0 * scale, 0.0, -3.0 * scale]);
            assert!(
                (unit[0] - 0.5f32.sqrt()).abs() < 1e-7 && unit[1] == 0.0 && unit[2] == -unit[0],
                "{unit:?}"
            );
        }
        assert_eq!(normalised(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
