//! Vectors whose directions count alike.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par, Spec};
use rec_kernels::{Activation, Linear, PackedLinear};

use crate::error::{Error, Kind};
use crate::factors::Factors;

/// A variance below this share of the greatest is rounding.
const NEGLIGIBLE: f64 = 1e-9;

/// `x` becomes `L^(-power/2) E' (x - m)`, scaled to length 1, where `m` is the mean of some vectors and `E L E'` their covariance. A
/// power of 1 is whitening, Su, Cao, Liu and Ou: *Whitening Sentence Representations for Better Semantics and Faster Retrieval*, 2021;
/// one of 0 takes away the mean alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Whitening {
    pub(crate) mean: Vec<f32>,
    /// `E L^(-power/2)`, row-major.
    pub(crate) map: Vec<f32>,
}

impl Whitening {
    /// The transformation of these vectors. Directions in which they do not differ become 0.
    pub(crate) fn fit(vectors: &Factors, power: f64) -> Result<Whitening, Error> {
        let (dim, n) = (vectors.n_factors(), vectors.n_rows().max(1) as f64);
        let mut mean = vec![0.0; dim];
        for row in vectors.values().chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(value) / n);
        }
        let mut covariance = vectors.gram();
        for (row, values) in covariance.chunks_exact_mut(dim).enumerate() {
            for (value, &other) in values.iter_mut().zip(&mean) {
                *value = *value / n - mean[row] * other;
            }
        }
        let unsolvable = || Error::from(Kind::Unsolvable { model: "whitening" });
        // On one thread, whatever the application has set for all of faer.
        let (mut variances, mut directions) = (Diag::<f64>::zeros(dim), Mat::<f64>::zeros(dim, dim));
        let scratch =
            self_adjoint_evd_scratch::<f64>(dim, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
        self_adjoint_evd(
            MatRef::from_column_major_slice(&covariance, dim, dim),
            variances.as_mut(),
            Some(directions.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Spec::default(),
        )
        .map_err(|_| unsolvable())?;
        let variances: Vec<f64> = variances.column_vector().iter().copied().collect();
        let greatest = variances.iter().copied().fold(0.0, f64::max);
        let scale = |variance: f64| match variance > NEGLIGIBLE * greatest {
            true => variance.powf(-power / 2.0),
            false => 0.0,
        };
        let scales: Vec<f64> = variances.into_iter().map(scale).collect();
        let map: Vec<f32> = (0..dim)
            .flat_map(|row| scales.iter().enumerate().map(move |(column, scale)| (row, column, scale)))
            .map(|(row, column, scale)| (directions[(row, column)] * scale) as f32)
            .collect();
        match map.iter().all(|value| value.is_finite()) {
            true => Ok(Whitening { mean: mean.into_iter().map(|value| value as f32).collect(), map }),
            false => Err(unsolvable()),
        }
    }

    /// Transforms vectors; what is left of none is all zeros.
    pub(crate) fn apply(&self, vectors: &Factors) -> Factors {
        let dim = vectors.n_factors();
        let mut values = vectors.values().to_vec();
        for row in values.chunks_exact_mut(dim) {
            row.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value -= mean);
        }
        let mut mapped = vec![0.0; values.len()];
        PackedLinear::new(&Linear { weight: &self.map, bias: None }, dim, dim).forward(
            &values,
            Activation::Identity,
            &mut mapped,
        );
        for row in mapped.chunks_exact_mut(dim) {
            let square: f64 = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            let scale = if square > 0.0 { (1.0 / square.sqrt()) as f32 } else { 0.0 };
            row.iter_mut().for_each(|value| *value *= scale);
        }
        Factors::new(dim, mapped)
    }
}
