//! The readers of published data sets and of CSV on any bytes: no panic, errors that name the file, and what is read holds the
//! promises of its types.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rec_data::csv::{self, Dialect};
use rec_data::movielens::{self, Release};
use rec_data::{
    Catalogue, CatalogueFields, Error, InteractionFields, Interactions, amazon, atomic, mind, split,
};

fuzz_target!(|bytes: &[u8]| {
    for release in [Release::Ml100k, Release::Ml1m, Release::Ml10m, Release::Csv] {
        check_catalogue(movielens::read_movies_from(bytes, "fuzz", release));
        check_interactions(movielens::read_ratings_from(bytes, "fuzz", release));
    }
    check_catalogue(movielens::read_users_from(bytes, "fuzz", Release::Ml1m));
    check_error(movielens::read_tags_from(bytes, "fuzz", Release::Csv));

    check_catalogue(mind::read_news_from(bytes, "fuzz"));
    for impression in mind::behaviors_from(bytes, "fuzz") {
        if let Some(impression) = check_error(impression) {
            assert!(!impression.candidates.is_empty());
            assert_eq!(impression.past().now(), impression.time);
        }
    }

    check_catalogue(amazon::read_metadata_from(bytes, "fuzz"));
    let log = amazon::read_interactions_from(bytes, "fuzz");
    let n_reviews = amazon::reviews_from(bytes, "fuzz").filter(Result::is_ok).count();
    if let Ok(log) = &log {
        // A review has more fields to be wrong in.
        assert!(n_reviews <= log.n_interactions());
    }
    check_interactions(log);

    for dialect in [Dialect::COMMA, Dialect::TAB.without_quotes()] {
        check_catalogue(csv::read_catalogue_from(bytes, "fuzz", &CatalogueFields::default(), dialect));
        check_interactions(csv::read_interactions_from(
            bytes,
            "fuzz",
            &InteractionFields::default(),
            dialect,
        ));
    }
});

fn check_error<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| assert!(error.to_string().starts_with("fuzz:"), "{error}")).ok()
}

/// Ids find their rows, and a catalogue that can be written is read back.
fn check_catalogue(result: Result<Catalogue, Error>) {
    let Some(items) = check_error(result) else { return };
    for (row, item) in items.iter().enumerate() {
        assert_eq!(items.get(item.id()).map(|found| found.row()), Some(row));
    }
    let mut file = Vec::new();
    if atomic::write_catalogue_to(&mut file, "fuzz", &items, "id of the catalogue").is_ok() {
        let again = atomic::read_catalogue_from(&*file, "fuzz").expect("the file was written");
        assert!(again.ids() == items.ids());
        for (item, found) in items.iter().zip(again.iter()) {
            assert!(item.fields().eq(found.fields()));
        }
    }
}

/// Histories are in order, and a split neither loses nor repeats anything.
fn check_interactions(result: Result<Interactions, Error>) {
    let Some(log) = check_error(result) else { return };
    for (_, history) in log.iter() {
        assert!(history.interactions().is_sorted_by(|a, b| a.time <= b.time));
        assert!(history.ages().all(|age| age >= 0.0 && age.is_finite()));
    }
    let parts = split::leave_one_out(&log);
    assert!(parts.train.merged(&parts.valid).merged(&parts.test).iter().eq(log.iter()));
    assert_eq!(split::global_time_ratio(&log, [0.8, 0.1, 0.1]).report().n_leaking, 0);
}
