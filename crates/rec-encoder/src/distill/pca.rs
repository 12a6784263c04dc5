//! Principal components.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Spec};

use crate::error::{Error, Kind};

/// The rows of a matrix of `d` columns in their first `k` principal components, row-major: centred, not scaled, and each component
/// with the sign that makes its value of largest magnitude positive, the first such in case of ties.
///
/// All on one thread, so that no number of threads changes a bit. `k <= d`, and there are at least two rows.
pub(super) fn scores(values: &[f32], d: usize, k: usize) -> Result<Vec<f64>, Error> {
    let n = values.len() / d;
    let mut mean = vec![0.0; d];
    for row in values.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(value));
    }
    mean.iter_mut().for_each(|mean| *mean /= n as f64);
    let centred: Vec<f64> = values
        .chunks_exact(d)
        .flat_map(|row| row.iter().zip(&mean).map(|(&value, mean)| f64::from(value) - mean))
        .collect();
    let x = MatRef::from_row_major_slice(&centred, n, d);
    let mut covariance = Mat::<f64>::zeros(d, d);
    matmul(covariance.as_mut(), Accum::Replace, x.transpose(), x, 1.0 / (n as f64 - 1.0), Par::Seq);

    let (mut variances, mut axes) = (Diag::<f64>::zeros(d), Mat::<f64>::zeros(d, d));
    let scratch = self_adjoint_evd_scratch::<f64>(d, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let stack = &mut MemBuffer::new(scratch);
    self_adjoint_evd(
        covariance.as_ref(),
        variances.as_mut(),
        Some(axes.as_mut()),
        Par::Seq,
        MemStack::new(stack),
        Spec::default(),
    )
    .map_err(|e| Error::new(Kind::Tensor, format!("the vectors have no principal components: {e:?}")))?;

    // Variances ascend, and the first component is that of the largest.
    let axes = axes.as_ref().subcols(d - k, k).reverse_cols();
    let mut scores = vec![0.0; n * k];
    let out = faer::MatMut::from_row_major_slice_mut(&mut scores, n, k);
    matmul(out, Accum::Replace, x, axes, 1.0, Par::Seq);
    let mut largest = vec![0f64; k];
    for row in scores.chunks_exact(k) {
        for (largest, &value) in largest.iter_mut().zip(row) {
            if value.abs() > largest.abs() {
                *largest = value;
            }
        }
    }
    for row in scores.chunks_exact_mut(k) {
        for (value, largest) in row.iter_mut().zip(&largest) {
            *value *= if *largest < 0.0 { -1.0 } else { 1.0 };
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_ordered_by_variance_and_signed() {
        // By hand: points at -4, 0, 4 on the diagonal (1, 1) / sqrt 2 and off it by nothing, moved away from the origin.
        let diagonal = 4.0 / 2f32.sqrt();
        let values = [7.0, 3.0, 7.0 - diagonal, 3.0 - diagonal, 7.0 + diagonal, 3.0 + diagonal];
        let scores = scores(&values, 2, 2).unwrap();
        let expected = [0.0, 0.0, 4.0, 0.0, -4.0, 0.0];
        // Which of two equal magnitudes is positive is decided by the first, up to rounding: compare up to sign.
        let sign = scores[2].signum();
        for (score, expected) in scores.iter().zip(expected) {
            assert!((score * sign - expected).abs() < 1e-5, "{scores:?}");
        }
    }

    #[test]
    fn constant_columns_have_no_component() {
        let scores = scores(&[1.0, 5.0, 3.0, 5.0, 8.0, 5.0], 2, 1).unwrap();
        let expected = [-3.0, -1.0, 4.0];
        assert!(scores.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{scores:?}");
    }
}
