//! Catalogues and interactions as atomic files.

use std::io::{self, Write};
use std::path::Path;

use crate::catalogue::Catalogue;
use crate::column::{Value, Values};
use crate::error::{Error, Kind};
use crate::interaction::Signal;
use crate::interactions::Interactions;
use crate::table::{Type, excerpt, replace, write_error};

/// Writes a `.item` or `.user` file: the ids under the name `id`, then the columns with their types.
///
/// The file is written whole or not at all: into a temporary file beside `path`, then renamed. It is compressed if its name
/// ends in `.gz`. [`read_catalogue`](super::read_catalogue) gives back the same catalogue.
///
/// # Errors
///
/// The file cannot be written; two columns (or a column and the ids) have one name; or the format cannot hold something: nothing
/// is quoted in it, so no text has tabs or line ends, an element of a sequence has no spaces and is not empty, and an id or a name
/// is not empty.
///
/// ```
/// use rec_data::{Catalogue, atomic};
///
/// let path = std::env::temp_dir().join("rec-data-doc.item");
/// let films = Catalogue::from_records([("1", [("title", "Heat")]), ("2", [("title", "Alien")])])?;
/// atomic::write_catalogue(&path, &films, "item_id")?;
/// assert_eq!(atomic::read_catalogue(&path)?, films);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn write_catalogue(path: impl AsRef<Path>, catalogue: &Catalogue, id: &str) -> Result<(), Error> {
    replace(path.as_ref(), |writer, name| write_catalogue_to(writer, name, catalogue, id))
}

/// Writes what [`write_catalogue`] writes to any writer; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`write_catalogue`].
///
/// ```
/// use rec_data::{Catalogue, atomic};
///
/// let films = Catalogue::from_records([("1", [("title", "Heat")])])?;
/// let mut file = Vec::new();
/// atomic::write_catalogue_to(&mut file, "films.item", &films, "item_id")?;
/// assert_eq!(file, b"item_id:token\ttitle:token\n1\tHeat\n");
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn write_catalogue_to(
    writer: impl Write,
    name: &str,
    catalogue: &Catalogue,
    id: &str,
) -> Result<(), Error> {
    let mut lines = Lines { writer, file: name, line: String::new() };
    lines.name(id, Type::Token)?;
    for column in catalogue.columns() {
        if *column.name == *id {
            return Err(Kind::DuplicateColumn { column: id.to_owned() }.into());
        }
        let r#type = match column.values {
            Values::Token(_) => Type::Token,
            Values::TokenSeq(_) => Type::TokenSeq,
            Values::Float(_) => Type::Float,
            Values::FloatSeq(_) => Type::FloatSeq,
        };
        lines.name(&column.name, r#type)?;
    }
    lines.end()?;
    for item in catalogue.iter() {
        lines.required("an id", item.id())?;
        for column in catalogue.columns() {
            match column.values.get(item.row()) {
                None => lines.cell(""),
                Some(Value::Token(text)) => lines.text(&column.name, text)?,
                Some(Value::Float(number)) => lines.cell(&number.to_string()),
                Some(Value::TokenSeq(texts)) => {
                    if let Some(bad) = texts.iter().find(|text| text.is_empty() || text.contains(' ')) {
                        return Err(lines.unwritable(&column.name, bad, "is no element between spaces"));
                    }
                    lines.text(&column.name, &texts.join(" "))?;
                }
                Some(Value::FloatSeq(numbers)) => {
                    let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                    lines.cell(&numbers.join(" "));
                }
            }
        }
        lines.end()?;
    }
    lines.flush()
}

/// Writes a `.inter` file: `user_id`, `item_id`, `rating` or `event`, and `timestamp`, one line for each interaction.
///
/// Users come in the order of [`users`](Interactions::users), and the interactions of each oldest first, so the order of the
/// items may be another one when the file is read. The file is written whole or not at all: into a temporary file beside `path`,
/// then renamed. It is compressed if its name ends in `.gz`. [`read_interactions`](super::read_interactions) gives back the same
/// histories, with [`event("event")`](crate::InteractionFields::event) if the signals are events.
///
/// # Errors
///
/// The file cannot be written; an id is empty or holds a tab or a line end; or some signals are weights and some are events.
///
/// ```
/// use rec_data::{Interaction, InteractionFields, Interactions, atomic};
///
/// let path = std::env::temp_dir().join("rec-data-doc.inter");
/// let log = Interactions::new([("ann", Interaction::new("dune", 10.0).with_weight(4.5))])?;
/// atomic::write_interactions(&path, &log)?;
/// assert_eq!(atomic::read_interactions(&path, &InteractionFields::default())?, log);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn write_interactions(path: impl AsRef<Path>, log: &Interactions) -> Result<(), Error> {
    replace(path.as_ref(), |writer, name| write_interactions_to(writer, name, log))
}

/// Writes what [`write_interactions`] writes to any writer; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`write_interactions`].
///
/// ```
/// use rec_data::{Interaction, Interactions, atomic};
///
/// let log = Interactions::new([("ann", Interaction::new("dune", 10.5).with_event("click"))])?;
/// let mut file = Vec::new();
/// atomic::write_interactions_to(&mut file, "log.inter", &log)?;
/// assert_eq!(file, b"user_id:token\titem_id:token\tevent:token\ttimestamp:float\nann\tdune\tclick\t10.5\n");
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn write_interactions_to(writer: impl Write, name: &str, log: &Interactions) -> Result<(), Error> {
    let interactions = || log.iter().flat_map(|(_, history)| history.interactions());
    let are_events = interactions().next().is_some_and(|first| matches!(first.signal, Signal::Event(_)));
    let mut lines = Lines { writer, file: name, line: String::new() };
    lines.name("user_id", Type::Token)?;
    lines.name("item_id", Type::Token)?;
    match are_events {
        true => lines.name("event", Type::Token)?,
        false => lines.name("rating", Type::Float)?,
    }
    lines.name("timestamp", Type::Float)?;
    lines.end()?;
    for (user, history) in log.iter() {
        for interaction in history.interactions() {
            lines.required("a user", user)?;
            lines.required("an item", &interaction.item)?;
            match &interaction.signal {
                Signal::Event(event) if are_events => lines.required("an event", event)?,
                Signal::Weight(weight) if !are_events => lines.cell(&weight.to_string()),
                _ => return Err(Kind::MixedSignals { file: name.to_owned() }.into()),
            }
            lines.cell(&interaction.time.to_string());
            lines.end()?;
        }
    }
    lines.flush()
}

/// Lines of cells between tabs.
struct Lines<'a, W> {
    writer: W,
    file: &'a str,
    /// The cells of the line, each with a separator behind it.
    line: String,
}

impl<W: Write> Lines<'_, W> {
    /// Declares a column.
    fn name(&mut self, name: &str, r#type: Type) -> Result<(), Error> {
        // A byte order mark would be taken for that of the file.
        if name.is_empty() || name.starts_with('\u{feff}') {
            return Err(self.unwritable("the header", name, "is no name of a column"));
        }
        self.text("the header", &format!("{name}:{}", r#type))
    }

    /// Adds a text that may not be empty.
    fn required(&mut self, what: &str, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return Err(self.unwritable(what, text, "is empty"));
        }
        self.text(what, text)
    }

    /// Adds any text.
    fn text(&mut self, what: &str, text: &str) -> Result<(), Error> {
        if text.contains(['\t', '\n', '\r']) {
            return Err(self.unwritable(what, text, "holds a tab or a line end"));
        }
        self.cell(text);
        Ok(())
    }

    fn cell(&mut self, text: &str) {
        self.line.push_str(text);
        self.line.push('\t');
    }

    /// Writes the line.
    fn end(&mut self) -> Result<(), Error> {
        self.line.pop();
        self.line.push('\n');
        let written = self.writer.write_all(self.line.as_bytes());
        self.line.clear();
        written.map_err(|source: io::Error| write_error(self.file, source))
    }

    fn flush(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|source| write_error(self.file, source))
    }

    fn unwritable(&self, what: &str, text: &str, problem: &'static str) -> Error {
        let (file, what, text) = (self.file.to_owned(), excerpt(what), excerpt(text));
        Kind::Unwritable { file, what, text, problem }.into()
    }
}
