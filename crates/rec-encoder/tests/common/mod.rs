//! What the suites of this crate share.
#![allow(dead_code, reason = "each suite uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::fs;
use std::path::{Path, PathBuf};

use rec_core::Sequence;
use rec_testkit::{Fixture, device_name};
use rec_text::{Encoding, PaddingSide, TokenBatch};
use tempfile::TempDir;

/// The largest difference allowed from what `transformers` computes, in any value of any tensor.
///
/// Both sides compute in f32 and sum in different orders. On a CPU that leaves some 1e-6 at values of up to 10. A GPU's
/// exponentials and error functions are polynomials of their own, hence the wider bound.
pub(crate) fn bound() -> f32 {
    if device_name() == "wgpu" { 1e-4 } else { 2e-5 }
}

/// The largest difference from what `transformers` computes as a share of the tensor's largest value: f32 sums in another order.
pub(crate) fn relative_bound() -> f32 {
    if device_name() == "wgpu" { 1e-4 } else { 1e-5 }
}

/// The `input_ids`, `attention_mask` and `token_type_ids` of a fixture as a batch.
pub(crate) fn token_batch(fixture: &Fixture) -> TokenBatch {
    padded_batch(fixture, "", PaddingSide::Right)
}

/// A batch of a fixture, whose tensors' names start with `prefix`, padded on `side`.
pub(crate) fn padded_batch(fixture: &Fixture, prefix: &str, side: PaddingSide) -> TokenBatch {
    let name = |name: &str| format!("{prefix}{name}");
    let (shape, ids) = fixture.i64(&name("input_ids"));
    let (_, mask) = fixture.i64(&name("attention_mask"));
    let types = match fixture.has(&name("token_type_ids")) {
        true => fixture.i64(&name("token_type_ids")).1,
        false => vec![0; ids.len()],
    };
    let len = shape[1];
    let real = |values: &[i64], row: usize| -> Vec<u32> {
        let row = row * len..(row + 1) * len;
        let kept = values[row.clone()].iter().zip(&mask[row]).filter(|(_, mask)| **mask == 1);
        kept.map(|(&value, _)| value as u32).collect()
    };
    let encodings: Vec<Encoding> = (0..shape[0])
        .map(|row| Encoding { ids: real(&ids, row), type_ids: real(&types, row), n_truncated: 0 })
        .collect();
    TokenBatch::collate(&encodings, 0, side, Some(len))
}

/// The same rows, padded on `side`.
pub(crate) fn padded_to(batch: &TokenBatch, side: PaddingSide) -> TokenBatch {
    let mask = batch.mask_pad();
    let real = |values: &[u32], row: usize| -> Vec<u32> {
        let row = row * batch.len()..(row + 1) * batch.len();
        values[row.clone()]
            .iter()
            .zip(&mask[row])
            .filter(|(_, pad)| !**pad)
            .map(|(value, _)| *value)
            .collect()
    };
    let encodings: Vec<Encoding> = (0..batch.batch())
        .map(|row| Encoding {
            ids: real(batch.ids(), row),
            type_ids: real(batch.type_ids(), row),
            n_truncated: 0,
        })
        .collect();
    TokenBatch::collate(&encodings, 0, side, Some(batch.len()))
}

/// Both tensors' values at real positions: what stands at padding is nobody's business.
pub(crate) fn real_values(states: &Sequence, expected: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let [_, _, d] = states.dims();
    let values: Vec<f32> = states.values().clone().try_into_vec_as().unwrap();
    assert_eq!(values.len(), expected.len());
    let mask: Vec<bool> = match states.mask_pad() {
        Some(mask) => mask.clone().try_into_vec_as().unwrap(),
        None => vec![false; values.len() / d],
    };
    let keep = |all: &[f32]| -> Vec<f32> {
        all.chunks(d).zip(&mask).filter(|(_, pad)| !**pad).flat_map(|(row, _)| row.to_vec()).collect()
    };
    (keep(&values), keep(expected))
}

/// A list of strings in a JSON file.
pub(crate) fn strings(path: &Path) -> Vec<String> {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A copy of a model folder that a test may damage.
pub(crate) fn copy_folder(from: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = TempDir::new().unwrap();
    copy(from, folder.path());
    folder
}

/// Changes one JSON file of a folder.
pub(crate) fn edit_json(path: PathBuf, edit: impl FnOnce(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut value);
    fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

/// The largest difference allowed between a unit vector encoded alone and in a batch of other lengths.
pub(crate) fn batch_bound() -> f32 {
    if device_name() == "wgpu" { 1e-5 } else { 2e-6 }
}
