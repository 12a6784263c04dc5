//! Catalogues and interactions from the [`RecordBatch`]es of Apache Arrow (feature `arrow`).
//!
//! The types of [`arrow_array`] are part of this module's API, so `arrow_array` is re-exported; a new major version of it is a
//! breaking change here, and only here and in [`parquet`](crate::parquet).
//!
//! | Arrow                                                                   | a value is                                       |
//! |-------------------------------------------------------------------------|--------------------------------------------------|
//! | `Utf8`, `LargeUtf8`, `Utf8View`                                         | a token                                          |
//! | `Boolean`                                                               | the token `true` or `false`                      |
//! | integers and floats of any width                                        | a number; beyond 2^53, integers are rounded      |
//! | `Timestamp` of any unit, `Date32`, `Date64`                             | a number: Unix seconds, taken as UTC             |
//! | `List`, `LargeList`, `FixedSizeList`, `ListView`, `LargeListView`       | a sequence of tokens or of numbers               |
//! | `Dictionary`                                                            | what the dictionary holds                        |
//! | `Null`                                                                  | missing                                          |
//!
//! Null and the empty text are missing values. Columns of other types can be left out and not be read. Ids may be integers, too:
//! they become decimal text.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rec_data::arrow::{self, arrow_array};
//! use rec_data::{CatalogueFields, InteractionFields, Value};
//! use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
//!
//! let items = RecordBatch::try_from_iter([
//!     ("item_id", Arc::new(Int64Array::from(vec![50, 181])) as ArrayRef),
//!     ("title", Arc::new(StringArray::from(vec![Some("Star Wars"), None]))),
//! ]).unwrap();
//! let films = arrow::catalogue([&items], &CatalogueFields::default())?;
//! assert_eq!(films.get("50").unwrap().get("title"), Some(Value::Token("Star Wars")));
//!
//! let log = RecordBatch::try_from_iter([
//!     ("user_id", Arc::new(StringArray::from(vec!["ann"])) as ArrayRef),
//!     ("item_id", Arc::new(Int64Array::from(vec![50]))),
//!     ("rating", Arc::new(Float64Array::from(vec![5.0]))),
//!     ("timestamp", Arc::new(TimestampMillisecondArray::from(vec![1_500]))),
//! ]).unwrap();
//! let log = arrow::interactions([&log], &InteractionFields::default())?;
//! assert_eq!(log.get("ann").unwrap().now(), 1.5);
//! # Ok::<(), rec_data::Error>(())
//! ```

mod catalogue;
mod cells;
mod interactions;

use std::borrow::Borrow;

use arrow_array::{Array, RecordBatch};
use arrow_schema::Schema;

use crate::catalogue::Catalogue;
use crate::error::{Error, Kind, Problem};
use crate::fields::{CatalogueFields, InteractionFields};
use crate::id::Id;
use crate::interactions::Interactions;
use crate::table::{Field, excerpt};
use cells::Cells;

pub use arrow_array;

pub(crate) use catalogue::Builder as CatalogueBuilder;
pub(crate) use interactions::Builder as InteractionsBuilder;

/// A catalogue of the rows of batches, which have the same columns.
///
/// No batches make a catalogue without items and columns.
///
/// # Errors
///
/// A column that `fields` names is not there, or is declared to be of another type than it is; a column that is kept is of a
/// type that the [module](crate::arrow) does not list; a later batch has other columns than the first; an id is missing or comes
/// twice; a number is not finite; a list has a null inside. The message has the row, counted from 0 over all batches, and the
/// column.
///
/// ```
/// use std::sync::Arc;
///
/// use rec_data::CatalogueFields;
/// use rec_data::arrow::{self, arrow_array::{ArrayRef, RecordBatch, StringArray}};
///
/// let ids = StringArray::from(vec!["a", "b", "a"]);
/// let batch = RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef)]).unwrap();
/// let error = arrow::catalogue([batch], &CatalogueFields::default()).unwrap_err();
/// assert_eq!(error.to_string(), "row 2: column `id`: duplicate id `a`, first in row 0");
/// ```
pub fn catalogue<B: Borrow<RecordBatch>>(
    batches: impl IntoIterator<Item = B>,
    fields: &CatalogueFields,
) -> Result<Catalogue, Error> {
    let mut builder = CatalogueBuilder::new(None, fields);
    for batch in batches {
        builder.push(batch.borrow())?;
    }
    builder.finish()
}

/// The interactions of the rows of batches: one history per user.
///
/// Users, items and events are texts or integers, ratings and times are numbers. The unit of `fields` is that of times that are
/// plain numbers; a timestamp or a date brings its own. Where no column has times, rows happen one second after another.
///
/// # Errors
///
/// A column that `fields` needs is not there or of another type; a user, item, time, rating or event is missing; a time is not
/// finite, or a rating is not finite as `f32`. The message has the row, counted from 0 over all batches, and the column.
///
/// ```
/// use std::sync::Arc;
///
/// use rec_data::InteractionFields;
/// use rec_data::arrow::{self, arrow_array::{ArrayRef, RecordBatch, StringArray}};
///
/// let ids = Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([("user_id", ids.clone()), ("item_id", ids)]).unwrap();
/// let error = arrow::interactions([batch], &InteractionFields::default()).unwrap_err();
/// assert_eq!(error.to_string(), "row 1: column `user_id`: the value is missing");
/// ```
pub fn interactions<B: Borrow<RecordBatch>>(
    batches: impl IntoIterator<Item = B>,
    fields: &InteractionFields,
) -> Result<Interactions, Error> {
    let mut builder = InteractionsBuilder::new(None, fields);
    for batch in batches {
        builder.push(batch.borrow())?;
    }
    Ok(builder.finish())
}

/// The ids of a column: texts as they are, integers as decimal text.
///
/// # Errors
///
/// The column is of another type, or a value is missing; the message has the row and `name`, which stands for the column.
///
/// ```
/// use rec_data::arrow::{self, arrow_array::Int32Array};
///
/// assert_eq!(arrow::ids(&Int32Array::from(vec![7, -1]), "id")?, ["7", "-1"]);
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn ids(column: &dyn Array, name: &str) -> Result<Vec<Id>, Error> {
    let place = Place { file: None, row: 0 };
    if !cells::is_id(column.data_type()) {
        let problem =
            Problem::ArrowType { found: column.data_type().to_string(), expected: "texts or integers" };
        return Err(column_error(None, name, problem));
    }
    let cells = Cells::new(column);
    (0..column.len())
        .map(|row| match cells.id(row) {
            Some(id) => Ok(Id::from(&*id)),
            None => Err(place.error(row, name, Problem::Missing)),
        })
        .collect()
}

/// Where a batch stands among all rows of a source.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    file: Option<&'a str>,
    /// The number of rows before the batch.
    row: usize,
}

impl Place<'_> {
    /// An error about a column in a row of the batch.
    fn error(&self, row: usize, column: &str, problem: Problem) -> Error {
        let (file, column) = (self.file.map(str::to_owned), excerpt(column));
        Kind::Cell { file, row: Some(self.row + row), column, problem }.into()
    }
}

/// An error about a column as a whole.
fn column_error(file: Option<&str>, column: &str, problem: Problem) -> Error {
    Kind::Cell { file: file.map(str::to_owned), row: None, column: excerpt(column), problem }.into()
}

/// The columns of a schema as the fields of a table. Their types are checked here and not by the fields: an integer is a number
/// in one place and an id in another.
pub(crate) fn header(schema: &Schema) -> Vec<Field> {
    let field = |name: &String| Field { name: name.clone(), declared: None };
    schema.fields().iter().map(|column| field(column.name())).collect()
}
