//! The lines of a file, taken together by user.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rec_data::{Id, IdMap};

use crate::error::{Error, Kind, Problem};

/// Opens a file; gives the reader, and the name that its errors have.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, String), Error> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((BufReader::new(file), name)),
        Err(source) => Err(Kind::Io { file: name, action: "open the file", source }.into()),
    }
}

/// One line: a number about an item for a user.
pub(super) struct Entry<'a> {
    pub(super) user: &'a str,
    pub(super) item: &'a str,
    pub(super) number: f64,
}

/// What all lines of one user say; the items are distinct.
#[derive(Debug)]
pub(super) struct UserLines {
    pub(super) user: Id,
    pub(super) items: IdMap,
    /// One per item.
    pub(super) numbers: Vec<f64>,
    /// Of each item, counted from 1.
    lines: Vec<usize>,
}

impl UserLines {
    fn new(entry: &Entry<'_>, line: usize) -> UserLines {
        let mut items = IdMap::new();
        items.insert(entry.item);
        UserLines { user: entry.user.into(), items, numbers: vec![entry.number], lines: vec![line] }
    }

    fn push(&mut self, entry: &Entry<'_>, line: usize) -> Result<(), Problem> {
        match self.items.insert(entry.item) {
            (_, true) => {
                self.numbers.push(entry.number);
                self.lines.push(line);
                Ok(())
            }
            (row, false) => {
                let (user, item) = (self.user.clone(), entry.item.into());
                Err(Problem::DuplicateItem { user, item, first: self.lines[row] })
            }
        }
    }
}

/// Reads user by user.
#[derive(Debug)]
pub(super) struct ByUser<R> {
    reader: R,
    name: String,
    parse: fn(&str) -> Result<Entry<'_>, Problem>,
    /// The current line, and its number counted from 1.
    bytes: Vec<u8>,
    number: usize,
    /// The first line of the next user.
    pending: Option<UserLines>,
    seen: HashSet<Id>,
    is_finished: bool,
}

impl<R: BufRead> ByUser<R> {
    pub(super) fn new(
        reader: R,
        name: impl Into<String>,
        parse: fn(&str) -> Result<Entry<'_>, Problem>,
    ) -> ByUser<R> {
        let (name, bytes, seen) = (name.into(), Vec::new(), HashSet::new());
        ByUser { reader, name, parse, bytes, number: 0, pending: None, seen, is_finished: false }
    }

    /// The next user; nothing after the end, or after an error.
    pub(super) fn next_user(&mut self) -> Option<Result<UserLines, Error>> {
        if self.is_finished {
            return None;
        }
        let next = self.read_user().transpose();
        self.is_finished = !matches!(next, Some(Ok(_)));
        next
    }

    fn read_user(&mut self) -> Result<Option<UserLines>, Error> {
        let mut current = self.pending.take();
        while self.advance()? {
            let (line, entry) = (self.number, self.entry()?);
            let Some(entry) = entry else { continue };
            match &mut current {
                None => current = Some(UserLines::new(&entry, line)),
                Some(lines) if lines.user == entry.user => {
                    let pushed = lines.push(&entry, line);
                    pushed.map_err(|problem| self.malformed(problem))?;
                }
                Some(_) => {
                    self.pending = Some(UserLines::new(&entry, line));
                    break;
                }
            }
        }
        let Some(lines) = current else { return Ok(None) };
        if !self.seen.insert(lines.user.clone()) {
            let (file, line) = (self.name.clone(), lines.lines[0]);
            return Err(
                Kind::Malformed { file, line, problem: Problem::Scattered { user: lines.user } }.into()
            );
        }
        Ok(Some(lines))
    }

    /// Reads the next line; `false` at the end of the file.
    fn advance(&mut self) -> Result<bool, Error> {
        self.bytes.clear();
        match self.reader.read_until(b'\n', &mut self.bytes) {
            Ok(n_bytes) => {
                self.number += 1;
                Ok(n_bytes > 0)
            }
            Err(source) => Err(Kind::Io { file: self.name.clone(), action: "read the file", source }.into()),
        }
    }

    /// What the current line says; `None` if it is blank.
    fn entry(&self) -> Result<Option<Entry<'_>>, Error> {
        let text = str::from_utf8(&self.bytes).map_err(|_| self.malformed(Problem::Utf8))?;
        let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim_ascii().is_empty() {
            return Ok(None);
        }
        (self.parse)(text).map(Some).map_err(|problem| self.malformed(problem))
    }

    fn malformed(&self, problem: Problem) -> Error {
        Kind::Malformed { file: self.name.clone(), line: self.number, problem }.into()
    }
}

/// The fields of a line, of which there must be `N`; `names` says which.
pub(super) fn fields<'a, const N: usize>(
    text: &'a str,
    names: &'static str,
) -> Result<[&'a str; N], Problem> {
    let mut found = text.split_ascii_whitespace();
    let mut fields = [""; N];
    for (n_found, field) in fields.iter_mut().enumerate() {
        *field = found.next().ok_or(Problem::FieldCount { found: n_found, expected: N, names })?;
    }
    match found.count() {
        0 => Ok(fields),
        n_more => Err(Problem::FieldCount { found: N + n_more, expected: N, names }),
    }
}

/// The start of a text that may be long, for a message.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
