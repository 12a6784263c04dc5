//! Parquet files as the `parquet` crate writes them.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;
use rec_data::parquet::{read_catalogue, read_interactions};
use rec_data::{CatalogueFields, Interaction, InteractionFields, Interactions, Value};

fn write(path: &Path, columns: Vec<(&'static str, ArrayRef)>, compression: Compression) -> PathBuf {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    // Two rows a group, so that the files have several.
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(2)).set_compression(compression).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path.to_owned()
}

fn items() -> Vec<(&'static str, ArrayRef)> {
    let mut genres = ListBuilder::new(StringBuilder::new());
    genres.append_value([Some("Crime"), Some("Drama")]);
    genres.append_null();
    genres.append_value([Some("War")]);
    let nested =
        StructArray::try_from(vec![("a", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)]).unwrap();
    vec![
        ("nested", Arc::new(nested)),
        ("item_id", Arc::new(Int64Array::from(vec![3, 1, 2]))),
        ("title", Arc::new(StringArray::from(vec![Some("Heat"), Some(""), None]))),
        ("genres", Arc::new(genres.finish())),
        ("year", Arc::new(Float64Array::from(vec![Some(1995.0), None, Some(f64::NAN)]))),
    ]
}

#[test]
fn catalogues_are_read_column_by_column_in_any_compression() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let path = write(&folder.path().join("items.parquet"), items(), compression);
        // The nested column and the NaN are not wanted.
        let fields = CatalogueFields::default().id("item_id").only(["title", "genres"]).float("year");
        let films = read_catalogue(&path, &fields).unwrap();
        assert!(films.ids().iter().eq(["3", "1", "2"]));
        let heat = films.get("3").unwrap();
        assert_eq!(heat.get("title"), Some(Value::Token("Heat")));
        assert_eq!(heat.get("genres"), Some(Value::TokenSeq(&["Crime".into(), "Drama".into()])));
        assert_eq!(films.get("1").unwrap().fields().count(), 0);
        assert_eq!(films.get("2").unwrap().get("genres").unwrap().to_string(), "War");
    }
}

#[test]
fn interactions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(vec![3_000_000, 2_000_000, 1_500_000]))),
        ("user_id", Arc::new(StringArray::from(vec!["u", "v", "u"]))),
        ("unused", Arc::new(StringArray::from(vec!["x", "y", "z"]))),
        ("item_id", Arc::new(StringArray::from(vec!["a", "a", "b"]))),
        ("rating", Arc::new(Int64Array::from(vec![5, 4, 3]))),
    ];
    let path = write(&folder.path().join("log.parquet"), columns, Compression::SNAPPY);
    let found = read_interactions(&path, &InteractionFields::default()).unwrap();
    let expected = Interactions::new([
        ("u", Interaction::new("a", 3.0).with_weight(5.0)),
        ("v", Interaction::new("a", 2.0).with_weight(4.0)),
        ("u", Interaction::new("b", 1.5).with_weight(3.0)),
    ]);
    assert_eq!(found, expected.unwrap());
    let error = read_interactions(&path, &InteractionFields::default().rating("stars")).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: column `stars`: no such column", path.display()));
}

#[test]
fn errors_name_file_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder.path().join("items.parquet"), items(), Compression::SNAPPY);
    let shown = path.display();
    for (fields, message) in [
        (
            CatalogueFields::default().id("item_id").only(["year"]),
            format!("{shown}: row 2: column `year`: `NaN` is not a finite number"),
        ),
        (
            CatalogueFields::default().id("title").only(["genres"]),
            format!("{shown}: row 1: column `title`: the value is missing"),
        ),
        (CatalogueFields::default().id("sku"), format!("{shown}: column `sku`: no such column")),
    ] {
        let error = read_catalogue(&path, &fields).unwrap_err();
        assert!(error.is_malformed());
        assert_eq!(error.to_string(), message);
    }
    let error = read_catalogue(&path, &CatalogueFields::default().id("item_id")).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{shown}: column `nested`: the column holds Struct")), "{error}");
    assert!(read_catalogue(folder.path().join("none"), &CatalogueFields::default()).unwrap_err().is_io());
}

#[test]
fn damaged_files_are_errors_or_other_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder.path().join("items.parquet"), items(), Compression::SNAPPY);
    let bytes = std::fs::read(&path).unwrap();
    let fields = CatalogueFields::default().id("item_id").only(["title", "genres"]);
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        let error = read_catalogue(&path, &fields).unwrap_err();
        assert!(error.is_malformed());
        assert!(std::error::Error::source(&error).is_some());
    }
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            std::fs::write(&path, &flipped).unwrap();
            if let Err(error) = read_catalogue(&path, &fields) {
                assert!(error.to_string().contains("items.parquet: "), "{error}");
            }
        }
    }
}
