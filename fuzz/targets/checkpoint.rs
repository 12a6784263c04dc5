//! The checkpoint loader on any bytes as `model.safetensors` beside a real config: a model or an error that names the file,
//! never a panic or an abort.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rec_encoder::Transformer;
use rec_encoder::burn::tensor::Device;

/// A folder with the config of the tiny fixture and no weights yet.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/bert/tiny/config.json");
    std::fs::copy(config, folder.path().join("config.json")).expect("the config is copied");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.path().join("model.safetensors"), bytes).expect("the input is written");
    match Transformer::from_dir(FOLDER.path(), &Device::flex()) {
        Ok((_, report)) => assert!(report.n_loaded > 0),
        Err(error) => assert!(error.to_string().contains("model.safetensors"), "{error}"),
    }
});
