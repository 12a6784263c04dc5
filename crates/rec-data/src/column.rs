//! Typed columns and their values.

use std::fmt;

/// The values of a column, one per row of its catalogue.
///
/// A token is any text that is taken as a whole: a name, a category, a title. Missing values are `None` or empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One text per row.
    Token(Vec<Option<Box<str>>>),
    /// A sequence of texts per row, such as genres.
    TokenSeq(Vec<Box<[Box<str>]>>),
    /// One finite number per row.
    Float(Vec<Option<f64>>),
    /// A sequence of finite numbers per row.
    FloatSeq(Vec<Box<[f64]>>),
}

impl Values {
    /// The number of rows, those with missing values included.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Values::Token(values) => values.len(),
            Values::TokenSeq(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::FloatSeq(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row; `None` if it is missing or empty.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    ///
    /// ```
    /// use rec_data::{Value, Values};
    ///
    /// let prices = Values::Float(vec![Some(9.5), None]);
    /// assert_eq!(prices.get(0), Some(Value::Float(9.5)));
    /// assert_eq!(prices.get(1), None);
    /// ```
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Value<'_>> {
        match self {
            Values::Token(values) => {
                values[row].as_deref().filter(|token| !token.is_empty()).map(Value::Token)
            }
            Values::TokenSeq(values) => {
                let tokens = &*values[row];
                let has_text = tokens.iter().any(|token| !token.is_empty());
                has_text.then_some(Value::TokenSeq(tokens))
            }
            Values::Float(values) => values[row].map(Value::Float),
            Values::FloatSeq(values) => {
                Some(&*values[row]).filter(|seq| !seq.is_empty()).map(Value::FloatSeq)
            }
        }
    }

    /// The values of these rows, in their order; missing where there is no row.
    pub(crate) fn gather(&self, rows: &[Option<usize>]) -> Values {
        match self {
            Values::Token(values) => {
                Values::Token(rows.iter().map(|row| values.get((*row)?)?.clone()).collect())
            }
            Values::TokenSeq(values) => Values::TokenSeq(gather_seq(values, rows)),
            Values::Float(values) => Values::Float(rows.iter().map(|row| *values.get((*row)?)?).collect()),
            Values::FloatSeq(values) => Values::FloatSeq(gather_seq(values, rows)),
        }
    }

    /// The first number that is NaN or infinite, with its row.
    pub(crate) fn first_not_finite(&self) -> Option<(usize, f64)> {
        let bad = |value: &&f64| !value.is_finite();
        match self {
            Values::Token(_) | Values::TokenSeq(_) => None,
            Values::Float(values) => {
                values.iter().enumerate().find_map(|(row, v)| v.as_ref().filter(bad).map(|v| (row, *v)))
            }
            Values::FloatSeq(values) => {
                values.iter().enumerate().find_map(|(row, seq)| seq.iter().find(bad).map(|v| (row, *v)))
            }
        }
    }
}

fn gather_seq<T: Clone>(values: &[Box<[T]>], rows: &[Option<usize>]) -> Vec<Box<[T]>> {
    let value = |row: &Option<usize>| row.and_then(|row| values.get(row)).cloned().unwrap_or_default();
    rows.iter().map(value).collect()
}

/// A named column of a [`Catalogue`](crate::Catalogue).
///
/// ```
/// use rec_data::{Column, Values};
///
/// let price = Column::new("price", Values::Float(vec![Some(9.5), None]));
/// assert_eq!((&*price.name, price.values.len()), ("price", 2));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name of the field, unique within its catalogue.
    pub name: Box<str>,
    /// The values, one per row.
    pub values: Values,
}

impl Column {
    /// A column of this name with these values.
    pub fn new(name: impl Into<Box<str>>, values: Values) -> Column {
        Column { name: name.into(), values }
    }
}

/// The value of one field of one item: never missing, never empty.
///
/// `Display` writes it for people: the elements of a sequence joined by `", "`, and whole numbers without a fraction.
///
/// ```
/// use rec_data::Value;
///
/// assert_eq!(Value::Token("Dune").to_string(), "Dune");
/// assert_eq!(Value::TokenSeq(&["Comedy".into(), "War".into()]).to_string(), "Comedy, War");
/// assert_eq!(Value::Float(1995.0).to_string(), "1995");
/// assert_eq!(Value::FloatSeq(&[0.5, 2.0]).to_string(), "0.5, 2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Token(&'a str),
    /// A sequence of texts.
    TokenSeq(&'a [Box<str>]),
    /// A number.
    Float(f64),
    /// A sequence of numbers.
    FloatSeq(&'a [f64]),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Token(token) => f.pad(token),
            Value::TokenSeq(tokens) => join(f, tokens),
            Value::Float(number) => fmt::Display::fmt(number, f),
            Value::FloatSeq(numbers) => join(f, numbers),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, values: &[impl fmt::Display]) -> fmt::Result {
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        value.fmt(f)?;
    }
    Ok(())
}
