//! Models with their real weights against `sentence-transformers`, on the device under test.
//!
//! Runs when `REC_MODELS` names the folder that `scripts/fetch` fills, for the models that `REC_REAL_MODELS` lists (by default
//! all-MiniLM-L6-v2); `scripts/parity` sets both. A listed model that is missing fails the suite.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::path::PathBuf;

use common::{real_values, relative_bound, strings, token_batch};
use rec_encoder::TextEncoder;
use rec_testkit::{Fixture, assert_close, device, fixture_path, max_abs_diff};

/// Folders of models, and of what is expected of them.
const MODELS: [(&str, &str); 5] = [
    ("all-MiniLM-L6-v2", "minilm-l6"),
    ("paraphrase-MiniLM-L3-v2", "real/minilm-l3"),
    ("all-mpnet-base-v2", "real/mpnet"),
    ("multilingual-e5-small", "real/e5-small"),
    ("SmolLM2-135M", "real/smollm2"),
];

/// The models to compare, with their fixtures.
fn models() -> Vec<(TextEncoder, &'static str)> {
    let Some(models) = std::env::var_os("REC_MODELS") else {
        println!("REC_MODELS is not set: nothing compared");
        return Vec::new();
    };
    let listed = std::env::var("REC_REAL_MODELS").unwrap_or("all-MiniLM-L6-v2".to_owned());
    listed
        .split_whitespace()
        .map(|name| {
            let (folder, fixture) = MODELS.iter().find(|(folder, _)| *folder == name).unwrap();
            let encoder = TextEncoder::from_dir(PathBuf::from(&models).join(folder), &device()).unwrap();
            println!("{name}: {}", encoder.report());
            (encoder, *fixture)
        })
        .collect()
}

/// `max |a - b| / max |b|`, at most the bound of every family.
#[track_caller]
fn relative(what: &str, fixture: &str, actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len(), "{fixture} {what}");
    let largest = expected.iter().fold(0f32, |max, value| max.max(value.abs()));
    let error = max_abs_diff(actual, expected) / largest;
    println!("| {fixture} | {what} | {error:.1e} |");
    assert!(error <= relative_bound(), "{fixture} {what}: {error:e}");
    error
}

#[test]
fn token_states_match() {
    for (encoder, name) in models() {
        let fixture = Fixture::open(&format!("{name}/expected.safetensors"));
        let states = encoder.token_encoder().encode(&token_batch(&fixture));
        let (actual, expected) = real_values(&states, &fixture.f32("last_hidden_state").1);
        relative("token states", name, &actual, &expected);
    }
}

#[test]
fn vectors_match_in_any_batch() {
    for (encoder, name) in models() {
        let fixture = Fixture::open(&format!("{name}/expected.safetensors"));
        let texts = strings(&fixture_path(&format!("{name}/texts.json")));
        let ids: Vec<Vec<u32>> =
            serde_json::from_slice(&std::fs::read(fixture_path(&format!("{name}/text_ids.json"))).unwrap())
                .unwrap();
        let encodings = encoder.tokenizer().encode_batch(&texts).unwrap();
        assert_eq!(encodings.into_iter().map(|e| e.ids).collect::<Vec<_>>(), ids, "{name}");

        let expected = fixture.f32("sentence_embedding").1;
        let together = encoder.encode(&texts).unwrap();
        relative("vectors, one batch", name, together.values(), &expected);
        let alone: Vec<f32> =
            texts.iter().flat_map(|text| encoder.encode(&[text]).unwrap().values().to_vec()).collect();
        relative("vectors, alone", name, &alone, &expected);
        // The bound is for unit vectors; those of a model that does not normalise are longer.
        let longest =
            together.rows().map(|row| row.iter().map(|v| v * v).sum::<f32>().sqrt()).fold(1f32, f32::max);
        assert_close(
            &format!("{name}: alone against together"),
            &alone,
            together.values(),
            longest * common::batch_bound(),
        );
    }
}

/// Products of the real sizes are split over threads, which the tiny models' are not.
#[test]
fn threads_do_not_matter() {
    if !rec_core::device::is_host(&device()) {
        return; // the law is about CPU devices
    }
    for (encoder, name) in models() {
        let texts: Vec<String> =
            (1..40).map(|n| "sand and worms on a desert planet ".repeat(n % 13 + 1)).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| encoder.encode(&texts).unwrap())
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert_eq!(run(threads), one, "{name}, {threads} threads");
        }
    }
}
