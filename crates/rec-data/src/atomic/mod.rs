//! Readers and writers of RecBole atomic files: `.inter`, `.item` and `.user`.
//!
//! An atomic file is a table in UTF-8, its fields separated by tabs. The first line is the header, each of its fields
//! `name:type`; the types are
//!
//! | type        | a value is                                              |
//! |-------------|---------------------------------------------------------|
//! | `token`     | a text, taken as a whole                                |
//! | `token_seq` | texts separated by spaces                               |
//! | `float`     | a finite decimal number                                 |
//! | `float_seq` | finite decimal numbers separated by spaces              |
//!
//! Nothing is quoted or escaped. An empty field is a missing value. Files are read line by line; a byte order mark, CRLF line
//! ends, blank lines after the header and a missing newline at the end are all fine, and so are runs of spaces in a sequence.
//! A path that ends in `.gz` is read through gzip. Everything else that breaks these rules is an error with the name of the
//! file, the line (counted from 1) and the field.
//!
//! ```
//! use rec_data::{InteractionFields, atomic};
//!
//! let items = "item_id:token\ttitle:token_seq\tyear:float\n50\tStar Wars\t1977\n181\tReturn of the Jedi\t1983\n";
//! let log = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t181\t4\t20\n7\t50\t5\t10\n";
//!
//! let films = atomic::read_catalogue_from(items.as_bytes(), "films.item")?.with_text_columns(["title"])?;
//! let log = atomic::read_interactions_from(log.as_bytes(), "films.inter", &InteractionFields::default())?;
//!
//! let seen = log.get("7").unwrap().items();
//! let titles: Vec<String> = seen.map(|id| films.get(id).unwrap().get("title").unwrap().to_string()).collect();
//! assert_eq!(titles, ["Star Wars", "Return of the Jedi"]);
//! # Ok::<(), rec_data::Error>(())
//! ```

mod header;
mod read;
mod write;

pub use read::{read_catalogue, read_catalogue_from, read_interactions, read_interactions_from};
pub use write::{write_catalogue, write_catalogue_to, write_interactions, write_interactions_to};
