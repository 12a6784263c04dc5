//! The files of MIND in their published format, with invented contents.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use proptest::prelude::*;
use rec_data::mind::{Candidate, Impression, behaviors, behaviors_from, read_news, read_news_from};
use rec_data::{Catalogue, Error, Id, Value};

const NEWS: &str = "N1\tsports\tgolf\tA \"hole\" in one\tShe did it.\thttps://example.org/1\t\
    [{\"Label\": \"Golf\", \"Type\": \"J\", \"WikidataId\": \"Q5377\", \"Confidence\": 1.0, \
    \"OccurrenceOffsets\": [4], \"SurfaceForms\": [\"hole\"]}, {\"Label\": \"Ace\", \"WikidataId\": \"Q42\"}]\t[]\n\
    N2\tnews\tnewsus\tNothing happened\t\thttps://example.org/2\t\t[]\n";

fn news(file: &str) -> Result<Catalogue, Error> {
    read_news_from(file.as_bytes(), "f")
}

fn impressions(file: &str) -> Result<Vec<Impression>, Error> {
    behaviors_from(file.as_bytes(), "f").collect()
}

#[test]
fn news_have_texts_and_the_ids_of_their_entities() {
    let items = news(NEWS).unwrap();
    let names: Vec<&str> = items.columns().iter().map(|column| &*column.name).collect();
    assert_eq!(
        names,
        ["category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities"]
    );
    let golf = items.get("N1").unwrap();
    assert_eq!(golf.get("title"), Some(Value::Token("A \"hole\" in one")));
    assert_eq!(golf.get("title_entities"), Some(Value::TokenSeq(&["Q5377".into(), "Q42".into()])));
    assert_eq!(items.get("N2").unwrap().fields().count(), 4);
}

#[test]
fn impressions_have_histories_and_labels_or_none() {
    let found = impressions(
        "1\tU1\t11/11/2019 9:05:58 AM\tN1 N2 N1\tN3-1 N4-0\n\
         2\tU2\t11/12/2019 12:00:00 PM\t\tN1 N-2-1\n",
    )
    .unwrap();
    let candidate = |item: &str, clicked| Candidate { item: item.into(), clicked };
    assert_eq!(
        found[0],
        Impression {
            id: "1".into(),
            user: "U1".into(),
            time: 1_573_463_158.0,
            history: ["N1", "N2", "N1"].map(Id::from).into(),
            candidates: vec![candidate("N3", Some(true)), candidate("N4", Some(false))],
        }
    );
    assert!(found[0].clicked().eq(["N3"]));
    assert_eq!(found[1].history, [] as [Id; 0]);
    assert_eq!(found[1].candidates, [candidate("N1", None), candidate("N-2", Some(true))]);
    let past = found[1].past();
    assert_eq!((past.len(), past.now()), (0, 1_573_560_000.0));
    // Ids are shared between impressions.
    assert_eq!(found[0].history[0].as_ptr(), found[1].candidates[0].item.as_ptr());
}

#[test]
fn malformed_news_name_file_line_and_field() {
    for (file, message) in [
        ("N1\ta\tb\tc\td\te\tf\n", "f:1: 7 fields, expected 8"),
        ("\ta\tb\tc\td\te\t\t\n", "f:1: field `news_id`: the value is missing"),
        (
            "N1\ta\tb\tc\td\te\t\t\n\nN1\ta\tb\tc\td\te\t\t\n",
            "f:3: field `news_id`: duplicate id `N1`, first on line 1",
        ),
    ] {
        assert_eq!(news(file).unwrap_err().to_string(), message);
    }
    for entities in ["[", "{}", "[1]", "[{}]", "[{\"WikidataId\": 5}]", "[] []", "nul", &"[".repeat(100_000)]
    {
        let error = news(&format!("N1\ta\tb\tc\td\te\t[]\t{entities}\n")).unwrap_err();
        assert!(error.is_malformed());
        let message = error.to_string();
        assert!(
            message.starts_with("f:1: field `abstract_entities`: malformed JSON at column "),
            "{message}"
        );
        assert!(message.len() < 120, "{message}");
    }
    let error = read_news_from(&b"N1\ta\tb\t\xff\td\te\t\t\n"[..], "f").unwrap_err();
    assert_eq!(error.to_string(), "f:1: field number 4: invalid UTF-8");
}

#[test]
fn malformed_behaviors_name_file_line_and_field_and_end_the_file() {
    const OK: &str = "1\tU1\t11/11/2019 9:05:58 AM\tN1\tN3-1\n";
    for (line, message) in [
        ("2\tU1\t11/11/2019 9:05:58 AM\tN1\n", "f:2: 4 fields, expected 5"),
        ("\tU1\t11/11/2019 9:05:58 AM\tN1\tN1\n", "f:2: field `impression_id`: the value is missing"),
        ("2\t\t11/11/2019 9:05:58 AM\tN1\tN1\n", "f:2: field `user_id`: the value is missing"),
        ("2\tU\t\tN1\tN1\n", "f:2: field `time`: the value is missing"),
        (
            "2\tU\t2019-11-11 09:05:58\tN1\tN1\n",
            "f:2: field `time`: `2019-11-11 09:05:58` is not a time such as 11/11/2019 9:05:58 AM",
        ),
        ("2\tU\t11/11/2019 9:05:58 AM\tN1\t\n", "f:2: field `impressions`: the value is missing"),
        ("2\tU\t11/11/2019 9:05:58 AM\tN1\t \n", "f:2: field `impressions`: the value is missing"),
        (
            "2\tU\t11/11/2019 9:05:58 AM\tN1\tN1-2\n",
            "f:2: field `impressions`: `N1-2` is not an item such as N1, N1-0 or N1-1",
        ),
        (
            "2\tU\t11/11/2019 9:05:58 AM\tN1\t-1\n",
            "f:2: field `impressions`: `-1` is not an item such as N1, N1-0 or N1-1",
        ),
    ] {
        let file = format!("{OK}{line}{OK}");
        let mut found = behaviors_from(file.as_bytes(), "f");
        assert!(found.next().unwrap().is_ok());
        let error = found.next().unwrap().unwrap_err();
        assert!(error.is_malformed());
        assert_eq!(error.to_string(), message);
        assert!(found.next().is_none());
    }
}

#[test]
fn files_are_read_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("news.tsv");
    std::fs::write(&path, NEWS.replace('\n', "\r\n")).unwrap();
    assert_eq!(read_news(&path).unwrap(), news(NEWS).unwrap());
    assert!(behaviors(folder.path().join("none.tsv")).unwrap_err().is_io());
    assert!(impressions("").unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(
            (
                "U[1-9]",
                (1u8..=12, 1u8..=28, 1970u16..2100, 0u8..24, 0u8..60, 0u8..60),
                prop::collection::vec("N[0-9]{1,3}", 0..5),
                prop::collection::vec(("N[0-9]{1,3}", prop::option::of(any::<bool>())), 1..6),
            ),
            0..8,
        ),
    ) {
        let mut file = String::new();
        for (i, (user, (month, day, year, hour, minute, second), history, candidates)) in rows.iter().enumerate() {
            let half = if *hour < 12 { "AM" } else { "PM" };
            let hour = (hour + 11) % 12 + 1;
            let shown = candidates.iter().map(|(item, clicked)| match clicked {
                None => item.clone(),
                Some(clicked) => format!("{item}-{}", u8::from(*clicked)),
            });
            let (history, shown) = (history.join(" "), shown.collect::<Vec<_>>().join(" "));
            file += &format!(
                "{i}\t{user}\t{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half}\t{history}\t{shown}\n"
            );
        }
        let found = impressions(&file).unwrap();
        prop_assert_eq!(found.len(), rows.len());
        for (impression, (user, (_, _, _, hour, minute, second), history, candidates)) in found.iter().zip(&rows) {
            prop_assert_eq!(&impression.user, &**user);
            let of_day = u32::from(*hour) * 3600 + u32::from(*minute) * 60 + u32::from(*second);
            prop_assert_eq!(impression.time.rem_euclid(86_400.0), f64::from(of_day));
            prop_assert!(impression.history.iter().map(Id::as_str).eq(history));
            let shown = candidates.iter().map(|(item, clicked)| Candidate { item: item.as_str().into(), clicked: *clicked });
            prop_assert!(impression.candidates.iter().cloned().eq(shown));
            prop_assert!(impression.past().items().map(Id::as_str).eq(history));
        }
    }

    #[test]
    fn any_bytes_give_impressions_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let late = [b"1\tU1\t11/11/2019 9:05:58 AM\t", &*bytes].concat();
        let news = [b"N1\ta\tb\tc\td\te\t[{\"WikidataId\"", &*bytes].concat();
        for result in [
            behaviors_from(&*bytes, "f").try_for_each(|impression| impression.map(drop)),
            behaviors_from(&*late, "f").try_for_each(|impression| impression.map(drop)),
            read_news_from(&*news, "f").map(drop),
        ] {
            if let Err(error) = result {
                prop_assert!(error.is_malformed());
                prop_assert!(error.to_string().starts_with("f:"));
            }
        }
    }
}
