//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::file::is_gzip;
use crate::error::{Error, Kind};

/// Writes a file beside `path` and renames it over `path`, so that no one ever sees half of it. It is compressed if its name
/// ends in `.gz`. The function gets the writer and the name that its errors have.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let name = path.display().to_string();
    let (file, beside) = create_beside(path).map_err(|source| write_error(&name, source))?;
    let written = fill(file, is_gzip(path), |writer| write(writer, &name), &name)
        .and_then(|()| fs::rename(&beside, path).map_err(|source| write_error(&name, source)));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// An error of writing a file.
pub(crate) fn write_error(file: &str, source: io::Error) -> Error {
    Kind::Io { file: file.to_owned(), action: "write the file", source }.into()
}

fn fill(
    file: File,
    compressed: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    name: &str,
) -> Result<(), Error> {
    let error = |source| write_error(name, source);
    let mut writer = BufWriter::new(file);
    if compressed {
        let mut encoder = GzEncoder::new(writer, Compression::default());
        write(&mut encoder)?;
        writer = encoder.finish().map_err(error)?;
    } else {
        write(&mut writer)?;
    }
    let file = writer.into_inner().map_err(|failed| error(failed.into_error()))?;
    file.sync_all().map_err(error)
}

/// A new file in the folder of `path`, whose name no one uses.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    for attempt in 0u32.. {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let beside = path.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => return Ok((file, beside)),
            // Another thread writes the same file, or a process of the same number died while it did.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
