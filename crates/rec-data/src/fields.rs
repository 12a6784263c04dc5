//! Which columns of a table say what.

use crate::error::{Error, Problem};
use crate::table::{Field, Type};

/// The unit of the numbers in a column of times.
///
/// ```
/// use rec_data::TimeUnit;
///
/// assert_eq!(TimeUnit::Milliseconds.seconds(1_500.0), 1.5);
/// assert_eq!(TimeUnit::default(), TimeUnit::Seconds);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds, with or without a fraction.
    #[default]
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
}

impl TimeUnit {
    /// So many of this unit in seconds.
    #[must_use]
    pub fn seconds(self, time: f64) -> f64 {
        match self {
            TimeUnit::Seconds => time,
            TimeUnit::Milliseconds => time / 1000.0,
        }
    }
}

/// Which columns of a table of interactions say who, what, when and how.
///
/// | column   | default     | type    | if the table has no such column                             |
/// |----------|-------------|---------|-------------------------------------------------------------|
/// | user     | `user_id`   | `token` | an error                                                    |
/// | item     | `item_id`   | `token` | an error                                                    |
/// | time     | `timestamp` | `float` | an error if named here, else the time is the file order     |
/// | rating   | `rating`    | `float` | an error if named here, else every weight is 1              |
/// | event    | none        | `token` | an error                                                    |
///
/// *File order* means that the rows happen one second after another, the first at time 0: the order of every history is
/// right, and its ages count rows.
///
/// An interaction has one [`Signal`](crate::Signal), so the rating and the event exclude each other: the later call of
/// [`rating`], [`event`] and [`unweighted`] wins. Other columns are not looked at.
///
/// [`rating`]: InteractionFields::rating
/// [`event`]: InteractionFields::event
/// [`unweighted`]: InteractionFields::unweighted
///
/// ```
/// use rec_data::{InteractionFields, Signal, atomic};
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
    /// `None`: the default name, if the table has it.
    time: Option<String>,
    time_unit: TimeUnit,
    signal: SignalField,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SignalField {
    /// The rating column of the default name, if the table has it.
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
            time_unit: TimeUnit::Seconds,
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

    /// Takes times from this column, which the table must have.
    #[must_use]
    pub fn time(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { time: Some(name.into()), ..self }
    }

    /// Says what the numbers in the column of times count; [`Seconds`](TimeUnit::Seconds) if this is not called.
    ///
    /// ```
    /// use rec_data::csv::{self, Dialect};
    /// use rec_data::{InteractionFields, TimeUnit};
    ///
    /// let file = "user_id,item_id,timestamp\nann,dune,1577836800500\n";
    /// let fields = InteractionFields::default().time_unit(TimeUnit::Milliseconds);
    /// let log = csv::read_interactions_from(file.as_bytes(), "x.csv", &fields, Dialect::default())?;
    /// assert_eq!(log.get("ann").unwrap().now(), 1_577_836_800.5);
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn time_unit(self, unit: TimeUnit) -> InteractionFields {
        InteractionFields { time_unit: unit, ..self }
    }

    /// Takes weights from this column, which the table must have.
    #[must_use]
    pub fn rating(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { signal: SignalField::Rating(name.into()), ..self }
    }

    /// Takes event types from this column, which the table must have.
    #[must_use]
    pub fn event(self, name: impl Into<String>) -> InteractionFields {
        InteractionFields { signal: SignalField::Event(name.into()), ..self }
    }

    /// Gives every interaction the weight 1, even if the table has ratings.
    #[must_use]
    pub fn unweighted(self) -> InteractionFields {
        InteractionFields { signal: SignalField::None, ..self }
    }

    /// Where the columns are among these; `error` makes an error about the column of a name.
    pub(crate) fn resolve(
        &self,
        header: &[Field],
        error: impl Fn(&str, Problem) -> Error,
    ) -> Result<InteractionColumns, Error> {
        let optional = |name: &str, expected: Type| {
            let Some(column) = header.iter().position(|field| field.name == name) else {
                return Ok(None);
            };
            match header[column].declared {
                Some(found) if found != expected => Err(error(name, Problem::WrongType { found, expected })),
                _ => Ok(Some(column)),
            }
        };
        let required = |name: &str, expected: Type| {
            optional(name, expected)?.ok_or_else(|| error(name, Problem::NoColumn))
        };
        Ok(InteractionColumns {
            user: required(&self.user, Type::Token)?,
            item: required(&self.item, Type::Token)?,
            time: match &self.time {
                Some(name) => Some(required(name, Type::Float)?),
                None => optional(DEFAULT_TIME, Type::Float)?,
            },
            time_unit: self.time_unit,
            signal: match &self.signal {
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

/// Where the fields of interactions are in a table.
pub(crate) struct InteractionColumns {
    pub(crate) user: usize,
    pub(crate) item: usize,
    pub(crate) time: Option<usize>,
    pub(crate) time_unit: TimeUnit,
    pub(crate) signal: SignalColumn,
}

#[derive(Clone, Copy)]
pub(crate) enum SignalColumn {
    Rating(usize),
    Event(usize),
    None,
}

/// Which columns of a table make a catalogue, and what their cells hold.
///
/// By default the first column is the id and all others are kept. Where a format says nothing about types (CSV), every
/// column is a token unless it is declared here: types are never guessed, so that a postcode of `01234` stays one.
///
/// ```
/// use rec_data::csv::{self, Dialect};
/// use rec_data::{CatalogueFields, Value};
///
/// let file = "sku,price,tags,note\nm1,9.5,blue|large,fragile\n";
/// let fields = CatalogueFields::default().float("price").token_seq("tags", '|').only(["price", "tags"]);
/// let shop = csv::read_catalogue_from(file.as_bytes(), "shop.csv", &fields, Dialect::default())?;
/// let mug = shop.get("m1").unwrap();
/// assert_eq!(mug.get("price"), Some(Value::Float(9.5)));
/// assert_eq!(mug.get("tags"), Some(Value::TokenSeq(&["blue".into(), "large".into()])));
/// assert_eq!(mug.get("note"), None);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueFields {
    /// `None`: the first column.
    id: Option<String>,
    /// `None`: all.
    only: Option<Vec<String>>,
    types: Vec<(String, Type, char)>,
}

impl CatalogueFields {
    /// Takes ids from this column.
    #[must_use]
    pub fn id(self, name: impl Into<String>) -> CatalogueFields {
        CatalogueFields { id: Some(name.into()), ..self }
    }

    /// Keeps these columns and the id, and leaves the others out. The columns stay in the order of the table.
    #[must_use]
    pub fn only<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> CatalogueFields {
        CatalogueFields { only: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Declares a column of numbers.
    #[must_use]
    pub fn float(self, name: impl Into<String>) -> CatalogueFields {
        self.declare(name.into(), Type::Float, ' ')
    }

    /// Declares a column whose cells are texts between separators, such as `Comedy|War`.
    #[must_use]
    pub fn token_seq(self, name: impl Into<String>, separator: char) -> CatalogueFields {
        self.declare(name.into(), Type::TokenSeq, separator)
    }

    /// Declares a column whose cells are numbers between separators.
    #[must_use]
    pub fn float_seq(self, name: impl Into<String>, separator: char) -> CatalogueFields {
        self.declare(name.into(), Type::FloatSeq, separator)
    }

    fn declare(mut self, name: String, r#type: Type, separator: char) -> CatalogueFields {
        self.types.retain(|(declared, ..)| *declared != name);
        self.types.push((name, r#type, separator));
        self
    }

    /// Where the columns are among these, at least one; `error` makes an error about the column of a name.
    pub(crate) fn resolve(
        &self,
        header: &[Field],
        error: impl Fn(&str, Problem) -> Error,
    ) -> Result<CatalogueColumns, Error> {
        let is_kept = |name: &String| self.only.as_ref().is_none_or(|only| only.contains(name));
        let typed = self.types.iter().map(|(name, ..)| name).filter(|name| is_kept(name));
        for name in self.id.iter().chain(self.only.iter().flatten()).chain(typed) {
            if header.iter().all(|field| field.name != *name) {
                return Err(error(name, Problem::NoColumn));
            }
        }
        let is_id = |field: &Field| self.id.as_ref().is_some_and(|id| field.name == *id);
        let id = header.iter().position(is_id).unwrap_or(0);
        match header.get(id) {
            Some(Field { name, declared: Some(found) }) if *found != Type::Token => {
                return Err(error(name, Problem::WrongType { found: *found, expected: Type::Token }));
            }
            Some(_) => {}
            None => return Err(error("", Problem::NoColumns)),
        }
        let mut others = Vec::new();
        for (position, Field { name, declared }) in header.iter().enumerate() {
            if position == id || !is_kept(name) {
                continue;
            }
            let here = self.types.iter().find(|(typed, ..)| typed == name);
            let (declared, separator) = match (*declared, here) {
                (Some(found), Some(&(_, expected, _))) if found != expected => {
                    return Err(error(name, Problem::WrongType { found, expected }));
                }
                (_, Some(&(_, expected, separator))) => (Some(expected), separator),
                (declared, None) => (declared, ' '),
            };
            others.push(CatalogueColumn { position, declared, separator });
        }
        Ok(CatalogueColumns { id, others })
    }
}

/// Where the fields of a catalogue are in a table.
pub(crate) struct CatalogueColumns {
    pub(crate) id: usize,
    pub(crate) others: Vec<CatalogueColumn>,
}

#[derive(Clone, Copy)]
pub(crate) struct CatalogueColumn {
    pub(crate) position: usize,
    /// What the table or the caller says about the type.
    pub(crate) declared: Option<Type>,
    /// Between the elements of a cell that is a sequence in one text.
    pub(crate) separator: char,
}
