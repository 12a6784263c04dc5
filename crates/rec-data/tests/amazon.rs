//! Amazon Reviews 2023 in its published format, with invented contents.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use rec_data::amazon::{
    interaction_fields, read_interactions, read_interactions_from, read_metadata, read_metadata_from,
    reviews, reviews_from,
};
use rec_data::csv::{self, Dialect};
use rec_data::{Catalogue, Error, Interaction, Interactions, Value};

const REVIEWS: &str = r#"{"rating": 5.0, "title": "Such a film!", "text": "I <br /> \"loved\" it.", "images": [{"small_image_url": "https://example.org/1.jpg"}], "asin": "B01", "parent_asin": "B00", "user_id": "AGKH", "timestamp": 1588687728923, "helpful_vote": 3, "verified_purchase": true}

{"rating": 2, "title": null, "text": "caf\u00e9", "images": [], "asin": "B02", "parent_asin": "B02", "user_id": "AGKH", "timestamp": 1488687728000, "helpful_vote": 0, "verified_purchase": false}
{"user_id": "BXYZ", "parent_asin": "B00", "rating": 4.5, "timestamp": 1500000000001}
"#;

const METADATA: &str = r#"{"main_category": "Movies & TV", "title": "Heat", "average_rating": 4.7, "rating_number": 812, "features": ["Two discs", "Director's cut"], "description": ["A thief.", "A detective."], "price": 12.99, "images": [{"thumb": "https://example.org/1.jpg"}], "videos": [], "store": "Format: DVD", "categories": ["Movies & TV", "Crime"], "details": {"Run time": "2 hours", "Discs": 2, "Rank": {"Films": 3}, "Empty": null}, "parent_asin": "B00", "bought_together": null}
{"main_category": null, "title": "", "average_rating": null, "features": [], "description": [], "price": "None", "store": null, "categories": [], "details": {}, "parent_asin": "B02"}
"#;

fn metadata(file: &str) -> Result<Catalogue, Error> {
    read_metadata_from(file.as_bytes(), "f")
}

#[test]
fn reviews_are_read_with_their_texts() {
    let found: Vec<_> = reviews_from(REVIEWS.as_bytes(), "f").collect::<Result<_, _>>().unwrap();
    assert_eq!(found.len(), 3);
    let first = &found[0];
    assert_eq!((first.user.as_str(), first.item.as_str(), first.variant.as_str()), ("AGKH", "B00", "B01"));
    assert_eq!((first.rating, first.time), (5.0, 1_588_687_728.923));
    assert_eq!((&*first.title, &*first.text), ("Such a film!", "I <br /> \"loved\" it."));
    assert_eq!((first.verified_purchase, first.helpful_votes), (true, 3));
    assert_eq!((&*found[1].title, &*found[1].text), ("", "café"));
    let last = &found[2];
    assert_eq!((last.variant.as_str(), &*last.text, last.verified_purchase), ("B00", "", false));
    assert_eq!(first.item.as_ptr(), last.item.as_ptr());
}

#[test]
fn reviews_are_interactions() {
    let found = read_interactions_from(REVIEWS.as_bytes(), "f").unwrap();
    let expected = Interactions::new([
        ("AGKH", Interaction::new("B00", 1_588_687_728.923).with_weight(5.0)),
        ("AGKH", Interaction::new("B02", 1_488_687_728.0).with_weight(2.0)),
        ("BXYZ", Interaction::new("B00", 1_500_000_000.001).with_weight(4.5)),
    ]);
    assert_eq!(found, expected.unwrap());
}

#[test]
fn metadata_are_a_catalogue_of_parents() {
    let items = metadata(METADATA).unwrap();
    let shown = items.get("B00").unwrap().fields().map(|(name, value)| format!("{name}={value}"));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "main_category=Movies & TV",
            "title=Heat",
            "store=Format: DVD",
            "average_rating=4.7",
            "rating_number=812",
            "price=12.99",
            "features=Two discs, Director's cut",
            "description=A thief., A detective.",
            "categories=Movies & TV, Crime",
            "details=Discs: 2, Rank: {\"Films\":3}, Run time: 2 hours",
        ]
    );
    assert_eq!(items.get("B02").unwrap().fields().count(), 0);
}

#[test]
fn prices_are_numbers_or_missing() {
    for (price, expected) in [
        ("0", Some(0.0)),
        ("1e2", Some(100.0)),
        ("\"$1,299.00\"", Some(1299.0)),
        ("\" 5.5 \"", Some(5.5)),
        ("null", None),
        ("\"None\"", None),
        ("\"\"", None),
        ("\"—\"", None),
        ("\"from 14.99\"", None),
        ("\"$5 - $7\"", None),
        ("\"NaN\"", None),
        ("\"inf\"", None),
        ("\"1e999\"", None),
    ] {
        let items = metadata(&format!("{{\"parent_asin\": \"B\", \"price\": {price}}}")).unwrap();
        assert_eq!(items.item(0).get("price"), expected.map(Value::Float), "{price}");
    }
}

#[test]
fn the_published_splits_are_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Movies_and_TV.train.csv.gz");
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(b"user_id,parent_asin,rating,timestamp\nAGKH,B00,5.0,1588687728923\n").unwrap();
    std::fs::write(&path, gz.finish().unwrap()).unwrap();
    let log = csv::read_interactions(&path, &interaction_fields(), Dialect::COMMA).unwrap();
    let expected = Interaction::new("B00", 1_588_687_728.923).with_weight(5.0);
    assert_eq!(log.get("AGKH").unwrap().interactions(), [expected]);
}

#[test]
fn malformed_reviews_name_file_line_and_field_and_end_the_file() {
    const OK: &str = r#"{"user_id": "u", "parent_asin": "i", "rating": 1, "timestamp": 1}"#;
    for (line, message) in [
        (
            r#"{"parent_asin": "i", "rating": 1, "timestamp": 1}"#,
            "f:2: field `user_id`: the value is missing",
        ),
        (
            r#"{"user_id": "", "parent_asin": "i", "rating": 1, "timestamp": 1}"#,
            "f:2: field `user_id`: the value is missing",
        ),
        (
            r#"{"user_id": "u", "parent_asin": null, "rating": 1, "timestamp": 1}"#,
            "f:2: field `parent_asin`: the value is missing",
        ),
        (
            r#"{"user_id": "u", "parent_asin": 7, "rating": 1, "timestamp": 1}"#,
            "f:2: field `parent_asin`: found a number, expected a text",
        ),
        (
            r#"{"user_id": "u", "parent_asin": "i", "timestamp": 1}"#,
            "f:2: field `rating`: the value is missing",
        ),
        (
            r#"{"user_id": "u", "parent_asin": "i", "rating": 1, "timestamp": "1"}"#,
            "f:2: field `timestamp`: found a text, expected a number",
        ),
        (
            r#"{"user_id": "u", "parent_asin": "i", "rating": 1, "timestamp": 1, "text": ["a"]}"#,
            "f:2: field `text`: found a list, expected a text",
        ),
        (
            r#"{"user_id": "u", "parent_asin": "i", "rating": 1, "timestamp": 1, "helpful_vote": -1}"#,
            "f:2: field `helpful_vote`: found a number, expected a count",
        ),
        (
            r#"{"user_id": "u", "parent_asin": "i", "rating": 1, "timestamp": 1, "verified_purchase": {}}"#,
            "f:2: field `verified_purchase`: found an object, expected a truth value",
        ),
    ] {
        let file = format!("{OK}\n{line}\n{OK}\n");
        let mut found = reviews_from(file.as_bytes(), "f");
        assert!(found.next().unwrap().is_ok());
        assert_eq!(found.next().unwrap().unwrap_err().to_string(), message);
        assert!(found.next().is_none());
    }
    let huge = r#"{"user_id": "u", "parent_asin": "i", "rating": 1e39, "timestamp": 1}"#;
    let error = read_interactions_from(huge.as_bytes(), "f").unwrap_err().to_string();
    assert!(
        error.starts_with("f:1: field `rating`: `1000000") && error.ends_with("` is not a finite number")
    );
}

#[test]
fn lines_that_are_no_objects_are_errors() {
    for line in [
        "[]",
        "1",
        "{",
        "{} {}",
        "{\"a\": 1e999}",
        "{\"a\": NaN}",
        "\u{feff}\u{feff}{}",
        &"[".repeat(100_000),
    ] {
        let error = read_interactions_from(line.as_bytes(), "f").unwrap_err();
        assert!(error.is_malformed());
        assert!(error.to_string().starts_with("f:1: malformed JSON at column "), "{error}");
    }
    let error = reviews_from(&b"{\"a\": x}\n"[..], "f").next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "f:1: malformed JSON at column 7: expected value");
    let error = read_metadata_from(&b"\n{\"parent_asin\": \"\xff\"}\n"[..], "f").unwrap_err();
    assert_eq!(error.to_string(), "f:2: invalid UTF-8");
}

#[test]
fn malformed_metadata_name_file_line_and_field() {
    for (line, message) in [
        ("{}", "f:1: field `parent_asin`: the value is missing"),
        (
            "{\"parent_asin\": \"B\"}\n{\"parent_asin\": \"B\"}",
            "f:2: field `parent_asin`: duplicate id `B`, first on line 1",
        ),
        (
            "{\"parent_asin\": \"B\", \"features\": [\"a\", 1]}",
            "f:1: field `features`: found a list, expected a list of texts",
        ),
        (
            "{\"parent_asin\": \"B\", \"details\": []}",
            "f:1: field `details`: found a list, expected an object",
        ),
        (
            "{\"parent_asin\": \"B\", \"price\": []}",
            "f:1: field `price`: found a list, expected a number or a text",
        ),
        (
            "{\"parent_asin\": \"B\", \"title\": true}",
            "f:1: field `title`: found a truth value, expected a text",
        ),
        (
            "{\"parent_asin\": \"B\", \"average_rating\": \"4\"}",
            "f:1: field `average_rating`: found a text, expected a number",
        ),
    ] {
        assert_eq!(metadata(line).unwrap_err().to_string(), message);
    }
}

#[test]
fn files_are_read_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.jsonl");
    std::fs::write(&path, METADATA).unwrap();
    assert_eq!(read_metadata(&path).unwrap(), metadata(METADATA).unwrap());
    std::fs::write(&path, REVIEWS).unwrap();
    assert_eq!(read_interactions(&path).unwrap().n_interactions(), 3);
    assert_eq!(reviews(&path).unwrap().count(), 3);
    assert!(reviews(folder.path().join("none")).unwrap_err().is_io());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_reviews_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80), at in 0usize..300) {
        let at = at.min(REVIEWS.len());
        let spliced = [&REVIEWS.as_bytes()[..at], &*bytes, &REVIEWS.as_bytes()[at..]].concat();
        for bytes in [&*bytes, &*spliced] {
            for result in [
                reviews_from(bytes, "f").try_for_each(|review| review.map(drop)),
                read_interactions_from(bytes, "f").map(drop),
                read_metadata_from(bytes, "f").map(drop),
            ] {
                if let Err(error) = result {
                    prop_assert!(error.is_malformed());
                    prop_assert!(error.to_string().starts_with("f:"));
                }
            }
        }
    }
}
