//! `news.tsv`.

use std::io::BufRead;
use std::path::Path;

use serde::Deserialize;

use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::error::{Error, Problem};
use crate::table::{Delimited, Encoding, Lines, Rows, UniqueIds, json_problem, open};

const FIELDS: [&str; 8] =
    ["news_id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities"];

/// The texts among the fields, behind the id.
const N_TOKENS: usize = 5;

/// Reads `news.tsv`: what is known of the articles.
///
/// The tokens are `category`, `subcategory`, `title`, `abstract` and `url`. `title_entities` and `abstract_entities` are token
/// sequences of the Wikidata ids of the entities that a linker found in the text, such as `Q80976`, in the order of the
/// file; their names, types and confidences are not kept.
///
/// # Errors
///
/// The file cannot be read or is not UTF-8; a line has not exactly eight fields; an id is missing or comes twice; the entities
/// are not a JSON array of objects with a `WikidataId` (an empty field has no entities). The message has the path, the line and
/// the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let news = rec_data::mind::read_news("MINDsmall_train/news.tsv")?;
/// println!("{} articles", news.len());
/// # Ok(())
/// # }
/// ```
pub fn read_news(path: impl AsRef<Path>) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_news_from(reader, &name)
}

/// Reads what [`read_news`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_news`].
///
/// ```
/// use rec_data::{Value, mind};
///
/// let entities = r#"[{"Label": "Mars", "Type": "C", "WikidataId": "Q111", "Confidence": 1.0}]"#;
/// let file = format!("N1\tscience\tspace\tA day on Mars\t\thttps://example.org\t{entities}\t[]\n");
/// let news = mind::read_news_from(file.as_bytes(), "news.tsv")?;
/// let article = news.get("N1").unwrap();
/// assert_eq!(article.get("title_entities"), Some(Value::TokenSeq(&["Q111".into()])));
/// assert_eq!(article.get("abstract"), None);
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_news_from(reader: impl BufRead, name: &str) -> Result<Catalogue, Error> {
    let mut rows = Delimited::headless(Lines::new(reader, name, Encoding::Utf8), "\t", &FIELDS);
    let mut ids = UniqueIds::default();
    let mut tokens: [Vec<Option<Box<str>>>; N_TOKENS] = Default::default();
    let mut entities: [Vec<Box<[Box<str>]>>; 2] = Default::default();
    while let Some(row) = rows.next_row()? {
        ids.insert(row.required(0)?, row.line()).map_err(|problem| row.error(0, problem))?;
        for (i, tokens) in tokens.iter_mut().enumerate() {
            tokens.push(Some(row.cell(1 + i)).filter(|cell| !cell.is_empty()).map(Box::from));
        }
        for (i, entities) in entities.iter_mut().enumerate() {
            let column = 1 + N_TOKENS + i;
            entities.push(wikidata_ids(row.cell(column)).map_err(|problem| row.error(column, problem))?);
        }
    }
    let tokens = tokens.into_iter().map(Values::Token);
    let values = tokens.chain(entities.into_iter().map(Values::TokenSeq));
    let columns = FIELDS[1..].iter().zip(values).map(|(name, values)| Column::new(*name, values));
    Catalogue::new(ids.into_ids(), columns.collect())
}

fn wikidata_ids(cell: &str) -> Result<Box<[Box<str>]>, Problem> {
    #[derive(Deserialize)]
    struct Entity {
        #[serde(rename = "WikidataId")]
        wikidata_id: Box<str>,
    }
    if cell.is_empty() {
        return Ok(Box::default());
    }
    let entities: Vec<Entity> = serde_json::from_str(cell).map_err(|error| json_problem(&error))?;
    Ok(entities.into_iter().map(|entity| entity.wikidata_id).collect())
}
