use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rec_core::mapped::MappedFile;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind};

/// Where a model's files come from: a folder, bytes compiled into the program, or bytes just made.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Folder(PathBuf),
    #[cfg_attr(not(feature = "bundled"), allow(dead_code, reason = "only the bundled model is embedded"))]
    Embedded {
        name: &'static str,
        files: &'static [(&'static str, &'static [u8])],
    },
    #[cfg_attr(not(feature = "distill"), allow(dead_code, reason = "only distillation makes models"))]
    Made {
        name: String,
        files: BTreeMap<String, Arc<[u8]>>,
    },
}

/// The bytes of one file.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    Mapped(Arc<MappedFile>),
    Embedded(&'static [u8]),
    Owned(Arc<[u8]>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file,
            Self::Embedded(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Source {
    /// The name of a file for people: its path, or its place in the embedded model.
    pub(crate) fn display(&self, file: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(file).display().to_string(),
            Self::Embedded { name, .. } => format!("{name}/{file}"),
            Self::Made { name, .. } => format!("{name}/{file}"),
        }
    }

    pub(crate) fn exists(&self, file: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(file).is_file(),
            Self::Embedded { files, .. } => files.iter().any(|(name, _)| *name == file),
            Self::Made { files, .. } => files.contains_key(file),
        }
    }

    /// A file's bytes without reading them yet.
    pub(crate) fn open(&self, file: &str) -> Result<Bytes, Error> {
        match self {
            Self::Folder(folder) => {
                let path: &Path = &folder.join(file);
                let mapped = MappedFile::open(path)
                    .map_err(|e| Error::new(Kind::File, "no usable model").caused_by(e))?;
                Ok(Bytes::Mapped(Arc::new(mapped)))
            }
            Self::Embedded { files, .. } => match files.iter().find(|(name, _)| *name == file) {
                Some((_, bytes)) => Ok(Bytes::Embedded(bytes)),
                None => {
                    Err(Error::new(Kind::File, "not part of the embedded model").file(self.display(file)))
                }
            },
            Self::Made { files, .. } => match files.get(file) {
                Some(bytes) => Ok(Bytes::Owned(bytes.clone())),
                None => Err(Error::new(Kind::File, "not part of the model").file(self.display(file))),
            },
        }
    }

    /// A JSON file as `T`.
    pub(crate) fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, Error> {
        let bytes = self.open(file)?;
        serde_json::from_slice(&bytes)
            .map_err(|e| Error::new(Kind::Config, "malformed").file(self.display(file)).caused_by(e))
    }
}
