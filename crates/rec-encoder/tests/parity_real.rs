//! all-MiniLM-L6-v2 with its real weights against `sentence-transformers`, on the device under test.
//!
//! Runs when `REC_MODELS` names the folder that `scripts/fetch` fills; `scripts/parity` sets it. When it is set, a missing
//! model fails the suite.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::path::PathBuf;

use common::{bound, real_values, strings, token_batch};
use rec_encoder::TextEncoder;
use rec_testkit::{Fixture, assert_close, device, fixture_path};

fn minilm() -> Option<TextEncoder> {
    let Some(models) = std::env::var_os("REC_MODELS") else {
        println!("REC_MODELS is not set: nothing compared");
        return None;
    };
    let folder = PathBuf::from(models).join("all-MiniLM-L6-v2");
    let encoder = TextEncoder::from_dir(folder, &device()).unwrap();
    println!("{encoder:?}: {}", encoder.report());
    Some(encoder)
}

#[test]
fn token_states_match() {
    let Some(encoder) = minilm() else { return };
    let fixture = Fixture::open("minilm-l6/expected.safetensors");
    let states = encoder.token_encoder().encode(&token_batch(&fixture));
    let (actual, expected) = real_values(&states, &fixture.f32("last_hidden_state").1);
    assert_close("all-MiniLM-L6-v2 token states", &actual, &expected, bound());
}

#[test]
fn vectors_match_in_any_batch() {
    let Some(encoder) = minilm() else { return };
    let fixture = Fixture::open("minilm-l6/expected.safetensors");
    let texts = strings(&fixture_path("minilm-l6/texts.json"));
    let expected = fixture.f32("sentence_embedding").1;
    let together = encoder.encode(&texts).unwrap();
    assert_close("all-MiniLM-L6-v2 vectors, one batch", together.values(), &expected, bound());
    let alone: Vec<f32> =
        texts.iter().flat_map(|text| encoder.encode(&[text]).unwrap().values().to_vec()).collect();
    assert_close("all-MiniLM-L6-v2 vectors, alone", &alone, &expected, bound());
    assert_close("alone against together", &alone, together.values(), common::batch_bound());
}

/// Products of the real sizes are split over threads, which the tiny models' are not.
#[test]
fn threads_do_not_matter() {
    let Some(encoder) = minilm() else { return };
    if !rec_core::device::is_host(&device()) {
        return; // the law is about CPU devices
    }
    let texts: Vec<String> =
        (1..40).map(|n| "sand and worms on a desert planet ".repeat(n % 13 + 1)).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| encoder.encode(&texts).unwrap())
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}
