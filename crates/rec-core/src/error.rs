use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::Fingerprint;

/// What went wrong with the world: a file, a name, a vector that came from outside.
///
/// The message names the file, tensor or id; [`source`](StdError::source) keeps the cause.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    path: Option<PathBuf>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug)]
enum Kind {
    Io(&'static str),
    Format(String),
    NotFinite { id: String, column: usize },
    Shape(String),
    Space { expected: Fingerprint, found: Fingerprint },
    Device(String),
}

impl Error {
    pub(crate) fn io(
        doing: &'static str,
        path: &Path,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self { kind: Kind::Io(doing), path: Some(path.to_owned()), source: Some(Box::new(source)) }
    }

    pub(crate) fn format(message: impl Into<String>) -> Self {
        Self { kind: Kind::Format(message.into()), path: None, source: None }
    }

    pub(crate) fn not_finite(id: impl fmt::Display, column: usize) -> Self {
        Self { kind: Kind::NotFinite { id: id.to_string(), column }, path: None, source: None }
    }

    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self { kind: Kind::Shape(message.into()), path: None, source: None }
    }

    pub(crate) fn device(message: impl Into<String>) -> Self {
        Self { kind: Kind::Device(message.into()), path: None, source: None }
    }

    /// The error of two vectors that live in different spaces.
    #[must_use]
    pub fn space_mismatch(expected: Fingerprint, found: Fingerprint) -> Self {
        Self { kind: Kind::Space { expected, found }, path: None, source: None }
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Whether two vectors of different spaces were about to meet.
    #[must_use]
    pub fn is_space_mismatch(&self) -> bool {
        matches!(self.kind, Kind::Space { .. })
    }

    /// Whether a vector holds a NaN or an infinity.
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        matches!(self.kind, Kind::NotFinite { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        match &self.kind {
            Kind::Io(doing) => write!(f, "cannot {doing}")?,
            Kind::Format(message) | Kind::Shape(message) | Kind::Device(message) => f.write_str(message)?,
            Kind::NotFinite { id, column } => {
                write!(f, "the vector of `{id}` is not finite at column {column}")?;
            }
            Kind::Space { expected, found } => write!(
                f,
                "vectors of two spaces cannot be compared: expected space {}, found {}",
                expected.short(),
                found.short()
            )?,
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
