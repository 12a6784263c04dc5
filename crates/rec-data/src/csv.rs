//! Catalogues and interactions from CSV and TSV files with a header.
//!
//! A file is UTF-8, perhaps with a byte order mark; its first record names the columns. Fields may be quoted as in
//! [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180): `"` around the field, and `""` for a quote inside, where separators
//! and line ends are text. Lines end in LF or CRLF, and blank lines are skipped. An empty field is a missing value. A path that
//! ends in `.gz` is read through gzip.
//!
//! A CSV file does not say what its columns hold. [`InteractionFields`] name those of a log, and [`CatalogueFields`] declare
//! those of a catalogue that are not plain text.
//!
//! ```
//! use rec_data::csv::{self, Dialect};
//! use rec_data::{CatalogueFields, InteractionFields, Value};
//!
//! let items = "id,title,year\n50,\"Star Wars, restored\",1977\n";
//! let films = csv::read_catalogue_from(
//!     items.as_bytes(),
//!     "films.csv",
//!     &CatalogueFields::default().float("year"),
//!     Dialect::default(),
//! )?;
//! assert_eq!(films.get("50").unwrap().get("title"), Some(Value::Token("Star Wars, restored")));
//!
//! let log = "userId\tmovieId\trating\n7\t50\t5\n";
//! let fields = InteractionFields::default().user("userId").item("movieId");
//! let log = csv::read_interactions_from(log.as_bytes(), "log.tsv", &fields, Dialect::TAB)?;
//! assert!(log.get("7").unwrap().items().eq(["50"]));
//! # Ok::<(), rec_data::Error>(())
//! ```

use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::path::Path;

use crate::catalogue::Catalogue;
use crate::error::{Error, Kind, Problem};
use crate::fields::{CatalogueFields, InteractionFields};
use crate::interactions::Interactions;
use crate::table::{self, Field, Row, Rows, excerpt, malformed, open};

/// How a file separates and quotes its fields: commas and quotes by default.
///
/// ```
/// use rec_data::csv::Dialect;
///
/// assert_eq!(Dialect::default(), Dialect::separated_by(b','));
/// let raw = Dialect::TAB.without_quotes();
/// # let _ = raw;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    separator: u8,
    quotes: bool,
}

impl Dialect {
    /// Commas between fields, which may be quoted.
    pub const COMMA: Dialect = Dialect { separator: b',', quotes: true };

    /// Tabs between fields, which may be quoted.
    pub const TAB: Dialect = Dialect { separator: b'\t', quotes: true };

    /// Another separator between fields, which may be quoted.
    ///
    /// # Panics
    ///
    /// If the separator is a quote, a carriage return, a line feed, or not ASCII.
    #[must_use]
    pub const fn separated_by(separator: u8) -> Dialect {
        assert!(separator.is_ascii(), "a separator is one ASCII character");
        assert!(!matches!(separator, b'"' | b'\r' | b'\n'), "a separator is neither a quote nor a line end");
        Dialect { separator, quotes: true }
    }

    /// The same separator, and `"` is a character like any other.
    ///
    /// For files that never quote: there a title such as `"Heat" (1995)` would be misread.
    ///
    /// ```
    /// use rec_data::csv::{self, Dialect};
    /// use rec_data::{CatalogueFields, Value};
    ///
    /// let file = "id\ttitle\n1\t\"Heat\" (1995)\n";
    /// let raw = Dialect::TAB.without_quotes();
    /// let films = csv::read_catalogue_from(file.as_bytes(), "films.tsv", &CatalogueFields::default(), raw)?;
    /// assert_eq!(films.item(0).get("title"), Some(Value::Token("\"Heat\" (1995)")));
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub const fn without_quotes(self) -> Dialect {
        Dialect { quotes: false, ..self }
    }
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::COMMA
    }
}

/// Reads a catalogue: an id per row, and the columns that `fields` wants.
///
/// # Errors
///
/// The file cannot be read or is empty; a column that is named twice or, by `fields`, but not there; a record with too many
/// or too few fields; a quote that does not close; invalid UTF-8; a number that does not parse or is not finite; an id that is
/// missing or comes twice. The message has the path, the line where the record begins, and the field.
///
/// ```no_run
/// use rec_data::csv::{self, Dialect};
/// use rec_data::CatalogueFields;
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let fields = CatalogueFields::default().id("sku").float("price");
/// let shop = csv::read_catalogue("shop.csv.gz", &fields, Dialect::default())?;
/// println!("{} items", shop.len());
/// # Ok(())
/// # }
/// ```
pub fn read_catalogue(
    path: impl AsRef<Path>,
    fields: &CatalogueFields,
    dialect: Dialect,
) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_catalogue_from(reader, &name, fields, dialect)
}

/// Reads what [`read_catalogue`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_catalogue`].
///
/// ```
/// use rec_data::csv::{self, Dialect};
/// use rec_data::CatalogueFields;
///
/// let fields = CatalogueFields::default().float("price");
/// let file = &b"sku,price\nm1,9.5\nt1,cheap\n"[..];
/// let error = csv::read_catalogue_from(file, "shop.csv", &fields, Dialect::default()).unwrap_err();
/// assert_eq!(error.to_string(), "shop.csv:3: field `price`: `cheap` is not a finite number");
/// ```
pub fn read_catalogue_from(
    reader: impl BufRead,
    name: &str,
    fields: &CatalogueFields,
    dialect: Dialect,
) -> Result<Catalogue, Error> {
    table::read_catalogue(Records::new(reader, name, dialect)?, fields)
}

/// Reads interactions: one history per user.
///
/// Rows are never merged. A file with nothing but a header has no users.
///
/// # Errors
///
/// As [`read_catalogue`] for the file; a column that `fields` needs is not there; a user, item, time, rating or event is
/// missing; a time is not finite, or a rating is not finite as `f32`. The message has the path, the line where the record
/// begins, and the field.
///
/// ```no_run
/// use rec_data::csv::{self, Dialect};
/// use rec_data::{InteractionFields, TimeUnit};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let fields = InteractionFields::default().time("clicked_at").time_unit(TimeUnit::Milliseconds);
/// let log = csv::read_interactions("clicks.tsv", &fields, Dialect::TAB)?;
/// println!("{} users", log.len());
/// # Ok(())
/// # }
/// ```
pub fn read_interactions(
    path: impl AsRef<Path>,
    fields: &InteractionFields,
    dialect: Dialect,
) -> Result<Interactions, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_interactions_from(reader, &name, fields, dialect)
}

/// Reads what [`read_interactions`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_interactions`].
///
/// ```
/// use rec_data::csv::{self, Dialect};
/// use rec_data::InteractionFields;
///
/// let file = &b"user_id,item_id,rating\nann,dune\n"[..];
/// let fields = InteractionFields::default();
/// let error = csv::read_interactions_from(file, "log.csv", &fields, Dialect::default()).unwrap_err();
/// assert_eq!(error.to_string(), "log.csv:2: 2 fields, expected 3");
/// ```
pub fn read_interactions_from(
    reader: impl BufRead,
    name: &str,
    fields: &InteractionFields,
    dialect: Dialect,
) -> Result<Interactions, Error> {
    table::read_interactions(Records::new(reader, name, dialect)?, fields)
}

/// The records of a file after its header.
#[derive(Debug)]
pub(crate) struct Records<R> {
    reader: ::csv::Reader<Terminated<R>>,
    file: String,
    fields: Vec<Field>,
    record: ::csv::ByteRecord,
}

/// A reader with a line end after its last byte. One too many is a blank line, and blank lines are skipped; but now a record
/// that reaches the end of the file must have an open quote.
#[derive(Debug)]
struct Terminated<R> {
    reader: R,
    is_terminated: bool,
    /// Whether the line end was read, too.
    is_at_end: bool,
}

impl<R: Read> Read for Terminated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_terminated {
            match self.reader.read(buffer)? {
                0 => self.is_terminated = true,
                n => return Ok(n),
            }
            if let Some(first) = buffer.first_mut() {
                *first = b'\n';
                return Ok(1);
            }
        }
        self.is_at_end = true;
        Ok(0)
    }
}

impl<R: Read> Records<R> {
    /// Reads the header; `file` stands for the path in messages.
    pub(crate) fn new(reader: R, file: &str, dialect: Dialect) -> Result<Records<R>, Error> {
        let reader = ::csv::ReaderBuilder::new()
            .delimiter(dialect.separator)
            .quoting(dialect.quotes)
            // Only so can lines be counted: with the default, the LF of a CRLF belongs to the next record.
            .terminator(::csv::Terminator::Any(b'\n'))
            .has_headers(false)
            // The fields are counted here, for a message in the words of the other readers.
            .flexible(true)
            .from_reader(Terminated { reader, is_terminated: false, is_at_end: false });
        let record = ::csv::ByteRecord::new();
        let mut records = Records { reader, file: file.to_owned(), fields: Vec::new(), record };
        let Some(line) = records.advance()? else {
            return Err(malformed(file, 1, None, Problem::EmptyFile));
        };
        let mut names = HashSet::new();
        let mut fields = Vec::new();
        for name in records.cells(line)? {
            // The byte order mark, if the buffer cut it in two.
            let name = if fields.is_empty() { name.trim_start_matches('\u{feff}') } else { name };
            if !names.insert(name) {
                return Err(malformed(file, line, Some(excerpt(name)), Problem::DuplicateColumn));
            }
            fields.push(Field { name: name.to_owned(), declared: None });
        }
        records.fields = fields;
        Ok(records)
    }

    /// Reads the next record that is not a blank line; gives the line where it begins, or `None` at the end of the file.
    fn advance(&mut self) -> Result<Option<usize>, Error> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) if self.record.len() == 1 && self.record.as_slice() == b"\r" => {}
                Ok(true) => break,
                Ok(false) => return Ok(None),
                Err(error) => return Err(self.io_error(error)),
            }
        }
        // The reader stands behind the record, which has as many line ends inside as its quotes hold.
        let n_inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count();
        let is_cut_off = self.reader.get_ref().is_at_end;
        let n_after = usize::from(!is_cut_off);
        let line = usize::try_from(self.reader.position().line()).unwrap_or(usize::MAX);
        let line = line.saturating_sub(n_inside + n_after).max(1);
        if is_cut_off {
            return Err(malformed(&self.file, line, None, Problem::OpenQuote));
        }
        Ok(Some(line))
    }

    /// The cells of the record, which begins at `line`.
    fn cells(&self, line: usize) -> Result<Vec<&str>, Error> {
        let n_cells = self.record.len();
        let cells = self.record.iter().enumerate().map(|(i, bytes)| {
            // The CR of a CRLF.
            let is_last = i + 1 == n_cells;
            let bytes = bytes.strip_suffix(b"\r").filter(|_| is_last).unwrap_or(bytes);
            str::from_utf8(bytes).map_err(|source| {
                Kind::Utf8 { file: self.file.clone(), line, field: Some(i + 1), source }.into()
            })
        });
        cells.collect()
    }

    fn io_error(&self, error: ::csv::Error) -> Error {
        let source = match error.into_kind() {
            ::csv::ErrorKind::Io(source) => source,
            // Records of bytes of any length have no other way to fail.
            other => io::Error::other(format!("{other:?}")),
        };
        Kind::Io { file: self.file.clone(), action: "read the file", source }.into()
    }
}

impl<R: Read> Rows for Records<R> {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn file(&self) -> &str {
        &self.file
    }

    fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        let Some(line) = self.advance()? else { return Ok(None) };
        Row::new(self.cells(line)?, line, &self.file, &self.fields).map(Some)
    }
}
