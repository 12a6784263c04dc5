use std::error::Error as StdError;
use std::fmt;

/// What went wrong with a model folder, its tokenizer, or the text given to it.
///
/// The message names the file and, where there is one, the tensor or the field; [`source`](StdError::source) keeps the
/// cause.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    file: Option<String>,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file is missing or cannot be read.
    File,
    /// A JSON file is malformed, or asks for something that is not supported.
    Config,
    /// The tensors of a checkpoint are not those that its config asks for.
    Tensor,
    /// The tokenizer, or what it makes of the text.
    Text,
    /// The device, or values that came back from it.
    Device,
    /// The model hub, or its cache.
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "nothing else asks a hub"))]
    Hub,
    /// Vectors of another space.
    Space,
    /// The caller stopped the work.
    Interrupted,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, file: None, message: message.into(), source: None }
    }

    pub(crate) fn file(mut self, file: impl Into<String>) -> Self {
        self.file.get_or_insert_with(|| file.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Whether a file is missing or unreadable.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// Whether a config file is malformed or asks for something unsupported.
    #[must_use]
    pub fn is_config(&self) -> bool {
        self.kind == Kind::Config
    }

    /// Whether a model hub did not give the model, or its cache does not hold it.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.kind == Kind::Hub
    }

    /// Whether a tensor is missing, unexpected, misshapen, of a foreign type or not finite.
    #[must_use]
    pub fn is_tensor(&self) -> bool {
        self.kind == Kind::Tensor
    }

    /// Whether two vectors of different spaces were about to meet.
    #[must_use]
    pub fn is_space_mismatch(&self) -> bool {
        self.kind == Kind::Space
    }

    /// Whether the caller's progress callback stopped the work.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.kind == Kind::Interrupted
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<rec_text::Error> for Error {
    fn from(source: rec_text::Error) -> Self {
        Self { kind: Kind::Text, file: None, message: source.to_string(), source: Some(Box::new(source)) }
    }
}
