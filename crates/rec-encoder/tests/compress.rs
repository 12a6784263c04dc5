//! Compression against what it must be equal to: matrices edited by plain loops, folders put together by hand, and the same
//! texts through fewer tokens.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use common::{batch_bound, copy_folder, edit_json, strings};
use rec_encoder::{TextEncoder, WeightFormat};
use rec_testkit::{fixture_path, max_abs_diff};
use safetensors::SafeTensors;
use serde_json::Value;

/// Vectors are compared bit by bit, which a host promises and an accelerator does not.
fn device() -> Device {
    rec_core::device::host()
}

/// Folders with tiny checkpoints of every family, and BERT.
fn folders() -> Vec<PathBuf> {
    let families = fs::read_dir(fixture_path("families")).unwrap();
    let mut folders: Vec<PathBuf> = families.map(|entry| entry.unwrap().path()).collect();
    folders.push(fixture_path("bert/tiny"));
    folders.sort();
    folders
}

fn load(folder: &Path) -> TextEncoder {
    TextEncoder::from_dir(folder, &device()).unwrap()
}

fn texts(folder: &Path) -> Vec<String> {
    strings(&folder.join("texts.json"))
}

/// Saved and loaded again: another space, the same vectors.
#[track_caller]
fn round_trip(encoder: &TextEncoder, texts: &[String]) -> TextEncoder {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("model");
    encoder.save(&folder, WeightFormat::F32).unwrap();
    let loaded = load(&folder);
    let [saved, loaded_vectors] = [encoder, &loaded].map(|encoder| encoder.encode(texts).unwrap());
    assert_eq!(saved.values(), loaded_vectors.values(), "{}", encoder.name());
    loaded
}

/// The matrices of an encoder, as a saved file has them, `[d_out, d_in]` in all families but one.
fn tensors(encoder: &TextEncoder) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let work = tempfile::tempdir().unwrap();
    encoder.save(work.path().join("model"), WeightFormat::F32).unwrap();
    let bytes = fs::read(work.path().join("model/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let values = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), values(view.data())))).collect()
}

#[test]
fn magnitude_pruning_takes_the_smallest_of_every_matrix() {
    for folder in folders() {
        let encoder = load(&folder);
        let texts = texts(&folder);
        let pruned = encoder.clone().prune_magnitude(0.3).unwrap();
        assert_ne!(pruned.space(), encoder.space());
        round_trip(&pruned, &texts);
        let (before, after) = (tensors(&encoder), tensors(&pruned));
        // Fused matrices are pruned by parts, of which the file does not tell the borders.
        let is_fused = |name: &str| ["Wqkv", "c_attn", "mlp.Wi."].iter().any(|part| name.contains(part));
        let is_other_table = |name: &str| {
            ["position_embeddings", "token_type", "wpe", "relative"].iter().any(|part| name.contains(part))
        };
        let mut n_pruned = 0;
        for (name, (shape, values)) in &before {
            let after = &after[name].1;
            let n_zero = after.iter().filter(|value| **value == 0.0).count();
            if shape.len() == 1 || is_other_table(name) {
                assert_eq!(values, after, "{name}");
                continue;
            }
            n_pruned += 1;
            if is_fused(name) {
                assert!(n_zero.abs_diff(values.len() * 3 / 10) < 3, "{name}: {n_zero} of {}", values.len());
                continue;
            }
            assert_eq!(n_zero, (0.3 * values.len() as f64).round_ties_even() as usize, "{name}");
            let largest_gone =
                values.iter().zip(after).filter(|(_, after)| **after == 0.0).map(|(v, _)| v.abs());
            let largest_gone = largest_gone.fold(0f32, f32::max);
            for (value, after) in values.iter().zip(after).filter(|(_, after)| **after != 0.0) {
                assert_eq!(value, after, "{name}: what stays is not changed");
                assert!(value.abs() >= largest_gone, "{name}: {value} stays, {largest_gone} goes");
            }
        }
        assert!(n_pruned >= 7, "{n_pruned} matrices");
        let same = encoder.clone().prune_magnitude(0.0).unwrap();
        assert_eq!(same.encode(&texts).unwrap(), encoder.encode(&texts).unwrap());
    }
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(load(&fixture_path("bert/tiny")).prune_magnitude(share).unwrap_err().is_config());
    }
}

/// The last layer of BERT alone is the folder with the first one's tensors gone and the last one's renamed.
#[test]
fn a_kept_layer_is_the_one_of_the_file() {
    let folder = fixture_path("bert/tiny");
    let encoder = load(&folder);
    let texts = texts(&folder);
    let n: usize = {
        let config: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
        config["num_hidden_layers"].as_u64().unwrap() as usize
    };
    let copy = copy_folder(&folder);
    let bytes = fs::read(folder.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let last = format!("encoder.layer.{}.", n - 1);
    let views = file.iter().filter_map(|(name, view)| match name.strip_prefix(&*last) {
        Some(rest) => Some((format!("encoder.layer.0.{rest}"), view)),
        None => (!name.starts_with("encoder.layer.")).then(|| (name.to_owned(), view)),
    });
    fs::write(copy.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    edit_json(copy.path().join("config.json"), |config| config["num_hidden_layers"] = 1.into());
    let kept = encoder.clone().keep_layers(&[n - 1]).unwrap();
    let by_hand = load(copy.path()).encode(&texts).unwrap();
    assert_eq!(kept.encode(&texts).unwrap(), by_hand);
    assert_eq!(round_trip(&kept, &texts).space(), load(copy.path()).space());
    for layers in [&[][..], &[1, 0], &[0, 0], &[n]] {
        assert!(encoder.clone().keep_layers(layers).unwrap_err().is_config(), "{layers:?}");
    }
}

#[test]
fn every_family_keeps_layers() {
    for folder in folders() {
        let encoder = load(&folder);
        let texts = texts(&folder);
        let n = n_layers(&encoder);
        let all: Vec<usize> = (0..n).collect();
        let same = encoder.clone().keep_layers(&all).unwrap();
        assert_eq!(same.encode(&texts).unwrap(), encoder.encode(&texts).unwrap());
        // Not the first ones: what is kept has to be numbered again.
        let kept = encoder.clone().keep_layers(&[0, n - 1][..2.min(n)]).unwrap();
        if n > 2 {
            assert_ne!(kept.encode(&texts).unwrap(), encoder.encode(&texts).unwrap());
        }
        let loaded = round_trip(&kept, &texts);
        assert_eq!(n_layers(&loaded), 2.min(n), "{}", folder.display());
        match encoder.clone().keep_layers(&all[n - 1..]) {
            Ok(last) => drop(round_trip(&last, &texts)),
            Err(e) => {
                assert!(folder.ends_with("modernbert"), "{e}");
                assert!(e.to_string().contains("first layer"), "{e}");
            }
        }
    }
}

fn n_layers(encoder: &TextEncoder) -> usize {
    let work = tempfile::tempdir().unwrap();
    encoder.save(work.path().join("model"), WeightFormat::F32).unwrap();
    let (model, _) = rec_encoder::Transformer::from_dir(work.path().join("model"), &device()).unwrap();
    model.config().layers.len()
}

/// Removing a head is making its rows of the output map zero (Michel et al. 2019, equation 2 with a mask of zero), here in a
/// saved file and for the heads that plain loops find least important.
#[test]
fn removed_heads_are_those_of_least_norm() {
    let folder = fixture_path("bert/tiny");
    let encoder = load(&folder);
    let texts = texts(&folder);
    let n_heads = {
        let config: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
        config["num_attention_heads"].as_u64().unwrap() as usize
    };
    let n = n_heads / 2;
    let pruned = encoder.clone().prune_heads(n).unwrap();
    round_trip(&pruned, &texts);

    let mut edited = tensors(&encoder);
    for layer in 0..n_layers(&encoder) {
        let name = |part: &str| format!("encoder.layer.{layer}.attention.{part}.weight");
        let (shape, value) = edited[&name("self.value")].clone();
        let (d, d_head) = (shape[0], shape[0] / n_heads);
        let (_, output) = edited.get_mut(&name("output.dense")).unwrap();
        // What a head does to what it attends to: [d, d_head] by [d_head, d], entry by entry.
        let norm = |head: usize, output: &[f32]| -> f64 {
            let mut sum = 0.0;
            for o in 0..d {
                for i in 0..d {
                    let entry: f64 = (head * d_head..(head + 1) * d_head)
                        .map(|h| f64::from(output[o * d + h]) * f64::from(value[h * d + i]))
                        .sum();
                    sum += entry * entry;
                }
            }
            sum
        };
        let mut heads: Vec<usize> = (0..n_heads).collect();
        let norms: Vec<f64> = heads.iter().map(|&head| norm(head, output)).collect();
        heads.sort_by(|&a, &b| norms[a].total_cmp(&norms[b]));
        for head in &heads[..n] {
            for row in output.chunks_exact_mut(d) {
                row[head * d_head..(head + 1) * d_head].fill(0.0);
            }
        }
    }
    let copy = copy_folder(&folder);
    let bytes: BTreeMap<&String, Vec<u8>> = edited
        .iter()
        .map(|(name, (_, v))| (name, v.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = edited.iter().map(|(name, (shape, _))| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), &bytes[name]);
        (name, view.unwrap())
    });
    fs::write(copy.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    let masked = load(copy.path()).encode(&texts).unwrap();
    let error = max_abs_diff(pruned.encode(&texts).unwrap().values(), masked.values());
    println!("{n} of {n_heads} heads: {error:.1e} from masked heads");
    let largest = masked.values().iter().fold(0f32, |max, value| max.max(value.abs()));
    assert!(error <= batch_bound() * largest.max(1.0));
    assert!(encoder.clone().prune_heads(n_heads).unwrap_err().is_config());
    assert_eq!(
        encoder.clone().prune_heads(0).unwrap().encode(&texts).unwrap(),
        encoder.encode(&texts).unwrap()
    );
}

#[test]
fn every_family_loses_heads() {
    for folder in folders() {
        let encoder = load(&folder);
        let texts = texts(&folder);
        let (model, _) = rec_encoder::Transformer::from_dir(&folder, &device()).unwrap();
        let old = model.config().attention;
        if old.n_kv_heads == 1 {
            assert!(encoder.clone().prune_heads(1).unwrap_err().is_config());
            continue;
        }
        let pruned = encoder.clone().prune_heads(1).unwrap();
        assert_ne!(pruned.space(), encoder.space());
        round_trip(&pruned, &texts);
        let work = tempfile::tempdir().unwrap();
        pruned.save(work.path().join("model"), WeightFormat::F32).unwrap();
        let (model, report) =
            rec_encoder::Transformer::from_dir(work.path().join("model"), &device()).unwrap();
        let new = model.config().attention;
        let expected =
            (old.n_heads - old.n_heads / old.n_kv_heads, old.n_kv_heads - 1, old.d_head, old.scale);
        assert_eq!((new.n_heads, new.n_kv_heads, new.d_head, new.scale), expected, "{}", folder.display());
        println!("{}: {} values", folder.display(), report.n_values);
    }
}

#[test]
fn fewer_tokens_give_the_same_vectors() {
    let mut n_pruned = 0;
    for folder in folders() {
        let encoder = load(&folder);
        let texts = texts(&folder);
        let tokenizer: Value =
            serde_json::from_slice(&fs::read(folder.join("tokenizer.json")).unwrap()).unwrap();
        if tokenizer["model"]["type"] == "BPE" {
            let error = encoder.prune_vocabulary(&texts).unwrap_err();
            assert!(error.is_config() && error.to_string().contains("cannot be pruned"), "{error}");
            continue;
        }
        n_pruned += 1;
        let (few, rest) = texts.split_at(texts.len() / 2);
        let pruned = encoder.clone().prune_vocabulary(few).unwrap();
        assert_eq!(pruned.encode(few).unwrap(), encoder.encode(few).unwrap(), "{}", folder.display());
        let names: Vec<String> = prompts(&folder);
        for name in &names {
            let [before, after] = [&encoder, &pruned].map(|e| e.clone().with_prompt(name).unwrap());
            assert_eq!(after.encode(few).unwrap(), before.encode(few).unwrap());
        }
        assert!(pruned.tokenizer().vocab_size() <= encoder.tokenizer().vocab_size());
        assert_eq!(pruned.tokenizer().max_len(), encoder.tokenizer().max_len());
        // Other texts are still texts: no token is lost to the vocabulary that remains, and none is beyond it.
        let others = pruned.encode(rest).unwrap();
        assert!(others.n_tokens() >= encoder.encode(rest).unwrap().n_tokens());
        assert!(others.values().iter().all(|value| value.is_finite()));
        let loaded = round_trip(&pruned, &texts);
        assert_eq!(loaded.tokenizer().pad_id(), pruned.tokenizer().pad_id());
        // Once more is nothing more.
        let again = loaded.clone().prune_vocabulary(few).unwrap();
        assert_eq!(again.tokenizer().vocab_size(), loaded.tokenizer().vocab_size());
        println!(
            "{}: {} of {} tokens",
            folder.display(),
            pruned.tokenizer().vocab_size(),
            encoder.tokenizer().vocab_size()
        );
    }
    assert!(n_pruned >= 6, "only {n_pruned}");
}

fn prompts(folder: &Path) -> Vec<String> {
    let Ok(bytes) = fs::read(folder.join("config_sentence_transformers.json")) else { return Vec::new() };
    let settings: Value = serde_json::from_slice(&bytes).unwrap();
    settings["prompts"].as_object().map_or(Vec::new(), |prompts| prompts.keys().cloned().collect())
}

/// Ids are written in five places besides the vocabulary; all move together.
#[test]
fn every_id_moves() {
    let folder = copy_folder(&fixture_path("families/mpnet"));
    // A padding section, an unknown and a mask token that do not stand at the beginning.
    edit_json(folder.path().join("tokenizer.json"), |tokenizer| {
        tokenizer["padding"] = serde_json::json!({
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": 1,
            "pad_type_id": 0, "pad_token": "<pad>"
        });
        tokenizer["post_processor"] = serde_json::json!({
            "type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": true,
            "add_prefix_space": false
        });
    });
    let encoder = load(folder.path());
    let texts = ["sand"];
    let pruned = encoder.clone().prune_vocabulary(texts).unwrap();
    assert_eq!(pruned.encode(&texts).unwrap(), encoder.encode(&texts).unwrap());
    assert_eq!(pruned.tokenizer().pad_id(), 1);
    for token in ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"] {
        assert!(pruned.tokenizer().token_id(token).is_some(), "{token}");
    }
    assert!(pruned.tokenizer().max_id() as usize + 1 == pruned.tokenizer().vocab_size());
}

/// All ways after each other, in all formats.
#[test]
fn ways_combine() {
    let folder = fixture_path("bert/tiny");
    let texts = texts(&folder);
    let small = load(&folder)
        .keep_layers(&[1])
        .and_then(|e| e.prune_heads(1))
        .and_then(|e| e.prune_vocabulary(&texts))
        .and_then(|e| e.prune_magnitude(0.2))
        .unwrap();
    round_trip(&small, &texts);
    let work = tempfile::tempdir().unwrap();
    for format in [WeightFormat::F16, WeightFormat::Bf16, WeightFormat::Block8, WeightFormat::Block4] {
        let saved = work.path().join(format!("{format:?}"));
        small.save(&saved, format).unwrap();
        assert_eq!(load(&saved).encode(&texts).unwrap().len(), texts.len());
    }
}
