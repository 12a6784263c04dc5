//! The one error of the crate.

use std::io;

use rec_data::Id;

/// Why an evaluation could not accept what it was given.
///
/// The message names the place: the metric, the user, the item, or the file and its line. The predicates answer what a
/// caller may want to branch on; [`source`](std::error::Error::source) has the underlying I/O error.
///
/// ```
/// use rec_eval::RankingMetric;
///
/// let error = "ndgc@10".parse::<RankingMetric>().unwrap_err();
/// assert!(error.is_unknown_metric());
/// assert!(error.to_string().starts_with("no metric `ndgc@10`, expected one of precision, "));
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl Error {
    /// True if a name is not that of a metric.
    #[must_use]
    pub fn is_unknown_metric(&self) -> bool {
        matches!(*self.0, Kind::UnknownMetric { .. } | Kind::Cutoff { .. })
    }

    /// True if something that must be unique came twice.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        match &*self.0 {
            Kind::DuplicateUser { .. } | Kind::DuplicateInRun { .. } | Kind::TwoLabels { .. } => true,
            Kind::Malformed { problem, .. } => matches!(problem, Problem::DuplicateItem { .. }),
            _ => false,
        }
    }

    /// True if a number was NaN, infinite, or out of its range.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        matches!(
            *self.0,
            Kind::NotFinite { .. }
                | Kind::NotFiniteSimilarity { .. }
                | Kind::NotFiniteOf { .. }
                | Kind::NanScore { .. }
                | Kind::NotProbability { .. }
                | Kind::Choice { .. }
        )
    }

    /// True if a file could not be opened, read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    /// True if the text of a file breaks the rules of its format (the message has the line), or if something cannot be
    /// written by those rules.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(*self.0, Kind::Malformed { .. } | Kind::Unwritable { .. })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Box::new(kind))
    }
}

/// What went wrong. Private, so that a new reason is not a breaking change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("no metric `{name}`, expected one of {expected}")]
    UnknownMetric { name: String, expected: String },

    #[error("the cut-off of `{name}` is not a whole number from 1 on")]
    Cutoff { name: String },

    #[error("there are no recommendations for `{user}`")]
    Recommender { user: Id, source: Box<dyn std::error::Error + Send + Sync> },

    #[error("the user `{user}` was evaluated twice")]
    DuplicateUser { user: Id },

    #[error("the {what} of `{item}` is {value}, not a finite number")]
    NotFinite { what: &'static str, item: Id, value: f64 },

    #[error("the similarity `{name}` is not a finite number for items of the list of `{user}`")]
    NotFiniteSimilarity { name: String, user: Id },

    #[error("`{id}` has two labels in the grouping `{grouping}`")]
    TwoLabels { grouping: String, id: Id },

    #[error("user `{user}` comes twice in the {run} run")]
    DuplicateInRun { user: Id, run: &'static str },

    #[error("the {what} of {of} is {value}, not a finite number")]
    NotFiniteOf { what: &'static str, of: String, value: f64 },

    #[error("the score of `{item}` in group {group}, of user `{user}`, is NaN")]
    NanScore { user: Id, group: usize, item: Id },

    #[error("the score of `{item}` in group {group}, of user `{user}`, is {score}, not a probability")]
    NotProbability { user: Id, group: usize, item: Id, score: f32 },

    #[error("the {what} of a choice for `{user}` is {value}")]
    Choice { user: Id, what: &'static str, value: f64 },

    #[error("of some choices a reward is expected and of others not: `{user}`")]
    SomeExpected { user: Id },

    #[error("{file}: cannot {action}")]
    Io { file: String, action: &'static str, source: io::Error },

    #[error("{file}:{line}: {problem}")]
    Malformed { file: String, line: usize, problem: Problem },

    #[error("{file}: cannot write the {what} `{value}`: {reason}")]
    Unwritable { file: String, what: &'static str, value: String, reason: &'static str },

    #[error(transparent)]
    Data(rec_data::Error),
}

/// What is wrong with a line of a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("invalid UTF-8")]
    Utf8,
    #[error("{found} fields, expected {expected}: {names}")]
    FieldCount { found: usize, expected: usize, names: &'static str },
    #[error("the {what} `{text}` is not a {expected}")]
    Number { what: &'static str, text: String, expected: &'static str },
    #[error("item `{item}` comes twice for `{user}`, first on line {first}")]
    DuplicateItem { user: Id, item: Id, first: usize },
    #[error("`{user}` comes again after other users; the lines of a user must stand together")]
    Scattered { user: Id },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_tell_kinds_apart() {
        let error = Error::from(Kind::DuplicateUser { user: "ann".into() });
        assert_eq!(error.to_string(), "the user `ann` was evaluated twice");
        assert!(error.is_duplicate() && !error.is_not_finite() && !error.is_unknown_metric());
    }

    #[test]
    fn error_is_send_sync_and_small() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
