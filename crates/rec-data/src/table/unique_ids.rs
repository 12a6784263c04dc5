//! Ids that may come only once in a file.

use super::excerpt;
use crate::error::Problem;
use crate::id::{Id, IdMap};

/// The ids of a catalogue while it is read, with the lines that they came from.
#[derive(Debug, Default)]
pub(crate) struct UniqueIds {
    ids: IdMap,
    /// Blank lines count as lines but not as rows, and so a row does not tell its line.
    lines: Vec<usize>,
}

impl UniqueIds {
    /// Takes in the id of the next row.
    pub(crate) fn insert(&mut self, id: &str, line: usize) -> Result<(), Problem> {
        if let (first, false) = self.ids.insert(id) {
            return Err(Problem::DuplicateId { id: Id::from(excerpt(id)), first: self.lines[first] });
        }
        self.lines.push(line);
        Ok(())
    }

    /// The ids, in the order of their arrival.
    pub(crate) fn into_ids(self) -> IdMap {
        self.ids
    }
}
