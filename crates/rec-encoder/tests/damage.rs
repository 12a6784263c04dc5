//! Every file of a model folder, damaged in many ways: a model or an error, never a panic. A bounded, deterministic version of
//! the fuzz target `folder`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use common::copy_folder;
use rec_encoder::TextEncoder;
use rec_testkit::{device, fixture_path};
use serde_json::{Value, json};

/// What a value of a JSON file becomes.
fn hostile() -> [Value; 12] {
    [
        Value::Null,
        json!(0),
        json!(-1),
        json!(3),
        json!(u64::MAX),
        json!(1u64 << 40),
        json!(1e308),
        json!(true),
        json!(""),
        json!("../x"),
        json!([]),
        json!({}),
    ]
}

/// Values of a file that are replaced, at most; those of a vocabulary are alike.
const VALUES: usize = 40;

/// What each of them becomes, one after the other; the next value of a file gets the next.
const KINDS: usize = 2;

/// Bytes of a file that are changed, one at a time.
const BYTES: usize = 12;

/// Loads a damaged folder. If it is a model, then it encodes a text or says why not; an error names a file of the folder.
fn outcome(folder: &Path, what: &str) -> bool {
    match TextEncoder::from_dir(folder, &device()) {
        Ok(encoder) => {
            // The vector of a damaged model may be anything finite.
            if let Ok(encoded) = encoder.encode(&["sand and gardens"]) {
                assert!(encoded.values().iter().all(|value| value.is_finite()), "{what}");
            }
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(&*folder.to_string_lossy()), "{what}: {message}");
            false
        }
    }
}

/// The files of a folder that loading reads, by their names in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let is_reference =
                ["expected", "texts", "text_ids", "provenance", "published"].iter().any(|n| name.contains(n));
            match path.is_dir() {
                true => folders.push(path),
                false if !is_reference => files.push(name.into()),
                false => {}
            }
        }
    }
    files.sort();
    files
}

/// Where the scalars of a JSON file stand.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| pointers(value, &format!("{at}/{i}"), all));
        }
        _ => {}
    }
    all.push(at.to_owned());
}

#[test]
fn damaged_folders_are_models_or_errors() {
    if !rec_core::device::is_host(&device()) {
        return; // thousands of models, each of which an accelerator would compile kernels for
    }
    // One folder of a kind: with a Dense head, with prompts, with shards, from PyTorch, with each sort of tokenizer.
    let names =
        ["albert-groups", "distilbert", "gemma3", "gpt2-bin", "llama", "modernbert", "mpnet", "xlm-roberta"];
    let (mut n, mut n_loaded, mut panics) = (0, 0, Vec::new());
    for name in names {
        let folder = copy_folder(&fixture_path(&format!("families/{name}")));
        assert!(outcome(folder.path(), name));
        for file in files(folder.path()) {
            let path = folder.path().join(&file);
            let whole = fs::read(&path).unwrap();
            let mut with = |what: &str, bytes: &[u8]| {
                fs::write(&path, bytes).unwrap();
                n += 1;
                let what = format!("{name}/{}: {what}", file.display());
                match catch_unwind(AssertUnwindSafe(|| outcome(folder.path(), &what))) {
                    Ok(is_model) => n_loaded += usize::from(is_model),
                    Err(_) => panics.push(what),
                }
            };
            for len in [0, 1, whole.len() / 2, whole.len() - 1] {
                with(&format!("cut to {len}"), &whole[..len]);
            }
            // Headers stand at the beginning or at the end, values in between.
            let places = (0..BYTES).map(|i| match i % 3 {
                0 => i * 7,
                1 => i * whole.len() / BYTES,
                _ => whole.len().saturating_sub(1 + i * 5),
            });
            for (i, at) in places.enumerate() {
                let mut bytes = whole.clone();
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= [0xff, 0x01, 0x80, 0x20][i % 4];
                with(&format!("byte {at}"), &bytes);
            }
            if let Ok(value) = serde_json::from_slice::<Value>(&whole) {
                let mut places = Vec::new();
                pointers(&value, "", &mut places);
                let step = places.len().div_ceil(VALUES);
                let mut hostile = hostile().into_iter().cycle().skip(file.as_os_str().len());
                for place in places.iter().step_by(step) {
                    for hostile in hostile.by_ref().take(KINDS) {
                        let mut value = value.clone();
                        let what = format!("{place} = {hostile}");
                        *value.pointer_mut(place).unwrap() = hostile;
                        with(&what, &serde_json::to_vec(&value).unwrap());
                    }
                }
            }
            fs::remove_file(&path).unwrap();
            outcome(folder.path(), &format!("{name}/{} is gone", file.display()));
            fs::write(&path, &whole).unwrap();
        }
        assert!(outcome(folder.path(), name), "what was damaged is as it was");
    }
    assert!(panics.is_empty(), "{}", panics.join("\n"));
    println!("{n} damaged folders, {n_loaded} of them models");
}
