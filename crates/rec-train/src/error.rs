//! The one error of the crate.

use std::io;
use std::path::{Path, PathBuf};

/// Why training could not begin, go on, or be saved.
///
/// The message names the file, the step or the parameter; the predicates answer what a caller may branch on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("{}", path.display())]
    Io { path: PathBuf, source: io::Error },

    #[error("{}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: String },

    #[error("{}: the checkpoint is of another run: {problem}", path.display())]
    OtherRun { path: PathBuf, problem: String },

    #[error("the {what} of step {step} is {value}")]
    NotFinite { what: &'static str, step: u64, value: f64 },

    #[error("interrupted after step {0}")]
    Interrupted(u64),

    #[error("{0}")]
    Unusable(String),

    #[error("cannot read values back from the device")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),

    #[error(transparent)]
    Encoder(rec_encoder::Error),

    #[error(transparent)]
    Text(rec_text::Error),
}

impl Error {
    /// True if a file could not be opened, read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    /// True if the folder has a checkpoint that is damaged, or of another run: other settings, parameters or data.
    #[must_use]
    pub fn is_other_run(&self) -> bool {
        matches!(*self.0, Kind::Malformed { .. } | Kind::OtherRun { .. })
    }

    /// True if the loss, the gradient or the validation metric became NaN or infinite.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        matches!(*self.0, Kind::NotFinite { .. })
    }

    /// True if the caller's callback stopped the training; running it again goes on.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.0, Kind::Interrupted(_))
    }

    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Kind::Unusable(message.into()).into()
    }

    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`, which has the error by value")]
    pub(crate) fn malformed(path: &Path, problem: impl ToString) -> Self {
        Kind::Malformed { path: path.to_owned(), problem: problem.to_string() }.into()
    }

    /// For `map_err`: an I/O error of a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Kind::Io { path, source }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<rec_encoder::Error> for Error {
    fn from(error: rec_encoder::Error) -> Self {
        Kind::Encoder(error).into()
    }
}

impl From<rec_text::Error> for Error {
    fn from(error: rec_text::Error) -> Self {
        Kind::Text(error).into()
    }
}
