//! Lines that are JSON objects.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::lines::Lines;
use super::{excerpt, malformed};
use crate::error::{Error, Problem};

/// A file with one JSON object a line.
#[derive(Debug)]
pub(crate) struct JsonLines<R> {
    lines: Lines<R>,
}

impl<R: BufRead> JsonLines<R> {
    pub(crate) fn new(lines: Lines<R>) -> JsonLines<R> {
        JsonLines { lines }
    }

    /// The object of the next line that is not blank; `None` at the end of the file.
    pub(crate) fn next_object(&mut self) -> Result<Option<Object<'_>>, Error> {
        if !self.lines.advance_to_text()? {
            return Ok(None);
        }
        let (line, file) = (self.lines.number(), self.lines.file());
        match serde_json::from_str(self.lines.text(None)?) {
            Ok(fields) => Ok(Some(Object { fields, line, file })),
            Err(error) => Err(malformed(file, line, None, json_problem(&error))),
        }
    }
}

/// One line of a file. A field that is `null` is one that is not there.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    fields: Map<String, Value>,
    line: usize,
    file: &'a str,
}

impl Object<'_> {
    /// The number of the line, counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The value of a field, whatever its type.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The text of a field; `None` if it is not there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        self.read(name, "a text", Value::as_str)
    }

    /// The text of a field, which must be there and not empty.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str, Error> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| self.error(name, Problem::Missing))
    }

    /// The number of a field; `None` if it is not there.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        self.read(name, "a number", Value::as_f64)
    }

    /// The number of a field, which must be there.
    pub(crate) fn required_number(&self, name: &str) -> Result<f64, Error> {
        self.number(name)?.ok_or_else(|| self.error(name, Problem::Missing))
    }

    /// The texts of a field; none if it is not there.
    pub(crate) fn texts(&self, name: &str) -> Result<Box<[Box<str>]>, Error> {
        let texts = self.read(name, "a list of texts", |value| {
            value.as_array()?.iter().map(|text| text.as_str().map(Box::from)).collect()
        })?;
        Ok(texts.unwrap_or_default())
    }

    /// What a function makes of a field; an error if it makes nothing of it.
    pub(crate) fn read<'b, T>(
        &'b self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'b Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(name, Problem::JsonType { found: type_of(value), expected })),
        }
    }

    /// An error about a field of this line.
    pub(crate) fn error(&self, name: &str, problem: Problem) -> Error {
        malformed(self.file, self.line, Some(name.to_owned()), problem)
    }
}

/// What is wrong with JSON that is one line, or part of one.
pub(crate) fn json_problem(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    // The line would be the first one, whatever the line of the file.
    let reason = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
    Problem::Json { column: error.column(), reason: excerpt(reason) }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
