//! Catalogues and interactions from Apache Parquet files (feature `parquet`).
//!
//! What a column may hold is what [`arrow`](crate::arrow) says. Only the columns that are needed are read, some thousand rows at
//! a time. Files may be compressed with Snappy, gzip or LZ4, and with the feature `parquet-zstd` also with Zstandard, which
//! builds C.
//!
//! A damaged file is an error, even where the reader of the crate `parquet` panics; its panic is caught, which a program that is
//! built with `panic = "abort"` cannot do, and the panic hook still prints it.
//!
//! The trait [`ChunkReader`] of the crate `parquet` is part of this module's API; files and [`bytes`](https://docs.rs/bytes)
//! implement it.
//!
//! ```no_run
//! use rec_data::{CatalogueFields, InteractionFields, parquet};
//!
//! # fn main() -> Result<(), rec_data::Error> {
//! let fields = CatalogueFields::default().id("parent_asin").only(["title", "description"]);
//! let items = parquet::read_catalogue("items.parquet", &fields)?;
//! let log = parquet::read_interactions("log.parquet", &InteractionFields::default())?;
//! println!("{} items, {} users", items.len(), log.len());
//! # Ok(())
//! # }
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use arrow_array::RecordBatch;

use crate::arrow::{CatalogueBuilder, InteractionsBuilder, header};
use crate::catalogue::Catalogue;
use crate::error::{Error, Kind, Problem};
use crate::fields::{CatalogueFields, InteractionFields, SignalColumn};
use crate::interactions::Interactions;
use crate::table::{Field, excerpt};

pub use ::parquet::file::reader::ChunkReader;

/// Reads a catalogue: an id per row, and the columns that `fields` wants.
///
/// # Errors
///
/// The file cannot be opened, or is no Parquet file that this build can read; otherwise as
/// [`arrow::catalogue`](crate::arrow::catalogue). The message has the path, the row (counted from 0) and the column.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// use rec_data::CatalogueFields;
///
/// let items = rec_data::parquet::read_catalogue("items.parquet", &CatalogueFields::default())?;
/// println!("{} items", items.len());
/// # Ok(())
/// # }
/// ```
pub fn read_catalogue(path: impl AsRef<Path>, fields: &CatalogueFields) -> Result<Catalogue, Error> {
    let (file, name) = open(path.as_ref())?;
    read_catalogue_from(file, &name, fields)
}

/// Reads what [`read_catalogue`] reads from anything that has a file's bytes; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_catalogue`].
pub fn read_catalogue_from(
    reader: impl ChunkReader + 'static,
    name: &str,
    fields: &CatalogueFields,
) -> Result<Catalogue, Error> {
    let wanted = |header: &[Field]| {
        let columns = fields.resolve(header, |column, problem| column_error(name, column, problem))?;
        let others = columns.others.iter().map(|column| column.position);
        Ok([columns.id].into_iter().chain(others).collect())
    };
    let mut builder = CatalogueBuilder::new(Some(name), fields);
    for batch in Batches::new(reader, name, wanted)? {
        builder.push(&batch?)?;
    }
    builder.finish()
}

/// Reads interactions: one history per user.
///
/// # Errors
///
/// The file cannot be opened, or is no Parquet file that this build can read; otherwise as
/// [`arrow::interactions`](crate::arrow::interactions). The message has the path, the row (counted from 0) and the column.
///
/// ```no_run
/// use rec_data::{InteractionFields, TimeUnit};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let fields = InteractionFields::default().item("parent_asin").time_unit(TimeUnit::Milliseconds);
/// let log = rec_data::parquet::read_interactions("log.parquet", &fields)?;
/// println!("{} users", log.len());
/// # Ok(())
/// # }
/// ```
pub fn read_interactions(path: impl AsRef<Path>, fields: &InteractionFields) -> Result<Interactions, Error> {
    let (file, name) = open(path.as_ref())?;
    read_interactions_from(file, &name, fields)
}

/// Reads what [`read_interactions`] reads from anything that has a file's bytes; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_interactions`].
pub fn read_interactions_from(
    reader: impl ChunkReader + 'static,
    name: &str,
    fields: &InteractionFields,
) -> Result<Interactions, Error> {
    let wanted = |header: &[Field]| {
        let columns = fields.resolve(header, |column, problem| column_error(name, column, problem))?;
        let signal = match columns.signal {
            SignalColumn::Rating(column) | SignalColumn::Event(column) => Some(column),
            SignalColumn::None => None,
        };
        Ok([columns.user, columns.item].into_iter().chain(columns.time).chain(signal).collect())
    };
    let mut builder = InteractionsBuilder::new(Some(name), fields);
    for batch in Batches::new(reader, name, wanted)? {
        builder.push(&batch?)?;
    }
    Ok(builder.finish())
}

fn open(path: &Path) -> Result<(File, String), Error> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((file, name)),
        Err(source) => Err(Kind::Io { file: name, action: "open the file", source }.into()),
    }
}

/// Opens a file, to be read batch by batch, with some of its columns.
///
/// The batches have the columns in the order of the file.
///
/// # Errors
///
/// The file cannot be opened, is no Parquet file that this build can read, or has no column of a name. The iterator gives an
/// error where the file is damaged, and then nothing more.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// for batch in rec_data::parquet::batches("vectors.parquet", &["id", "vector"])? {
///     println!("{} rows", batch?.num_rows());
/// }
/// # Ok(())
/// # }
/// ```
pub fn batches(path: impl AsRef<Path>, columns: &[&str]) -> Result<Batches, Error> {
    let (file, name) = open(path.as_ref())?;
    Batches::new(file, &name, |header| {
        let find = |column: &&str| {
            let found = header.iter().position(|field| field.name == **column);
            found.ok_or_else(|| column_error(&name, column, Problem::NoColumn))
        };
        columns.iter().map(find).collect()
    })
}

/// The batches of a file; see [`batches`].
pub struct Batches {
    reader: ParquetRecordBatchReader,
    file: String,
    is_done: bool,
}

impl Batches {
    /// Reads the columns that a function picks from those of the file.
    fn new(
        reader: impl ChunkReader + 'static,
        file: &str,
        wanted: impl FnOnce(&[Field]) -> Result<Vec<usize>, Error>,
    ) -> Result<Batches, Error> {
        let builder = guarded(file, || ParquetRecordBatchReaderBuilder::try_new(reader))?;
        let columns = wanted(&header(builder.schema()))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let reader = guarded(file, || builder.with_projection(mask).build())?;
        Ok(Batches { reader, file: file.to_owned(), is_done: false })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = guarded(&self.file, || self.reader.next().transpose()).transpose();
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Calls the Parquet reader. On some damaged files it panics (version 60: on a column chunk of negative length), and no data
/// may make a panic here. What it was reading is dropped after an error, so nothing half-changed is seen again.
fn guarded<T, E: StdError + Send + Sync + 'static>(
    file: &str,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, Error> {
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(unreadable(file, source)),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Err(unreadable(file, io::Error::other(text.unwrap_or_else(|| "the reader panicked".to_owned()))))
        }
    }
}

fn unreadable(file: &str, source: impl StdError + Send + Sync + 'static) -> Error {
    Kind::Parquet { file: file.to_owned(), source: Box::new(source) }.into()
}

fn column_error(file: &str, column: &str, problem: Problem) -> Error {
    Kind::Cell { file: Some(file.to_owned()), row: None, column: excerpt(column), problem }.into()
}
