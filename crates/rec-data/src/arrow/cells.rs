//! The values of one array, whatever its type.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use crate::table::Type;

/// What the values of a type are; `None` if they are nothing that a catalogue holds.
pub(super) fn type_of(data_type: &DataType) -> Option<Type> {
    match data_type {
        DataType::Null | DataType::Boolean => Some(Type::Token),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Type::Token),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Some(Type::Float),
        DataType::Dictionary(_, values) => type_of(values).filter(|_| !matches!(**values, DataType::Null)),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => match type_of(element.data_type())? {
            Type::Token => Some(Type::TokenSeq),
            Type::Float => Some(Type::FloatSeq),
            Type::TokenSeq | Type::FloatSeq => None,
        },
        other if other.is_integer() || is_time(other) => Some(Type::Float),
        _ => None,
    }
}

/// Whether the values of a type can be ids.
pub(super) fn is_id(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_id(values),
        other => other.is_integer(),
    }
}

/// Whether the values of a type are times, which are read as Unix seconds.
pub(super) fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// The values of an array, by row.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    array: &'a dyn Array,
    /// The positions in `values`; `None` if they are the rows.
    keys: Option<Vec<usize>>,
    values: &'a dyn Array,
}

impl<'a> Cells<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Cells<'a> {
        match array.as_any_dictionary_opt() {
            // A dictionary without values has no keys but null, which `position` sees first.
            Some(dictionary) if dictionary.values().is_empty() => Cells { array, keys: None, values: array },
            Some(dictionary) => {
                Cells { array, keys: Some(dictionary.normalized_keys()), values: &**dictionary.values() }
            }
            None => Cells { array, keys: None, values: array },
        }
    }

    /// Where in `values` the value of a row is; `None` if it is null.
    fn position(&self, row: usize) -> Option<usize> {
        if self.array.is_null(row) {
            return None;
        }
        let position = self.keys.as_ref().map_or(row, |keys| keys[row]);
        Some(position).filter(|position| !self.values.is_null(*position))
    }

    /// The token of a row; `None` if it is missing, empty, or no token.
    pub(super) fn token(&self, row: usize) -> Option<Cow<'a, str>> {
        let at = self.position(row)?;
        let text = match self.values.data_type() {
            DataType::Utf8 => self.values.as_string::<i32>().value(at),
            DataType::LargeUtf8 => self.values.as_string::<i64>().value(at),
            DataType::Utf8View => self.values.as_string_view().value(at),
            DataType::Boolean if self.values.as_boolean().value(at) => "true",
            DataType::Boolean => "false",
            _ => return None,
        };
        Some(Cow::Borrowed(text)).filter(|text| !text.is_empty())
    }

    /// The id of a row; `None` if it is missing, empty, or neither text nor an integer.
    pub(super) fn id(&self, row: usize) -> Option<Cow<'a, str>> {
        let at = self.position(row)?;
        let values = self.values;
        Some(Cow::Owned(match values.data_type() {
            DataType::Int8 => values.as_primitive::<Int8Type>().value(at).to_string(),
            DataType::Int16 => values.as_primitive::<Int16Type>().value(at).to_string(),
            DataType::Int32 => values.as_primitive::<Int32Type>().value(at).to_string(),
            DataType::Int64 => values.as_primitive::<Int64Type>().value(at).to_string(),
            DataType::UInt8 => values.as_primitive::<UInt8Type>().value(at).to_string(),
            DataType::UInt16 => values.as_primitive::<UInt16Type>().value(at).to_string(),
            DataType::UInt32 => values.as_primitive::<UInt32Type>().value(at).to_string(),
            DataType::UInt64 => values.as_primitive::<UInt64Type>().value(at).to_string(),
            DataType::Boolean => return None,
            _ => return self.token(row),
        }))
    }

    /// The number of a row, in seconds if it is a time; `None` if it is missing or no number.
    pub(super) fn number(&self, row: usize) -> Option<f64> {
        let at = self.position(row)?;
        let values = self.values;
        Some(match values.data_type() {
            DataType::Int8 => values.as_primitive::<Int8Type>().value(at).into(),
            DataType::Int16 => values.as_primitive::<Int16Type>().value(at).into(),
            DataType::Int32 => values.as_primitive::<Int32Type>().value(at).into(),
            DataType::Int64 => values.as_primitive::<Int64Type>().value(at) as f64,
            DataType::UInt8 => values.as_primitive::<UInt8Type>().value(at).into(),
            DataType::UInt16 => values.as_primitive::<UInt16Type>().value(at).into(),
            DataType::UInt32 => values.as_primitive::<UInt32Type>().value(at).into(),
            DataType::UInt64 => values.as_primitive::<UInt64Type>().value(at) as f64,
            DataType::Float16 => values.as_primitive::<Float16Type>().value(at).to_f64(),
            DataType::Float32 => values.as_primitive::<Float32Type>().value(at).into(),
            DataType::Float64 => values.as_primitive::<Float64Type>().value(at),
            DataType::Date32 => f64::from(values.as_primitive::<Date32Type>().value(at)) * 86_400.0,
            DataType::Date64 => values.as_primitive::<Date64Type>().value(at) as f64 / 1e3,
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => values.as_primitive::<TimestampSecondType>().value(at) as f64,
                TimeUnit::Millisecond => {
                    values.as_primitive::<TimestampMillisecondType>().value(at) as f64 / 1e3
                }
                TimeUnit::Microsecond => {
                    values.as_primitive::<TimestampMicrosecondType>().value(at) as f64 / 1e6
                }
                TimeUnit::Nanosecond => {
                    values.as_primitive::<TimestampNanosecondType>().value(at) as f64 / 1e9
                }
            },
            _ => return None,
        })
    }

    /// The elements of a row; `None` if they are missing or it has none.
    pub(super) fn list(&self, row: usize) -> Option<ArrayRef> {
        let at = self.position(row)?;
        Some(match self.values.data_type() {
            DataType::List(_) => self.values.as_list::<i32>().value(at),
            DataType::LargeList(_) => self.values.as_list::<i64>().value(at),
            DataType::FixedSizeList(..) => self.values.as_fixed_size_list().value(at),
            DataType::ListView(_) => self.values.as_list_view::<i32>().value(at),
            DataType::LargeListView(_) => self.values.as_list_view::<i64>().value(at),
            _ => return None,
        })
    }
}
