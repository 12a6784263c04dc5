//! TREC files: what the readers accept, what they refuse and in which words, and that what is written reads back.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{self, BufReader, Read};

use proptest::prelude::*;
use rec_data::{Hit, Id, RankedList};
use rec_eval::trec::{QrelsReader, QrelsWriter, RunReader, RunWriter, read_qrels};
use rec_eval::{Error, Relevant};

fn run(text: &str) -> Result<Vec<(Id, RankedList)>, Error> {
    RunReader::new(text.as_bytes(), "a.run").collect()
}

fn qrels(text: &[u8]) -> Result<Vec<(Id, Relevant)>, Error> {
    QrelsReader::new(text, "a.qrels").collect()
}

fn list(hits: &[(&str, f32)]) -> RankedList {
    RankedList::new(hits.iter().map(|(id, score)| Hit { id: (*id).into(), score: *score })).unwrap()
}

#[test]
fn order_is_by_score_and_id_whatever_the_ranks_say() {
    let text = "\u{feff}u Q0 10 1 0.5 t\r\n\r\n  u\tQ0  2 2 0.5 t\nu Q0 x 1 1e-3 t\nv 0 x 0 -3 t";
    let expected = vec![
        ("u".into(), list(&[("2", 0.5), ("10", 0.5), ("x", 0.001)])),
        ("v".into(), list(&[("x", -3.0)])),
    ];
    assert_eq!(run(text).unwrap(), expected);
    assert!(run("").unwrap().is_empty());
    assert!(run("\n \n").unwrap().is_empty());
}

#[test]
fn bad_runs_are_refused_with_file_and_line() {
    for (text, message) in [
        ("u Q0 a 1 0.5", "a.run:1: 5 fields, expected 6: qid Q0 docno rank score tag"),
        ("\nu Q0 a 1 0.5 t t t", "a.run:2: 8 fields, expected 6: qid Q0 docno rank score tag"),
        ("u Q0 a 1 high t", "a.run:1: the score `high` is not a finite number"),
        ("u Q0 a 1 NaN t", "a.run:1: the score `NaN` is not a finite number"),
        ("u Q0 a 1 1e39 t", "a.run:1: the score `1e39` is not a finite number"),
        (
            "u Q0 a 1 2 t\nu Q0 b 2 1 t\nu Q0 a 3 0 t",
            "a.run:3: item `a` comes twice for `u`, first on line 1",
        ),
        (
            "u Q0 a 1 1 t\nv Q0 a 1 1 t\nu Q0 b 1 1 t",
            "a.run:3: `u` comes again after other users; the lines of a user must stand together",
        ),
    ] {
        let error = run(text).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.is_malformed());
        assert_eq!(error.is_duplicate(), message.contains("twice"));
    }
    let long = format!("u Q0 a 1 {} t", "x".repeat(1000));
    assert!(run(&long).unwrap_err().to_string().len() < 120);
}

#[test]
fn nothing_follows_an_error() {
    let mut reader = RunReader::new("u Q0 a 1 1 t\nv Q0 a\nw Q0 a 1 1 t\n".as_bytes(), "a.run");
    assert!(reader.next().unwrap().is_err(), "the user is not known to be complete");
    assert!(reader.next().is_none());
}

#[test]
fn levels_of_zero_and_below_are_not_relevant() {
    let found = qrels(b"u 0 a 2\nu 0 b 0\nu 0 c -1\nv 0 a 0\n").unwrap();
    assert_eq!(
        found,
        [("u".into(), Relevant::with_gains([("a", 2.0)]).unwrap()), ("v".into(), Relevant::default())]
    );
    for (text, message) in [
        (&b"u 0 a"[..], "a.qrels:1: 3 fields, expected 4: qid 0 docno rel"),
        (b"u 0 a 0.5", "a.qrels:1: the level `0.5` is not a whole number"),
        (b"u 0 a 1\nu 0 \xff 1\n", "a.qrels:2: invalid UTF-8"),
        (b"u 0 a 1\nu 0 a 0\n", "a.qrels:2: item `a` comes twice for `u`, first on line 1"),
    ] {
        assert_eq!(qrels(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.run");
    let name = path.display();
    let mut writer = RunWriter::create(&path, "t").unwrap();
    writer.write(&"u".into(), &list(&[("a", 1.0)])).unwrap();
    for (user, hits, problem) in [
        ("a b", list(&[]), "user `a b`: it has white space or control characters"),
        ("\u{1e}", list(&[]), "user `\u{1e}`: it has white space or control characters"),
        ("", list(&[]), "user ``: it is empty"),
        ("u", list(&[]), "user `u`: it was written before"),
        (
            "v",
            list(&[("a", 1.0), ("b\u{a0}", 0.0)]),
            "item `b\u{a0}`: it has white space or control characters",
        ),
        ("w", list(&[("a", f32::NEG_INFINITY)]), "score `-inf`: it is infinite"),
    ] {
        let error = writer.write(&user.into(), &hits).unwrap_err();
        assert_eq!(error.to_string(), format!("{name}: cannot write the {problem}"));
        assert!(error.is_malformed());
    }
    drop(writer);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(RunWriter::create(&path, "my run").is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let mut writer = QrelsWriter::create(&path).unwrap();
    let half = Relevant::with_gains([("a", 0.5)]).unwrap();
    let error = writer.write(&"u".into(), &half).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{name}: cannot write the gain `0.5`: TREC has whole numbers of 32 bits")
    );
}

#[test]
fn a_file_is_replaced_only_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.run");
    fs::write(&path, "old").unwrap();
    let mut writer = RunWriter::create(&path, "t").unwrap();
    writer.write(&"u".into(), &list(&[("a", 1e-30), ("b", 0.0)])).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    writer.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "u Q0 a 1 1e-30 t\nu Q0 b 2 0.0 t\n");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn files_that_cannot_be_opened_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no").join("a");
    let name = path.display();
    let error = RunReader::open(&path).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("{name}: cannot open the file"));
    assert!(std::error::Error::source(&error).is_some());
    assert!(read_qrels(&path).unwrap_err().is_io());
    assert_eq!(
        QrelsWriter::create(&path).unwrap_err().to_string(),
        format!("{name}: cannot create the file")
    );
}

#[test]
fn failing_reads_are_errors() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::TimedOut))
        }
    }
    let error = RunReader::new(BufReader::new(Failing), "a.run").next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "a.run: cannot read the file");
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,3}", "[!-~]{1,4}", "[^\\s\\p{C}]{1,3}"]
}

fn score() -> impl Strategy<Value = f32> {
    let few = vec![-0.0, 0.0, f32::MIN_POSITIVE, 1e-45, 0.1, f32::MAX];
    prop_oneof![prop::sample::select(few), any::<f32>().prop_filter("finite", |score| score.is_finite())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_read_back_as_they_were_written(
        users in prop::collection::btree_map(id(), prop::collection::btree_map(id(), score(), 1..6), 0..5),
        has_distinct_scores: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.run");
        let lists: Vec<(Id, RankedList)> = users.into_iter().map(|(user, hits)| {
            let hits = hits.into_iter().map(|(id, score)| Hit { id: id.into(), score });
            (user.into(), RankedList::new(hits).unwrap())
        }).collect();
        let mut writer = RunWriter::create(&path, "t").unwrap();
        if has_distinct_scores {
            writer = writer.with_distinct_scores();
        }
        for (user, list) in &lists {
            writer.write(user, list).unwrap();
        }
        writer.finish().unwrap();
        let found = RunReader::open(&path).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        if !has_distinct_scores {
            prop_assert_eq!(&found, &lists);
        }
        prop_assert_eq!(found.len(), lists.len());
        for ((user, found), (expected_user, expected)) in found.iter().zip(&lists) {
            prop_assert_eq!(user, expected_user);
            prop_assert!(found.iter().map(|hit| &hit.id).eq(expected.iter().map(|hit| &hit.id)));
            prop_assert!(!has_distinct_scores || found.windows(2).all(|pair| pair[0].score > pair[1].score));
        }
    }

    #[test]
    fn judgements_read_back_as_they_were_written(
        users in prop::collection::btree_map(id(), prop::collection::btree_map(id(), 1i32.., 1..6), 0..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.qrels");
        let mut writer = QrelsWriter::create(&path).unwrap();
        let users: Vec<(Id, Relevant)> = users.into_iter().map(|(user, gains)| {
            let gains = gains.into_iter().map(|(item, gain)| (item, f64::from(gain)));
            (user.into(), Relevant::with_gains(gains).unwrap())
        }).collect();
        for (user, relevant) in &users {
            writer.write(user, relevant).unwrap();
        }
        writer.finish().unwrap();
        let found = QrelsReader::open(&path).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        prop_assert_eq!(&found, &users);
        let whole = read_qrels(&path).unwrap();
        prop_assert!(whole.iter().eq(users.iter().map(|(user, relevant)| (user, relevant))));
    }

    #[test]
    fn no_bytes_make_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), lines in "([uv] Q?0 [ab\u{feff}] -?[0-9e.]{1,3} ?[0-9]* ?t?\r?\n?){0,4}") {
        for bytes in [&bytes[..], lines.as_bytes()] {
            let _ = RunReader::new(bytes, "a").collect::<Result<Vec<_>, _>>();
            let _ = qrels(bytes);
        }
    }
}
