//! A file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};

/// Writes beside the file that it will be, and takes its place at the end. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    /// `None` once it is finished.
    writer: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Creates `PATH.tmp`.
    pub(crate) fn create(path: &Path) -> Result<AtomicFile, Error> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        match File::create(&temporary) {
            Ok(file) => {
                Ok(AtomicFile { path: path.to_owned(), temporary, writer: Some(BufWriter::new(file)) })
            }
            Err(source) => Err(io_error(path, "create the file", source)),
        }
    }

    /// The name that errors have.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Writes through a buffer.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let written = self.writer.as_mut().map_or(Ok(()), write);
        written.map_err(|source| io_error(&self.path, "write the file", source))
    }

    /// Puts the file in its place, on disk.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.write(|writer| {
            writer.flush()?;
            writer.get_ref().sync_all()
        })?;
        fs::rename(&self.temporary, &self.path)
            .map_err(|source| io_error(&self.path, "rename the file", source))?;
        self.writer = None;
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // Nobody can be told, and what remains is named as what it is.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> Error {
    Kind::Io { file: path.display().to_string(), action, source }.into()
}
