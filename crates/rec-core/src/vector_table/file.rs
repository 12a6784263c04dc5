//! Vector files: safetensors with the tensors `vectors` (`[n, dim]`, F32 or F16), `ids` (U8: the ids in UTF-8, one after
//! another) and `id_ends` (U64, `[n]`: where each id ends), and the space and provenance as metadata.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use rec_data::{Id, IdMap, replace_file};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{Storage, VectorTable};
use crate::mapped::MappedFile;
use crate::{Error, Fingerprint};

const FORMAT: &str = "rec-vectors 1";

impl VectorTable {
    /// Writes the table as one safetensors file, whole or not at all: into a temporary file beside `path`, then renamed.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the error names it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let (mut text, mut ends) = (Vec::new(), Vec::with_capacity(8 * self.len()));
        for id in self.ids.iter() {
            text.extend_from_slice(id.as_str().as_bytes());
            ends.extend_from_slice(&(text.len() as u64).to_le_bytes());
        }
        let vectors = self.storage.bytes();
        let dtype = if self.is_half() { Dtype::F16 } else { Dtype::F32 };
        let n = self.len();
        let view = |dtype, shape, data| {
            TensorView::new(dtype, shape, data)
                .map_err(|e| Error::format("cannot lay out the table").with_source(e))
        };
        let tensors = [
            ("vectors", view(dtype, vec![n, self.dim], &vectors)?),
            ("ids", view(Dtype::U8, vec![text.len()], &text)?),
            ("id_ends", view(Dtype::U64, vec![n], &ends)?),
        ];
        let provenance =
            serde_json::to_string(&self.provenance).map_err(|e| Error::io("serialise", path, e))?;
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("space".to_owned(), self.space.to_string()),
            ("provenance".to_owned(), provenance),
        ]);
        let bytes =
            safetensors::serialize(tensors, Some(metadata)).map_err(|e| Error::io("serialise", path, e))?;
        replace_file(path, |file| file.write_all(&bytes))
            .map_err(|e| Error::format("not saved").with_source(e))
    }

    /// Opens a file that [`save`](Self::save) wrote. The vectors stay in the file and are mapped.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not such a file, or holds values that are not finite or ids that come twice. Every
    /// error names the file, and the tensor or id.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = Arc::new(MappedFile::open(path)?);
        parse(&file).map_err(|e| e.at(path))
    }
}

fn parse(file: &Arc<MappedFile>) -> Result<VectorTable, Error> {
    let invalid = |e| Error::format("not a valid safetensors file").with_source(e);
    let (_, header) = SafeTensors::read_metadata(file).map_err(invalid)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let entry = |key: &str| metadata.get(key).map(String::as_str);
    if entry("format") != Some(FORMAT) {
        return Err(Error::format(format!("not a vector file: its metadata lack format `{FORMAT}`")));
    }
    let space: Fingerprint =
        entry("space").ok_or_else(|| Error::format("its metadata lack `space`"))?.parse()?;
    let provenance: BTreeMap<String, String> = serde_json::from_str(entry("provenance").unwrap_or("{}"))
        .map_err(|e| Error::format("its metadata `provenance` are malformed").with_source(e))?;

    let tensors = SafeTensors::deserialize(file).map_err(invalid)?;
    let tensor = |name: &str| {
        tensors.tensor(name).map_err(|e| Error::format(format!("no tensor `{name}`")).with_source(e))
    };
    let (vectors, ids, ends) = (tensor("vectors")?, tensor("ids")?, tensor("id_ends")?);
    let &[n, dim] = vectors.shape() else {
        return Err(Error::format(format!("tensor `vectors` has shape {:?}, not [n, dim]", vectors.shape())));
    };
    if dim == 0 {
        return Err(Error::format("tensor `vectors` has no dimensions"));
    }
    let half = match vectors.dtype() {
        Dtype::F32 => false,
        Dtype::F16 => true,
        other => return Err(Error::format(format!("tensor `vectors` is {other:?}, not F32 or F16"))),
    };
    if ids.dtype() != Dtype::U8 || ends.dtype() != Dtype::U64 || ends.shape() != [n] {
        return Err(Error::format(format!("tensors `ids` and `id_ends` do not name {n} rows")));
    }
    let start = vectors.data().as_ptr().addr() - file.as_ptr().addr();
    let range = start..start + vectors.data().len();
    // A writer of another kind may leave the tensor unaligned; such a file is read into memory instead.
    let storage = match Storage::mapped(Arc::clone(file), range, half) {
        Some(storage) => storage,
        None if half => {
            return Err(Error::format("tensor `vectors` is not aligned"));
        }
        None => Storage::from(
            vectors
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect::<Vec<_>>(),
        ),
    };
    let ids = Arc::new(parse_ids(ids.data(), ends.data())?);
    let table = VectorTable { ids, storage, dim, space, provenance };
    table.check_finite()?;
    Ok(table)
}

fn parse_ids(text: &[u8], ends: &[u8]) -> Result<IdMap, Error> {
    let malformed = |row: usize| Error::format(format!("tensor `id_ends` is malformed at row {row}"));
    let mut start = 0;
    let mut ids = Vec::with_capacity(ends.len() / 8);
    for (row, end) in ends.chunks_exact(8).enumerate() {
        let end: [u8; 8] = end.try_into().map_err(|_| malformed(row))?;
        let end = usize::try_from(u64::from_le_bytes(end)).map_err(|_| malformed(row))?;
        let id = text.get(start..end).ok_or_else(|| malformed(row))?;
        let id = std::str::from_utf8(id)
            .map_err(|e| Error::format(format!("tensor `ids` is not UTF-8 at row {row}")).with_source(e))?;
        ids.push(Id::from(id));
        start = end;
    }
    if start != text.len() {
        return Err(Error::format("tensor `ids` holds more text than `id_ends` names"));
    }
    IdMap::try_from_ids(ids).map_err(|e| Error::format("tensor `ids`").with_source(e))
}
