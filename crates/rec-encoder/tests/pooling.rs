//! What stands after the transformer, as folders of sentence-transformers say it: modes side by side, LayerNorm, Dense, vectors
//! that are cut, prompts that pooling leaves out. `fixtures/README.md` says how the expected values were made.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failure")]

mod common;

use common::{bound, edit_json, strings};
use rec_core::Pooling;
use rec_encoder::{TextEncoder, TokenEncoder, Transformer, WeightFormat};
use rec_testkit::{Fixture, assert_close, device, fixture_path};
use rec_text::Windows;

fn folder(name: &str) -> (std::path::PathBuf, Fixture, Vec<String>) {
    let path = fixture_path(&format!("pooling/{name}"));
    let texts = strings(&path.join("texts.json"));
    (path, Fixture::open(&format!("pooling/{name}/expected.safetensors")), texts)
}

#[test]
fn modules_and_cut_vectors_match_sentence_transformers() {
    let (path, fixture, texts) = folder("truncated");
    let cut = TextEncoder::from_dir(&path, &device()).unwrap();
    assert_eq!((cut.dim(), cut.pooling()), (16, &[Pooling::Cls, Pooling::Mean][..]));
    assert_close("cut", cut.encode(&texts).unwrap().values(), &fixture.f32("sentence_embedding").1, bound());

    let copy = common::copy_folder(&path);
    edit_json(copy.path().join("config_sentence_transformers.json"), |c| {
        c["truncate_dim"] = serde_json::Value::Null
    });
    let full = TextEncoder::from_dir(copy.path(), &device()).unwrap();
    let expected = fixture.f32("sentence_embedding.full").1;
    assert_close("full", full.encode(&texts).unwrap().values(), &expected, bound());
    let normalized = full.clone().truncated(16).unwrap();
    let expected = fixture.f32("sentence_embedding.normalized").1;
    assert_close("normalized", normalized.encode(&texts).unwrap().values(), &expected, bound());

    let spaces = [cut.space(), full.space(), normalized.space()];
    assert!(spaces[0] != spaces[1] && spaces[1] != spaces[2] && spaces[0] != spaces[2]);
    assert_eq!(full.clone().truncated(32).unwrap().space(), full.space());
    for dim in [0, 33] {
        assert!(full.clone().truncated(dim).unwrap_err().is_config());
    }

    // Saved, a cut is a Dense module of ones and zeros: the same vectors without the field.
    for encoder in [&cut, &normalized] {
        let saved = copy.path().join(encoder.space().short());
        encoder.save(&saved, WeightFormat::F16).unwrap();
        let loaded = TextEncoder::from_dir(&saved, &device()).unwrap();
        let (a, b) = (loaded.encode(&texts).unwrap(), encoder.encode(&texts).unwrap());
        assert_close("saved", a.values(), b.values(), bound());
    }
}

#[test]
fn prompts_are_left_out_of_pooling() {
    let (path, fixture, texts) = folder("without-prompt");
    let plain = TextEncoder::from_dir(&path, &device()).unwrap();
    let query = plain.clone().with_prompt("query").unwrap();
    let document = plain.clone().with_prompt("document").unwrap();
    for (encoder, name) in [
        (&plain, "sentence_embedding"),
        (&query, "sentence_embedding.query"),
        (&document, "sentence_embedding.document"),
    ] {
        let vectors = encoder.encode(&texts).unwrap();
        assert_close(name, vectors.values(), &fixture.f32(name).1, bound());
        assert_eq!(encoder.space(), plain.space(), "a prompt is provenance, not a space");
    }
    assert!(plain.clone().with_prompt("passage").unwrap_err().to_string().contains("query"));
    let windows = Windows::overlapping(2);
    assert!(query.clone().with_windows(windows, Pooling::Mean).unwrap_err().is_config());
    let windowed = plain.with_windows(windows, Pooling::Mean).unwrap();
    assert!(windowed.clone().with_prompt("query").unwrap_err().is_config());
    windowed.with_prompt("document").unwrap();
}

#[test]
fn earlier_layers_are_pooled() {
    let path = fixture_path("bert/tiny");
    let texts = strings(&path.join("texts.json"));
    let encoder = TextEncoder::from_dir(&path, &device()).unwrap();
    let (model, _) = Transformer::from_dir(&path, &device()).unwrap();
    let first = encoder.clone().with_layers(1).unwrap();
    let vectors = first.encode(&texts).unwrap();
    for (i, text) in texts.iter().enumerate() {
        let encodings = encoder.tokenizer().encode_batch(&[text]).unwrap();
        let batch = rec_text::TokenBatch::collate(&encodings, 0, rec_text::PaddingSide::Right, None);
        let states = &model.hidden_states(&batch)[1];
        assert_eq!(states.dims(), model.clone().first_layers(1).encode(&batch).dims());
        let pooled: Vec<f32> = Pooling::Mean.pool(states).try_into_vec_as().unwrap();
        let norm = pooled.iter().map(|value| value * value).sum::<f32>().sqrt();
        let unit: Vec<f32> = pooled.iter().map(|value| value / norm).collect();
        assert_close(text, vectors.row(i), &unit, common::batch_bound());
    }
    assert_ne!(first.space(), encoder.space());
    assert_eq!(encoder.clone().with_layers(2).unwrap().space(), encoder.space());
    for n in [0, 3] {
        assert!(encoder.clone().with_layers(n).unwrap_err().is_config());
    }

    let work = tempfile::tempdir().unwrap();
    first.save(work.path().join("first"), WeightFormat::F32).unwrap();
    let loaded = TextEncoder::from_dir(work.path().join("first"), &device()).unwrap();
    assert_close("saved", loaded.encode(&texts).unwrap().values(), vectors.values(), common::batch_bound());
    // A decoder has a norm after its last layer, which its files cannot leave out.
    let decoder =
        TextEncoder::from_dir(fixture_path("families/llama"), &device()).unwrap().with_layers(1).unwrap();
    assert!(decoder.save(work.path().join("decoder"), WeightFormat::F32).unwrap_err().is_config());
    assert!(!work.path().join("decoder").exists());
}
