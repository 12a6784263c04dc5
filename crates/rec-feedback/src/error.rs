//! The one error of the crate.

use std::path::{Path, PathBuf};

use rec_data::Id;

/// Why feedback could not be used, or a model not be learned, saved or loaded.
///
/// The message names the place: the item, the example, the arm, or the file. The predicates answer what a caller may want to branch
/// on.
///
/// ```
/// use rec_feedback::PlattScaling;
///
/// let error = PlattScaling::fit(&[1.0, f64::NAN], &[true, false]).unwrap_err();
/// assert!(error.is_not_finite());
/// assert_eq!(error.to_string(), "the score of example 1 is NaN, not a finite number");
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl Error {
    /// True if a number was NaN or infinite where it must be finite, or an update would have made one.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        match &*self.0 {
            Kind::NotFinite { .. } | Kind::Overflow { .. } => true,
            Kind::Data(error) => error.is_not_finite(),
            _ => false,
        }
    }

    /// True if there is nothing to learn from, or nothing to choose from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(*self.0, Kind::NoExamples | Kind::NoArms)
    }

    /// True if a file could not be read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match &*self.0 {
            Kind::Io { .. } => true,
            Kind::Data(error) => error.is_io(),
            _ => false,
        }
    }

    /// True if a file is not that of such a model, or is damaged.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(*self.0, Kind::Malformed { .. })
    }

    pub(crate) fn malformed(path: &Path, problem: impl std::fmt::Display) -> Error {
        Kind::Malformed { path: path.to_owned(), problem: problem.to_string() }.into()
    }

    /// An error unless all numbers are finite; it names the first that is not by its position.
    pub(crate) fn check_finite(what: &'static str, of: &'static str, values: &[f64]) -> Result<(), Error> {
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Kind::NotFinite { what, of: format!("{of} {at}"), value: values[at] }.into()),
            None => Ok(()),
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Box::new(kind))
    }
}

impl From<rec_data::Error> for Error {
    fn from(error: rec_data::Error) -> Error {
        Kind::Data(error).into()
    }
}

/// What went wrong. Private, so that a new reason is not a breaking change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(transparent)]
    Data(rec_data::Error),

    #[error("the {what} of {of} is {value}, not a finite number")]
    NotFinite { what: &'static str, of: String, value: f64 },

    #[error("the weight of example {example} is {value}, below 0")]
    NegativeWeight { example: usize, value: f64 },

    #[error("the dwell time on `{item}` is {seconds} seconds")]
    Dwell { item: Id, seconds: f32 },

    #[error("there are no examples to learn from")]
    NoExamples,

    #[error("there are no arms to choose from")]
    NoArms,

    #[error("{found} features for {n} arms of {dim} features")]
    Features { found: usize, n: usize, dim: usize },

    #[error("the feedback on `{item}` is too large to learn from: the model would not stay finite")]
    Overflow { item: Id },

    #[error("{}", path.display())]
    Io { path: PathBuf, source: std::io::Error },

    #[error("{}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_send_sync_and_small() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
