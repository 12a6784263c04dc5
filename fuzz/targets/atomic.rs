//! The readers of atomic files on any bytes: no panic, errors that name the file, and tables whose ids find their rows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rec_data::InteractionFields;
use rec_data::atomic::{read_catalogue_from, read_interactions_from};

fuzz_target!(|bytes: &[u8]| {
    match read_catalogue_from(bytes, "fuzz.item") {
        Ok(items) => {
            for (row, item) in items.iter().enumerate() {
                assert_eq!(items.get(item.id()).map(|found| found.row()), Some(row));
                for (field, value) in item.fields() {
                    assert_eq!(item.get(field).map(|found| found.to_string()), Some(value.to_string()));
                }
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.item"), "{error}"),
    }

    let fields = InteractionFields::default();
    for fields in [fields.clone(), fields.time("timestamp").event("kind")] {
        match read_interactions_from(bytes, "fuzz.inter", &fields) {
            Ok(log) => {
                assert_eq!(log.iter().map(|(_, history)| history.len()).sum::<usize>(), log.n_interactions());
                for (user, history) in log.iter() {
                    assert!(log.get(user).is_some());
                    assert!(history.ages().all(|age| age >= 0.0));
                    assert!(history.items().all(|item| log.items().contains(item)));
                }
            }
            Err(error) => assert!(error.to_string().starts_with("fuzz.inter"), "{error}"),
        }
    }
});
