//! From scores to probabilities that mean what they say.

mod isotonic;
mod platt;

pub use isotonic::IsotonicCalibration;
pub use platt::PlattScaling;

use crate::error::{Error, Kind};

/// The checks that every calibration makes.
fn check(scores: &[f64], labels: &[bool]) -> Result<(), Error> {
    assert_eq!(scores.len(), labels.len(), "{} scores with {} labels", scores.len(), labels.len());
    if scores.is_empty() {
        return Err(Kind::NoExamples.into());
    }
    Error::check_finite("score", "example", scores)
}
