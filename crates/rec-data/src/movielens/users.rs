//! `u.user` and `users.dat`.

use std::io::BufRead;
use std::path::Path;

use super::{Release, rows};
use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::fields::CatalogueFields;
use crate::table::{self, open};

/// Reads a file of users.
///
/// | column       | type    | 100K                | 1M                                                              |
/// |--------------|---------|---------------------|-----------------------------------------------------------------|
/// | `age`        | `Float` | in years            | the lowest age of the bracket in years: 18 says 18 to 24        |
/// | `gender`     | `Token` | `F` or `M`          | `F` or `M`                                                      |
/// | `occupation` | `Token` | a word              | a code from 0 to 20, which the README of the data set explains  |
/// | `zip_code`   | `Token` | as it was given     | as it was given                                                 |
///
/// The columns come in the order of the file. In 1M the age 1 says *under 18*.
///
/// # Errors
///
/// The file cannot be read; a line has not exactly five fields, an id that is missing or comes twice, or an age that is not a
/// number. The message has the path, the line and the field.
///
/// # Panics
///
/// If the release has no users: only 100K and 1M have.
///
/// ```no_run
/// use rec_data::movielens::{self, Release};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let users = movielens::read_users("ml-1m/users.dat", Release::Ml1m)?;
/// assert_eq!(users.len(), 6040);
/// # Ok(())
/// # }
/// ```
pub fn read_users(path: impl AsRef<Path>, release: Release) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_users_from(reader, &name, release)
}

/// Reads what [`read_users`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_users`].
///
/// # Panics
///
/// As [`read_users`].
///
/// ```
/// use rec_data::movielens::{self, Release};
/// use rec_data::Value;
///
/// let users = movielens::read_users_from(&b"1|24|M|technician|85711\n"[..], "u.user", Release::Ml100k)?;
/// assert_eq!(users.get("1").unwrap().get("age"), Some(Value::Float(24.0)));
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_users_from(reader: impl BufRead, name: &str, release: Release) -> Result<Catalogue, Error> {
    let (separator, names) = match release {
        Release::Ml100k => ("|", ["user_id", "age", "gender", "occupation", "zip_code"]),
        Release::Ml1m => ("::", ["user_id", "gender", "age", "occupation", "zip_code"]),
        Release::Ml10m | Release::Csv => panic!("{release:?} has no file of users"),
    };
    let rows = rows(reader, name, release, separator, &names);
    table::read_catalogue(rows, &CatalogueFields::default().float("age"))
}
