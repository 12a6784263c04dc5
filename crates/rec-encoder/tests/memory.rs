//! Loading holds the weights once. One test in a process of its own: memory is that of the whole process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{copy_folder, edit_json};
use rec_encoder::TextEncoder;
use rec_testkit::{device, fixture_path};

const D: usize = 384;
const LAYERS: usize = 6;
const D_FF: usize = 4 * D;
const VOCABULARY: usize = 20_000;

/// What may be there besides the weights and the largest tensor: the tokenizer, threads, what the allocator keeps of small
/// tensors, and a sampling gap.
const SLACK: usize = 12 << 20;

/// What an accelerator's driver in software, which keeps its memory in the process, takes for pools of `weights` bytes: up to half
/// again. That is far from the whole again that a second copy would be.
const fn pools(weights: usize) -> usize {
    weights / 2
}

/// The tensors of a BERT of this shape.
fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![VOCABULARY, D]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![512, D]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, D]),
    ];
    let norm = |name: String, shapes: &mut Vec<(String, Vec<usize>)>| {
        shapes.extend(["weight", "bias"].map(|part| (format!("{name}.{part}"), vec![D])));
    };
    norm("embeddings.LayerNorm".to_owned(), &mut shapes);
    for layer in 0..LAYERS {
        let at = |name: &str| format!("encoder.layer.{layer}.{name}");
        for (name, d_in, d_out) in [
            ("attention.self.query", D, D),
            ("attention.self.key", D, D),
            ("attention.self.value", D, D),
            ("attention.output.dense", D, D),
            ("intermediate.dense", D, D_FF),
            ("output.dense", D_FF, D),
        ] {
            shapes.push((at(&format!("{name}.weight")), vec![d_out, d_in]));
            shapes.push((at(&format!("{name}.bias")), vec![d_out]));
        }
        norm(at("attention.output.LayerNorm"), &mut shapes);
        norm(at("output.LayerNorm"), &mut shapes);
    }
    shapes
}

/// A safetensors file of small numbers, written without holding it.
fn write_weights(path: &Path, shapes: &[(String, Vec<usize>)]) {
    let (mut header, mut at) = (serde_json::Map::new(), 0);
    for (name, shape) in shapes {
        let end = at + 4 * shape.iter().product::<usize>();
        let entry = serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [at, end] });
        header.insert(name.clone(), entry);
        at = end;
    }
    let mut header = serde_json::to_string(&header).unwrap();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let mut state = 1u32;
    for _ in 0..at / 4 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        file.write_all(&(0.1 * value).to_le_bytes()).unwrap();
    }
    file.flush().unwrap();
}

/// Anonymous memory of this process in bytes: mapped files are not part of it.
fn anonymous() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() << 10
}

#[test]
fn loading_holds_the_weights_once() {
    let folder = copy_folder(&fixture_path("bert/tiny"));
    let shapes = shapes();
    write_weights(&folder.path().join("model.safetensors"), &shapes);
    edit_json(folder.path().join("config.json"), |config| {
        for (field, value) in [
            ("vocab_size", VOCABULARY),
            ("hidden_size", D),
            ("num_hidden_layers", LAYERS),
            ("num_attention_heads", 12),
            ("intermediate_size", D_FF),
            ("max_position_embeddings", 512),
            ("type_vocab_size", 2),
        ] {
            config[field] = value.into();
        }
    });
    edit_json(folder.path().join("1_Pooling/config.json"), |config| {
        config["word_embedding_dimension"] = D.into();
    });
    // What threads, tables and the device need once is not loading's.
    drop(TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap().encode(&["sand"]).unwrap());

    let sizes: Vec<usize> = shapes.iter().map(|(_, shape)| 4 * shape.iter().product::<usize>()).collect();
    let (weights, largest) = (sizes.iter().sum::<usize>(), *sizes.iter().max().unwrap());
    let (before, peak, done) = (anonymous(), AtomicUsize::new(0), AtomicBool::new(false));
    let encoder = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous(), Ordering::Relaxed);
                thread::sleep(Duration::from_micros(100));
            }
        });
        let encoder = TextEncoder::from_dir(folder.path(), &device());
        done.store(true, Ordering::Relaxed);
        encoder.unwrap()
    });
    let after = anonymous().saturating_sub(before);
    let peak = peak.into_inner().saturating_sub(before).max(after);
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!(
        "weights {:.1} MiB, largest tensor {:.1} MiB: {:.1} MiB once loaded, {:.1} MiB at most",
        mib(weights),
        mib(largest),
        mib(after),
        mib(peak)
    );
    assert!(encoder.report().n_values * 4 == weights);
    // On an accelerator the weights are elsewhere; a driver in software keeps them here.
    let pools = if rec_core::device::is_host(&device()) { 0 } else { pools(weights) };
    assert!(after <= weights + pools + SLACK, "{:.1} MiB once loaded", mib(after));
    if rec_testkit::device_name() == "flex" {
        assert!(after >= weights, "the weights are in memory");
    }
    assert!(peak <= weights + largest + pools + SLACK, "{:.1} MiB at most", mib(peak));
}
