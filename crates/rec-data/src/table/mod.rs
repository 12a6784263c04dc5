//! What the readers of text files share: opened files, numbered lines, rows with named fields, and the two ways to make
//! something of them, a catalogue or interactions.

mod catalogue;
mod delimited;
mod file;
mod interactions;
mod json;
mod lines;
mod parse;
mod replace;
mod unique_ids;

use std::fmt;

use crate::error::{Error, Kind, Problem};

#[cfg(feature = "arrow")]
pub(crate) use catalogue::no_values;
pub(crate) use catalogue::read_catalogue;
pub(crate) use delimited::Delimited;
pub(crate) use file::open;
pub(crate) use interactions::read_interactions;
pub(crate) use json::{JsonLines, Object, json_problem};
pub(crate) use lines::{Encoding, Lines};
pub(crate) use parse::{excerpt, parse_number, parse_weight};
pub use replace::replace_file;
pub(crate) use replace::{replace, write_error};
pub(crate) use unique_ids::UniqueIds;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Token,
    TokenSeq,
    Float,
    FloatSeq,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Token => "token",
            Type::TokenSeq => "token_seq",
            Type::Float => "float",
            Type::FloatSeq => "float_seq",
        })
    }
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// What the file says about the type of the column; `None` if it is silent.
    pub(crate) declared: Option<Type>,
}

/// A file that is read row by row, with its fields known.
pub(crate) trait Rows {
    /// The fields of every row.
    fn fields(&self) -> &[Field];

    /// The name of the file in messages.
    fn file(&self) -> &str;

    /// The next row, with exactly one cell per field; `None` at the end of the file.
    fn next_row(&mut self) -> Result<Option<Row<'_>>, Error>;

    /// An error about a field of the header.
    fn header_error(&self, field: Option<&str>, problem: Problem) -> Error {
        malformed(self.file(), 1, field.map(excerpt), problem)
    }

    /// The position of a field; an error if there is none of this name.
    fn require(&self, name: &str) -> Result<usize, Error> {
        let found = self.fields().iter().position(|field| field.name == name);
        found.ok_or_else(|| self.header_error(Some(name), Problem::NoColumn))
    }
}

/// One record of a file.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    cells: Vec<&'a str>,
    /// The number of the line where the record begins, counted from 1.
    line: usize,
    file: &'a str,
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// A row of these cells; an error if there is not one per field.
    pub(crate) fn new(
        cells: Vec<&'a str>,
        line: usize,
        file: &'a str,
        fields: &'a [Field],
    ) -> Result<Row<'a>, Error> {
        let (found, expected) = (cells.len(), fields.len());
        if found != expected {
            return Err(malformed(file, line, None, Problem::FieldCount { found, expected }));
        }
        Ok(Row { cells, line, file, fields })
    }

    /// The number of the line, counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The text of a column, perhaps empty.
    pub(crate) fn cell(&self, column: usize) -> &'a str {
        self.cells[column]
    }

    /// The text of a column that must not be empty.
    pub(crate) fn required(&self, column: usize) -> Result<&'a str, Error> {
        match self.cells[column] {
            "" => Err(self.error(column, Problem::Missing)),
            text => Ok(text),
        }
    }

    /// The number of a column that must not be empty.
    pub(crate) fn number(&self, column: usize) -> Result<f64, Error> {
        parse_number(self.required(column)?).map_err(|problem| self.error(column, problem))
    }

    /// An error about a column of this row.
    pub(crate) fn error(&self, column: usize, problem: Problem) -> Error {
        malformed(self.file, self.line, Some(excerpt(&self.fields[column].name)), problem)
    }
}

pub(crate) fn malformed(file: &str, line: usize, field: Option<String>, problem: Problem) -> Error {
    Kind::Malformed { file: file.to_owned(), line, field, problem }.into()
}
