//! Reading runs and judgements.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rec_data::{Hit, Id, RankedList};

use super::lines::{ByUser, Entry, excerpt, fields, open};
use crate::error::{Error, Kind, Problem};
use crate::relevance::{Relevance, Relevant};

/// Reads a run: each user with their list, in the order of the file. See the [module](crate::trec) for order and ties.
///
/// # Errors
///
/// An item is an error, and the last one, if the file cannot be read, or if a line is not UTF-8, has not six fields, has a
/// score that is not a finite number in the range of `f32`, repeats an item of the user, or comes back to a user after others.
/// The message names file and line.
///
/// ```no_run
/// use rec_eval::trec::RunReader;
///
/// for user in RunReader::open("ours.run")? {
///     let (user, list) = user?;
///     println!("{user}: {} items", list.len());
/// }
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Debug)]
pub struct RunReader<R> {
    lines: ByUser<R>,
}

impl RunReader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// The file cannot be opened; the message names it.
    pub fn open(path: impl AsRef<Path>) -> Result<RunReader<BufReader<File>>, Error> {
        let (reader, name) = open(path.as_ref())?;
        Ok(RunReader::new(reader, name))
    }
}

impl<R: BufRead> RunReader<R> {
    /// Reads from anywhere; errors call the source `name`.
    pub fn new(reader: R, name: impl Into<String>) -> RunReader<R> {
        RunReader { lines: ByUser::new(reader, name, run_entry) }
    }
}

impl<R: BufRead> Iterator for RunReader<R> {
    type Item = Result<(Id, RankedList), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let list = |lines: super::lines::UserLines| {
            // The numbers were parsed as f32, so nothing is lost.
            let hits = lines.items.iter().zip(&lines.numbers);
            let list = RankedList::new(hits.map(|(id, score)| Hit { id: id.clone(), score: *score as f32 }));
            Ok((lines.user, list.map_err(Kind::Data)?))
        };
        Some(self.lines.next_user()?.and_then(list))
    }
}

fn run_entry(text: &str) -> Result<Entry<'_>, Problem> {
    let [user, _, item, _, score, _] = fields(text, "qid Q0 docno rank score tag")?;
    match score.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(Entry { user, item, number: number.into() }),
        _ => Err(Problem::Number { what: "score", text: excerpt(score), expected: "finite number" }),
    }
}

/// Reads relevance judgements: each user with what is relevant, in the order of the file.
///
/// A user all of whose items are judged not relevant comes with no relevant items.
///
/// # Errors
///
/// An item is an error, and the last one, if the file cannot be read, or if a line is not UTF-8, has not four fields, has a
/// level that is not a whole number of 32 bits, repeats an item of the user, or comes back to a user after others. The message
/// names file and line.
#[derive(Debug)]
pub struct QrelsReader<R> {
    lines: ByUser<R>,
}

impl QrelsReader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// The file cannot be opened; the message names it.
    pub fn open(path: impl AsRef<Path>) -> Result<QrelsReader<BufReader<File>>, Error> {
        let (reader, name) = open(path.as_ref())?;
        Ok(QrelsReader::new(reader, name))
    }
}

impl<R: BufRead> QrelsReader<R> {
    /// Reads from anywhere; errors call the source `name`.
    pub fn new(reader: R, name: impl Into<String>) -> QrelsReader<R> {
        QrelsReader { lines: ByUser::new(reader, name, qrels_entry) }
    }
}

impl<R: BufRead> Iterator for QrelsReader<R> {
    type Item = Result<(Id, Relevant), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let relevant = |lines: super::lines::UserLines| {
            Ok((lines.user, Relevant::with_gains(lines.items.iter().zip(lines.numbers))?))
        };
        Some(self.lines.next_user()?.and_then(relevant))
    }
}

fn qrels_entry(text: &str) -> Result<Entry<'_>, Problem> {
    let [user, _, item, level] = fields(text, "qid 0 docno rel")?;
    match level.parse::<i32>() {
        Ok(level) => Ok(Entry { user, item, number: level.into() }),
        Err(_) => Err(Problem::Number { what: "level", text: excerpt(level), expected: "whole number" }),
    }
}

/// Reads a file of relevance judgements whole.
///
/// # Errors
///
/// Those of [`QrelsReader`].
///
/// ```no_run
/// let relevance = rec_eval::trec::read_qrels("test.qrels")?;
/// println!("{} users", relevance.len());
/// # Ok::<(), rec_eval::Error>(())
/// ```
pub fn read_qrels(path: impl AsRef<Path>) -> Result<Relevance, Error> {
    let mut lines = QrelsReader::open(path)?.lines;
    let mut judgements = Vec::new();
    while let Some(user) = lines.next_user() {
        let user = user?;
        let of_user = user.items.iter().zip(&user.numbers);
        judgements.extend(of_user.map(|(item, gain)| (user.user.clone(), item.clone(), *gain)));
    }
    Relevance::from_judgements(judgements)
}
