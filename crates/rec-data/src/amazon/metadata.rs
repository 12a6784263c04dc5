//! The item metadata of a category, such as `meta_Movies_and_TV.jsonl.gz`.

use std::io::BufRead;
use std::path::Path;

use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::error::Error;
use crate::table::{Encoding, JsonLines, Lines, Object, UniqueIds, open};

/// Reads a file of item metadata: a catalogue whose ids are the parent ASINs.
///
/// | column           | type       | value                                                                              |
/// |------------------|------------|------------------------------------------------------------------------------------|
/// | `main_category`  | `Token`    | as it stands in the file                                                           |
/// | `title`          | `Token`    | as it stands in the file                                                           |
/// | `store`          | `Token`    | as it stands in the file                                                           |
/// | `average_rating` | `Float`    | the mean of the stars, when the data were collected                                |
/// | `rating_number`  | `Float`    | how many ratings there were then                                                   |
/// | `price`          | `Float`    | in US dollars: a number, or a text such as `$1,299.00`                             |
/// | `features`       | `TokenSeq` | the bullet points                                                                  |
/// | `description`    | `TokenSeq` | the paragraphs                                                                     |
/// | `categories`     | `TokenSeq` | from the widest to the narrowest                                                   |
/// | `details`        | `TokenSeq` | `key: value`, in the order of the keys; a value that is not a text stays JSON      |
///
/// A field that is `null` or not there is missing. So is a price that is no one number, such as `None`, `—` or `from 14.99`.
/// Other fields (images, videos, and those that only some categories have) are not looked at. Note that the ratings were
/// collected after all reviews: a model that is tested on reviews must not read them.
///
/// # Errors
///
/// The file cannot be read or is not UTF-8; a line is not a JSON object; a `parent_asin` is missing or comes twice; a field is
/// of another type. The message has the path, the line and the field.
///
/// ```no_run
/// # fn main() -> Result<(), rec_data::Error> {
/// let items = rec_data::amazon::read_metadata("meta_Movies_and_TV.jsonl.gz")?;
/// println!("{} items", items.len());
/// # Ok(())
/// # }
/// ```
pub fn read_metadata(path: impl AsRef<Path>) -> Result<Catalogue, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_metadata_from(reader, &name)
}

/// Reads what [`read_metadata`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_metadata`].
///
/// ```
/// use rec_data::{Value, amazon};
///
/// let file = br#"{"parent_asin": "B00", "title": "Heat", "price": "None", "details": {"Format": "DVD", "Discs": 2}}"#;
/// let items = amazon::read_metadata_from(&file[..], "meta_Movies.jsonl")?;
/// let heat = items.get("B00").unwrap();
/// assert_eq!(heat.get("price"), None);
/// assert_eq!(heat.get("details"), Some(Value::TokenSeq(&["Discs: 2".into(), "Format: DVD".into()])));
/// # Ok::<(), rec_data::Error>(())
/// ```
pub fn read_metadata_from(reader: impl BufRead, name: &str) -> Result<Catalogue, Error> {
    const TOKENS: [&str; 3] = ["main_category", "title", "store"];
    const NUMBERS: [&str; 2] = ["average_rating", "rating_number"];
    const LISTS: [&str; 3] = ["features", "description", "categories"];
    let mut lines = JsonLines::new(Lines::new(reader, name, Encoding::Utf8));
    let mut ids = UniqueIds::default();
    let mut tokens = TOKENS.map(|_| Vec::new());
    let mut numbers = NUMBERS.map(|_| Vec::new());
    let mut lists = LISTS.map(|_| Vec::new());
    let (mut prices, mut all_details) = (Vec::new(), Vec::new());
    while let Some(object) = lines.next_object()? {
        let id = object.required_text("parent_asin")?;
        ids.insert(id, object.line()).map_err(|problem| object.error("parent_asin", problem))?;
        for (name, values) in TOKENS.iter().zip(&mut tokens) {
            values.push(object.text(name)?.filter(|text| !text.is_empty()).map(Box::from));
        }
        for (name, values) in NUMBERS.iter().zip(&mut numbers) {
            values.push(object.number(name)?);
        }
        for (name, values) in LISTS.iter().zip(&mut lists) {
            values.push(object.texts(name)?);
        }
        prices.push(price(&object)?);
        all_details.push(details(&object)?);
    }
    let tokens = TOKENS.iter().zip(tokens.map(Values::Token));
    let numbers = NUMBERS.iter().zip(numbers.map(Values::Float));
    let lists = LISTS.iter().zip(lists.map(Values::TokenSeq));
    let columns = tokens
        .chain(numbers)
        .chain([(&"price", Values::Float(prices))])
        .chain(lists)
        .chain([(&"details", Values::TokenSeq(all_details))])
        .map(|(name, values)| Column::new(*name, values));
    Catalogue::new(ids.into_ids(), columns.collect())
}

/// A price, which is written in many ways.
fn price(object: &Object<'_>) -> Result<Option<f64>, Error> {
    let price = object.read("price", "a number or a text", |value| match value {
        Value::Number(number) => Some(number.as_f64()),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.strip_prefix('$').unwrap_or(text).replace(',', "");
            // Texts such as `inf` and `NaN` are numbers for the standard library.
            Some(digits.parse().ok().filter(|price: &f64| price.is_finite()))
        }
        _ => None,
    })?;
    Ok(price.flatten())
}

/// The details of an item, in an order that does not depend on how the JSON was parsed.
fn details(object: &Object<'_>) -> Result<Box<[Box<str>]>, Error> {
    let details = object.read("details", "an object", |value| {
        let mut entries: Vec<(&String, &Value)> = value.as_object()?.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        let entries = entries.into_iter().filter_map(|(key, value)| match value {
            Value::Null => None,
            Value::String(text) => Some(format!("{key}: {text}")),
            other => Some(format!("{key}: {other}")),
        });
        Some(entries.map(String::into_boxed_str).collect())
    })?;
    Ok(details.unwrap_or_default())
}
