//! Files by path, decompressed on the way.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Kind};

/// The text of an opened file.
pub(crate) type Source = Box<dyn BufRead + Send>;

/// Opens a file, through gzip if its name ends in `.gz`; gives the reader, and the name that its errors have.
pub(crate) fn open(path: &Path) -> Result<(Source, String), Error> {
    let name = path.display().to_string();
    let file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(source) => return Err(Kind::Io { file: name, action: "open the file", source }.into()),
    };
    let source: Source = match is_gzip(path) {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    };
    Ok((source, name))
}

/// Whether a path names a compressed file.
pub(crate) fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}
