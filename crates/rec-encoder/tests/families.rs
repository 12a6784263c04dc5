//! Every family against `transformers` and `sentence-transformers`: tiny random checkpoints, whole tensors, every layer, padding
//! on both sides, text to vector. `fixtures/README.md` says how the expected values were made.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{copy_folder, padded_batch, real_values, relative_bound, strings};
use rec_encoder::{TextEncoder, TokenEncoder, Transformer, WeightFormat};
use rec_testkit::{Fixture, device, fixture_path};
use rec_text::PaddingSide;

/// Folders with tiny checkpoints: their names, and where they are.
fn folders() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(fixture_path("families")).unwrap().map(|entry| entry.unwrap());
    let mut folders: Vec<(String, PathBuf)> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect();
    folders.push(("bert".to_owned(), fixture_path("bert/tiny")));
    folders.sort();
    assert!(folders.len() >= 16, "only {} families", folders.len());
    folders
}

/// An encoder and a decoder where the device compiles kernels for every shape, else all: the law is the same for each.
fn some_folders() -> Vec<(String, PathBuf)> {
    let is_host = rec_core::device::is_host(&device());
    folders().into_iter().filter(|(name, _)| is_host || matches!(&**name, "bert" | "llama")).collect()
}

/// `max |a - b| / max |b|`.
#[track_caller]
fn relative(name: &str, actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len(), "{name}");
    assert!(actual.iter().all(|value| value.is_finite()), "{name} is not finite");
    let largest = expected.iter().fold(0f32, |max, value| max.max(value.abs()));
    let error = rec_testkit::max_abs_diff(actual, expected) / largest;
    assert!(error <= relative_bound(), "{name}: {error:.1e} of the largest value");
    error
}

#[test]
fn every_family_matches_transformers() {
    for (name, folder) in folders() {
        let fixture = Fixture::open(folder.join("expected.safetensors").to_str().unwrap());
        let (model, report) = Transformer::from_dir(&folder, &device()).unwrap();
        let states = model.hidden_states(&padded_batch(&fixture, "", PaddingSide::Right));
        let mut worst = 0f32;
        for (layer, states) in states.iter().enumerate() {
            let key = format!("hidden.{layer}");
            if fixture.has(&key) {
                let (actual, expected) = real_values(states, &fixture.f32(&key).1);
                worst = worst.max(relative(&format!("{name} {key}"), &actual, &expected));
            }
        }
        let (actual, expected) = real_values(states.last().unwrap(), &fixture.f32("last_hidden_state").1);
        worst = worst.max(relative(&format!("{name} last_hidden_state"), &actual, &expected));
        let left = fixture.has("left.input_ids").then(|| {
            let states = model.encode(&padded_batch(&fixture, "left.", PaddingSide::Left));
            let (actual, expected) = real_values(&states, &fixture.f32("left.last_hidden_state").1);
            relative(&format!("{name} left.last_hidden_state"), &actual, &expected)
        });

        let encoder = TextEncoder::from_dir(&folder, &device()).unwrap();
        let texts = strings(&folder.join("texts.json"));
        let ids: Vec<Vec<u32>> =
            serde_json::from_slice(&fs::read(folder.join("text_ids.json")).unwrap()).unwrap();
        let prompt = default_prompt(&folder);
        let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{text}")).collect();
        let encodings = encoder.tokenizer().encode_batch(&prompted).unwrap();
        assert_eq!(encodings.into_iter().map(|e| e.ids).collect::<Vec<_>>(), ids, "{name}");
        let encoded = encoder.encode(&texts).unwrap();
        let vectors =
            relative(&format!("{name} vectors"), encoded.values(), &fixture.f32("sentence_embedding").1);
        let left = left.map_or("-".to_owned(), |left| format!("{left:.1e}"));
        println!("| {name} | {} | {worst:.1e} | {left} | {vectors:.1e} |", report.n_loaded);
    }
}

/// The prompt that the folder puts before every text.
fn default_prompt(folder: &Path) -> String {
    let Ok(bytes) = fs::read(folder.join("config_sentence_transformers.json")) else { return String::new() };
    let settings: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let name = settings["default_prompt_name"].as_str().unwrap_or_default();
    settings["prompts"][name].as_str().unwrap_or_default().to_owned()
}

/// Configs as older folders spell them mean the same.
#[test]
fn published_configs_are_read() {
    for (name, folder) in folders() {
        let published = folder.join("config.published.json");
        if published.exists() {
            let copy = copy_folder(&folder);
            fs::copy(&published, copy.path().join("config.json")).unwrap();
            let [today, before] = [&folder, copy.path()].map(|folder| {
                let (model, _) = Transformer::from_dir(folder, &device()).unwrap();
                model.config().clone()
            });
            assert_eq!(today, before, "{name}");
        }
    }
}

/// Padding on the left, which batches of this crate never have, gives the same states as on the right.
#[test]
fn the_side_of_padding_does_not_matter() {
    for (name, folder) in some_folders() {
        let fixture = Fixture::open(folder.join("expected.safetensors").to_str().unwrap());
        let (model, _) = Transformer::from_dir(&folder, &device()).unwrap();
        let right = padded_batch(&fixture, "", PaddingSide::Right);
        let left = common::padded_to(&right, PaddingSide::Left);
        let (right, left) = (model.encode(&right), model.encode(&left));
        let values =
            |states: &rec_core::Sequence| real_values(states, &vec![0.0; states.dims().iter().product()]).0;
        relative(&name, &values(&left), &values(&right));
    }
}

/// What is saved is loaded again: the same space and bits in `F32`, from every family, and close in fewer bits.
#[test]
fn folders_round_trip() {
    for (name, folder) in some_folders() {
        let encoder = TextEncoder::from_dir(&folder, &device()).unwrap();
        let texts = strings(&folder.join("texts.json"));
        let vectors = encoder.encode(&texts).unwrap();
        let work = tempfile::tempdir().unwrap();
        // `scripts/peers/round_trip` names a folder for Python to open what is saved here.
        if let Some(kept) = std::env::var_os("REC_SAVED") {
            for format in [WeightFormat::F32, WeightFormat::F16, WeightFormat::Bf16] {
                let folder = PathBuf::from(&kept).join(format!("{name}-{format:?}"));
                encoder.save(&folder, format).unwrap();
                let saved = TextEncoder::from_dir(&folder, &device()).unwrap();
                let vectors: Vec<Vec<f32>> =
                    saved.encode(&texts).unwrap().rows().map(<[f32]>::to_vec).collect();
                let kept = serde_json::json!({ "texts": texts, "vectors": vectors });
                fs::write(folder.join("kept.json"), kept.to_string()).unwrap();
            }
        }
        for (format, bound) in [
            (WeightFormat::F32, 0.0),
            (WeightFormat::F16, 0.05),
            (WeightFormat::Bf16, 0.3),
            (WeightFormat::Block8, 0.3),
            (WeightFormat::Block4, 2.0),
        ] {
            let saved = work.path().join(format!("{format:?}"));
            encoder.save(&saved, format).unwrap();
            let loaded = TextEncoder::from_dir(&saved, &device()).unwrap();
            assert_eq!(loaded.report().ignored.len(), 0, "{name}");
            let again = loaded.encode(&texts).unwrap();
            let error = rec_testkit::max_abs_diff(again.values(), vectors.values());
            println!("{name} {format:?}: {error:.1e}");
            if format == WeightFormat::F32 {
                assert_eq!(loaded.space(), encoder.space(), "{name}");
                assert_eq!(again.values().len(), vectors.values().len());
            } else {
                // A checkpoint of half precision loses nothing in half precision, and stays the same model.
                assert_eq!(loaded.space() == encoder.space(), error == 0.0, "{name} {format:?}");
            }
            let largest = vectors.values().iter().fold(0f32, |max, value| max.max(value.abs()));
            assert!(error <= (bound * largest).max(common::batch_bound()), "{name} {format:?}: {error:e}");
            assert!(
                encoder.save(&saved, format).unwrap_err().is_file(),
                "an existing folder is not overwritten"
            );
        }
        assert_eq!(fs::read_dir(work.path()).unwrap().count(), 5, "{name}: nothing else is left behind");
    }
}
