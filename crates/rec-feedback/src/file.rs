//! Files of models: JSON with the format, the kind of the model, and the model.

use std::io;
use std::path::Path;

use rec_data::replace_file;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

const FORMAT: &str = "rec-feedback 1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<M> {
    format: String,
    kind: String,
    model: M,
}

/// Writes a model, whole or not at all.
pub(crate) fn save<M: Serialize>(path: &Path, kind: &str, model: &M) -> Result<(), Error> {
    let file = File { format: FORMAT.to_owned(), kind: kind.to_owned(), model };
    Ok(replace_file(path, |out| serde_json::to_writer(out, &file).map_err(io::Error::from))?)
}

/// Reads what [`save`] wrote. The model checks its own numbers when it is deserialized.
pub(crate) fn load<M: DeserializeOwned>(path: &Path, kind: &str) -> Result<M, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::from(Kind::Io { path: path.to_owned(), source }))?;
    let file: File<serde_json::Value> =
        serde_json::from_slice(&bytes).map_err(|error| Error::malformed(path, error))?;
    if file.format != FORMAT {
        return Err(Error::malformed(path, format!("has the format `{}`, not `{FORMAT}`", file.format)));
    }
    if file.kind != kind {
        return Err(Error::malformed(path, format!("holds a model of kind `{}`, not `{kind}`", file.kind)));
    }
    serde_json::from_value(file.model).map_err(|error| Error::malformed(path, error))
}

/// `save` and `load` of a model.
macro_rules! saved {
    ($($model:ident, $kind:literal;)*) => {$(
        impl $model {
            /// Writes the model as one JSON file, whole or not at all.
            ///
            /// # Errors
            ///
            /// The file cannot be written.
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> Result<(), $crate::Error> {
                $crate::file::save(path.as_ref(), $kind, self)
            }

            /// Reads a file that [`save`](Self::save) wrote: the same model, bit for bit.
            ///
            /// # Errors
            ///
            /// The file cannot be read, holds another model, or has numbers that no such model has. The message names the file.
            pub fn load(path: impl AsRef<std::path::Path>) -> Result<Self, $crate::Error> {
                $crate::file::load(path.as_ref(), $kind)
            }
        }
    )*};
}
pub(crate) use saved;
