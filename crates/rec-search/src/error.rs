//! The one error of the crate.

/// Why vectors could not be searched.
///
/// ```
/// use rec_search::{Vectors, top_k};
///
/// let huge = [f32::MAX, 1.0];
/// let error = top_k(Vectors::new(&huge, 2), Vectors::new(&huge, 2), 1, |_| true).unwrap_err();
/// assert!(error.is_not_finite());
/// assert_eq!(error.to_string(), "the score of row 0 is not a finite number");
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("the score of row {0} is not a finite number")]
    Score(usize),

    #[error("{what} {row} is not finite at column {column}")]
    Value { what: &'static str, row: usize, column: usize },
}

impl Error {
    /// True if a value or a score is NaN or infinite.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        matches!(*self.0, Kind::Score(_) | Kind::Value { .. })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}
