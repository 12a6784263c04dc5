//! Lists in another order: diverse, or true to what the user likes.
//!
//! Maximal marginal relevance is not here: the crate `rec-score` has it, on vectors.

mod calibration;
mod determinantal;

pub use calibration::{Calibration, category_distribution};
pub use determinantal::determinantal;

/// The place of the greatest value, of equal ones the first; `None` if there is none above negative infinity.
fn first_greatest(values: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (place, value) in values {
        if value > best.map_or(f64::NEG_INFINITY, |(_, greatest)| greatest) {
            best = Some((place, value));
        }
    }
    best.map(|(place, _)| place)
}
