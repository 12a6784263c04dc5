//! Linear maps in eight bits: near the same encoder in `f32`, in a space of their own, and the same alone and among others.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use burn::tensor::Device;
use common::strings;
use rec_encoder::TextEncoder;
use rec_testkit::{assert_close, device_name, fixture_path};

/// Random models round worst: nothing in them was trained to be robust.
#[test]
fn models_of_every_kind_stay_near() {
    let mut largest = 0f32;
    for name in [
        "bert/tiny",
        "families/roberta",
        "families/distilbert",
        "families/mpnet",
        "families/albert",
        "families/modernbert",
        "families/nomic-bert",
        "families/llama",
        "families/gpt2",
        "families/gemma3",
    ] {
        let folder = fixture_path(name);
        let exact = TextEncoder::from_dir(&folder, &Device::flex()).unwrap();
        let int8 = exact.clone().with_int8().unwrap();
        assert_ne!(exact.space(), int8.space());
        let texts = strings(&folder.join("texts.json"));
        let (want, got) = (exact.encode(&texts).unwrap(), int8.encode(&texts).unwrap());
        let mut worst = 0f32;
        for (row, want) in got.rows().zip(want.rows()) {
            let distance = row.iter().zip(want).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
            worst = worst.max(distance / want.iter().map(|b| b * b).sum::<f32>().sqrt());
        }
        println!("{name}: {worst:.1e}");
        assert!(worst > 0.0 && worst < 0.1, "{name}: {worst:e}");
        largest = largest.max(worst);

        for (row, text) in texts.iter().enumerate() {
            // States have the same bits; their mean is taken over rows of another length.
            assert_close(
                &format!("{name}, text {row} alone"),
                int8.encode(&[text]).unwrap().values(),
                got.row(row),
                2e-6,
            );
        }
    }
    assert!(largest > 1e-3, "nothing was rounded: {largest:e}");
}

#[test]
fn derived_encoders_stay_in_eight_bits() {
    let folder = fixture_path("bert/tiny");
    let exact = TextEncoder::from_dir(&folder, &Device::flex()).unwrap();
    let int8 = exact.clone().with_int8().unwrap();
    let texts = ["a desert planet", "sand"];
    let first = |encoder: TextEncoder| encoder.keep_layers(&[0]).unwrap();
    assert_ne!(first(exact.clone()).encode(&texts).unwrap(), first(int8.clone()).encode(&texts).unwrap());
    assert_eq!(
        first(exact).with_int8().unwrap().encode(&texts).unwrap(),
        first(int8.clone()).encode(&texts).unwrap()
    );
    // Once more changes nothing.
    let again = int8.clone().with_int8().unwrap();
    assert_eq!(again.space(), int8.space());
    assert_eq!(again.encode(&texts).unwrap(), int8.encode(&texts).unwrap());
}

#[test]
fn other_devices_and_other_models_are_refused() {
    let table = TextEncoder::from_dir(fixture_path("static/model2vec"), &Device::flex());
    let error = table.unwrap().with_int8().unwrap_err().to_string();
    assert!(error.contains("only a transformer of this crate"), "{error}");
    if device_name() != "flex" {
        let other = TextEncoder::from_dir(fixture_path("bert/tiny"), &rec_testkit::device()).unwrap();
        let error = other.with_int8().unwrap_err().to_string();
        assert!(error.contains("on the device `flex`"), "{error}");
    }
}
