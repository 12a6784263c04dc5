use std::path::{Path, PathBuf};

/// What went wrong in this crate: a template, a tokenizer file or a text that a tokenizer refuses.
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
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{file}: not a usable tokenizer.json: {source}")]
    Tokenizer { file: String, source: tokenizers::Error },
    #[error("max_len {max_len} leaves no room for the tokenizer's {n_special} special tokens")]
    MaxLen { max_len: usize, n_special: usize },
    #[error("text {row} cannot be tokenized: {source}")]
    Encode { row: usize, source: tokenizers::Error },
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

    pub(crate) fn template(template: &str, position: usize, problem: &'static str) -> Self {
        Self(Kind::Template { template: template.to_owned(), position, problem })
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

    pub(crate) fn encode(row: usize, source: tokenizers::Error) -> Self {
        Self(Kind::Encode { row, source })
    }
}
