//! Rows as interactions.

use super::{Rows, parse_weight};
use crate::error::Error;
use crate::fields::{InteractionFields, SignalColumn};
use crate::id::IdMap;
use crate::interaction::Signal;
use crate::interactions::{Grouping, Interactions};

/// Reads all rows: a user, an item, a time and a signal each.
pub(crate) fn read_interactions(
    mut rows: impl Rows,
    fields: &InteractionFields,
) -> Result<Interactions, Error> {
    let columns = fields.resolve(rows.fields(), |name, problem| rows.header_error(Some(name), problem))?;
    let mut grouping = Grouping::default();
    let mut events = IdMap::new();
    let mut n_rows = 0u64;
    while let Some(row) = rows.next_row()? {
        let user = row.required(columns.user)?;
        let item = row.required(columns.item)?;
        let time = match columns.time {
            Some(column) => columns.time_unit.seconds(row.number(column)?),
            None => n_rows as f64,
        };
        let signal = match columns.signal {
            SignalColumn::Rating(column) => {
                let weight = parse_weight(row.required(column)?);
                Signal::Weight(weight.map_err(|problem| row.error(column, problem))?)
            }
            SignalColumn::Event(column) => {
                let (_, event) = events.intern(row.required(column)?);
                Signal::Event(event.clone())
            }
            SignalColumn::None => Signal::default(),
        };
        grouping.push(user, item, time, signal);
        n_rows += 1;
    }
    Ok(grouping.finish())
}
