//! The one error of the crate.

use std::io;

use rec_data::Id;

/// Why a matrix could not be built, a model not trained, or a file not read or written.
///
/// The message names the place: the user and the item, or the file and what is wrong with it. The predicates answer what a
/// caller may want to branch on; [`source`](std::error::Error::source) has the underlying I/O error.
///
/// ```
/// use std::ops::ControlFlow;
/// use rec_cf::{Aggregation, InteractionMatrix, PopularityConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = Interactions::new([("ann", Interaction::new("dune", 1.0).with_event("click"))])?;
/// let error = InteractionMatrix::new(&log, Aggregation::Sum).unwrap_err();
/// assert_eq!(error.to_string(), "the interaction of `ann` with `dune` is the event `click`, which has no weight");
///
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let error = PopularityConfig::new().fit(&matrix, |_| ControlFlow::Break(())).unwrap_err();
/// assert!(error.is_interrupted());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl Error {
    /// True if a file could not be opened, read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match &*self.0 {
            Kind::Io { .. } => true,
            Kind::Data(error) => error.is_io(),
            _ => false,
        }
    }

    /// True if the contents of a file are damaged, of another model, or of another version.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(*self.0, Kind::Malformed { .. })
    }

    /// True if a number was NaN or infinite where the value must be finite (for scores: NaN).
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        match &*self.0 {
            Kind::NotFinite { .. }
            | Kind::NanScore { .. }
            | Kind::Unsolvable { .. }
            | Kind::Diverged { .. } => true,
            Kind::Data(error) => error.is_not_finite(),
            _ => false,
        }
    }

    /// True if training would need more memory than its limit; the message has both figures.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        matches!(*self.0, Kind::Memory { .. })
    }

    /// True if the caller's progress callback stopped the work.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.0, Kind::Interrupted { .. })
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

    #[error("the interaction {}with `{item}` is the event `{event}`, which has no weight", of(.user.as_ref()))]
    NoWeight { user: Option<Id>, item: Id, event: Id },

    #[error("the value {}with `{item}` is {value}, not a finite number", of(.user.as_ref()))]
    NotFinite { user: Option<Id>, item: Id, value: f32 },

    #[error("the value of `{user}` with `{item}` is {value}, but {model} takes no negative values")]
    Negative { model: &'static str, user: Id, item: Id, value: f32 },

    #[error("the score of `{item}` is NaN")]
    NanScore { item: Id },

    #[error("the matrix of {model} cannot be inverted in the arithmetic of f64")]
    Unsolvable { model: &'static str },

    #[error("{model} diverged in epoch {n_done}: a smaller learning rate may help")]
    Diverged { model: &'static str, n_done: usize },

    #[error("{model} would need {} of memory, and the limit is {}", bytes(*.needed), bytes(*.limit))]
    Memory { model: &'static str, needed: u64, limit: u64 },

    #[error("{what} was stopped after {n_done} of {n_total} {unit}")]
    Interrupted { what: &'static str, n_done: usize, n_total: usize, unit: &'static str },

    #[error("{file}: cannot {action}")]
    Io { file: String, action: &'static str, source: io::Error },

    #[error("{file}: {problem}")]
    Malformed { file: String, problem: String },
}

/// Whose it is, where that is known: a history by itself has no user.
fn of(user: Option<&Id>) -> String {
    user.map(|user| format!("of `{user}` ")).unwrap_or_default()
}

/// A number of bytes for a reader: MB = 10^6 bytes, GB = 10^9 bytes.
fn bytes(n: u64) -> String {
    match n {
        1_000_000_000.. => format!("{:.1} GB", n as f64 / 1e9),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_decimal_units() {
        let kind = Kind::Memory { model: "EASE", needed: 80_000_000_000, limit: 8_500_000 };
        let error = Error::from(kind);
        assert_eq!(error.to_string(), "EASE would need 80.0 GB of memory, and the limit is 8.5 MB");
        assert!(error.is_memory() && !error.is_io() && !error.is_malformed());
    }

    #[test]
    fn error_is_send_sync_and_small() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
