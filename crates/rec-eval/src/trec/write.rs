//! Writing runs and judgements.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;

use rec_data::{Id, RankedList};

use super::lines::excerpt;
use crate::atomic_file::AtomicFile;
use crate::error::{Error, Kind};
use crate::relevance::Relevant;

/// Writes a run, user by user: into `PATH.tmp`, which takes the place of the file when the run is [finished](RunWriter::finish).
///
/// Scores are written with as many digits as it takes to read the same `f32` again.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_eval::trec::{RunReader, RunWriter};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ours.run");
/// let list = RankedList::new(["dune", "emma"].map(|id| Hit { id: id.into(), score: 0.1 }))?;
/// let mut writer = RunWriter::create(&path, "ours")?;
/// writer.write(&"ann".into(), &list)?;
/// writer.finish()?;
///
/// assert_eq!(std::fs::read_to_string(&path)?, "ann Q0 dune 1 0.1 ours\nann Q0 emma 2 0.1 ours\n");
/// assert_eq!(RunReader::open(&path)?.next().unwrap()?, ("ann".into(), list));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunWriter {
    file: AtomicFile,
    tag: String,
    has_distinct_scores: bool,
    written: HashSet<Id>,
}

impl RunWriter {
    /// Creates the temporary file. The tag names the run.
    ///
    /// # Errors
    ///
    /// The file cannot be created, or the tag is empty or has white space or control characters. The message names the file.
    pub fn create(path: impl AsRef<Path>, tag: &str) -> Result<RunWriter, Error> {
        let path = path.as_ref();
        check(&path.display().to_string(), "tag", tag)?;
        let (file, written) = (AtomicFile::create(path)?, HashSet::new());
        Ok(RunWriter { file, tag: tag.to_owned(), has_distinct_scores: false, written })
    }

    /// Writes no equal scores for one user, so that every tool finds the same order: a score that is not below the one before
    /// it is written as the next smaller `f32`.
    ///
    /// ```
    /// use rec_data::{Hit, RankedList};
    /// use rec_eval::trec::RunWriter;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("ours.run");
    /// let list = RankedList::new(["dune", "emma"].map(|id| Hit { id: id.into(), score: 0.1 }))?;
    /// let mut writer = RunWriter::create(&path, "ours")?.with_distinct_scores();
    /// writer.write(&"ann".into(), &list)?;
    /// writer.finish()?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "ann Q0 dune 1 0.1 ours\nann Q0 emma 2 0.099999994 ours\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_distinct_scores(mut self) -> RunWriter {
        self.has_distinct_scores = true;
        self
    }

    /// Writes the list of a user. An empty list writes nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the user was written before; an id is empty or has white space or control characters; a
    /// score is infinite. The message names the file and the id. But for the first, nothing of the list is written.
    pub fn write(&mut self, user: &Id, list: &RankedList) -> Result<(), Error> {
        let name = self.file.name();
        check_user(&name, user, &mut self.written)?;
        let mut scores: Vec<f32> = list.iter().map(|hit| hit.score).collect();
        if self.has_distinct_scores {
            for rank in 1..scores.len() {
                scores[rank] = scores[rank].min(scores[rank - 1].next_down());
            }
        }
        for (hit, score) in list.iter().zip(&scores) {
            check(&name, "item", &hit.id)?;
            if !score.is_finite() {
                return Err(unwritable(&name, "score", &score.to_string(), "it is infinite"));
            }
        }
        let tag = &self.tag;
        self.file.write(|out| {
            for ((rank, hit), score) in (1..).zip(list.iter()).zip(scores) {
                // The debug form has an exponent where it is shorter, and reads back as the same number.
                writeln!(out, "{user} Q0 {} {rank} {score:?} {tag}", hit.id)?;
            }
            Ok(())
        })
    }

    /// Puts the file in its place. A writer that is dropped instead leaves no file.
    ///
    /// # Errors
    ///
    /// The file cannot be written or renamed; the message names it.
    pub fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}

/// Writes relevance judgements, user by user: into `PATH.tmp`, which takes the place of the file when it is
/// [finished](QrelsWriter::finish).
///
/// ```
/// use rec_eval::Relevant;
/// use rec_eval::trec::{QrelsWriter, read_qrels};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("test.qrels");
/// let mut writer = QrelsWriter::create(&path)?;
/// writer.write(&"ann".into(), &Relevant::with_gains([("dune", 2.0), ("emma", 1.0)])?)?;
/// writer.finish()?;
///
/// assert_eq!(std::fs::read_to_string(&path)?, "ann 0 dune 2\nann 0 emma 1\n");
/// assert_eq!(read_qrels(&path)?.get("ann").unwrap().gain("dune"), 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct QrelsWriter {
    file: AtomicFile,
    written: HashSet<Id>,
}

impl QrelsWriter {
    /// Creates the temporary file.
    ///
    /// # Errors
    ///
    /// The file cannot be created; the message names it.
    pub fn create(path: impl AsRef<Path>) -> Result<QrelsWriter, Error> {
        Ok(QrelsWriter { file: AtomicFile::create(path.as_ref())?, written: HashSet::new() })
    }

    /// Writes what is relevant for a user. If nothing is, it writes nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the user was written before; an id is empty or has white space or control characters; a
    /// gain is not a whole number of 32 bits. The message names the file and the id. But for the first, nothing of the user
    /// is written.
    pub fn write(&mut self, user: &Id, relevant: &Relevant) -> Result<(), Error> {
        let name = self.file.name();
        check_user(&name, user, &mut self.written)?;
        for (item, gain) in relevant.iter() {
            check(&name, "item", item)?;
            if gain.fract() != 0.0 || gain > f64::from(i32::MAX) {
                return Err(unwritable(
                    &name,
                    "gain",
                    &gain.to_string(),
                    "TREC has whole numbers of 32 bits",
                ));
            }
        }
        self.file.write(|out| {
            for (item, gain) in relevant.iter() {
                writeln!(out, "{user} 0 {item} {gain}")?;
            }
            Ok(())
        })
    }

    /// Puts the file in its place. A writer that is dropped instead leaves no file.
    ///
    /// # Errors
    ///
    /// The file cannot be written or renamed; the message names it.
    pub fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}

fn check_user(file: &str, user: &Id, written: &mut HashSet<Id>) -> Result<(), Error> {
    check(file, "user", user)?;
    match written.insert(user.clone()) {
        true => Ok(()),
        false => Err(unwritable(file, "user", user, "it was written before")),
    }
}

/// Whether every reader takes the text for one field. Python also splits at some control characters.
fn check(file: &str, what: &'static str, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(unwritable(file, what, text, "it is empty"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(unwritable(file, what, text, "it has white space or control characters"));
    }
    Ok(())
}

fn unwritable(file: &str, what: &'static str, text: &str, reason: &'static str) -> Error {
    Kind::Unwritable { file: file.to_owned(), what, value: excerpt(text), reason }.into()
}
