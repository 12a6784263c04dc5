//! Batches as a catalogue.

use arrow_array::RecordBatch;

use super::cells::{Cells, is_id, type_of};
use super::{Place, column_error, header};
use crate::catalogue::Catalogue;
use crate::column::{Column, Values};
use crate::error::{Error, Problem};
use crate::fields::{CatalogueColumns, CatalogueFields};
use crate::id::{Id, IdMap};
use crate::table::{Type, excerpt, no_values};

/// A catalogue while its batches arrive.
#[derive(Debug)]
pub(crate) struct Builder<'a> {
    file: Option<&'a str>,
    fields: &'a CatalogueFields,
    ids: IdMap,
    /// As the first batch has them.
    columns: Option<Vec<Column>>,
}

impl<'a> Builder<'a> {
    /// A catalogue without rows; `file` is named in messages.
    pub(crate) fn new(file: Option<&'a str>, fields: &'a CatalogueFields) -> Builder<'a> {
        Builder { file, fields, ids: IdMap::new(), columns: None }
    }

    /// Takes in the rows of a batch.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let (header, schema) = (header(batch.schema_ref()), batch.schema_ref());
        let error = |name: &str, problem| column_error(self.file, name, problem);
        let wanted = self.fields.resolve(&header, error)?;
        let found = self.check(&wanted, batch)?;
        let place = Place { file: self.file, row: self.ids.len() };
        let columns = match &mut self.columns {
            Some(columns) => columns,
            None => {
                let new = found.iter().map(|(name, r#type)| Column::new(*name, no_values(*r#type)));
                self.columns.insert(new.collect())
            }
        };
        let same = columns.iter().map(|column| (&*column.name, type_of_values(&column.values)));
        if !same.eq(found.iter().copied()) {
            return Err(error(schema.field(wanted.id).name(), Problem::OtherColumns));
        }
        let id_name = schema.field(wanted.id).name();
        let ids = Cells::new(batch.column(wanted.id));
        for row in 0..batch.num_rows() {
            let id = ids.id(row).ok_or_else(|| place.error(row, id_name, Problem::Missing))?;
            if let (first, false) = self.ids.insert(&*id) {
                let problem = Problem::DuplicateIdInRow { id: Id::from(excerpt(&id)), first };
                return Err(place.error(row, id_name, problem));
            }
        }
        for (column, wanted) in columns.iter_mut().zip(&wanted.others) {
            let cells = Cells::new(batch.column(wanted.position));
            for row in 0..batch.num_rows() {
                push(&mut column.values, &cells, row)
                    .map_err(|problem| place.error(row, &column.name, problem))?;
            }
        }
        Ok(())
    }

    /// The names and types of the columns besides the id, which must be what the fields declare.
    fn check<'b>(
        &self,
        wanted: &CatalogueColumns,
        batch: &'b RecordBatch,
    ) -> Result<Vec<(&'b str, Type)>, Error> {
        let column = |position: usize| {
            let field = batch.schema_ref().field(position);
            (field.name().as_str(), field.data_type())
        };
        let (name, data_type) = column(wanted.id);
        let not = |name: &str, found: String, expected| {
            column_error(self.file, name, Problem::ArrowType { found, expected })
        };
        if !is_id(data_type) {
            return Err(not(name, data_type.to_string(), "texts or integers"));
        }
        let mut found = Vec::new();
        for other in &wanted.others {
            let (name, data_type) = column(other.position);
            let Some(r#type) = type_of(data_type) else {
                return Err(not(name, data_type.to_string(), "texts, numbers, or lists of them"));
            };
            if let Some(expected) = other.declared.filter(|declared| *declared != r#type) {
                return Err(column_error(self.file, name, Problem::WrongType { found: r#type, expected }));
            }
            found.push((name, r#type));
        }
        Ok(found)
    }

    /// The catalogue of all rows.
    pub(crate) fn finish(self) -> Result<Catalogue, Error> {
        Catalogue::new(self.ids, self.columns.unwrap_or_default())
    }
}

fn type_of_values(values: &Values) -> Type {
    match values {
        Values::Token(_) => Type::Token,
        Values::TokenSeq(_) => Type::TokenSeq,
        Values::Float(_) => Type::Float,
        Values::FloatSeq(_) => Type::FloatSeq,
    }
}

fn push(values: &mut Values, cells: &Cells<'_>, row: usize) -> Result<(), Problem> {
    match values {
        Values::Token(tokens) => tokens.push(cells.token(row).map(Box::from)),
        Values::Float(numbers) => numbers.push(cells.number(row).map(finite).transpose()?),
        Values::TokenSeq(rows) => {
            let element = |cells: &Cells<'_>, i| cells.token(i).map(Box::from).ok_or(Problem::Missing);
            rows.push(elements(cells, row, element)?);
        }
        Values::FloatSeq(rows) => {
            let element = |cells: &Cells<'_>, i| finite(cells.number(i).ok_or(Problem::Missing)?);
            rows.push(elements(cells, row, element)?);
        }
    }
    Ok(())
}

fn elements<T>(
    cells: &Cells<'_>,
    row: usize,
    element: impl Fn(&Cells<'_>, usize) -> Result<T, Problem>,
) -> Result<Box<[T]>, Problem> {
    let Some(list) = cells.list(row) else { return Ok(Box::default()) };
    let cells = Cells::new(&list);
    (0..list.len()).map(|i| element(&cells, i)).collect()
}

fn finite(number: f64) -> Result<f64, Problem> {
    if number.is_finite() { Ok(number) } else { Err(Problem::Number(number.to_string())) }
}
