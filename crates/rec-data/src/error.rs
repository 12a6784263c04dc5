//! The one error of the crate.

use std::io;
use std::str::Utf8Error;

use crate::id::Id;
use crate::table::Type;

/// Why data could not be accepted.
///
/// The message names the place (file and line, or the position in the input) and the field or the id. The predicates
/// answer what a caller may want to branch on; [`source`](std::error::Error::source) has the underlying I/O or UTF-8 error.
///
/// ```
/// use rec_data::{IdMap, atomic};
///
/// let error = IdMap::try_from_ids(["a", "b", "a"]).unwrap_err();
/// assert!(error.is_duplicate());
/// assert_eq!(error.to_string(), "duplicate id `a` at positions 0 and 2");
///
/// let error = atomic::read_catalogue_from(&b"item_id:token\tprice:float\n7\tcheap\n"[..], "shop.item").unwrap_err();
/// assert!(error.is_malformed());
/// assert_eq!(error.to_string(), "shop.item:2: field `price`: `cheap` is not a finite number");
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl Error {
    /// True if a file could not be opened, read or written.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    /// True if the contents of a file break the rules of its format; the message has the line, or the row and the column.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        match *self.0 {
            Kind::Malformed { .. } | Kind::Utf8 { .. } => true,
            #[cfg(feature = "arrow")]
            Kind::Cell { .. } => true,
            #[cfg(feature = "parquet")]
            Kind::Parquet { .. } => true,
            _ => false,
        }
    }

    /// True if an id or a column that must be unique came twice.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        match &*self.0 {
            Kind::DuplicateId { .. } | Kind::DuplicateHit { .. } | Kind::DuplicateColumn { .. } => true,
            Kind::Malformed { problem, .. } => {
                matches!(problem, Problem::DuplicateColumn | Problem::DuplicateId { .. })
            }
            #[cfg(feature = "arrow")]
            Kind::Cell { problem, .. } => matches!(problem, Problem::DuplicateIdInRow { .. }),
            _ => false,
        }
    }

    /// True if a number was NaN or infinite where the value must be finite (for scores: NaN).
    #[must_use]
    pub fn is_not_finite(&self) -> bool {
        matches!(
            *self.0,
            Kind::NotFinite { .. }
                | Kind::NotFiniteCell { .. }
                | Kind::NotFiniteTime(_)
                | Kind::NanScore { .. }
        )
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Box::new(kind))
    }
}

/// What went wrong. Private, so that a new reason is not a breaking change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("{file}: cannot {action}")]
    Io { file: String, action: &'static str, source: io::Error },

    #[error("{file}:{line}: {}invalid UTF-8", .field.map(|n| format!("field number {n}: ")).unwrap_or_default())]
    Utf8 { file: String, line: usize, field: Option<usize>, source: Utf8Error },

    #[error("{file}:{line}: {}{problem}", field_prefix(.field.as_deref()))]
    Malformed { file: String, line: usize, field: Option<String>, problem: Problem },

    #[cfg(feature = "arrow")]
    #[error("{}column `{column}`: {problem}", place(.file.as_deref(), *.row))]
    Cell { file: Option<String>, row: Option<usize>, column: String, problem: Problem },

    #[cfg(feature = "parquet")]
    #[error("{file}: cannot read as Parquet")]
    Parquet { file: String, source: Box<dyn std::error::Error + Send + Sync> },

    #[error("{folder}: no data set here, which would have {expected}")]
    NoDataSet { folder: String, expected: &'static str },

    #[error("duplicate id `{id}` at positions {first} and {second}")]
    DuplicateId { id: Id, first: usize, second: usize },

    #[error("duplicate id `{id}` in a ranked list")]
    DuplicateHit { id: Id },

    #[error("duplicate column `{column}`")]
    DuplicateColumn { column: String },

    #[error("duplicate field `{field}` in the record of `{id}`")]
    DuplicateField { id: Id, field: String },

    #[error("column `{column}` has {found} values for {expected} ids")]
    ColumnLength { column: String, found: usize, expected: usize },

    #[error("no column `{column}`")]
    NoColumn { column: String },

    #[error("column `{column}` holds numbers, not tokens")]
    NotText { column: String },

    #[error("column `{column}` of `{id}` is {value}, not a finite number")]
    NotFiniteCell { column: String, id: Id, value: f64 },

    #[error("the {what} of `{item}` at position {position} is {value}, not a finite number")]
    NotFinite { what: &'static str, item: Id, position: usize, value: f64 },

    #[error("the reference time is {0}, not a finite number")]
    NotFiniteTime(f64),

    #[error("the test would begin at {test_from}, before the validation at {valid_from}")]
    SplitTimes { valid_from: f64, test_from: f64 },

    #[error("{file}: cannot write {what}: `{text}` {problem}")]
    Unwritable { file: String, what: String, text: String, problem: &'static str },

    #[error("{file}: cannot write weights and events as one column")]
    MixedSignals { file: String },

    #[error("a decision for `{user}`: {problem}")]
    Decision { user: Id, problem: String },

    #[error("the score of {key} is NaN")]
    NanScore { key: String },
}

/// What is wrong with a line of a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the file is empty, but must begin with a header line")]
    EmptyFile,
    #[error("`{0}` is not of the form `name:type`")]
    HeaderCell(String),
    #[error("unknown type `{0}`, expected token, token_seq, float or float_seq")]
    UnknownType(String),
    #[error("the column is named twice")]
    DuplicateColumn,
    #[error("no such column")]
    NoColumn,
    #[error("the table has no columns")]
    NoColumns,
    #[error("the column has the type {found}, expected {expected}")]
    WrongType { found: Type, expected: Type },
    #[error("the line is longer than 64 MiB")]
    LongLine,
    #[error("the quote that opens in this record does not close")]
    OpenQuote,
    #[error("{found} fields, expected {expected}")]
    FieldCount { found: usize, expected: usize },
    #[error("`{0}` is not a finite number")]
    Number(String),
    #[error("`{0}` is neither 0 nor 1")]
    Flag(String),
    #[error("`{0}` is not a time such as 11/11/2019 9:05:58 AM")]
    Time(String),
    #[error("`{0}` is not an item such as N1, N1-0 or N1-1")]
    Candidate(String),
    #[error("malformed JSON at column {column}: {reason}")]
    Json { column: usize, reason: String },
    #[error("found {found}, expected {expected}")]
    JsonType { found: &'static str, expected: &'static str },
    #[error("the value is missing")]
    Missing,
    #[error("the item `{0}` comes twice")]
    ItemTwice(Id),
    #[error("it is not among the items")]
    NotAmongItems,
    #[error("`{0}` is not a probability above 0")]
    Propensity(f64),
    #[error("duplicate id `{id}`, first on line {first}")]
    DuplicateId { id: Id, first: usize },
    #[cfg(feature = "arrow")]
    #[error("duplicate id `{id}`, first in row {first}")]
    DuplicateIdInRow { id: Id, first: usize },
    #[cfg(feature = "arrow")]
    #[error("the column holds {found}, expected {expected}")]
    ArrowType { found: String, expected: &'static str },
    #[cfg(feature = "arrow")]
    #[error("the batch has other columns than the first one")]
    OtherColumns,
}

fn field_prefix(field: Option<&str>) -> String {
    field.map(|name| format!("field `{name}`: ")).unwrap_or_default()
}

#[cfg(feature = "arrow")]
fn place(file: Option<&str>, row: Option<usize>) -> String {
    let file = file.map(|name| format!("{name}: ")).unwrap_or_default();
    let row = row.map(|row| format!("row {row}: ")).unwrap_or_default();
    file + &row
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn source_is_kept_and_predicates_tell_kinds_apart() {
        let io = io::Error::from(io::ErrorKind::NotFound);
        let error = Error::from(Kind::Io { file: "x.item".to_owned(), action: "open the file", source: io });
        assert_eq!(error.to_string(), "x.item: cannot open the file");
        assert!(error.source().is_some_and(|source| source.is::<io::Error>()));
        assert!(error.is_io() && !error.is_malformed() && !error.is_duplicate() && !error.is_not_finite());
    }

    #[test]
    fn error_is_send_sync_and_small() {
        fn assert_send_sync<T: Send + Sync + 'static>() {}
        assert_send_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
