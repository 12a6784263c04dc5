//! RecordBatches of every type that is accepted, and of those that are not.
#![cfg(feature = "arrow")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Float64Builder, LargeListBuilder, ListBuilder, ListViewBuilder,
    StringBuilder, StringViewBuilder,
};
use arrow_array::types::{Float16Type, Int8Type, Int32Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Date32Array, Date64Array,
    DictionaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use rec_data::arrow::{self, ids};
use rec_data::{
    Catalogue, CatalogueFields, Error, Interaction, InteractionFields, Interactions, Signal, TimeUnit, Value,
};

/// The type of half-precision numbers, whose crate is not a dependency here.
type Half = <Float16Type as ArrowPrimitiveType>::Native;

fn batch(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn catalogue(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> Result<Catalogue, Error> {
    arrow::catalogue([batch(columns)], &CatalogueFields::default())
}

fn interactions(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> Result<Interactions, Error> {
    arrow::interactions([batch(columns)], &InteractionFields::default())
}

/// A catalogue of one column besides the ids, shown value by value; `-` is missing.
fn shown(array: ArrayRef) -> Vec<String> {
    let ids = Int32Array::from_iter_values(0..array.len() as i32);
    let items = catalogue([("id", Arc::new(ids) as ArrayRef), ("x", array)]).unwrap();
    let show = |value: Value<'_>| match value {
        Value::Token(_) | Value::Float(_) => value.to_string(),
        Value::TokenSeq(_) | Value::FloatSeq(_) => format!("[{value}]"),
    };
    items.iter().map(|item| item.get("x").map_or("-".to_owned(), show)).collect()
}

#[test]
fn texts_are_tokens() {
    let texts = vec![Some("a b"), None, Some("")];
    assert_eq!(shown(Arc::new(StringArray::from(texts.clone()))), ["a b", "-", "-"]);
    assert_eq!(shown(Arc::new(LargeStringArray::from(texts.clone()))), ["a b", "-", "-"]);
    assert_eq!(shown(Arc::new(StringViewArray::from(texts.clone()))), ["a b", "-", "-"]);
    assert_eq!(
        shown(Arc::new(texts.iter().copied().collect::<DictionaryArray<Int8Type>>())),
        ["a b", "-", "-"]
    );
    assert_eq!(
        shown(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ["true", "-", "false"]
    );
    assert_eq!(shown(Arc::new(NullArray::new(2))), ["-", "-"]);
}

#[test]
fn numbers_are_numbers() {
    let expected = ["1", "-", "100"];
    macro_rules! check {
        ($($array:ident),*) => {
            $(assert_eq!(shown(Arc::new($array::from(vec![Some(1 as _), None, Some(100 as _)]))), expected);)*
        };
    }
    check!(Int8Array, Int16Array, Int32Array, Int64Array, UInt8Array, UInt16Array, UInt32Array, UInt64Array);
    check!(Float32Array, Float64Array);
    let half = Float16Array::from_iter_values([0.5, 65504.0].map(Half::from_f32));
    assert_eq!(shown(Arc::new(half)), ["0.5", "65504"]);
    let keys = UInt16Array::from(vec![Some(1), None, Some(0), Some(2)]);
    let values = Arc::new(Float64Array::from(vec![Some(2.5), Some(7.0), None]));
    assert_eq!(shown(Arc::new(DictionaryArray::<UInt16Type>::new(keys, values))), ["7", "-", "2.5", "-"]);
}

#[test]
fn times_are_seconds() {
    assert_eq!(shown(Arc::new(TimestampSecondArray::from(vec![-1, 2]))), ["-1", "2"]);
    let zoned = TimestampMillisecondArray::from(vec![1_500]).with_timezone("+02:00");
    assert_eq!(shown(Arc::new(zoned)), ["1.5"]);
    assert_eq!(shown(Arc::new(TimestampMicrosecondArray::from(vec![2_500_000]))), ["2.5"]);
    assert_eq!(
        shown(Arc::new(TimestampNanosecondArray::from(vec![1_588_687_728_500_000_000]))),
        ["1588687728.5"]
    );
    assert_eq!(shown(Arc::new(Date32Array::from(vec![1]))), ["86400"]);
    assert_eq!(shown(Arc::new(Date64Array::from(vec![86_400_000]))), ["86400"]);
}

#[test]
fn lists_are_sequences() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a b"), Some("c")]);
    list.append_null();
    list.append_value([] as [Option<&str>; 0]);
    assert_eq!(shown(Arc::new(list.finish())), ["[a b, c]", "-", "-"]);
    let mut list = LargeListBuilder::new(StringViewBuilder::new());
    list.append_value([Some("a")]);
    assert_eq!(shown(Arc::new(list.finish())), ["[a]"]);
    let mut list = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    list.values().append_slice(&[1.0, 2.5]);
    list.append(true);
    list.values().append_nulls(2);
    list.append(false);
    assert_eq!(shown(Arc::new(list.finish())), ["[1, 2.5]", "-"]);
    let mut list = ListViewBuilder::new(Float64Builder::new());
    list.append_value([Some(1.0)]);
    assert_eq!(shown(Arc::new(list.finish())), ["[1]"]);
}

#[test]
fn slices_are_read_from_their_beginning() {
    let texts: DictionaryArray<Int32Type> = [Some("a"), None, Some("b")].into_iter().collect();
    assert_eq!(shown(Arc::new(texts.slice(1, 2))), ["-", "b"]);
    let mut list = ListBuilder::new(Float64Builder::new());
    list.append_value([Some(1.0)]);
    list.append_value([Some(2.0), Some(3.0)]);
    assert_eq!(shown(Arc::new(list.finish().slice(1, 1))), ["[2, 3]"]);
}

#[test]
fn batches_follow_one_another_and_ids_stay_unique() {
    let items = |ids: Vec<i64>| batch([("id", Arc::new(Int64Array::from(ids)) as ArrayRef)]);
    let both = arrow::catalogue([items(vec![3, 1]), items(vec![2])], &CatalogueFields::default()).unwrap();
    assert!(both.ids().iter().eq(["3", "1", "2"]));
    let error =
        arrow::catalogue([items(vec![3, 1]), items(vec![2, 1])], &CatalogueFields::default()).unwrap_err();
    assert!(error.is_duplicate() && error.is_malformed());
    assert_eq!(error.to_string(), "row 3: column `id`: duplicate id `1`, first in row 1");
    let named =
        batch([("id", Arc::new(Int64Array::from(vec![9])) as ArrayRef), ("x", Arc::new(NullArray::new(1)))]);
    let error = arrow::catalogue([items(vec![3]), named], &CatalogueFields::default()).unwrap_err();
    assert_eq!(error.to_string(), "column `id`: the batch has other columns than the first one");
    assert!(arrow::catalogue([] as [RecordBatch; 0], &CatalogueFields::default()).unwrap().is_empty());
    assert!(arrow::interactions([] as [RecordBatch; 0], &InteractionFields::default()).unwrap().is_empty());
}

#[test]
fn columns_can_be_chosen_and_their_types_stated() {
    let binary = Arc::new(BinaryArray::from(vec![&b"x"[..]])) as ArrayRef;
    let columns = [
        ("picture", binary),
        ("price", Arc::new(Float32Array::from(vec![2.5])) as ArrayRef),
        ("sku", Arc::new(StringArray::from(vec!["m1"])) as ArrayRef),
    ];
    let batch = batch(columns);
    let fields = CatalogueFields::default().id("sku");
    let found = arrow::catalogue([&batch], &fields.clone().only(["price"]).float("price")).unwrap();
    assert_eq!(found.get("m1").unwrap().get("price"), Some(Value::Float(2.5)));
    for (fields, message) in [
        (
            fields.clone(),
            "column `picture`: the column holds Binary, expected texts, numbers, or lists of them",
        ),
        (CatalogueFields::default(), "column `picture`: the column holds Binary, expected texts or integers"),
        (
            CatalogueFields::default().id("price"),
            "column `price`: the column holds Float32, expected texts or integers",
        ),
        (
            fields.clone().only(["price"]).token_seq("price", '|'),
            "column `price`: the column has the type float, expected token_seq",
        ),
        (fields.only(["cost"]), "column `cost`: no such column"),
    ] {
        assert_eq!(arrow::catalogue([&batch], &fields).unwrap_err().to_string(), message);
    }
}

#[test]
fn bad_values_name_row_and_column() {
    let ids = || Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
    let nan = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
    let error = catalogue([("id", ids()), ("x", nan)]).unwrap_err();
    assert_eq!(error.to_string(), "row 1: column `x`: `NaN` is not a finite number");
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a"), None]);
    list.append_null();
    let error = catalogue([("id", ids()), ("x", Arc::new(list.finish()))]).unwrap_err();
    assert_eq!(error.to_string(), "row 0: column `x`: the value is missing");
    let error = catalogue([("id", Arc::new(StringArray::from(vec!["a", ""])) as ArrayRef)]).unwrap_err();
    assert_eq!(error.to_string(), "row 1: column `id`: the value is missing");
}

#[test]
fn interactions_take_ids_times_and_signals() {
    let users: DictionaryArray<Int8Type> = ["u", "v", "u"].into_iter().collect();
    let log = |time: ArrayRef, more: (&'static str, ArrayRef)| {
        let items = Arc::new(Int64Array::from(vec![10, 20, 30]));
        [("user_id", Arc::new(users.clone()) as ArrayRef), ("item_id", items), ("timestamp", time), more]
    };
    let times = Arc::new(TimestampMillisecondArray::from(vec![3_000, 2_000, 1_000]));
    let ratings = Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0]));
    let expected = Interactions::new([
        ("u", Interaction::new("10", 3.0).with_weight(1.0)),
        ("v", Interaction::new("20", 2.0).with_weight(2.0)),
        ("u", Interaction::new("30", 1.0).with_weight(3.0)),
    ])
    .unwrap();
    let in_milliseconds = InteractionFields::default().time_unit(TimeUnit::Milliseconds);
    // The unit is for numbers: a timestamp brings its own.
    let batch_of = |time| batch(log(time, ("rating", ratings.clone())));
    assert_eq!(arrow::interactions([batch_of(times)], &in_milliseconds).unwrap(), expected);
    let numbers = Arc::new(UInt64Array::from(vec![3_000, 2_000, 1_000]));
    assert_eq!(arrow::interactions([batch_of(numbers.clone())], &in_milliseconds).unwrap(), expected);

    let kinds = Arc::new(StringArray::from(vec!["click", "skip", "click"]));
    let events = InteractionFields::default().event("kind");
    let found = arrow::interactions([batch(log(numbers, ("kind", kinds)))], &events).unwrap();
    assert_eq!(found.get("v").unwrap().interactions()[0].signal, Signal::Event("skip".into()));

    let halves = [(0, vec!["a", "b"]), (1, vec!["c"])].map(|(_, items)| {
        let users = StringArray::from(vec!["u"; items.len()]);
        batch([("user_id", Arc::new(users) as ArrayRef), ("item_id", Arc::new(StringArray::from(items)))])
    });
    let ordered = arrow::interactions(halves, &InteractionFields::default()).unwrap();
    assert_eq!(ordered.get("u").unwrap().interactions()[2].time, 2.0);
}

#[test]
fn bad_interactions_name_row_and_column() {
    let ids = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let numbers = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    for (column, values, message) in [
        ("timestamp", numbers(vec![Some(1.0), None]), "row 1: column `timestamp`: the value is missing"),
        (
            "timestamp",
            numbers(vec![Some(f64::INFINITY), None]),
            "row 0: column `timestamp`: `inf` is not a finite number",
        ),
        ("timestamp", ids(), "column `timestamp`: the column holds Utf8, expected numbers"),
        (
            "rating",
            numbers(vec![Some(1.0), Some(-1e39)]),
            "row 1: column `rating`: `-1000000000000000000000000000000000000000` is not a finite number",
        ),
    ] {
        let error = interactions([("user_id", ids()), ("item_id", ids()), (column, values)]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = interactions([("user_id", ids())]).unwrap_err();
    assert_eq!(error.to_string(), "column `item_id`: no such column");
    let error = interactions([("user_id", ids()), ("item_id", numbers(vec![None, None]))]).unwrap_err();
    assert_eq!(error.to_string(), "column `item_id`: the column holds Float64, expected texts or integers");
}

#[test]
fn ids_are_texts_or_integers() {
    let texts: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
    assert_eq!(ids(&texts, "id").unwrap(), ["a", "b", "a"]);
    let error = ids(&Int8Array::from(vec![Some(1), None]), "id").unwrap_err();
    assert_eq!(error.to_string(), "row 1: column `id`: the value is missing");
    let error = ids(&BooleanArray::from(vec![true]), "id").unwrap_err();
    assert_eq!(error.to_string(), "column `id`: the column holds Boolean, expected texts or integers");
    // A dictionary of nothing can only have nulls.
    let empty = DictionaryArray::<Int8Type>::new(
        Int8Array::from(vec![None, None]),
        Arc::new(StringArray::from(vec![""; 0])),
    );
    assert!(ids(&empty, "id").is_err());
}
