use std::path::{Path, PathBuf};

use rec_data::Id;

/// What went wrong in this crate: a template, a file (of a tokenizer, a dictionary, a tagger, or tagged text), a text that a
/// tokenizer refuses, or documents and queries that term statistics refuse.
///
/// The message says what failed and where; the cause, when another library knows it, is behind
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("template {template:?}, character {position}: {problem}")]
    Template { template: String, position: usize, problem: &'static str },
    #[cfg(feature = "chinese")]
    #[error("{}, line {line}: {problem}", path.display())]
    Dictionary { path: PathBuf, line: usize, problem: String },
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{file}: not a usable tokenizer.json: {source}")]
    Tokenizer { file: String, source: tokenizers::Error },
    #[error("max_len {max_len} leaves no room for the tokenizer's {n_special} special tokens")]
    MaxLen { max_len: usize, n_special: usize },
    #[error("windows with {room} tokens of text cannot overlap by {overlap}")]
    Windows { overlap: usize, room: usize },
    #[error("text {row} cannot be tokenized: {source}")]
    Encode { row: usize, source: tokenizers::Error },
    #[error("document {second}: the id `{id}` is that of document {first}")]
    DuplicateDocument { id: Id, first: usize, second: usize },
    #[error("more than {} {what}", u32::MAX)]
    TooMany { what: &'static str },
    #[error("the weight of the query's term `{term}` is {weight}, not a finite number")]
    QueryWeight { term: String, weight: f32 },
    #[error(transparent)]
    Data(#[from] rec_data::Error),
    #[error("{}: cannot be written", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{file}, byte {offset}: {problem}")]
    Tagger { file: String, offset: usize, problem: &'static str },
    #[error("{}, line {line}: {problem}", path.display())]
    Tagged { path: PathBuf, line: usize, problem: String },
}

impl From<rec_data::Error> for Error {
    fn from(error: rec_data::Error) -> Self {
        Self(error.into())
    }
}

impl Error {
    /// True when a file could not be read at all (missing, a folder, no permission), as opposed to
    /// read and found wrong.
    ///
    /// ```
    /// let error = rec_text::Tokenizer::from_file("no/such/tokenizer.json").unwrap_err();
    /// assert!(error.is_read());
    /// assert!(error.to_string().contains("no/such/tokenizer.json"));
    /// ```
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.0, Kind::Read { .. })
    }

    /// True when two documents have one id.
    ///
    /// ```
    /// let error = rec_text::TermStatistics::from_documents([("7", ["a"]), ("7", ["b"])]).unwrap_err();
    /// assert!(error.is_duplicate());
    /// ```
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        match &self.0 {
            Kind::DuplicateDocument { .. } => true,
            Kind::Data(error) => error.is_duplicate(),
            _ => false,
        }
    }

    /// True when a number is NaN or infinite where it must be finite.
    ///
    /// ```
    /// let films = rec_text::TermStatistics::new();
    /// let error = films.search([("dune", f32::NAN)], 10, rec_text::Bm25::default()).unwrap_err();
    /// assert!(error.is_not_finite());
    /// ```
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        match &self.0 {
            Kind::QueryWeight { .. } => true,
            Kind::Data(error) => error.is_not_finite(),
            _ => false,
        }
    }

    pub(crate) fn template(template: &str, position: usize, problem: &'static str) -> Self {
        Self(Kind::Template { template: template.to_owned(), position, problem })
    }

    #[cfg(feature = "chinese")]
    pub(crate) fn dictionary(path: &Path, line: usize, problem: String) -> Self {
        Self(Kind::Dictionary { path: path.to_owned(), line, problem })
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self(Kind::Read { path: path.to_owned(), source })
    }

    pub(crate) fn tokenizer(file: &str, source: tokenizers::Error) -> Self {
        Self(Kind::Tokenizer { file: file.to_owned(), source })
    }

    pub(crate) fn max_len(max_len: usize, n_special: usize) -> Self {
        Self(Kind::MaxLen { max_len, n_special })
    }

    pub(crate) fn windows(overlap: usize, room: usize) -> Self {
        Self(Kind::Windows { overlap, room })
    }

    pub(crate) fn encode(row: usize, source: tokenizers::Error) -> Self {
        Self(Kind::Encode { row, source })
    }

    pub(crate) fn duplicate_document(id: Id, first: usize, second: usize) -> Self {
        Self(Kind::DuplicateDocument { id, first, second })
    }

    pub(crate) fn too_many(what: &'static str) -> Self {
        Self(Kind::TooMany { what })
    }

    pub(crate) fn query_weight(term: &str, weight: f32) -> Self {
        Self(Kind::QueryWeight { term: term.to_owned(), weight })
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self(Kind::Write { path: path.to_owned(), source })
    }

    pub(crate) fn tagger(file: &str, offset: usize, problem: &'static str) -> Self {
        Self(Kind::Tagger { file: file.to_owned(), offset, problem })
    }

    pub(crate) fn tagged(path: &Path, line: usize, problem: impl Into<String>) -> Self {
        Self(Kind::Tagged { path: path.to_owned(), line, problem: problem.into() })
    }
}
