//! Rows as a catalogue.

use super::{Rows, Type, UniqueIds, parse_number};
use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::error::{Error, Problem};
use crate::fields::{CatalogueColumn, CatalogueFields};

/// Reads all rows: an id, and the values of the other columns.
pub(crate) fn read_catalogue(mut rows: impl Rows, fields: &CatalogueFields) -> Result<Catalogue, Error> {
    let columns = fields.resolve(rows.fields(), |name, problem| rows.header_error(Some(name), problem))?;
    let empty_column = |column: &CatalogueColumn| {
        Column::new(&*rows.fields()[column.position].name, no_values(column.declared.unwrap_or(Type::Token)))
    };
    let mut values: Vec<Column> = columns.others.iter().map(empty_column).collect();
    let mut ids = UniqueIds::default();
    while let Some(row) = rows.next_row()? {
        let id = row.required(columns.id)?;
        ids.insert(id, row.line()).map_err(|problem| row.error(columns.id, problem))?;
        for (column, to) in columns.others.iter().zip(&mut values) {
            push(&mut to.values, row.cell(column.position), column.separator)
                .map_err(|problem| row.error(column.position, problem))?;
        }
    }
    Catalogue::new(ids.into_ids(), values)
}

/// A column of a type, without rows.
pub(crate) fn no_values(r#type: Type) -> Values {
    match r#type {
        Type::Token => Values::Token(Vec::new()),
        Type::TokenSeq => Values::TokenSeq(Vec::new()),
        Type::Float => Values::Float(Vec::new()),
        Type::FloatSeq => Values::FloatSeq(Vec::new()),
    }
}

fn push(values: &mut Values, cell: &str, separator: char) -> Result<(), Problem> {
    let elements = cell.split(separator).filter(|element| !element.is_empty());
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
