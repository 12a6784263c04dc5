//! Batches as interactions.

use std::borrow::Cow;

use arrow_array::RecordBatch;

use super::cells::{Cells, is_id, is_time, type_of};
use super::{Place, column_error, header};
use crate::error::{Error, Problem};
use crate::fields::{InteractionFields, SignalColumn, TimeUnit};
use crate::id::IdMap;
use crate::interaction::Signal;
use crate::interactions::{Grouping, Interactions};
use crate::table::Type;

/// Interactions while their batches arrive.
#[derive(Debug)]
pub(crate) struct Builder<'a> {
    file: Option<&'a str>,
    fields: &'a InteractionFields,
    grouping: Grouping,
    events: IdMap,
    n_rows: usize,
}

impl<'a> Builder<'a> {
    /// No interactions; `file` is named in messages.
    pub(crate) fn new(file: Option<&'a str>, fields: &'a InteractionFields) -> Builder<'a> {
        Builder { file, fields, grouping: Grouping::default(), events: IdMap::new(), n_rows: 0 }
    }

    /// Takes in the rows of a batch.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let error = |name: &str, problem| column_error(self.file, name, problem);
        let columns = self.fields.resolve(&header(batch.schema_ref()), error)?;
        let place = Place { file: self.file, row: self.n_rows };
        let ids = |column| IdColumn::new(batch, column, place);
        let (users, items) = (ids(columns.user)?, ids(columns.item)?);
        let times = columns.time.map(|column| NumberColumn::new(batch, column, place)).transpose()?;
        let unit = times.as_ref().map_or(TimeUnit::Seconds, |times| times.unit(columns.time_unit));
        let (ratings, events) = match columns.signal {
            SignalColumn::Rating(column) => (Some(NumberColumn::new(batch, column, place)?), None),
            SignalColumn::Event(column) => (None, Some(ids(column)?)),
            SignalColumn::None => (None, None),
        };
        for row in 0..batch.num_rows() {
            let time = match &times {
                Some(times) => unit.seconds(times.get(row, f64::is_finite)?),
                None => (self.n_rows + row) as f64,
            };
            let signal = match (&ratings, &events) {
                (Some(ratings), _) => {
                    let fits = |rating: f64| (rating as f32).is_finite();
                    Signal::Weight(ratings.get(row, fits)? as f32)
                }
                (None, Some(events)) => Signal::Event(self.events.intern(&events.get(row)?).1.clone()),
                (None, None) => Signal::default(),
            };
            self.grouping.push(&users.get(row)?, &items.get(row)?, time, signal);
        }
        self.n_rows += batch.num_rows();
        Ok(())
    }

    /// The interactions of all rows.
    pub(crate) fn finish(self) -> Interactions {
        self.grouping.finish()
    }
}

/// A column whose values are ids, none of them missing.
struct IdColumn<'a> {
    cells: Cells<'a>,
    name: &'a str,
    place: Place<'a>,
}

impl<'a> IdColumn<'a> {
    fn new(batch: &'a RecordBatch, column: usize, place: Place<'a>) -> Result<IdColumn<'a>, Error> {
        let field = batch.schema_ref().field(column);
        if !is_id(field.data_type()) {
            let found = field.data_type().to_string();
            let problem = Problem::ArrowType { found, expected: "texts or integers" };
            return Err(column_error(place.file, field.name(), problem));
        }
        Ok(IdColumn { cells: Cells::new(batch.column(column)), name: field.name(), place })
    }

    fn get(&self, row: usize) -> Result<Cow<'a, str>, Error> {
        self.cells.id(row).ok_or_else(|| self.place.error(row, self.name, Problem::Missing))
    }
}

/// A column whose values are numbers, none of them missing.
struct NumberColumn<'a> {
    cells: Cells<'a>,
    name: &'a str,
    is_time: bool,
    place: Place<'a>,
}

impl<'a> NumberColumn<'a> {
    fn new(batch: &'a RecordBatch, column: usize, place: Place<'a>) -> Result<NumberColumn<'a>, Error> {
        let field = batch.schema_ref().field(column);
        if type_of(field.data_type()) != Some(Type::Float) {
            let found = field.data_type().to_string();
            let problem = Problem::ArrowType { found, expected: "numbers" };
            return Err(column_error(place.file, field.name(), problem));
        }
        let cells = Cells::new(batch.column(column));
        Ok(NumberColumn { cells, name: field.name(), is_time: is_time(field.data_type()), place })
    }

    /// The unit of the values: that of the caller, unless they are times and so in seconds.
    fn unit(&self, of_numbers: TimeUnit) -> TimeUnit {
        if self.is_time { TimeUnit::Seconds } else { of_numbers }
    }

    fn get(&self, row: usize, is_good: impl Fn(f64) -> bool) -> Result<f64, Error> {
        let error = |problem| self.place.error(row, self.name, problem);
        let number = self.cells.number(row).ok_or_else(|| error(Problem::Missing))?;
        if is_good(number) { Ok(number) } else { Err(error(Problem::Number(number.to_string()))) }
    }
}
