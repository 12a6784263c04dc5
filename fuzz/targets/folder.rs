//! Whole model folders with one file damaged (config, modules, pooling, heads, tokenizer, weights in both formats, index of
//! shards): a model that encodes a text or says why not, or an error that names the folder; never a panic or an abort.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rec_encoder::TextEncoder;
use rec_encoder::burn::tensor::Device;

/// A model folder, and every file as it was.
struct Model {
    folder: tempfile::TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// Families that together have every kind of file.
static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let names = ["albert-groups", "distilbert", "gemma3", "gpt2-bin", "llama", "modernbert", "mpnet", "xlm-roberta"];
    names.map(Model::copy).into()
});

impl Model {
    fn copy(name: &str) -> Self {
        let fixture = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/families")).join(name);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut files = Vec::new();
        copy(&fixture, folder.path(), &mut files);
        files.sort();
        Self { folder, files }
    }
}

fn copy(from: &Path, to: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("a fixture").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = to.join(&name);
        if entry.is_dir() {
            copy(&entry, &target, files);
        } else if !["expected", "text", "provenance", "config.published"].iter().any(|no| name.starts_with(no)) {
            let bytes = fs::read(&entry).expect("a file is read");
            fs::write(&target, &bytes).expect("a file is written");
            files.push((target, bytes));
        }
    }
}

// The first two bytes choose model and file, the third how the rest is read: as the file, as where it ends, or as changes of four
// bytes each, place and value.
fuzz_target!(|input: &[u8]| {
    let [model, file, how, rest @ ..] = input else { return };
    let model = &MODELS[usize::from(*model) % MODELS.len()];
    let (path, whole) = &model.files[usize::from(*file) % model.files.len()];
    let mut bytes = whole.clone();
    let place = |bytes: &[u8], n: usize| {
        bytes.iter().take(3).rev().fold(0, |place, byte| place << 8 | usize::from(*byte)) % n.max(1)
    };
    match how % 3 {
        0 => bytes = rest.to_vec(),
        1 => bytes.truncate(place(rest, whole.len())),
        _ => {
            for change in rest.chunks_exact(4) {
                let at = place(change, bytes.len());
                bytes[at] = change[3];
            }
        }
    }
    fs::write(path, bytes).expect("the input is written");
    match TextEncoder::from_dir(model.folder.path(), &Device::flex()) {
        Ok(encoder) => drop(encoder.encode(&["sand and gardens"])),
        Err(error) => {
            let folder = model.folder.path().to_string_lossy();
            assert!(error.to_string().contains(&*folder), "{error}");
        }
    }
    fs::write(path, whole).expect("the file is as it was");
});
