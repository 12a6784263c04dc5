//! Catalogues from `.item` and `.user` files.

use std::io::BufRead;
use std::path::Path;

use super::header::{Field, Type, excerpt};
use super::table::{Table, open, parse_number};
use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::error::{Error, Problem};
use crate::id::{Id, IdMap};

/// Reads a `.item` or `.user` file: the first column is the id, the others become the columns of the catalogue.
///
/// Every column is kept with its type. A file with nothing but a header is an empty catalogue.
///
/// # Errors
///
/// The file cannot be read, or it breaks the rules of the format (see the [module](crate::atomic)): an empty file, an unknown
/// type, a column that is named twice, a line with too many or too few fields, a number that does not parse or is not finite,
/// invalid UTF-8. Also an id column that is not of the type `token`, an id that is missing, and an id that comes twice. The
/// message has the path, the line and the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let films = rec_data::atomic::read_catalogue("ml-100k.item")?;
/// println!("{} films", films.len());
/// # Ok(())
/// # }
/// ```
pub fn read_catalogue(path: impl AsRef<Path>) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_catalogue_from(reader, &name)
}

/// Reads what [`read_catalogue`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_catalogue`].
///
/// ```
/// use rec_data::{Value, atomic};
///
/// let file = "user_id:token\tage:float\tlikes:token_seq\nann\t31\tjazz chess\nbob\t\t\n";
/// let users = atomic::read_catalogue_from(file.as_bytes(), "club.user")?;
/// assert_eq!(users.get("ann").unwrap().get("age"), Some(Value::Float(31.0)));
/// assert!(users.get("bob").unwrap().get("likes").is_none());
///
/// let error = atomic::read_catalogue_from(&b"user_id:token\nann\nbob\nann\n"[..], "club.user").unwrap_err();
/// assert_eq!(error.to_string(), "club.user:4: field `user_id`: duplicate id `ann`, first on line 2");
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_catalogue_from(reader: impl BufRead, name: &str) -> Result<Catalogue, Error> {
    let mut table = Table::new(reader, name)?;
    let id_field = &table.fields()[0];
    if id_field.r#type != Type::Token {
        let problem = Problem::WrongType { found: id_field.r#type, expected: Type::Token };
        return Err(table.error(1, Some(&id_field.name), problem));
    }
    let empty_column = |field: &Field| Column::new(&*field.name, no_values(field.r#type));
    let mut columns: Vec<Column> = table.fields()[1..].iter().map(empty_column).collect();
    let mut ids = IdMap::new();
    // Blank lines count as lines but not as rows, and so a row does not tell its line.
    let mut lines: Vec<usize> = Vec::new();
    while let Some(row) = table.next_row()? {
        let id = Id::from(row.required(0)?);
        if let (first, false) = ids.insert(&id) {
            let id = Id::from(excerpt(&id));
            return Err(row.error(0, Problem::DuplicateId { id, first: lines[first] }));
        }
        lines.push(row.line());
        for (i, column) in columns.iter_mut().enumerate() {
            let cell = row.cells()[i + 1];
            push(&mut column.values, cell).map_err(|problem| row.error(i + 1, problem))?;
        }
    }
    Catalogue::new(ids, columns)
}

fn no_values(r#type: Type) -> Values {
    match r#type {
        Type::Token => Values::Token(Vec::new()),
        Type::TokenSeq => Values::TokenSeq(Vec::new()),
        Type::Float => Values::Float(Vec::new()),
        Type::FloatSeq => Values::FloatSeq(Vec::new()),
    }
}

fn push(values: &mut Values, cell: &str) -> Result<(), Problem> {
    let elements = cell.split(' ').filter(|element| !element.is_empty());
    match values {
        Values::Token(tokens) => tokens.push(Some(cell).filter(|cell| !cell.is_empty()).map(Box::from)),
        Values::TokenSeq(rows) => rows.push(elements.map(Box::from).collect()),
        Values::Float(numbers) => {
            numbers.push(if cell.is_empty() { None } else { Some(parse_number(cell)?) });
        }
        Values::FloatSeq(rows) => rows.push(elements.map(parse_number).collect::<Result<_, _>>()?),
    }
    Ok(())
}
