use std::io;
use std::path::{Path, PathBuf};

use rec_core::Fingerprint;

use crate::manifest::FORMAT;

/// Why a pipeline could not be put together, saved, loaded or asked.
///
/// The message names the file, or both parts that do not belong together with their spaces or dimensions.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Core(rec_core::Error),

    #[error(transparent)]
    Score(rec_score::Error),

    #[error(transparent)]
    Encoder(rec_encoder::Error),

    #[error("{}: cannot {doing}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },

    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },

    #[error(
        "{}: written by version {version} in format {found}, and this is version {}, which reads format {FORMAT}",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Newer { path: PathBuf, found: u32, version: String },

    #[error(
        "{}: has changed since it was saved: its fingerprint is {}, and {recorder} names {}",
        path.display(),
        found.short(),
        recorded.short()
    )]
    Changed { path: PathBuf, found: Fingerprint, recorder: &'static str, recorded: Fingerprint },

    #[error("{left} and {right} do not belong together: spaces {} and {}", spaces.0.short(), spaces.1.short())]
    Spaces { left: String, right: String, spaces: (Fingerprint, Fingerprint) },

    #[error("{left} and {right} do not belong together: {} and {} dimensions", dims.0, dims.1)]
    Dimensions { left: String, right: String, dims: (usize, usize) },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Kind::Io { doing, path: path.to_owned(), source }.into()
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Kind::File { path: path.to_owned(), problem: problem.into() }.into()
    }

    pub(crate) fn newer(path: &Path, found: u32, version: String) -> Self {
        Kind::Newer { path: path.to_owned(), found, version }.into()
    }

    /// The error of a file that is not the one that was saved, if it is another.
    pub(crate) fn check_content(
        path: &Path,
        found: Fingerprint,
        recorder: &'static str,
        recorded: Fingerprint,
    ) -> Result<(), Self> {
        if found == recorded {
            return Ok(());
        }
        Err(Kind::Changed { path: path.to_owned(), found, recorder, recorded }.into())
    }

    /// The error of two parts in different spaces, if they are.
    pub(crate) fn check_spaces(
        (left, left_space): (impl Into<String>, Fingerprint),
        (right, right_space): (impl Into<String>, Fingerprint),
    ) -> Result<(), Self> {
        if left_space == right_space {
            return Ok(());
        }
        let spaces = (left_space, right_space);
        Err(Kind::Spaces { left: left.into(), right: right.into(), spaces }.into())
    }

    /// The error of two parts of different dimensions, if they are.
    pub(crate) fn check_dims(
        (left, left_dim): (impl Into<String>, usize),
        (right, right_dim): (impl Into<String>, usize),
    ) -> Result<(), Self> {
        if left_dim == right_dim {
            return Ok(());
        }
        let dims = (left_dim, right_dim);
        Err(Kind::Dimensions { left: left.into(), right: right.into(), dims }.into())
    }

    /// True if two parts live in different spaces.
    #[must_use]
    pub fn is_space_mismatch(&self) -> bool {
        match &*self.0 {
            Kind::Spaces { .. } => true,
            Kind::Core(error) => error.is_space_mismatch(),
            Kind::Score(error) => error.is_space_mismatch(),
            _ => false,
        }
    }

    /// True if a file is not the one that was saved.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        matches!(*self.0, Kind::Changed { .. })
    }

    /// True if a later version of this crate wrote the folder.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(*self.0, Kind::Newer { .. })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<rec_core::Error> for Error {
    fn from(error: rec_core::Error) -> Self {
        Kind::Core(error).into()
    }
}

impl From<rec_score::Error> for Error {
    fn from(error: rec_score::Error) -> Self {
        Kind::Score(error).into()
    }
}

impl From<rec_encoder::Error> for Error {
    fn from(error: rec_encoder::Error) -> Self {
        Kind::Encoder(error).into()
    }
}
