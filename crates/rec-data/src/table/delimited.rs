//! Lines split at a separator, without quotes or escapes.

use std::io::BufRead;

use super::lines::Lines;
use super::{Field, Row, Rows};
use crate::error::Error;

/// A file whose lines are rows, their cells between separators.
#[derive(Debug)]
pub(crate) struct Delimited<R> {
    lines: Lines<R>,
    separator: &'static str,
    fields: Vec<Field>,
}

impl<R: BufRead> Delimited<R> {
    /// The lines that are yet to be read, as rows of these fields.
    pub(crate) fn new(lines: Lines<R>, separator: &'static str, fields: Vec<Field>) -> Delimited<R> {
        Delimited { lines, separator, fields }
    }

    /// A file without a header, whose fields are known by their position.
    pub(crate) fn headless(lines: Lines<R>, separator: &'static str, names: &[&str]) -> Delimited<R> {
        let field = |name: &&str| Field { name: (*name).to_owned(), declared: None };
        Delimited::new(lines, separator, names.iter().map(field).collect())
    }
}

impl<R: BufRead> Rows for Delimited<R> {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn file(&self) -> &str {
        self.lines.file()
    }

    /// Blank lines are skipped.
    fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.lines.advance_to_text()? {
            return Ok(None);
        }
        let cells = self.lines.text(Some(self.separator))?.split(self.separator).collect();
        Row::new(cells, self.lines.number(), self.lines.file(), &self.fields).map(Some)
    }
}
