//! `u.item`, `movies.dat` and `movies.csv`, and `links.csv`.

use std::io::BufRead;
use std::path::Path;

use super::{Release, rows};
use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::csv::{self, Dialect};
use crate::error::{Error, Problem};
use crate::fields::CatalogueFields;
use crate::table::{Row, Rows, UniqueIds, excerpt, open};

/// The flags of `u.item`, in their order. The first one says that no genre is known.
const GENRES: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// The fields of `u.item` before the flags.
const ITEM_FIELDS: [&str; 5] = ["movie_id", "title", "release_date", "video_release_date", "imdb_url"];

/// Reads a file of movies.
///
/// | column   | type        | value                                                                             |
/// |----------|-------------|-----------------------------------------------------------------------------------|
/// | `title`  | `Token`     | as it stands in the file: `Toy Story (1995)`                                      |
/// | `year`   | `Float`     | the year, where the title ends with one in parentheses                            |
/// | `genres` | `TokenSeq`  | in the order of the file; none for `unknown` (100K) and `(no genres listed)`      |
///
/// 100K also has the tokens `release_date`, `video_release_date` and `imdb_url`.
///
/// # Errors
///
/// The file cannot be read or, from 10M on, is not UTF-8; a line has too many or too few fields, or an id that is missing or
/// comes twice; a flag of a genre is neither 0 nor 1. The message has the path, the line and the field.
///
/// ```no_run
/// use rec_data::movielens::{self, Release};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let movies = movielens::read_movies("ml-100k/u.item", Release::Ml100k)?;
/// println!("{:?}", movies.get("50"));
/// # Ok(())
/// # }
/// ```
pub fn read_movies(path: impl AsRef<Path>, release: Release) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_movies_from(reader, &name, release)
}

/// Reads what [`read_movies`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_movies`].
///
/// ```
/// use rec_data::movielens::{self, Release};
///
/// let file = "movieId,title,genres\n11,\"American President, The (1995)\",Comedy|Drama\n7,Babylon,(no genres listed)\n";
/// let movies = movielens::read_movies_from(file.as_bytes(), "movies.csv", Release::Csv)?;
/// assert_eq!(movies.get("11").unwrap().get("year").unwrap().to_string(), "1995");
/// assert!(movies.get("7").unwrap().get("genres").is_none());
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_movies_from(reader: impl BufRead, name: &str, release: Release) -> Result<Catalogue, Error> {
    match release {
        Release::Ml100k => {
            let names = [&ITEM_FIELDS[..], &GENRES].concat();
            read_items(rows(reader, name, release, "|", &names))
        }
        Release::Ml1m | Release::Ml10m => {
            let names = ["movie_id", "title", "genres"];
            read_listed(rows(reader, name, release, "::", &names), [0, 1, 2])
        }
        Release::Csv => {
            let records = csv::Records::new(reader, name, Dialect::COMMA)?;
            let columns =
                [records.require("movieId")?, records.require("title")?, records.require("genres")?];
            read_listed(records, columns)
        }
    }
}

/// Reads `links.csv`: the ids that other sites have for the movies, as the tokens `imdb_id` and `tmdb_id`.
///
/// # Errors
///
/// The file cannot be read as [CSV](crate::csv) with the columns `movieId`, `imdbId` and `tmdbId`, or a movie comes twice.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let links = rec_data::movielens::read_links("ml-latest-small/links.csv")?;
/// println!("{} movies", links.len());
/// # Ok(())
/// # }
/// ```
pub fn read_links(path: impl AsRef<Path>) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_links_from(reader, &name)
}

/// Reads what [`read_links`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_links`].
///
/// ```
/// use rec_data::{Value, movielens};
///
/// let links = movielens::read_links_from(&b"movieId,imdbId,tmdbId\n1,0114709,862\n"[..], "links.csv")?;
/// assert_eq!(links.get("1").unwrap().get("imdb_id"), Some(Value::Token("0114709")));
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_links_from(reader: impl BufRead, name: &str) -> Result<Catalogue, Error> {
    let fields = CatalogueFields::default().id("movieId").only(["imdbId", "tmdbId"]);
    let links = csv::read_catalogue_from(reader, name, &fields, Dialect::COMMA)?;
    let (ids, columns) = links.into_parts();
    let renamed = columns.into_iter().map(|column| match &*column.name {
        "imdbId" => Column::new("imdb_id", column.values),
        _ => Column::new("tmdb_id", column.values),
    });
    Catalogue::new(ids, renamed.collect())
}

/// The rows of `u.item`, where genres are flags.
fn read_items(mut rows: impl Rows) -> Result<Catalogue, Error> {
    let mut movies = Movies::default();
    let mut more = [Vec::new(), Vec::new(), Vec::new()];
    while let Some(row) = rows.next_row()? {
        let mut genres = Vec::new();
        for (i, genre) in GENRES.iter().enumerate() {
            let column = ITEM_FIELDS.len() + i;
            match row.cell(column) {
                "1" if i > 0 => genres.push(Box::from(*genre)),
                "0" | "1" => {}
                other => return Err(row.error(column, Problem::Flag(excerpt(other)))),
            }
        }
        movies.push(&row, [0, 1], genres)?;
        for (i, values) in more.iter_mut().enumerate() {
            values.push(token(row.cell(2 + i)));
        }
    }
    let more =
        ITEM_FIELDS[2..].iter().zip(more).map(|(name, values)| Column::new(*name, Values::Token(values)));
    movies.finish(more)
}

/// The rows of the other files, where genres are a list. `columns` are those of the id, the title and the genres.
fn read_listed(mut rows: impl Rows, [id, title, genres]: [usize; 3]) -> Result<Catalogue, Error> {
    let mut movies = Movies::default();
    while let Some(row) = rows.next_row()? {
        let genres = match row.cell(genres) {
            "(no genres listed)" => Vec::new(),
            list => list.split('|').filter(|genre| !genre.is_empty()).map(Box::from).collect(),
        };
        movies.push(&row, [id, title], genres)?;
    }
    movies.finish([])
}

/// The columns that every release has.
#[derive(Default)]
struct Movies {
    ids: UniqueIds,
    titles: Vec<Option<Box<str>>>,
    years: Vec<Option<f64>>,
    genres: Vec<Box<[Box<str>]>>,
}

impl Movies {
    fn push(&mut self, row: &Row<'_>, [id, title]: [usize; 2], genres: Vec<Box<str>>) -> Result<(), Error> {
        self.ids.insert(row.required(id)?, row.line()).map_err(|problem| row.error(id, problem))?;
        self.titles.push(token(row.cell(title)));
        self.years.push(year(row.cell(title)));
        self.genres.push(genres.into());
        Ok(())
    }

    fn finish(self, more: impl IntoIterator<Item = Column>) -> Result<Catalogue, Error> {
        let columns = [
            Column::new("title", Values::Token(self.titles)),
            Column::new("year", Values::Float(self.years)),
            Column::new("genres", Values::TokenSeq(self.genres)),
        ];
        Catalogue::new(self.ids.into_ids(), columns.into_iter().chain(more).collect())
    }
}

fn token(cell: &str) -> Option<Box<str>> {
    Some(cell).filter(|cell| !cell.is_empty()).map(Box::from)
}

/// The year of a title that ends with `(YYYY)`.
fn year(title: &str) -> Option<f64> {
    let (_, year) = title.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    if is_year { year.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_stand_at_the_end_in_parentheses() {
        assert_eq!(year("Toy Story (1995)"), Some(1995.0));
        assert_eq!(year("Léon (Professional, The) (1994) "), Some(1994.0));
        for title in
            ["2001", "unknown", "Sci-Fi (1995) (V)", "Serial (2003–2004)", "(19 95)", "(+195)", ")", "("]
        {
            assert_eq!(year(title), None, "{title}");
        }
    }
}
