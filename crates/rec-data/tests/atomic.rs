//! The readers of atomic files: what they accept, what they refuse and in which words, and that they never panic.

use std::fmt::Write as _;
use std::io::{self, BufReader, Read};

use proptest::prelude::*;
use rec_data::atomic::{
    read_catalogue, read_catalogue_from, read_interactions, read_interactions_from, write_catalogue,
    write_catalogue_to, write_interactions, write_interactions_to,
};
use rec_data::{
    Catalogue, Column, Error, IdMap, Interaction, InteractionFields, Interactions, Signal, Value, Values,
};

fn catalogue(file: &str) -> Result<Catalogue, Error> {
    read_catalogue_from(file.as_bytes(), "f.item")
}

fn log(file: &str) -> Result<Interactions, Error> {
    read_interactions_from(file.as_bytes(), "f.inter", &InteractionFields::default())
}

#[test]
fn all_types_are_read_and_empty_fields_are_missing() {
    let file = "id:token\tt:token\tts:token_seq\tf:float\tfs:float_seq\n\
                1\ta b\ta  b \t-1.5e3\t1 2.5\n\
                2\t\t\t\t\n";
    let items = catalogue(file).unwrap();
    let names: Vec<&str> = items.columns().iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["t", "ts", "f", "fs"]);
    let first = items.item(0);
    assert_eq!(first.get("t"), Some(Value::Token("a b")));
    assert_eq!(first.get("ts"), Some(Value::TokenSeq(&["a".into(), "b".into()])));
    assert_eq!(first.get("f"), Some(Value::Float(-1500.0)));
    assert_eq!(first.get("fs"), Some(Value::FloatSeq(&[1.0, 2.5])));
    assert_eq!(items.item(1).fields().count(), 0);
}

#[test]
fn line_ends_byte_order_mark_and_blank_lines_change_nothing() {
    let plain = catalogue("id:token\tt:token\n1\tx\n2\ty\n").unwrap();
    for file in [
        "\u{feff}id:token\tt:token\n1\tx\n2\ty",
        "id:token\tt:token\r\n1\tx\r\n2\ty\r\n",
        "id:token\tt:token\n\n1\tx\n\r\n2\ty\n\n",
    ] {
        assert_eq!(catalogue(file).unwrap(), plain, "{file:?}");
    }
}

#[test]
fn header_alone_is_an_empty_table() {
    assert!(catalogue("id:token\tt:token").unwrap().is_empty());
    assert!(log("user_id:token\titem_id:token\n").unwrap().is_empty());
}

#[test]
fn catalogue_errors_name_file_line_and_field() {
    for (file, message) in [
        ("", "f.item:1: the file is empty, but must begin with a header line"),
        ("\n1\n", "f.item:1: `` is not of the form `name:type`"),
        ("id\n", "f.item:1: `id` is not of the form `name:type`"),
        (":token\n", "f.item:1: `:token` is not of the form `name:type`"),
        (
            "id:int\n",
            "f.item:1: field `id`: unknown type `int`, expected token, token_seq, float or float_seq",
        ),
        ("id:float\n", "f.item:1: field `id`: the column has the type float, expected token"),
        ("id:token\tx:float\tx:token\n", "f.item:1: field `x`: the column is named twice"),
        ("id:token\tx:float\n1\n", "f.item:2: 1 fields, expected 2"),
        ("id:token\tx:float\n1\t2\t3\n", "f.item:2: 3 fields, expected 2"),
        ("id:token\tx:float\n\t2\n", "f.item:2: field `id`: the value is missing"),
        ("id:token\tx:float\n1\t1,5\n", "f.item:2: field `x`: `1,5` is not a finite number"),
        ("id:token\tx:float\n1\tNaN\n", "f.item:2: field `x`: `NaN` is not a finite number"),
        ("id:token\tx:float_seq\n1\t1 1e999\n", "f.item:2: field `x`: `1e999` is not a finite number"),
        ("id:token\n7\n\n8\n7\n", "f.item:5: field `id`: duplicate id `7`, first on line 2"),
    ] {
        let error = catalogue(file).unwrap_err();
        assert!(error.is_malformed(), "{file:?}");
        assert_eq!(error.to_string(), message);
    }
    assert!(catalogue("id:token\n7\n7\n").unwrap_err().is_duplicate());
}

#[test]
fn interaction_errors_name_file_line_and_field() {
    const HEADER: &str = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
    for (line, message) in [
        ("\ti\t1\t1", "f.inter:2: field `user_id`: the value is missing"),
        ("u\t\t1\t1", "f.inter:2: field `item_id`: the value is missing"),
        ("u\ti\t\t1", "f.inter:2: field `rating`: the value is missing"),
        ("u\ti\t1\t", "f.inter:2: field `timestamp`: the value is missing"),
        ("u\ti\tinf\t1", "f.inter:2: field `rating`: `inf` is not a finite number"),
        ("u\ti\t1e39\t1", "f.inter:2: field `rating`: `1e39` is not a finite number"),
        ("u\ti\t1\tnan", "f.inter:2: field `timestamp`: `nan` is not a finite number"),
    ] {
        assert_eq!(log(&format!("{HEADER}{line}")).unwrap_err().to_string(), message);
    }
    for (header, message) in [
        ("item_id:token", "f.inter:1: field `user_id`: no such column"),
        (
            "user_id:token\titem_id:float",
            "f.inter:1: field `item_id`: the column has the type float, expected token",
        ),
    ] {
        assert_eq!(log(header).unwrap_err().to_string(), message);
    }
    let plain = "user_id:token\titem_id:token\n".as_bytes();
    for (fields, column) in [
        (InteractionFields::default().time("when"), "when"),
        (InteractionFields::default().rating("stars"), "stars"),
        (InteractionFields::default().event("kind"), "kind"),
    ] {
        let error = read_interactions_from(plain, "f.inter", &fields).unwrap_err();
        assert_eq!(error.to_string(), format!("f.inter:1: field `{column}`: no such column"));
    }
}

#[test]
fn ratings_are_read_by_default_and_can_be_left_out() {
    let file = "user_id:token\titem_id:token\trating:float\nu\ta\t4.5\nv\ta\t-1\nu\tb\t0\n";
    let rated = log(file).unwrap();
    let expected = Interactions::new([
        ("u", Interaction::new("a", 0.0).with_weight(4.5)),
        ("v", Interaction::new("a", 1.0).with_weight(-1.0)),
        ("u", Interaction::new("b", 2.0).with_weight(0.0)),
    ]);
    assert_eq!(rated, expected.unwrap());
    let fields = InteractionFields::default().unweighted();
    let plain = read_interactions_from(file.as_bytes(), "f.inter", &fields).unwrap();
    let weights = plain.iter().flat_map(|(_, history)| history.interactions());
    assert!(weights.into_iter().all(|interaction| interaction.signal == Signal::Weight(1.0)));
}

#[test]
fn invalid_utf8_names_line_and_field_and_keeps_the_source() {
    let error = read_catalogue_from(&b"id:token\tx:token\n1\ta\n2\tb\xff\n"[..], "f.item").unwrap_err();
    assert_eq!(error.to_string(), "f.item:3: field number 2: invalid UTF-8");
    assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<std::str::Utf8Error>()));
}

#[test]
fn files_are_read_by_path_and_their_errors_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.item");
    std::fs::write(&path, "item_id:token\n1\n").unwrap();
    assert_eq!(read_catalogue(&path).unwrap().len(), 1);

    let error = read_interactions(&path, &InteractionFields::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:1: field `user_id`: no such column", path.display()));

    let missing = folder.path().join("none.item");
    let error = read_catalogue(&missing).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("{}: cannot open the file", missing.display()));
    assert!(read_catalogue(folder.path()).unwrap_err().is_io());
}

#[test]
fn a_reader_that_fails_midway_is_an_io_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("pulled the plug"))
        }
    }
    let reader = BufReader::new(b"id:token\n1\n".chain(Broken));
    let error = read_catalogue_from(reader, "f.item").unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), "f.item: cannot read the file");
}

#[test]
fn files_are_written_whole_or_not_at_all_and_compressed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let films = catalogue("id:token\tt:token\n1\tHeat\n").unwrap();
    for name in ["films.item", "films.item.gz"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "before").unwrap();
        // The second column cannot be written: what was there stays, and nothing else.
        let column = Column::new("bad", Values::Token(vec![Some("a\tb".into())]));
        let (ids, columns) = films.clone().into_parts();
        let bad = Catalogue::new(ids, [columns, vec![column]].concat()).unwrap();
        assert!(write_catalogue(&path, &bad, "id").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"before");

        write_catalogue(&path, &films, "id").unwrap();
        assert_eq!(read_catalogue(&path).unwrap(), films);
        assert_eq!(std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]), name.ends_with("gz"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let nowhere = folder.path().join("none").join("films.item");
    let error = write_catalogue(&nowhere, &films, "id").unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("{}: cannot write the file", nowhere.display()));
    assert!(write_interactions(folder.path().join(".."), &Interactions::default()).unwrap_err().is_io());
}

#[test]
fn what_the_format_cannot_hold_is_an_error() {
    let item = |name: &str, values| {
        Catalogue::new(IdMap::try_from_ids(["1"]).unwrap(), vec![Column::new(name, values)]).unwrap()
    };
    let text = |text: &str| Values::Token(vec![Some(text.into())]);
    let texts = |texts: &[&str]| Values::TokenSeq(vec![texts.iter().map(|text| Box::from(*text)).collect()]);
    let empty_id = Catalogue::from_records([("", [("t", "x")])]).unwrap();
    for (bad, id, message) in [
        (item("t", text("a\nb")), "id", "f: cannot write t: `a\\nb` holds a tab or a line end"),
        (item("t", text("a\r")), "id", "f: cannot write t: `a\\r` holds a tab or a line end"),
        (item("t", texts(&["a b"])), "id", "f: cannot write t: `a b` is no element between spaces"),
        (item("t", texts(&["a", ""])), "id", "f: cannot write t: `` is no element between spaces"),
        (
            item("a\tb", text("x")),
            "id",
            "f: cannot write the header: `a\\tb:token` holds a tab or a line end",
        ),
        (item("", text("x")), "id", "f: cannot write the header: `` is no name of a column"),
        (item("t", text("x")), "\u{feff}", "f: cannot write the header: `\\u{feff}` is no name of a column"),
        (item("t", text("x")), "t", "duplicate column `t`"),
        (empty_id, "id", "f: cannot write an id: `` is empty"),
    ] {
        let error = write_catalogue_to(Vec::new(), "f", &bad, id).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let log = |events: [(&'static str, Interaction); 2]| Interactions::new(events).unwrap();
    let plain = ("u", Interaction::new("a", 0.0));
    for (bad, message) in [
        (log([plain.clone(), ("", Interaction::new("a", 0.0))]), "f: cannot write a user: `` is empty"),
        (
            log([plain.clone(), ("u", Interaction::new("a\tb", 0.0))]),
            "f: cannot write an item: `a\\tb` holds a tab or a line end",
        ),
        (
            log([plain, ("u", Interaction::new("a", 0.0).with_event("x"))]),
            "f: cannot write weights and events as one column",
        ),
    ] {
        assert_eq!(write_interactions_to(Vec::new(), "f", &bad).unwrap_err().to_string(), message);
    }
}

#[test]
fn interactions_keep_their_histories_when_written() {
    let events = Interactions::new([
        ("v", Interaction::new("b", -0.0).with_event("skip")),
        ("u", Interaction::new("a", 1e300).with_event("click")),
        ("v", Interaction::new("a", 0.1).with_event("click")),
    ])
    .unwrap();
    let mut file = Vec::new();
    write_interactions_to(&mut file, "f", &events).unwrap();
    let fields = InteractionFields::default().event("event");
    assert!(read_interactions_from(&*file, "f", &fields).unwrap().iter().eq(events.iter()));
    let mut file = Vec::new();
    write_interactions_to(&mut file, "f", &Interactions::default()).unwrap();
    assert!(read_interactions_from(&*file, "f", &InteractionFields::default()).unwrap().is_empty());
}

/// A text that one cell can hold.
fn token() -> impl Strategy<Value = String> {
    "[^\t\r\n\u{feff}]{0,6}"
}

/// A text that one element of a sequence can hold.
fn word() -> impl Strategy<Value = Box<str>> {
    "[^ \t\r\n\u{feff}]{1,4}".prop_map(Box::from)
}

fn finite() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn table() -> impl Strategy<Value = Catalogue> {
    let row = (
        token().prop_map(|text| Some(text).filter(|text| !text.is_empty()).map(Box::from)),
        prop::collection::vec(word(), 0..4).prop_map(Box::from),
        prop::option::of(finite()),
        prop::collection::vec(finite(), 0..4).prop_map(Box::from),
    );
    prop::collection::vec(row, 0..12).prop_map(|rows| {
        let (mut t, mut ts, mut f, mut fs) = (vec![], vec![], vec![], vec![]);
        let ids = IdMap::try_from_ids((0..rows.len()).map(|i| format!("id {i}"))).expect("distinct ids");
        for row in rows {
            t.push(row.0);
            ts.push(row.1);
            f.push(row.2);
            fs.push(row.3);
        }
        let columns = [
            ("t", Values::Token(t)),
            ("ts", Values::TokenSeq(ts)),
            ("f", Values::Float(f)),
            ("fs", Values::FloatSeq(fs)),
        ];
        Catalogue::new(ids, columns.map(|(name, values)| Column::new(name, values)).into())
            .expect("equal lengths")
    })
}

fn write(catalogue: &Catalogue, end: &str) -> String {
    let mut file = format!("id:token\tt:token\tts:token_seq\tf:float\tfs:float_seq{end}");
    for item in catalogue.iter() {
        file += item.id();
        for column in catalogue.columns() {
            let cell = match item.get(&column.name) {
                None => String::new(),
                Some(Value::TokenSeq(words)) => words.join(" "),
                Some(Value::FloatSeq(numbers)) => {
                    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
                }
                Some(value) => value.to_string(),
            };
            file += "\t";
            file += &cell;
        }
        file += end;
    }
    file
}

/// Bytes that often get past the header.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces =
        ["user_id:token", "item_id:token", "timestamp:float", "x:float_seq", "\t", "\n", "\r\n", "1", " "];
    let piece = prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec());
    let pieces = prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat());
    let after_header = prop::collection::vec(any::<u8>(), 0..60)
        .prop_map(|bytes| [b"user_id:token\titem_id:token\ttimestamp:float\n", &*bytes].concat());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..80), pieces, after_header]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(table in table(), crlf: bool) {
        let file = write(&table, if crlf { "\r\n" } else { "\n" });
        prop_assert_eq!(&catalogue(&file).unwrap(), &table);
        if !crlf {
            let mut ours = Vec::new();
            write_catalogue_to(&mut ours, "f", &table, "id").unwrap();
            prop_assert_eq!(String::from_utf8(ours).unwrap(), file);
        }
    }

    #[test]
    fn interactions_are_read_back(
        events in prop::collection::vec(("[a-c]", "[1-9]", finite(), -5.0f32..5.0), 0..30),
    ) {
        let mut file = "rating:float\ttimestamp:float\titem_id:token\tuser_id:token\n".to_owned();
        for (user, item, time, rating) in &events {
            writeln!(file, "{rating}\t{time}\t{item}\t{user}").unwrap();
        }
        let expected = events.into_iter().map(|(user, item, time, rating)| {
            (user, Interaction::new(item, time).with_weight(rating))
        });
        let expected = Interactions::new(expected).unwrap();
        prop_assert_eq!(&log(&file).unwrap(), &expected);
        let mut ours = Vec::new();
        write_interactions_to(&mut ours, "f", &expected).unwrap();
        let read = read_interactions_from(&*ours, "f", &InteractionFields::default()).unwrap();
        prop_assert!(read.iter().eq(expected.iter()));
    }

    #[test]
    fn any_bytes_give_a_table_or_an_error(bytes in hostile()) {
        for result in [
            read_catalogue_from(&*bytes, "f").map(drop),
            read_interactions_from(&*bytes, "f", &InteractionFields::default()).map(drop),
        ] {
            if let Err(error) = result {
                prop_assert!(error.is_malformed());
                prop_assert!(error.to_string().starts_with("f:"));
            }
        }
    }
}
