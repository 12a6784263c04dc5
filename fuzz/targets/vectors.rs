//! `VectorTable::load` on any bytes: no panic, errors that name the file, finite rows that their ids find, and a round trip.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rec_core::VectorTable;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("input.vectors");
    std::fs::write(&path, bytes).expect("the input is written");
    match VectorTable::load(&path) {
        Ok(table) => {
            for (row, (id, vector)) in table.iter().enumerate() {
                assert_eq!(table.ids().row(id), Some(row));
                assert_eq!(vector.len(), table.dim());
                assert!(vector.iter().all(|value| value.is_finite()));
            }
            let copy = FOLDER.path().join("copy.vectors");
            table.save(&copy).expect("a table that loads can be saved");
            let copy = VectorTable::load(&copy).expect("a saved table loads");
            assert_eq!((copy.dim(), copy.space()), (table.dim(), table.space()));
            assert!(copy.iter().eq(table.iter()));
        }
        Err(error) => assert!(error.to_string().contains("input.vectors"), "{error}"),
    }
});
