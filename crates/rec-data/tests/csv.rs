//! CSV and TSV files: quotes, line numbers, types, refusals, and compressed files.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::io::{self, BufReader, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use rec_data::csv::{
    Dialect, read_catalogue, read_catalogue_from, read_interactions, read_interactions_from,
};
use rec_data::{
    Catalogue, CatalogueFields, Error, Interaction, InteractionFields, Interactions, Signal, TimeUnit, Value,
};

fn catalogue(file: &str) -> Result<Catalogue, Error> {
    let fields = CatalogueFields::default().float("n").token_seq("s", '|').float_seq("v", ';');
    read_catalogue_from(file.as_bytes(), "f.csv", &fields, Dialect::default())
}

fn plain(file: &str) -> Result<Catalogue, Error> {
    read_catalogue_from(file.as_bytes(), "f.csv", &CatalogueFields::default(), Dialect::default())
}

fn log(file: &str) -> Result<Interactions, Error> {
    read_interactions_from(file.as_bytes(), "f.csv", &InteractionFields::default(), Dialect::default())
}

fn title(items: &Catalogue, id: &str) -> String {
    items.get(id).unwrap().get("t").unwrap().to_string()
}

#[test]
fn declared_types_are_read_and_the_rest_is_text() {
    let items = catalogue("id,n,s,v,t\n1,-1.5e3,a b|c||,1;2.5,007\n2,,,,\n").unwrap();
    let first = items.item(0);
    assert_eq!(first.get("n"), Some(Value::Float(-1500.0)));
    assert_eq!(first.get("s"), Some(Value::TokenSeq(&["a b".into(), "c".into()])));
    assert_eq!(first.get("v"), Some(Value::FloatSeq(&[1.0, 2.5])));
    assert_eq!(first.get("t"), Some(Value::Token("007")));
    assert_eq!(items.item(1).fields().count(), 0);
}

#[test]
fn quotes_hold_separators_quotes_and_line_ends() {
    let items = plain("id,t\n1,\"a, \"\"b\"\"\nc\"\n2,\" \"\n").unwrap();
    assert_eq!(title(&items, "1"), "a, \"b\"\nc");
    assert_eq!(title(&items, "2"), " ");
}

#[test]
fn line_ends_byte_order_mark_and_blank_lines_change_nothing() {
    let expected = plain("id,t\n1,x\n2,y\n").unwrap();
    for file in [
        "\u{feff}id,t\n1,x\n2,y",
        "id,t\r\n1,x\r\n2,y\r\n",
        "\n\nid,t\n\n1,x\n\r\n2,\"y\"\r\n\n",
        "id,t\n1,x\n2,\"y\"",
    ] {
        assert_eq!(plain(file).unwrap(), expected, "{file:?}");
    }
    // Even if the mark comes in pieces.
    let pieces = BufReader::with_capacity(1, "\u{feff}id,t\n1,x\n2,y\n".as_bytes());
    let items = read_catalogue_from(pieces, "f", &CatalogueFields::default(), Dialect::default()).unwrap();
    assert_eq!(items, expected);
}

#[test]
fn the_id_may_stand_anywhere_and_columns_can_be_left_out() {
    let fields = CatalogueFields::default().id("id").only(["c", "a"]);
    let file = &b"a,b,id,c\n1,2,x,3\n"[..];
    let items = read_catalogue_from(file, "f", &fields, Dialect::default()).unwrap();
    let names: Vec<&str> = items.columns().iter().map(|column| &*column.name).collect();
    assert_eq!((names, items.ids().contains("x")), (vec!["a", "c"], true));
    let floats = CatalogueFields::default().id("id").float("d");
    for fields in [fields.clone().only(["d"]), floats, fields.id("d")] {
        let error = read_catalogue_from(file, "f", &fields, Dialect::default()).unwrap_err();
        assert_eq!(error.to_string(), "f:1: field `d`: no such column");
    }
}

#[test]
fn errors_name_the_line_where_the_record_begins() {
    for (file, message) in [
        ("", "f.csv:1: the file is empty, but must begin with a header line"),
        ("\n\r\n", "f.csv:1: the file is empty, but must begin with a header line"),
        ("id,n,n\n", "f.csv:1: field `n`: the column is named twice"),
        ("id,n,s,v\n1,2\n", "f.csv:2: 2 fields, expected 4"),
        ("id,n,s,v\n\"a\nb\",2,,\n1,x,,", "f.csv:4: field `n`: `x` is not a finite number"),
        ("id,n,s,v\r\n\r\n1,NaN,,\r\n", "f.csv:3: field `n`: `NaN` is not a finite number"),
        ("id,n,s,v\n1,2,,1;1e999\n", "f.csv:2: field `v`: `1e999` is not a finite number"),
        ("id,n,s,v\n,2,,\n", "f.csv:2: field `id`: the value is missing"),
        ("id,n,s,v\n1,,,\n\n2,,,\n\"1\",,,\n", "f.csv:5: field `id`: duplicate id `1`, first on line 2"),
        ("id,n,s,v\n1,,,\n2,\"3,,\n4,,,\n", "f.csv:3: the quote that opens in this record does not close"),
        ("id,n,s,v\n1,,,\"\"\"", "f.csv:2: the quote that opens in this record does not close"),
    ] {
        let error = catalogue(file).unwrap_err();
        assert!(error.is_malformed(), "{file:?}");
        assert_eq!(error.to_string(), message, "{file:?}");
    }
    assert!(catalogue("id,n,s,v\n7,,,\n7,,,\n").unwrap_err().is_duplicate());
}

#[test]
fn interactions_take_their_columns_by_name() {
    let file = "rating,movieId,when,userId\n4.5,a,2000,u\n-1,a,1500,v\n0,b,1000,u\n";
    let fields = InteractionFields::default().user("userId").item("movieId").time("when");
    let fields = fields.time_unit(TimeUnit::Milliseconds);
    let found = read_interactions_from(file.as_bytes(), "f", &fields, Dialect::default()).unwrap();
    let expected = Interactions::new([
        ("u", Interaction::new("a", 2.0).with_weight(4.5)),
        ("v", Interaction::new("a", 1.5).with_weight(-1.0)),
        ("u", Interaction::new("b", 1.0).with_weight(0.0)),
    ]);
    assert_eq!(found, expected.unwrap());
    let events = read_interactions_from(
        &b"user_id;item_id;kind\nu;a;skip\n"[..],
        "f",
        &InteractionFields::default().event("kind"),
        Dialect::separated_by(b';'),
    );
    let events = events.unwrap();
    assert_eq!(events.get("u").unwrap().interactions()[0].signal, Signal::Event("skip".into()));
}

#[test]
fn interaction_errors_name_file_line_and_field() {
    for (file, message) in [
        ("item_id\n", "f.csv:1: field `user_id`: no such column"),
        ("user_id,item_id\n,i\n", "f.csv:2: field `user_id`: the value is missing"),
        ("user_id,item_id\nu,\n", "f.csv:2: field `item_id`: the value is missing"),
        ("user_id,item_id,rating\nu,i,1e39\n", "f.csv:2: field `rating`: `1e39` is not a finite number"),
        ("user_id,item_id,timestamp\nu,i,\n", "f.csv:2: field `timestamp`: the value is missing"),
        ("user_id,item_id,timestamp\nu,i,inf\n", "f.csv:2: field `timestamp`: `inf` is not a finite number"),
    ] {
        assert_eq!(log(file).unwrap_err().to_string(), message);
    }
    assert!(log("user_id,item_id\n").unwrap().is_empty());
}

#[test]
fn invalid_utf8_names_line_and_field() {
    let file = &b"id,t\n1,a\n2,b\xff\n"[..];
    let error = read_catalogue_from(file, "f", &CatalogueFields::default(), Dialect::default()).unwrap_err();
    assert_eq!(error.to_string(), "f:3: field number 2: invalid UTF-8");
    assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<std::str::Utf8Error>()));
}

#[test]
fn a_reader_that_fails_midway_is_an_io_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("pulled the plug"))
        }
    }
    let reader = BufReader::new(b"id\n1\n".chain(Broken));
    let error = read_catalogue_from(reader, "f", &CatalogueFields::default(), Dialect::TAB).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), "f: cannot read the file");
}

#[test]
fn compressed_files_are_read_through_and_damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv.gz");
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(b"user_id,item_id\nann,dune\n").unwrap();
    let mut bytes = gz.finish().unwrap();
    // Two members after one another are one file.
    let mut second = GzEncoder::new(Vec::new(), Compression::default());
    second.write_all(b"bob,emma\n").unwrap();
    bytes.extend(second.finish().unwrap());
    std::fs::write(&path, &bytes).unwrap();
    let fields = InteractionFields::default();
    assert_eq!(read_interactions(&path, &fields, Dialect::default()).unwrap().len(), 2);

    std::fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    let error = read_interactions(&path, &fields, Dialect::default()).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("{}: cannot read the file", path.display()));
    let missing = folder.path().join("none.csv");
    assert!(read_catalogue(missing, &CatalogueFields::default(), Dialect::COMMA).unwrap_err().is_io());
}

#[test]
#[should_panic(expected = "neither a quote nor a line end")]
fn a_quote_is_no_separator() {
    let _ = Dialect::separated_by(b'"');
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        rows in prop::collection::vec(("[^\r]{1,6}", "[^\r]{0,6}"), 0..12),
        crlf: bool,
    ) {
        let rows: std::collections::BTreeMap<String, String> = rows.into_iter().collect();
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(Vec::new());
        writer.write_record(["id", "t"]).unwrap();
        for (id, text) in &rows {
            writer.write_record([id, text]).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let items = read_catalogue_from(&*file, "f", &CatalogueFields::default(), Dialect::COMMA).unwrap();
        prop_assert_eq!(items.len(), rows.len());
        for (id, text) in &rows {
            let found = items.get(id).unwrap().get("t").map(|value| value.to_string());
            prop_assert_eq!(found.unwrap_or_default(), text.clone());
        }
    }

    #[test]
    fn any_bytes_give_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), quotes: bool) {
        let dialect = if quotes { Dialect::COMMA } else { Dialect::COMMA.without_quotes() };
        let bytes = [b"user_id,item_id,timestamp\n", &*bytes].concat();
        for result in [
            read_catalogue_from(&*bytes, "f", &CatalogueFields::default().float("item_id"), dialect).map(drop),
            read_interactions_from(&*bytes, "f", &InteractionFields::default(), dialect).map(drop),
        ] {
            if let Err(error) = result {
                prop_assert!(error.is_malformed());
                prop_assert!(error.to_string().starts_with("f:"));
            }
        }
    }
}
