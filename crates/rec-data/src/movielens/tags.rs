//! `tags.dat` and `tags.csv`.

use std::io::BufRead;
use std::path::Path;

use super::{Release, rows};
use crate::csv::{self, Dialect};
use crate::error::Error;
use crate::id::{Id, IdMap};
use crate::table::{Rows, open};

/// What a user wrote on a movie.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// Who wrote it.
    pub user: Id,
    /// On which movie.
    pub item: Id,
    /// What it says, perhaps nothing.
    pub text: Box<str>,
    /// When, in Unix seconds.
    pub time: f64,
}

/// Reads a file of tags, in its order.
///
/// A tag is an interaction with a time: a model that is tested on what came later must not read it, which is why tags are
/// not a column of the movies.
///
/// # Errors
///
/// The file cannot be read or is not UTF-8; a line has too many or too few fields; a user, a movie or a time is missing, or the
/// time is not a finite number; in a CSV file, a column `userId`, `movieId`, `tag` or `timestamp` is not there. The message has
/// the path, the line and the field.
///
/// # Panics
///
/// If the release has no tags: 100K and 1M have none.
///
/// ```no_run
/// use rec_data::movielens::{self, Release};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let tags = movielens::read_tags("ml-latest-small/tags.csv", Release::Csv)?;
/// println!("{} tags", tags.len());
/// # Ok(())
/// # }
/// ```
pub fn read_tags(path: impl AsRef<Path>, release: Release) -> Result<Vec<Tag>, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_tags_from(reader, &name, release)
}

/// Reads what [`read_tags`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_tags`].
///
/// # Panics
///
/// As [`read_tags`].
///
/// ```
/// use rec_data::movielens::{self, Release};
///
/// let file = &b"userId,movieId,tag,timestamp\n2,60756,\"funny, really\",1445714994\n"[..];
/// let tags = movielens::read_tags_from(file, "tags.csv", Release::Csv)?;
/// assert_eq!((&*tags[0].text, tags[0].time), ("funny, really", 1_445_714_994.0));
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_tags_from(reader: impl BufRead, name: &str, release: Release) -> Result<Vec<Tag>, Error> {
    match release {
        Release::Ml10m => {
            let names = ["user_id", "item_id", "tag", "timestamp"];
            read(rows(reader, name, release, "::", &names), [0, 1, 2, 3])
        }
        Release::Csv => {
            let records = csv::Records::new(reader, name, Dialect::COMMA)?;
            let [user, item, text, time] = ["userId", "movieId", "tag", "timestamp"];
            let columns = [
                records.require(user)?,
                records.require(item)?,
                records.require(text)?,
                records.require(time)?,
            ];
            read(records, columns)
        }
        Release::Ml100k | Release::Ml1m => panic!("{release:?} has no file of tags"),
    }
}

fn read(mut rows: impl Rows, [user, item, text, time]: [usize; 4]) -> Result<Vec<Tag>, Error> {
    let (mut users, mut items) = (IdMap::new(), IdMap::new());
    let mut tags = Vec::new();
    while let Some(row) = rows.next_row()? {
        tags.push(Tag {
            user: users.intern(row.required(user)?).1.clone(),
            item: items.intern(row.required(item)?).1.clone(),
            text: row.cell(text).into(),
            time: row.number(time)?,
        });
    }
    Ok(tags)
}
