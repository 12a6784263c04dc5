//! The one dot product, and lengths.

pub(crate) use rec_search::dot;

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
