//! Numbered lines of a reader.

use std::io::{BufRead, Read as _};

use super::malformed;
use crate::error::{Error, Kind, Problem};

/// The longest line that is read, in bytes. No record of a data set comes near; a file without line ends, or a few bytes
/// that decompress to gigabytes, must not fill the memory.
const MAX_LINE: u64 = 64 << 20;

/// How the bytes of a file stand for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    /// ISO 8859-1: a byte is the scalar value of its character, and every file is valid.
    Latin1,
}

/// The lines of a reader, in one buffer.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    file: String,
    encoding: Encoding,
    /// Of the current line, counted from 1; 0 before the first.
    number: usize,
    /// The current line without its end; its text in UTF-8 unless the bytes are invalid.
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a reader; `file` stands for the path in messages.
    pub(crate) fn new(reader: R, file: &str, encoding: Encoding) -> Lines<R> {
        Lines { reader, file: file.to_owned(), encoding, number: 0, bytes: Vec::new() }
    }

    /// The name of the file in messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The number of the current line, counted from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Reads the next line; `false` at the end of the file. A byte order mark at the very beginning is skipped.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        self.bytes.clear();
        match (&mut self.reader).take(MAX_LINE + 1).read_until(b'\n', &mut self.bytes) {
            Ok(0) => return Ok(false),
            Ok(n) if n as u64 > MAX_LINE => {
                return Err(malformed(&self.file, self.number + 1, None, Problem::LongLine));
            }
            Ok(_) => self.number += 1,
            Err(source) => {
                return Err(Kind::Io { file: self.file.clone(), action: "read the file", source }.into());
            }
        }
        if self.bytes.last() == Some(&b'\n') {
            self.bytes.pop();
            if self.bytes.last() == Some(&b'\r') {
                self.bytes.pop();
            }
        }
        match self.encoding {
            Encoding::Utf8 if self.number == 1 && self.bytes.starts_with("\u{feff}".as_bytes()) => {
                self.bytes.drain(.."\u{feff}".len());
            }
            Encoding::Utf8 => {}
            Encoding::Latin1 if self.bytes.is_ascii() => {}
            Encoding::Latin1 => {
                self.bytes = self.bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes();
            }
        }
        Ok(true)
    }

    /// Reads the next line that is not empty; `false` at the end of the file.
    pub(crate) fn advance_to_text(&mut self) -> Result<bool, Error> {
        while self.advance()? {
            if !self.bytes.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The current line. If it is not UTF-8, the error counts fields by the separator, where there is one.
    pub(crate) fn text(&self, separator: Option<&str>) -> Result<&str, Error> {
        str::from_utf8(&self.bytes).map_err(|source| {
            let before = String::from_utf8_lossy(&self.bytes[..source.valid_up_to()]);
            let field = separator.map(|separator| 1 + before.matches(separator).count());
            Kind::Utf8 { file: self.file.clone(), line: self.number, field, source }.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader, Read};

    use super::*;

    #[test]
    fn latin_1_becomes_utf_8() {
        let mut lines = Lines::new(&b"caf\xe9\r\n\nx"[..], "f", Encoding::Latin1);
        assert!(lines.advance().unwrap());
        assert_eq!(lines.text(None).unwrap(), "café");
        assert!(lines.advance_to_text().unwrap());
        assert_eq!((lines.text(None).unwrap(), lines.number()), ("x", 3));
        assert!(!lines.advance().unwrap());
    }

    #[test]
    fn a_line_without_end_is_an_error_before_it_fills_the_memory() {
        let endless = BufReader::with_capacity(1 << 20, b"a\n".chain(io::repeat(b'x')));
        let mut lines = Lines::new(endless, "f", Encoding::Utf8);
        assert!(lines.advance().unwrap());
        assert_eq!(lines.advance().unwrap_err().to_string(), "f:2: the line is longer than 64 MiB");
    }
}
