//! Catalogues from `.item` and `.user` files, histories from `.inter` files.

use std::io::BufRead;
use std::path::Path;

use super::header;
use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::fields::{CatalogueFields, InteractionFields};
use crate::interactions::Interactions;
use crate::table::{self, open};

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
    table::read_catalogue(header::table(reader, name)?, &CatalogueFields::default())
}

/// Reads a `.inter` file: one history per user.
///
/// A user who did the same thing twice did it twice: lines are never merged. A file with nothing but a header has no users.
///
/// # Errors
///
/// The file cannot be read, or it breaks the rules of the format as for [`read_catalogue`]; a column that
/// [`InteractionFields`] needs is not there or has another type; a user, item, time, rating or event is missing; a time is
/// not finite, or a rating is not finite as `f32`. The message has the path, the line and the field.
///
/// ```no_run
/// use rec_data::{InteractionFields, atomic};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let log = atomic::read_interactions("ml-100k.inter", &InteractionFields::default())?;
/// println!("{} users, {} ratings", log.len(), log.n_interactions());
/// # Ok(())
/// # }
/// ```
pub fn read_interactions(path: impl AsRef<Path>, fields: &InteractionFields) -> Result<Interactions, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_interactions_from(reader, &name, fields)
}

/// Reads what [`read_interactions`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_interactions`].
///
/// ```
/// use rec_data::{InteractionFields, atomic};
///
/// let file = "user_id:token\titem_id:token\ttimestamp:float\nann\tdune\tyesterday\n";
/// let fields = InteractionFields::default();
/// let error = atomic::read_interactions_from(file.as_bytes(), "x.inter", &fields).unwrap_err();
/// assert_eq!(error.to_string(), "x.inter:2: field `timestamp`: `yesterday` is not a finite number");
/// ```
pub fn read_interactions_from(
    reader: impl BufRead,
    name: &str,
    fields: &InteractionFields,
) -> Result<Interactions, Error> {
    table::read_interactions(header::table(reader, name)?, fields)
}
