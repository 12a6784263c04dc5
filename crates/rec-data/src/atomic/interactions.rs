//! Histories from `.inter` files.

use std::io::BufRead;
use std::path::Path;

use super::header::{Type, excerpt};
use super::table::{Table, open, parse_number};
use crate::error::{Error, Problem};
use crate::id::{Id, IdMap};
use crate::interaction::Signal;
use crate::interactions::{Grouping, Interactions};

/// Which columns of a `.inter` file say who, what, when and how.
///
/// | column   | default     | type    | if the file has no such column                              |
/// |----------|-------------|---------|-------------------------------------------------------------|
/// | user     | `user_id`   | `token` | an error                                                    |
/// | item     | `item_id`   | `token` | an error                                                    |
/// | time     | `timestamp` | `float` | an error if named here, else the time is the file order     |
/// | rating   | `rating`    | `float` | an error if named here, else every weight is 1              |
/// | event    | none        | `token` | an error                                                    |
///
/// *File order* means that the data lines happen one second after another, the first at time 0: the order of every history
/// is right, and its ages count lines.
///
/// An interaction has one [`Signal`], so the rating and the event exclude each other: the later call of [`rating`],
/// [`event`] and [`unweighted`] wins. Other columns are not looked at.
///
/// [`rating`]: InteractionFields::rating
/// [`event`]: InteractionFields::event
/// [`unweighted`]: InteractionFields::unweighted
///
/// ```
/// use rec_data::{Signal, atomic};
/// use rec_data::atomic::InteractionFields;
///
/// let file = "session:token\titem_id:token\tkind:token\ns1\tdune\tclick\ns1\temma\tskip\n";
/// let fields = InteractionFields::default().user("session").event("kind");
/// let log = atomic::read_interactions_from(file.as_bytes(), "clicks.inter", &fields)?;
/// let history = log.get("s1").unwrap();
/// assert_eq!(history.interactions()[1].signal, Signal::Event("skip".into()));
/// assert_eq!(history.interactions()[1].time, 1.0);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractionFields {
    user: String,
    item: String,
    /// `None`: the default name, if the file has it.
    time: Option<String>,
    signal: SignalField,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SignalField {
    /// The rating column of the default name, if the file has it.
    RatingIfAny,
    Rating(String),
    Event(String),
    None,
}

const DEFAULT_TIME: &str = "timestamp";
const DEFAULT_RATING: &str = "rating";

impl Default for InteractionFields {
    fn default() -> InteractionFields {
        InteractionFields {
            user: "user_id".to_owned(),
            item: "item_id".to_owned(),
            time: None,
            signal: SignalField::RatingIfAny,
        }
    }
}

impl InteractionFields {
    /// Takes users from this column.
    #[must_use]
    pub fn user(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { user: name.into(), ..self }
    }

    /// Takes items from this column.
    #[must_use]
    pub fn item(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { item: name.into(), ..self }
    }

    /// Takes times, in seconds, from this column, which the file must have.
    #[must_use]
    pub fn time(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { time: Some(name.into()), ..self }
    }

    /// Takes weights from this column, which the file must have.
    #[must_use]
    pub fn rating(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { signal: SignalField::Rating(name.into()), ..self }
    }

    /// Takes event types from this column, which the file must have.
    #[must_use]
    pub fn event(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { signal: SignalField::Event(name.into()), ..self }
    }

    /// Gives every interaction the weight 1, even if the file has ratings.
    #[must_use]
    pub fn unweighted(self) -> InteractionFields {
        InteractionFields { signal: SignalField::None, ..self }
    }
}

/// Reads a `.inter` file: one history per user.
///
/// A user who did the same thing twice did it twice: lines are never merged. A file with nothing but a header has no users.
///
/// # Errors
///
/// The file cannot be read, or it breaks the rules of the format as for [`read_catalogue`](super::read_catalogue); a column
/// that [`InteractionFields`] needs is not there or has another type; a user, item, time, rating or event is missing; a time
/// is not finite, or a rating is not finite as `f32`. The message has the path, the line and the field.
///
/// ```no_run
/// use rec_data::atomic::{InteractionFields, read_interactions};
///
/// # fn main() -> Result<(), rec_data::Error> {
/// let log = read_interactions("ml-100k.inter", &InteractionFields::default())?;
/// println!("{} users, {} ratings", log.len(), log.n_interactions());
/// # Ok(())
/// # }
/// ```
pub fn read_interactions(path: impl AsRef<Path>, fields: &InteractionFields) -> Result<Interactions, Error> {
    let (reader, name) = open(path.as_ref())?;
    read_interactions_from(reader, &name, fields)
}

/// Reads what [`read_interactions`] reads from any reader; `name` stands for the path in messages.
///
/// # Errors
///
/// As [`read_interactions`].
///
/// ```
/// use rec_data::atomic::{InteractionFields, read_interactions_from};
///
/// let file = "user_id:token\titem_id:token\ttimestamp:float\nann\tdune\tyesterday\n";
/// let error = read_interactions_from(file.as_bytes(), "x.inter", &InteractionFields::default()).unwrap_err();
/// assert_eq!(error.to_string(), "x.inter:2: field `timestamp`: `yesterday` is not a finite number");
/// ```
pub fn read_interactions_from(
    reader: impl BufRead,
    name: &str,
    fields: &InteractionFields,
) -> Result<Interactions, Error> {
    let mut table = Table::new(reader, name)?;
    let columns = Columns::resolve(&table, fields)?;
    let mut grouping = Grouping::default();
    let mut events = IdMap::new();
    let mut n_rows = 0u64;
    while let Some(row) = table.next_row()? {
        let user = row.required(columns.user)?;
        let item = row.required(columns.item)?;
        let time = match columns.time {
            Some(column) => {
                parse_number(row.required(column)?).map_err(|problem| row.error(column, problem))?
            }
            None => n_rows as f64,
        };
        let signal = match columns.signal {
            SignalColumn::Rating(column) => {
                let text = row.required(column)?;
                match text.parse::<f32>() {
                    Ok(weight) if weight.is_finite() => Signal::Weight(weight),
                    _ => return Err(row.error(column, Problem::Number(excerpt(text)))),
                }
            }
            SignalColumn::Event(column) => {
                let (_, event): (_, &Id) = events.intern(row.required(column)?);
                Signal::Event(event.clone())
            }
            SignalColumn::None => Signal::default(),
        };
        grouping.push(user, item, time, signal);
        n_rows += 1;
    }
    Ok(grouping.finish())
}

/// Where the fields are in this file.
struct Columns {
    user: usize,
    item: usize,
    time: Option<usize>,
    signal: SignalColumn,
}

enum SignalColumn {
    Rating(usize),
    Event(usize),
    None,
}

impl Columns {
    fn resolve<R: BufRead>(table: &Table<R>, names: &InteractionFields) -> Result<Columns, Error> {
        let optional = |name: &str, expected: Type| {
            let Some(column) = table.fields().iter().position(|field| field.name == name) else {
                return Ok(None);
            };
            let found = table.fields()[column].r#type;
            if found != expected {
                return Err(table.error(1, Some(name), Problem::WrongType { found, expected }));
            }
            Ok(Some(column))
        };
        let required = |name: &str, expected: Type| {
            optional(name, expected)?.ok_or_else(|| table.error(1, Some(name), Problem::NoColumn))
        };
        Ok(Columns {
            user: required(&names.user, Type::Token)?,
            item: required(&names.item, Type::Token)?,
            time: match &names.time {
                Some(name) => Some(required(name, Type::Float)?),
                None => optional(DEFAULT_TIME, Type::Float)?,
            },
            signal: match &names.signal {
                SignalField::Rating(name) => SignalColumn::Rating(required(name, Type::Float)?),
                SignalField::Event(name) => SignalColumn::Event(required(name, Type::Token)?),
                SignalField::RatingIfAny => {
                    optional(DEFAULT_RATING, Type::Float)?.map_or(SignalColumn::None, SignalColumn::Rating)
                }
                SignalField::None => SignalColumn::None,
            },
        })
    }
}
