//! The one error of the crate.

use rec_data::Id;

/// Why sources could not be combined, or a combination not be trained.
///
/// The message names the place: the source, the item, or the example and what is wrong with it. The predicates answer what a
/// caller may want to branch on.
///
/// ```
/// use rec_hybrid::{Blend, Normalization};
///
/// let error = Blend::new(Vec::new(), Normalization::ZScore).unwrap_err();
/// assert_eq!(error.to_string(), "a hybrid of no sources");
/// assert!(error.is_mismatch());
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl Error {
    /// True if the sources do not go together: there are none, two have one name, or they score different items.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(
            *self.0,
            Kind::NoSources | Kind::Items { .. } | Kind::SourceName { .. } | Kind::Unordered { .. }
        )
    }

    /// True if a number was NaN or infinite where it must be finite.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        match &*self.0 {
            Kind::NotFinite { .. } => true,
            Kind::Data(error) => error.is_not_finite(),
            Kind::Text(error) => error.is_not_finite(),
            _ => false,
        }
    }

    /// True if there is too little to train on: no example has both its target and another item among the candidates.
    #[must_use]
    pub fn is_no_examples(&self) -> bool {
        matches!(*self.0, Kind::NoExamples { .. })
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

impl From<rec_text::Error> for Error {
    fn from(error: rec_text::Error) -> Error {
        Kind::Text(error).into()
    }
}

/// What went wrong. Private, so that a new reason is not a breaking change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(transparent)]
    Data(rec_data::Error),

    #[error(transparent)]
    Text(rec_text::Error),

    #[error("a hybrid of no sources")]
    NoSources,

    #[error("two sources have the name `{name}`")]
    SourceName { name: Box<str> },

    #[error("the sources `{first}` and `{second}` score different items")]
    Items { first: Box<str>, second: Box<str> },

    #[error("the items are not in the ascending order of their ids: `{id}` comes too late")]
    Unordered { id: Id },

    #[error("{what} has the value {value}, not a finite number")]
    NotFinite { what: String, value: f64 },

    #[error("{what} has {found} values, expected {expected}")]
    Length { what: &'static str, found: usize, expected: usize },

    #[error("nothing to train {what} on: no example has its target and another item among the candidates")]
    NoExamples { what: &'static str },

    #[error("example {example}: {problem}")]
    Example { example: usize, problem: String },

    #[error("the training of boosted trees failed: {0}")]
    Boosting(String),
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
