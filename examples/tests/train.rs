//! `train` with a model of every kind on a toy data set: a few steps, then from the folder that it left.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Parser;
use rec_core::device::host;
use rec_interest::TrainedUserEncoder;
use serde_json::{Value, json};

#[path = "../train.rs"]
#[expect(dead_code, reason = "its `main` is not ours")]
mod train;

/// Twenty users who go through ten items in turn.
fn toy(folder: &Path) {
    let mut items = "item_id:token\ttitle:token_seq\n".to_owned();
    let words = ["space", "war", "love", "garden", "planet", "ship", "court", "letter", "song", "worm"];
    for (id, word) in words.iter().enumerate() {
        writeln!(items, "{id}\tthe {word}").unwrap();
    }
    let mut log = "user_id:token\titem_id:token\ttimestamp:float\n".to_owned();
    for user in 0..20 {
        for step in 0..5 {
            writeln!(log, "{user}\t{}\t{step}", (user + step) % 10).unwrap();
        }
    }
    fs::write(folder.join("toy.item"), items).unwrap();
    fs::write(folder.join("toy.inter"), log).unwrap();
}

fn run(folder: &Path, model: &Value, out: &str) -> Result<String, String> {
    let settings = json!({
        "items": folder.join("toy.item"),
        "interactions": folder.join("toy.inter"),
        "template": "{title}",
        "model": model,
        "objective": { "in_batch": { "temperature": 1.0 } },
        "batch_size": 8,
        "max_len": 10,
        "trainer": { "n_steps": 4, "seed": 1, "validate_every": 2, "checkpoint_every": 2 }
    });
    let file = folder.join("train.json");
    fs::write(&file, settings.to_string()).unwrap();
    let (file, out) = (file.to_str().unwrap(), folder.join(out));
    let args = train::Args::try_parse_from(["train", file, out.to_str().unwrap()]).unwrap();
    let mut printed = Vec::new();
    train::train(&args, &mut printed).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(printed).unwrap())
}

#[test]
fn every_model_is_trained_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path());
    let models = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/models.json")).unwrap();
    let models: Vec<Value> = serde_json::from_slice(&models).unwrap();
    assert_eq!(models.len(), train::NAMES.len());
    for model in &models {
        let name = model["name"].as_str().unwrap();
        assert!(train::NAMES.contains(&name));
        let printed = run(folder.path(), model, name).unwrap();
        assert!(printed.contains("step 4: loss"), "{printed}");
        let out = folder.path().join(name);
        let loaded = TrainedUserEncoder::load(out.join("model/user.safetensors"), &host()).unwrap();
        assert_eq!(loaded.name(), name);
        assert!(out.join("model/settings.json").exists());
        assert!(fs::read_to_string(out.join("curves.svg")).unwrap().contains("recall@10"));
    }
    // Nothing is left to do, and the same comes out.
    let parameters = || {
        let bytes = fs::read(folder.path().join("nrms/model/user.safetensors")).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    let before = parameters();
    run(folder.path(), &models[1], "nrms").unwrap();
    assert!(parameters() == before);
}

#[test]
fn what_the_settings_get_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path());
    let error = |model: Value| run(folder.path(), &model, "out").unwrap_err();
    let unknown = error(json!({ "name": "bert4rec" }));
    for part in ["train.json", "bert4rec", "additive_attention", "nrms", "lstur", "sasrec", "capsules"] {
        assert!(unknown.contains(part), "{unknown}");
    }
    let odd = error(json!({ "name": "nrms", "n_heads": 7, "d_attention": 8 }));
    assert!(odd.contains("the model nrms") && odd.contains("7 heads"), "{odd}");
    let field = error(json!({ "name": "nrms", "n_heads": 8, "d_attention": 8, "layers": 2 }));
    assert!(field.contains("layers"), "{field}");
}
