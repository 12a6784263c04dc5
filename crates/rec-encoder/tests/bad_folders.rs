//! Damaged, hostile and contradictory model folders: an error that names the file and the field or tensor, never a
//! panic, never a model that half works.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{copy_folder, edit_json};
use rec_encoder::{Error, TextEncoder, Transformer};
use rec_testkit::{device, fixture_path};
use safetensors::tensor::{Dtype, SafeTensors, View};
use tempfile::TempDir;

fn tiny() -> TempDir {
    copy_folder(&fixture_path("bert/tiny"))
}

#[track_caller]
fn error(folder: &Path) -> Error {
    match TextEncoder::from_dir(folder, &device()) {
        Ok(encoder) => panic!("loaded: {encoder:?}"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_names(error: &Error, words: &[&str]) {
    let message = error.to_string();
    println!("{message}");
    for word in words {
        assert!(message.contains(word), "`{message}` does not name `{word}`");
    }
}

/// One tensor of a file that a test rewrites.
#[derive(Clone)]
struct Raw {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl View for &Raw {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}

fn edit_tensors(folder: &Path, edit: impl FnOnce(&mut BTreeMap<String, Raw>)) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: BTreeMap<String, Raw> = file
        .iter()
        .map(|(name, view)| {
            let raw = Raw { dtype: view.dtype(), shape: view.shape().to_vec(), data: view.data().to_vec() };
            (name.to_owned(), raw)
        })
        .collect();
    edit(&mut tensors);
    fs::write(path, safetensors::serialize(&tensors, None).unwrap()).unwrap();
}

const QUERY: &str = "encoder.layer.1.attention.self.query.weight";

#[test]
fn missing_files() {
    assert!(error(Path::new("no/such/folder")).is_file());
    for file in ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"] {
        let folder = tiny();
        fs::remove_file(folder.path().join(file)).unwrap();
        assert_names(&error(folder.path()), &[file]);
    }
}

#[test]
fn malformed_json() {
    for file in ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json"] {
        for content in [&b"{"[..], b"[]", b"\xff\xfe", b"", b"{\"a\": 1}"] {
            let folder = tiny();
            fs::write(folder.path().join(file), content).unwrap();
            assert_names(&error(folder.path()), &[file]);
        }
    }
}

#[test]
fn truncated_weights() {
    let whole = fs::read(fixture_path("bert/tiny/model.safetensors")).unwrap();
    for len in [0, 1, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let folder = tiny();
        fs::write(folder.path().join("model.safetensors"), &whole[..len]).unwrap();
        assert_names(&error(folder.path()), &["model.safetensors"]);
    }
}

#[test]
fn hostile_headers() {
    let file = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    let huge = {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        bytes
    };
    let files = [
        huge,
        file(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,99999]}}"#, 16),
        file(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#, 16),
        file(r#"{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}"#, 16),
        file(r#"{"a":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,16]}}"#, 16),
        file(
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"#,
            24,
        ),
        file(r#"{"a":[[[[[[[["#, 0),
    ];
    for bytes in files {
        let folder = tiny();
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        let error = error(folder.path());
        assert!(error.is_tensor());
        assert_names(&error, &["model.safetensors"]);
    }
}

#[test]
fn tensors_that_do_not_fit() {
    let folder = tiny();
    edit_tensors(folder.path(), |tensors| drop(tensors.remove(QUERY)));
    assert_names(&error(folder.path()), &["model.safetensors", QUERY, "missing"]);

    let folder = tiny();
    edit_tensors(folder.path(), |tensors| drop(tensors.insert("extra".into(), tensors[QUERY].clone())));
    assert_names(&error(folder.path()), &["extra", "unexpected"]);

    let folder = tiny();
    edit_tensors(folder.path(), |tensors| tensors.get_mut(QUERY).unwrap().shape = vec![16, 64]);
    assert_names(&error(folder.path()), &[QUERY, "[16, 64]", "[32, 32]"]);

    let folder = tiny();
    edit_tensors(folder.path(), |tensors| tensors.get_mut(QUERY).unwrap().dtype = Dtype::I32);
    assert_names(&error(folder.path()), &[QUERY, "I32"]);

    let folder = tiny();
    edit_tensors(folder.path(), |tensors| {
        tensors.get_mut(QUERY).unwrap().data[20..24].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert_names(&error(folder.path()), &[QUERY, "NaN", "element 5"]);
}

#[test]
fn configs_that_contradict_the_weights() {
    let edits: [(&str, serde_json::Value, &str); 9] = [
        ("hidden_size", 64.into(), "word_embeddings"),
        ("vocab_size", 1_000_000_000_000u64.into(), "word_embeddings"),
        ("num_hidden_layers", 1.into(), "unexpected"),
        ("num_hidden_layers", 1_000_000_000_000u64.into(), "num_hidden_layers"),
        ("intermediate_size", 65.into(), "intermediate"),
        ("max_position_embeddings", 4096.into(), "position_embeddings"),
        ("num_attention_heads", 5.into(), "heads"),
        ("num_attention_heads", 0.into(), "zero"),
        ("type_vocab_size", 3.into(), "token_type_embeddings"),
    ];
    for (field, value, word) in edits {
        let folder = tiny();
        edit_json(folder.path().join("config.json"), |config| config[field] = value);
        assert_names(&error(folder.path()), &[word]);
    }
}

#[test]
fn configs_that_ask_for_something_else() {
    for (field, value) in [
        ("model_type", "gpt5"),
        ("hidden_act", "snake"),
        ("position_embedding_type", "relative_key"),
        ("layer_norm_eps", "tiny"),
        ("hidden_size", "-1"),
    ] {
        let folder = tiny();
        edit_json(folder.path().join("config.json"), |config| config[field] = value.into());
        let error = error(folder.path());
        assert!(error.is_config());
        assert_names(&error, &["config.json"]);
    }
    for edit in [
        (|modules| modules[1]["path"] = "../../1_Pooling".into()) as fn(&mut serde_json::Value),
        |modules| modules[1]["type"] = "sentence_transformers.models.LSTM".into(),
        |modules| drop(modules.as_array_mut().unwrap().remove(1)),
        |modules| modules.as_array_mut().unwrap().clear(),
    ] {
        let folder = tiny();
        edit_json(folder.path().join("modules.json"), edit);
        assert_names(&error(folder.path()), &["modules.json"]);
    }
}

#[test]
fn a_tokenizer_beyond_the_embedding_table() {
    let folder = tiny();
    edit_json(folder.path().join("tokenizer.json"), |tokenizer| {
        tokenizer["model"]["vocab"]["enormous"] = 4_000_000.into();
    });
    assert_names(&error(folder.path()), &["4000000", "embeddings"]);
}

#[test]
fn shards_that_are_not_there() {
    let folder = copy_folder(&fixture_path("bert/tiny-dense"));
    fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    assert_names(&error(folder.path()), &["model-00002-of-00002.safetensors"]);

    let folder = copy_folder(&fixture_path("bert/tiny-dense"));
    let index = folder.path().join("model.safetensors.index.json");
    edit_json(index.clone(), |index| {
        index["weight_map"]["ghost"] = "model-00001-of-00002.safetensors".into()
    });
    assert_names(&error(folder.path()), &["index.json", "ghost"]);

    let folder = copy_folder(&fixture_path("bert/tiny-dense"));
    edit_json(folder.path().join("model.safetensors.index.json"), |index| {
        index["weight_map"]["ghost"] = "../elsewhere.safetensors".into();
    });
    assert_names(&error(folder.path()), &["weight_map", "elsewhere"]);
}

#[test]
fn pooling_modules_that_do_not_fit() {
    let folder = tiny();
    edit_json(folder.path().join("1_Pooling/config.json"), |config| {
        config["word_embedding_dimension"] = 33.into();
    });
    assert_names(&error(folder.path()), &["1_Pooling/config.json", "33", "32"]);
    let folder = tiny();
    edit_json(folder.path().join("1_Pooling/config.json"), |config| {
        config["pooling_mode_mean_tokens"] = false.into();
    });
    assert_names(&error(folder.path()), &["1_Pooling/config.json", "pooling mode"]);
}

#[test]
fn dense_modules_that_do_not_fit() {
    let folder = copy_folder(&fixture_path("bert/tiny-dense"));
    edit_json(folder.path().join("2_Dense/config.json"), |config| config["in_features"] = 31.into());
    assert_names(&error(folder.path()), &["2_Dense", "in_features"]);
    edit_json(folder.path().join("2_Dense/config.json"), |config| {
        config["in_features"] = 32.into();
        config["activation_function"] = "torch.nn.Snake".into();
    });
    assert_names(&error(folder.path()), &["2_Dense", "activation_function", "Snake"]);
    edit_json(folder.path().join("2_Dense/config.json"), |config| config["out_features"] = 0.into());
    assert_names(&error(folder.path()), &["2_Dense", "out_features"]);
}

/// Every byte of the header damaged, one at a time: an error or a model, never a panic.
#[test]
fn headers_with_one_byte_wrong() {
    let folder = tiny();
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut loaded = 0;
    for at in 0..header {
        let mut damaged = whole.clone();
        damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        fs::write(&path, damaged).unwrap();
        match Transformer::from_dir(folder.path(), &device()) {
            Ok(_) => loaded += 1,
            Err(error) => assert!(error.to_string().contains("model.safetensors"), "{error}"),
        }
    }
    assert!(loaded < header / 20, "{loaded} of {header} damaged headers loaded");
}
