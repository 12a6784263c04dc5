//! What is known of the items: ids and typed columns.

use std::collections::HashSet;
use std::fmt;

use indexmap::IndexMap;

use crate::column::{Column, Value, Values};
use crate::error::{Error, Kind};
use crate::id::{Id, IdMap};

/// What is known of the items (or of the users): distinct ids, and named columns with a value per id.
///
/// ```
/// use rec_data::{Catalogue, Column, IdMap, Value, Values};
///
/// let films = Catalogue::new(
///     IdMap::try_from_ids(["1", "2"])?,
///     vec![
///         Column::new("title", Values::Token(vec![Some("Heat".into()), Some("Alien".into())])),
///         Column::new("year", Values::Float(vec![Some(1995.0), None])),
///     ],
/// )?;
/// let heat = films.get("1").unwrap();
/// assert_eq!(heat.get("year"), Some(Value::Float(1995.0)));
/// assert_eq!(films.item(1).get("year"), None);
/// assert_eq!(films.item(1).get("director"), None);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    ids: IdMap,
    columns: Vec<Column>,
}

impl Catalogue {
    /// A catalogue of these ids, row by row, with these columns.
    ///
    /// # Errors
    ///
    /// A column that has not one value per id, two columns of one name, or a number that is NaN or infinite; the message
    /// names the column.
    pub fn new(ids: IdMap, columns: Vec<Column>) -> Result<Catalogue, Error> {
        let mut names = HashSet::new();
        for Column { name, values } in &columns {
            if !names.insert(name) {
                return Err(Kind::DuplicateColumn { column: name.to_string() }.into());
            }
            if values.len() != ids.len() {
                let (found, expected) = (values.len(), ids.len());
                return Err(Kind::ColumnLength { column: name.to_string(), found, expected }.into());
            }
            if let Some((row, value)) = values.first_not_finite()
                && let Some(id) = ids.id(row).cloned()
            {
                return Err(Kind::NotFiniteCell { column: name.to_string(), id, value }.into());
            }
        }
        Ok(Catalogue { ids, columns })
    }

    /// A catalogue of token columns from records `(id, [(field, text), ...])`, for catalogues written by hand.
    ///
    /// The columns come in the order in which the fields first appear. A field that a record leaves out, or gives as `""`,
    /// is missing there. Records with different numbers of fields are `vec!`s instead of arrays.
    ///
    /// ```
    /// use rec_data::Catalogue;
    ///
    /// let shop = Catalogue::from_records([
    ///     ("m1", vec![("title", "Mug"), ("colour", "blue")]),
    ///     ("t1", vec![("title", "Tent")]),
    /// ])?;
    /// assert_eq!(shop.get("m1").unwrap().get("colour").unwrap().to_string(), "blue");
    /// assert!(shop.get("t1").unwrap().get("colour").is_none());
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An id that comes twice (the message has both positions), or a field that comes twice in one record.
    pub fn from_records<I, F, N, V>(records: impl IntoIterator<Item = (I, F)>) -> Result<Catalogue, Error>
    where
        I: Into<Id>,
        F: IntoIterator<Item = (N, V)>,
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let mut ids = IdMap::new();
        let mut columns: IndexMap<Box<str>, Vec<Option<Box<str>>>> = IndexMap::new();
        for (row, (id, fields)) in records.into_iter().enumerate() {
            let id = id.into();
            if let (first, false) = ids.insert(&id) {
                return Err(Kind::DuplicateId { id, first, second: row }.into());
            }
            for (name, text) in fields {
                let name = name.into();
                let text = Some(text.into()).filter(|text| !text.is_empty());
                let column = columns.entry(name.clone()).or_default();
                if column.len() > row {
                    return Err(Kind::DuplicateField { id, field: name.into() }.into());
                }
                // Earlier records may have left this field out.
                column.resize(row, None);
                column.push(text);
            }
        }
        let columns = columns.into_iter().map(|(name, mut tokens)| {
            tokens.resize(ids.len(), None);
            Column { name, values: Values::Token(tokens) }
        });
        let columns = columns.collect();
        Catalogue::new(ids, columns)
    }

    /// Turns token sequences that are really running text into single tokens, their words joined by one space.
    ///
    /// Data sets often declare titles and descriptions as sequences of words; shown as sequences they would be full of
    /// commas. Columns that hold single tokens already stay as they are.
    ///
    /// ```
    /// use rec_data::{Value, atomic};
    ///
    /// let file = "item_id:token\ttitle:token_seq\tgenre:token_seq\n1\tToy Story\tComedy Family\n";
    /// let films = atomic::read_catalogue_from(file.as_bytes(), "films.item")?.with_text_columns(["title"])?;
    /// let toy_story = films.item(0);
    /// assert_eq!(toy_story.get("title"), Some(Value::Token("Toy Story")));
    /// assert_eq!(toy_story.get("genre").unwrap().to_string(), "Comedy, Family");
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name that no column has, or a column of numbers.
    pub fn with_text_columns<N: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Catalogue, Error> {
        for name in names {
            let name = name.as_ref();
            let Some(column) = self.columns.iter_mut().find(|column| *column.name == *name) else {
                return Err(Kind::NoColumn { column: name.to_owned() }.into());
            };
            match &column.values {
                Values::Token(_) => {}
                Values::TokenSeq(rows) => {
                    let text = |words: &[Box<str>]| words.join(" ").into_boxed_str();
                    let texts = rows.iter().map(|words| Some(text(words)).filter(|text| !text.is_empty()));
                    column.values = Values::Token(texts.collect());
                }
                Values::Float(_) | Values::FloatSeq(_) => {
                    return Err(Kind::NotText { column: name.to_owned() }.into());
                }
            }
        }
        Ok(self)
    }

    /// The same items with the columns of another catalogue behind their own; missing where the other has no such item.
    ///
    /// Items that only the other catalogue has are left out.
    ///
    /// ```
    /// use rec_data::Catalogue;
    ///
    /// let films = Catalogue::from_records([("1", [("title", "Heat")]), ("2", [("title", "Alien")])])?;
    /// let links = Catalogue::from_records([("2", [("imdb_id", "0078748")])])?;
    /// let films = films.joined(&links)?;
    /// assert!(films.get("1").unwrap().get("imdb_id").is_none());
    /// assert_eq!(films.get("2").unwrap().get("imdb_id").unwrap().to_string(), "0078748");
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A column of the same name is in both.
    pub fn joined(mut self, other: &Catalogue) -> Result<Catalogue, Error> {
        let rows: Vec<Option<usize>> = self.ids.iter().map(|id| other.ids.row(id)).collect();
        for Column { name, values } in &other.columns {
            if self.columns.iter().any(|column| column.name == *name) {
                return Err(Kind::DuplicateColumn { column: name.to_string() }.into());
            }
            self.columns.push(Column::new(name.clone(), values.gather(&rows)));
        }
        Ok(self)
    }

    /// The items in the order of their rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> + DoubleEndedIterator + Clone {
        self.ids.iter().enumerate().map(|(row, id)| Item { catalogue: self, row, id })
    }

    /// The item of an id; `None` if the catalogue does not have it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Item<'_>> {
        self.ids.row(id).map(|row| self.item(row))
    }

    /// The item of a row.
    ///
    /// # Panics
    ///
    /// If `row` is not below [`len`](Catalogue::len).
    #[must_use]
    pub fn item(&self, row: usize) -> Item<'_> {
        match self.ids.id(row) {
            Some(id) => Item { catalogue: self, row, id },
            None => panic!("row {row} of a catalogue of {} items", self.len()),
        }
    }

    /// The ids with their rows.
    #[must_use]
    pub fn ids(&self) -> &IdMap {
        &self.ids
    }

    /// The columns, in the order in which they were given.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The ids and the columns, to make another catalogue of.
    ///
    /// ```
    /// use rec_data::{Catalogue, Column};
    ///
    /// let films = Catalogue::from_records([("1", [("movie_title", "Heat")])])?;
    /// let (ids, columns) = films.into_parts();
    /// let renamed = columns.into_iter().map(|column| Column::new("title", column.values));
    /// let films = Catalogue::new(ids, renamed.collect())?;
    /// assert!(films.item(0).get("title").is_some());
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (IdMap, Vec<Column>) {
        (self.ids, self.columns)
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// One row of a [`Catalogue`].
///
/// ```
/// use rec_data::Catalogue;
///
/// let films = Catalogue::from_records([("1", [("title", "Heat"), ("genre", "Crime"), ("tagline", "")])])?;
/// let heat = films.item(0);
/// let shown: Vec<String> = heat.fields().map(|(name, value)| format!("{name}: {value}")).collect();
/// assert_eq!((heat.id().as_str(), heat.row()), ("1", 0));
/// assert_eq!(shown, ["title: Heat", "genre: Crime"]);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Item<'a> {
    catalogue: &'a Catalogue,
    row: usize,
    id: &'a Id,
}

impl<'a> Item<'a> {
    /// The id of the item.
    #[must_use]
    pub fn id(&self) -> &'a Id {
        self.id
    }

    /// The row of the item in its catalogue.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }

    /// The value of a field; `None` if there is no such column, or the value is missing or empty.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<Value<'a>> {
        self.catalogue.columns.iter().find(|column| *column.name == *field)?.values.get(self.row)
    }

    /// The names and values of the fields that the item has, in the order of the columns.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + Clone + use<'a> {
        let row = self.row;
        let columns = self.catalogue.columns.iter();
        columns.filter_map(move |column| Some((&*column.name, column.values.get(row)?)))
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Item ")?;
        let id = ("id", Value::Token(self.id));
        f.debug_map().entries([id].into_iter().chain(self.fields())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_ids() -> IdMap {
        IdMap::try_from_ids(["a", "b"]).unwrap()
    }

    #[test]
    fn columns_are_checked() {
        let short = Column::new("title", Values::Token(vec![None]));
        let error = Catalogue::new(two_ids(), vec![short]).unwrap_err();
        assert_eq!(error.to_string(), "column `title` has 1 values for 2 ids");

        let column = Column::new("x", Values::Float(vec![None, Some(1.0)]));
        let error = Catalogue::new(two_ids(), vec![column.clone(), column]).unwrap_err();
        assert!(error.is_duplicate());
        assert_eq!(error.to_string(), "duplicate column `x`");

        let nan = Column::new("x", Values::FloatSeq(vec![Box::new([]), Box::new([1.0, f64::NAN])]));
        let error = Catalogue::new(two_ids(), vec![nan]).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "column `x` of `b` is NaN, not a finite number");
    }

    #[test]
    fn empty_values_are_missing() {
        let columns = vec![
            Column::new("a", Values::Token(vec![None, Some("".into())])),
            Column::new("b", Values::TokenSeq(vec![Box::new([]), Box::new(["".into()])])),
            Column::new("c", Values::FloatSeq(vec![Box::new([]), Box::new([0.0])])),
        ];
        let catalogue = Catalogue::new(two_ids(), columns).unwrap();
        assert_eq!(catalogue.item(0).fields().count(), 0);
        assert!(catalogue.item(1).fields().eq([("c", Value::FloatSeq(&[0.0]))]));
        assert_eq!(format!("{:?}", catalogue.item(0)), "Item {\"id\": Token(\"a\")}");
    }

    #[test]
    fn records_may_differ_in_fields() {
        let catalogue = Catalogue::from_records([
            ("1", vec![]),
            ("2", vec![("b", "x")]),
            ("3", vec![("a", "y"), ("b", "")]),
            ("4", vec![]),
        ])
        .unwrap();
        let column = |texts: [Option<&str>; 4]| Values::Token(texts.map(|t| t.map(Into::into)).into());
        assert_eq!(catalogue.columns()[0], Column::new("b", column([None, Some("x"), None, None])));
        assert_eq!(catalogue.columns()[1], Column::new("a", column([None, None, Some("y"), None])));
    }

    #[test]
    fn duplicates_in_records_are_errors() {
        let error = Catalogue::from_records([("1", [("a", "x"), ("a", "y")])]).unwrap_err();
        assert_eq!(error.to_string(), "duplicate field `a` in the record of `1`");
        let error = Catalogue::from_records([("1", [("a", "x")]), ("1", [("a", "y")])]).unwrap_err();
        assert_eq!(error.to_string(), "duplicate id `1` at positions 0 and 1");
    }

    #[test]
    fn only_text_can_become_text() {
        let numbers = Column::new("year", Values::Float(vec![None, None]));
        let catalogue = Catalogue::new(two_ids(), vec![numbers]).unwrap();
        let error = catalogue.clone().with_text_columns(["year"]).unwrap_err();
        assert_eq!(error.to_string(), "column `year` holds numbers, not tokens");
        assert_eq!(catalogue.with_text_columns(["title"]).unwrap_err().to_string(), "no column `title`");
    }

    #[test]
    #[should_panic(expected = "row 2 of a catalogue of 2 items")]
    fn rows_past_the_end_panic() {
        let _ = Catalogue::new(two_ids(), vec![]).unwrap().item(2);
    }
}
