//! The MovieLens data sets as GroupLens publishes them: 100K, 1M, 10M, and all later ones (20M, 25M, 32M, latest).
//!
//! F. Maxwell Harper and Joseph A. Konstan: *The MovieLens Datasets: History and Context*, ACM Transactions on Interactive
//! Intelligent Systems 5(4), 2015. The formats are those of the README in each archive:
//!
//! | [`Release`] | ratings       | movies       | users       | tags       | links       | encoding   |
//! |-------------|---------------|--------------|-------------|------------|-------------|------------|
//! | `Ml100k`    | `u.data`, tab | `u.item`, \| | `u.user`, \||            |             | ISO 8859-1 |
//! | `Ml1m`      | `ratings.dat` | `movies.dat` | `users.dat` |            |             | ISO 8859-1 |
//! | `Ml10m`     | `ratings.dat` | `movies.dat` |             | `tags.dat` |             | UTF-8      |
//! | `Csv`       | `ratings.csv` | `movies.csv` |             | `tags.csv` | `links.csv` | UTF-8      |
//!
//! `.dat` files separate with `::` and have no header; `.csv` files are [CSV](crate::csv) with one. Blank lines are skipped, and
//! any file may be compressed, its name ending in `.gz`.
//!
//! ```
//! use rec_data::movielens::{self, Release};
//! use rec_data::Value;
//!
//! let file = &b"1::Toy Story (1995)::Animation|Children's|Comedy\n"[..];
//! let movies = movielens::read_movies_from(file, "movies.dat", Release::Ml1m)?;
//! let toy_story = movies.get("1").unwrap();
//! assert_eq!(toy_story.get("title"), Some(Value::Token("Toy Story (1995)")));
//! assert_eq!(toy_story.get("year"), Some(Value::Float(1995.0)));
//! assert_eq!(toy_story.get("genres").unwrap().to_string(), "Animation, Children's, Comedy");
//! # Ok::<(), rec_data::Error>(())
//! ```

mod movies;
mod ratings;
mod tags;
mod users;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::catalogue::Catalogue;
use crate::error::{Error, Kind};
use crate::interactions::Interactions;
use crate::table::{Delimited, Encoding, Lines};

pub use movies::{read_links, read_links_from, read_movies, read_movies_from};
pub use ratings::{read_ratings, read_ratings_from};
pub use tags::{Tag, read_tags, read_tags_from};
pub use users::{read_users, read_users_from};

/// The format of a MovieLens data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 100,000 ratings, 1998: `u.data`, `u.item`, `u.user`.
    Ml100k,
    /// 1 million ratings, 2003: `ratings.dat`, `movies.dat`, `users.dat`.
    Ml1m,
    /// 10 million ratings, 2009: `ratings.dat`, `movies.dat`, `tags.dat`.
    Ml10m,
    /// All later releases: `ratings.csv`, `movies.csv`, `tags.csv`, `links.csv`.
    Csv,
}

impl Release {
    /// The release that a folder holds, by the names of its files; `None` if it has no ratings.
    ///
    /// A folder with `ratings.dat` is the 1M release if it has `users.dat`, and the 10M release otherwise.
    ///
    /// ```
    /// use rec_data::movielens::Release;
    ///
    /// assert_eq!(Release::detect("no such folder"), None);
    /// ```
    #[must_use]
    pub fn detect(folder: impl AsRef<Path>) -> Option<Release> {
        let has = |name| find(folder.as_ref(), name).is_some();
        if has("u.data") {
            Some(Release::Ml100k)
        } else if has("ratings.dat") {
            Some(if has("users.dat") { Release::Ml1m } else { Release::Ml10m })
        } else if has("ratings.csv") {
            Some(Release::Csv)
        } else {
            None
        }
    }

    fn encoding(self) -> Encoding {
        match self {
            Release::Ml100k | Release::Ml1m => Encoding::Latin1,
            Release::Ml10m | Release::Csv => Encoding::Utf8,
        }
    }
}

/// A whole data set, as [`read_dir`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct MovieLens {
    /// Which release it is.
    pub release: Release,
    /// The movies, as [`read_movies`] gives them, with the columns of [`read_links`] where there is such a file.
    pub movies: Catalogue,
    /// The users, as [`read_users`] gives them, where there is such a file.
    pub users: Option<Catalogue>,
    /// The ratings, as [`read_ratings`] gives them.
    pub ratings: Interactions,
    /// The tags in the order of the file; empty where there is none.
    pub tags: Vec<Tag>,
}

/// Reads the unpacked archive of any release, which [`Release::detect`] tells by its files.
///
/// Ratings and movies must be there; users, tags and links are read where they are.
///
/// # Errors
///
/// The folder holds no ratings of MovieLens, or one of the files cannot be read as its own function says.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let set = rec_data::movielens::read_dir("ml-latest-small")?;
/// println!("{} movies, {} ratings", set.movies.len(), set.ratings.n_interactions());
/// # Ok(())
/// # }
/// ```
pub fn read_dir(folder: impl AsRef<Path>) -> Result<MovieLens, Error> {
    let folder = folder.as_ref();
    let Some(release) = Release::detect(folder) else {
        let expected = "u.data, ratings.dat or ratings.csv";
        return Err(Kind::NoDataSet { folder: folder.display().to_string(), expected }.into());
    };
    let (ratings, movies, users, tags) = match release {
        Release::Ml100k => ("u.data", "u.item", Some("u.user"), None),
        Release::Ml1m => ("ratings.dat", "movies.dat", Some("users.dat"), None),
        Release::Ml10m => ("ratings.dat", "movies.dat", None, Some("tags.dat")),
        Release::Csv => ("ratings.csv", "movies.csv", None, Some("tags.csv")),
    };
    // A file that is not there under either name is an error under its plain one.
    let required = |name| find(folder, name).unwrap_or_else(|| folder.join(name));
    let optional = |name: Option<&str>| name.and_then(|name| find(folder, name));
    let mut movies = read_movies(required(movies), release)?;
    if let Some(path) = optional(Some("links.csv").filter(|_| release == Release::Csv)) {
        movies = movies.joined(&read_links(path)?)?;
    }
    let users = optional(users).map(|path| read_users(path, release)).transpose()?;
    let ratings = read_ratings(required(ratings), release)?;
    let tags = optional(tags).map(|path| read_tags(path, release)).transpose()?.unwrap_or_default();
    Ok(MovieLens { release, movies, users, ratings, tags })
}

/// The file of this name, plain or compressed.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

/// The rows of a file without a header.
fn rows<R: BufRead>(
    reader: R,
    file: &str,
    release: Release,
    separator: &'static str,
    names: &[&str],
) -> Delimited<R> {
    Delimited::headless(Lines::new(reader, file, release.encoding()), separator, names)
}
