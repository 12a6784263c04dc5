/// The largest absolute difference of two slices; infinite if a value on either side is NaN.
///
/// # Panics
///
/// The lengths differ.
#[must_use]
pub fn max_abs_diff(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len(), "{} values where {} are expected", actual.len(), expected.len());
    actual.iter().zip(expected).fold(0.0, |max, (a, e)| {
        let diff = (a - e).abs();
        if diff.is_nan() { f32::INFINITY } else { max.max(diff) }
    })
}

/// Compares whole tensors: prints the largest absolute difference and fails if it exceeds `bound`.
///
/// # Panics
///
/// The lengths differ, a value is NaN, or the difference exceeds `bound`.
#[track_caller]
pub fn assert_close(name: &str, actual: &[f32], expected: &[f32], bound: f32) {
    let diff = max_abs_diff(actual, expected);
    println!("{name}: max abs difference {diff:.2e} over {} values, bound {bound:.0e}", actual.len());
    assert!(diff <= bound, "{name}: max abs difference {diff:e} exceeds {bound:e}");
}

/// [`assert_close`] with the bound relative to the largest expected value. Where that is below 1e-12, which is zero but for the
/// rounding of f64, the bound is absolute.
///
/// # Panics
///
/// As `assert_close`.
#[track_caller]
pub fn assert_close_relative(name: &str, actual: &[f32], expected: &[f32], bound: f32) {
    let largest = expected.iter().fold(0f32, |max, value| max.max(value.abs()));
    let diff = max_abs_diff(actual, expected);
    let relative = if largest < 1e-12 { diff } else { diff / largest };
    println!(
        "{name}: max relative difference {relative:.2e} over {} values, bound {bound:.0e}",
        actual.len()
    );
    assert!(relative <= bound, "{name}: max difference {diff:e} of {largest:e} exceeds {bound:e}");
}
