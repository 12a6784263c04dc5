//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::file::is_gzip;
use crate::error::{Error, Kind};

/// Writes a file whole or not at all: into a file beside `path`, which is then renamed over `path`, so that no one ever sees
/// half of it. What the function writes goes through a buffer, and is on disk when this returns.
///
/// The file is written as it is, whatever its name ends in.
///
/// # Errors
///
/// The folder or the file cannot be written, or the function fails; then whatever was at `path` is still there.
///
/// ```
/// use std::io::Write;
/// use rec_data::replace_file;
///
/// let path = std::env::temp_dir().join("rec-data-doc.txt");
/// replace_file(&path, |file| file.write_all(b"all of it"))?;
/// assert!(replace_file(&path, |file| { file.write_all(b"some")?; Err(std::io::Error::other("no more")) }).is_err());
/// assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn replace_file(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let path = path.as_ref();
    let name = path.display().to_string();
    replace_with(path, &name, |mut file| match write(&mut file) {
        Ok(()) => Ok(file),
        Err(source) => Err(write_error(&name, source)),
    })
}

/// [`replace_file`], compressed if the name ends in `.gz`. The function gets the writer and the name that its errors have.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let name = path.display().to_string();
    replace_with(path, &name, |mut file| {
        if is_gzip(path) {
            let mut encoder = GzEncoder::new(file, Compression::default());
            write(&mut encoder, &name)?;
            return encoder.finish().map_err(|source| write_error(&name, source));
        }
        write(&mut file, &name)?;
        Ok(file)
    })
}

/// An error of writing a file.
pub(crate) fn write_error(file: &str, source: io::Error) -> Error {
    Kind::Io { file: file.to_owned(), action: "write the file", source }.into()
}

/// The function gives back the writer, which is then flushed to the disk.
fn replace_with(
    path: &Path,
    name: &str,
    fill: impl FnOnce(BufWriter<File>) -> Result<BufWriter<File>, Error>,
) -> Result<(), Error> {
    let error = |source| write_error(name, source);
    let (file, beside) = create_beside(path).map_err(error)?;
    let written = fill(BufWriter::new(file))
        .and_then(|writer| writer.into_inner().map_err(|failed| error(failed.into_error())))
        .and_then(|file| file.sync_all().map_err(error))
        .and_then(|()| fs::rename(&beside, path).map_err(error));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written
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
