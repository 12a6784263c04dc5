//! Read-only memory maps: the one place in the workspace that maps files.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

use crate::Error;

/// A file's bytes, mapped read-only: pages are read when touched and belong to the page cache.
///
/// The file must not shrink while it is mapped. Replace model and vector files by writing a new file and renaming it
/// over the old one, as [`VectorTable::save`](crate::VectorTable::save) does: then a map keeps the old file.
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps the whole file.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or mapped; the error names it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        // SAFETY: the map is read-only and private to this value. The bytes can only change under us if another
        // process writes into the same file in place, which the documentation above forbids; every reader of this
        // crate validates offsets against the mapped length before it uses them.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io("map", path, e))?;
        Ok(Self(map))
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
