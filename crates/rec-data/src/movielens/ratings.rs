//! `u.data`, `ratings.dat` and `ratings.csv`.

use std::io::BufRead;
use std::path::Path;

use super::{Release, rows};
use crate::csv::{self, Dialect};
use crate::error::Error;
use crate::fields::InteractionFields;
use crate::interactions::Interactions;
use crate::table::{self, open};

/// Reads a file of ratings: one history per user, the stars as weights, times in Unix seconds.
///
/// # Errors
///
/// The file cannot be read; a line has not exactly a user, a movie, a rating and a time; a rating or time is not a finite
/// number; in a CSV file, a column `userId`, `movieId`, `rating` or `timestamp` is not there. The message has the path, the line
/// and the field.
///
/// ```no_run
/// use rec_data::movielens::{self, Release};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let ratings = movielens::read_ratings("ml-100k/u.data", Release::Ml100k)?;
/// assert_eq!((ratings.len(), ratings.n_interactions()), (943, 100_000));
/// # Ok(())
/// # }
/// ```
pub fn read_ratings(path: impl AsRef<Path>, release: Release) -> Result<Interactions, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_ratings_from(reader, &name, release)
}

/// Reads what [`read_ratings`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_ratings`].
///
/// ```
/// use rec_data::movielens::{self, Release};
///
/// let file = &b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n"[..];
/// let ratings = movielens::read_ratings_from(file, "u.data", Release::Ml100k)?;
/// assert!(ratings.get("196").unwrap().items().eq(["242"]));
///
/// let file = &b"1::1193::five::978300760\n"[..];
/// let error = movielens::read_ratings_from(file, "ratings.dat", Release::Ml1m).unwrap_err();
/// assert_eq!(error.to_string(), "ratings.dat:1: field `rating`: `five` is not a finite number");
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_ratings_from(reader: impl BufRead, name: &str, release: Release) -> Result<Interactions, Error> {
    let separator = match release {
        Release::Ml100k => "\t",
        Release::Ml1m | Release::Ml10m => "::",
        Release::Csv => {
            let fields = InteractionFields::default().user("userId").item("movieId");
            let fields = fields.rating("rating").time("timestamp");
            return csv::read_interactions_from(reader, name, &fields, Dialect::COMMA);
        }
    };
    let names = ["user_id", "item_id", "rating", "timestamp"];
    table::read_interactions(rows(reader, name, release, separator, &names), &InteractionFields::default())
}
