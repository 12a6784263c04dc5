//! Half precision, on devices that have it: a device is configured once in a process, hence a test binary of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use burn::tensor::FloatDType;
use common::strings;
use rec_encoder::TextEncoder;
use rec_testkit::{Fixture, device, device_name, fixture_path};

/// Eleven bits of significand, through some layers: vectors of models of every kind stay within a hundredth of their length.
#[test]
fn vectors_stay_close_in_half_precision() {
    let mut device = device();
    if !device.supports_dtype(FloatDType::F16) {
        println!("{} has no half precision: nothing to compare", device_name());
        return;
    }
    device.configure(FloatDType::F16).unwrap();
    for name in [
        "bert/tiny",
        "families/roberta",
        "families/mpnet",
        "families/modernbert",
        "families/llama",
        "families/gemma3",
    ] {
        let folder = fixture_path(name);
        let encoder = TextEncoder::from_dir(&folder, &device).unwrap();
        let texts = strings(&folder.join("texts.json"));
        let vectors = encoder.encode(&texts).unwrap();
        let expected = Fixture::open(&format!("{name}/expected.safetensors")).f32("sentence_embedding").1;
        let mut worst = 0f32;
        for (row, expected) in vectors.rows().zip(expected.chunks(encoder.dim())) {
            let distance = row.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
            worst = worst.max(distance / expected.iter().map(|b| b * b).sum::<f32>().sqrt());
        }
        println!("{name}: {worst:.1e}");
        assert!(worst > 0.0 && worst < 0.01, "{name}: {worst:e}");
    }
}
