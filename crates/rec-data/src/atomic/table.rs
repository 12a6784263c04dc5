//! The lines of a file, split into fields.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::header::{self, Field, excerpt};
use crate::error::{Error, Kind, Problem};

/// A file that is read line by line, with the header known.
#[derive(Debug)]
pub(super) struct Table<R> {
    lines: Lines<R>,
    fields: Vec<Field>,
}

/// Opens a file; gives the reader, and the name that its errors have.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, String), Error> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((BufReader::new(file), name)),
        Err(source) => Err(Kind::Io { file: name, action: "open the file", source }.into()),
    }
}

impl<R: BufRead> Table<R> {
    /// Reads the header.
    pub(super) fn new(reader: R, name: &str) -> Result<Table<R>, Error> {
        let mut lines = Lines { reader, name: name.to_owned(), number: 0, bytes: Vec::new() };
        if !lines.advance()? {
            return Err(malformed(name, 1, None, Problem::EmptyFile));
        }
        if let Some(rest) = lines.bytes.strip_prefix("\u{feff}".as_bytes()) {
            lines.bytes = rest.to_vec();
        }
        match header::parse(lines.text()?) {
            Ok(fields) => Ok(Table { lines, fields }),
            Err((field, problem)) => Err(malformed(name, 1, field, problem)),
        }
    }

    /// The columns that the header declares, at least one.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The next row, with exactly one cell per field; `None` at the end of the file.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        loop {
            if !self.lines.advance()? {
                return Ok(None);
            }
            if !self.lines.bytes.is_empty() {
                break;
            }
        }
        let text = self.lines.text()?;
        let cells: Vec<&str> = text.split('\t').collect();
        let (found, expected) = (cells.len(), self.fields.len());
        if found != expected {
            return Err(self.error(self.lines.number, None, Problem::FieldCount { found, expected }));
        }
        Ok(Some(Row { cells, line: self.lines.number, name: &self.lines.name, fields: &self.fields }))
    }

    /// An error about a field of a line.
    pub(super) fn error(&self, line: usize, field: Option<&str>, problem: Problem) -> Error {
        malformed(&self.lines.name, line, field.map(excerpt), problem)
    }
}

/// One data line.
#[derive(Debug)]
pub(super) struct Row<'a> {
    cells: Vec<&'a str>,
    line: usize,
    name: &'a str,
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// The number of the line, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The cells, one per field.
    pub(super) fn cells(&self) -> &[&'a str] {
        &self.cells
    }

    /// The text of a column that must not be empty.
    pub(super) fn required(&self, column: usize) -> Result<&'a str, Error> {
        match self.cells[column] {
            "" => Err(self.error(column, Problem::Missing)),
            text => Ok(text),
        }
    }

    /// An error about a column of this line.
    pub(super) fn error(&self, column: usize, problem: Problem) -> Error {
        malformed(self.name, self.line, Some(excerpt(&self.fields[column].name)), problem)
    }
}

fn malformed(file: &str, line: usize, field: Option<String>, problem: Problem) -> Error {
    Kind::Malformed { file: file.to_owned(), line, field, problem }.into()
}

/// A finite number, in any way that Rust writes one.
pub(super) fn parse_number(text: &str) -> Result<f64, Problem> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(Problem::Number(excerpt(text))),
    }
}

/// Numbered lines of a reader, in one buffer.
#[derive(Debug)]
struct Lines<R> {
    reader: R,
    name: String,
    /// Of the line in `bytes`, counted from 1; 0 before the first.
    number: usize,
    /// The current line without its end.
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line; `false` at the end of the file.
    fn advance(&mut self) -> Result<bool, Error> {
        self.bytes.clear();
        match self.reader.read_until(b'\n', &mut self.bytes) {
            Ok(0) => return Ok(false),
            Ok(_) => self.number += 1,
            Err(source) => {
                return Err(Kind::Io { file: self.name.clone(), action: "read the file", source }.into());
            }
        }
        if self.bytes.last() == Some(&b'\n') {
            self.bytes.pop();
            if self.bytes.last() == Some(&b'\r') {
                self.bytes.pop();
            }
        }
        Ok(true)
    }

    fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.bytes).map_err(|source| {
            let before = &self.bytes[..source.valid_up_to()];
            let field = 1 + before.iter().filter(|byte| **byte == b'\t').count();
            Kind::Utf8 { file: self.name.clone(), line: self.number, field, source }.into()
        })
    }
}
