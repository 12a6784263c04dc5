//! Static models against model2vec and sentence-transformers: their folders read, their vectors, their distillation.
//! `fixtures/README.md` says how the expected values were made.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::fs;

use common::{copy_folder, edit_json, strings};
use rec_encoder::{TextEncoder, WeightFormat};
use rec_testkit::{Fixture, assert_close, device, fixture_path, max_abs_diff};

const FOLDERS: [&str; 3] = ["model2vec", "model2vec-clusters", "sentence-transformers"];

fn open(folder: &str) -> TextEncoder {
    TextEncoder::from_dir(fixture_path(&format!("static/{folder}")), &device()).unwrap()
}

fn texts() -> Vec<String> {
    strings(&fixture_path("static/model2vec/texts.json"))
}

/// What a value may differ from the library's: both in f32, summed in other orders; with a table in half precision, model2vec rounds
/// the mean of a text, and then the vector, to half precision, too.
fn bound(folder: &str) -> f32 {
    if folder == "model2vec-clusters" { 1e-3 } else { 1e-6 }
}

#[test]
fn vectors_are_those_of_the_library_that_wrote_the_folder() {
    for folder in FOLDERS {
        let encoder = open(folder);
        let writer = if folder == "sentence-transformers" { "sentence_transformers" } else { "model2vec" };
        let (shape, expected) = Fixture::open(&format!("static/{folder}/expected.safetensors")).f32(writer);
        let encoded = encoder.encode(&texts()).unwrap();
        assert_eq!(shape, [encoded.len(), encoded.dim()]);
        assert_close(folder, encoded.values(), &expected, bound(folder));
        println!("{folder}: {:.1e}", max_abs_diff(encoded.values(), &expected));
        let empty = texts().iter().position(String::is_empty).unwrap();
        assert!(
            encoded.row(empty).iter().all(|value| *value == 0.0),
            "{folder}: an empty text is the zero vector"
        );
    }
}

/// The tolerance is wide enough for rounding and for nothing else: what each library does with unknown words is seen.
#[test]
fn libraries_differ_on_unknown_words() {
    let fixture = Fixture::open("static/model2vec/expected.safetensors");
    let difference = max_abs_diff(&fixture.f32("model2vec").1, &fixture.f32("sentence_transformers").1);
    assert!(difference > 0.01, "{difference}");
}

#[test]
fn limits_are_those_of_the_layout() {
    assert_eq!(open("model2vec").max_len(), 512);
    assert_eq!(open("sentence-transformers").max_len(), 16, "that of tokenizer.json");
    let folder = copy_folder(&fixture_path("static/model2vec"));
    let max_len = |value: Option<serde_json::Value>| {
        edit_json(folder.path().join("config.json"), |config| match value {
            Some(value) => config["max_length"] = value,
            None => drop(config.as_object_mut().unwrap().remove("max_length")),
        });
        TextEncoder::from_dir(folder.path(), &device()).unwrap().max_len()
    };
    assert_eq!(max_len(Some(7.into())), 7);
    assert_eq!(max_len(Some(serde_json::Value::Null)), usize::MAX);
    assert_eq!(max_len(None), 512);
}

/// Without `modules.json`, `config.json` says whether vectors are normalised; and a folder may hold the table in a folder of its own.
#[test]
fn both_layouts_are_read() {
    let vectors = open("model2vec").encode(&texts()).unwrap();
    let folder = copy_folder(&fixture_path("static/model2vec"));
    fs::remove_file(folder.path().join("modules.json")).unwrap();
    let alone = TextEncoder::from_dir(folder.path(), &device()).unwrap();
    assert_eq!(alone.encode(&texts()).unwrap(), vectors);
    assert_eq!(alone.space(), open("model2vec").space());
    edit_json(folder.path().join("config.json"), |config| config["normalize"] = false.into());
    let bare = TextEncoder::from_dir(folder.path(), &device()).unwrap();
    assert_ne!(bare.space(), alone.space());

    let folder = copy_folder(&fixture_path("static/sentence-transformers"));
    fs::create_dir(folder.path().join("0_StaticEmbedding")).unwrap();
    for file in ["model.safetensors", "tokenizer.json"] {
        fs::rename(folder.path().join(file), folder.path().join("0_StaticEmbedding").join(file)).unwrap();
    }
    edit_json(folder.path().join("modules.json"), |modules| modules[0]["path"] = "0_StaticEmbedding".into());
    let nested = TextEncoder::from_dir(folder.path(), &device()).unwrap();
    assert_eq!(nested.space(), open("sentence-transformers").space());
}

#[test]
fn folders_round_trip() {
    for folder in FOLDERS {
        let (encoder, work) = (open(folder), tempfile::tempdir().unwrap());
        let vectors = encoder.encode(&texts()).unwrap();
        for (format, bound) in
            [(WeightFormat::F32, 0.0), (WeightFormat::F16, 1e-3), (WeightFormat::Bf16, 1e-2)]
        {
            let saved = work.path().join(format!("{format:?}"));
            encoder.save(&saved, format).unwrap();
            let loaded = TextEncoder::from_dir(&saved, &device()).unwrap();
            let error = max_abs_diff(loaded.encode(&texts()).unwrap().values(), vectors.values());
            println!("{folder} {format:?}: {error:.1e}");
            assert!(error <= bound, "{folder} {format:?}: {error:e}");
            assert_eq!(loaded.max_len(), encoder.max_len());
            if format == WeightFormat::F32 {
                assert_eq!(loaded.space(), encoder.space(), "{folder}");
            }
            assert_eq!(saved.join("config.json").exists(), folder != "sentence-transformers");
        }
    }
}

/// A shorter vector is a narrower table, so that model2vec, which knows no modules, reads it as well.
#[test]
fn truncation_is_saved_in_the_table() {
    let (encoder, work) = (open("model2vec").truncated(8).unwrap(), tempfile::tempdir().unwrap());
    let vectors = encoder.encode(&texts()).unwrap();
    assert_eq!((vectors.dim(), encoder.token_encoder().d_model()), (8, 8));
    let norm: f32 = vectors.row(0).iter().map(|value| value * value).sum();
    assert!((norm - 1.0).abs() < 1e-5);
    encoder.save(work.path().join("short"), WeightFormat::F32).unwrap();
    let loaded = TextEncoder::from_dir(work.path().join("short"), &device()).unwrap();
    assert_eq!(loaded.encode(&texts()).unwrap(), vectors);
}

#[test]
fn damaged_folders_are_named() {
    let error = |edit: &dyn Fn(&std::path::Path)| {
        let folder = copy_folder(&fixture_path("static/model2vec-clusters"));
        edit(folder.path());
        let error = TextEncoder::from_dir(folder.path(), &device()).unwrap_err().to_string();
        println!("{error}");
        error
    };
    let dim =
        error(&|folder| edit_json(folder.join("config.json"), |config| config["hidden_dim"] = 17.into()));
    assert!(dim.contains("config.json") && dim.contains("`hidden_dim` is 17"));
    let foreign = error(&|folder| {
        fs::copy(fixture_path("bert/tiny/model.safetensors"), folder.join("model.safetensors")).unwrap();
    });
    assert!(foreign.contains("model.safetensors") && foreign.contains("`embeddings`"));
    let pooled = error(&|folder| {
        edit_json(folder.join("modules.json"), |modules| {
            modules[1] =
                serde_json::json!({ "path": "1_Pooling", "type": "sentence_transformers.models.Pooling" });
        });
    });
    assert!(pooled.contains("modules.json") && pooled.contains("module 1"));
    let wide = error(&|folder| {
        edit_json(folder.join("tokenizer.json"), |json| json["model"]["vocab"]["more"] = 62.into());
    });
    assert!(wide.contains("token id 62"));
    assert!(
        error(&|folder| fs::remove_file(folder.join("tokenizer.json")).unwrap()).contains("tokenizer.json")
    );
}

#[cfg(feature = "distill")]
mod distillation {
    use std::ops::ControlFlow;

    use rec_core::Pooling;
    use rec_encoder::Distillation;

    use super::*;

    fn teacher() -> TextEncoder {
        TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap()
    }

    /// The table of an encoder, as it is saved.
    fn table(encoder: &TextEncoder) -> (Vec<usize>, Vec<f32>) {
        let work = tempfile::tempdir().unwrap();
        encoder.save(work.path().join("model"), WeightFormat::F32).unwrap();
        let bytes = fs::read(work.path().join("model/model.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let view = file.tensor("embeddings").unwrap();
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        (view.shape().to_vec(), values)
    }

    /// As a share of the table's largest value: model2vec computes in f32 throughout, here components are in f64 (measured 5e-6).
    const BOUND: f32 = 2e-5;

    #[test]
    fn tables_are_those_of_model2vec() {
        let fixture = Fixture::open("static/model2vec/expected.safetensors");
        let published = Fixture::open("static/model2vec/model.safetensors");
        let recipe = Distillation::default().dims(16);
        for (name, recipe, (shape, expected)) in [
            ("default", recipe, published.f32("embeddings")),
            ("all", recipe.dims(1000), fixture.f32("table.all")),
            ("plain", recipe.without_pca().without_sif(), fixture.f32("table.plain")),
            ("last", recipe.sif(1e-3).pooling(Pooling::LastToken), fixture.f32("table.last")),
            ("first", recipe.without_sif().pooling(Pooling::Cls), fixture.f32("table.first")),
        ] {
            let (ours, values) = table(&recipe.distill(&teacher()).unwrap());
            assert_eq!(ours, shape, "{name}");
            let largest = expected.iter().fold(0f32, |max, value| max.max(value.abs()));
            let error = max_abs_diff(&values, &expected) / largest;
            println!("{name}: {error:.1e} of {largest}");
            assert!(error <= BOUND, "{name}: {error:e}");
        }
    }

    #[test]
    fn texts_and_tokenizer_are_those_of_model2vec() {
        let student = Distillation::default().dims(16).distill(&teacher()).unwrap();
        let expected = Fixture::open("static/model2vec/expected.safetensors").f32("model2vec").1;
        assert_close("vectors", student.encode(&texts()).unwrap().values(), &expected, 1e-5);
        let theirs = open("model2vec");
        let ids = |encoder: &TextEncoder| encoder.tokenizer().encode_batch(&texts()).unwrap();
        assert_eq!(ids(&student), ids(&theirs));
        assert_eq!(student.max_len(), theirs.max_len());
    }

    #[test]
    fn threads_do_not_matter_and_saving_keeps_the_space() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Distillation::default().dims(16).distill(&teacher()).unwrap())
        };
        let one = run(1);
        if rec_core::device::is_host(&device()) {
            assert_eq!(run(3).space(), one.space());
        }
        let work = tempfile::tempdir().unwrap();
        one.save(work.path().join("model"), WeightFormat::F32).unwrap();
        let loaded = TextEncoder::from_dir(work.path().join("model"), &device()).unwrap();
        assert_eq!(loaded.space(), one.space());
        assert_eq!(loaded.encode(&texts()).unwrap(), one.encode(&texts()).unwrap());
        assert_ne!(one.space(), teacher().space());
    }

    #[test]
    fn progress_is_told_and_can_stop_the_work() {
        let mut seen = 0;
        let student = Distillation::default().distill_with(&teacher(), |progress| {
            seen = progress.n_texts;
            ControlFlow::Continue(())
        });
        assert_eq!((seen, student.unwrap().dim()), (62, 32), "as many components as the teacher has");
        let stopped = Distillation::default().distill_with(&teacher(), |_| ControlFlow::Break(()));
        assert!(stopped.unwrap_err().is_interrupted());
    }

    /// Every family's tokenizer can be cut down: word pieces, byte pairs, unigrams.
    #[test]
    fn every_family_is_distilled() {
        for entry in fs::read_dir(fixture_path("families")).unwrap() {
            let folder = entry.unwrap().path();
            let teacher = TextEncoder::from_dir(&folder, &device()).unwrap();
            let student = Distillation::default().dims(8).distill(&teacher).unwrap();
            let encoded = student.encode(&strings(&folder.join("texts.json"))).unwrap();
            assert_eq!(encoded.dim(), 8, "{}", folder.display());
            let known = encoded.rows().filter(|row| row.iter().any(|value| *value != 0.0)).count();
            assert!(known + 2 >= encoded.len(), "{}: {known} of {}", folder.display(), encoded.len());
        }
    }
}
