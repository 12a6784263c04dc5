//! Files of scorers: what is written is read, and nothing else is.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

use std::fs;
use std::path::PathBuf;

use burn::tensor::Tensor;
use rec_core::{Fingerprint, Sequence};
use rec_score::{AdditiveLinear, Bilinear, Scorer};
use rec_testkit::device;
use tempfile::TempDir;

fn bias() -> AdditiveLinear {
    AdditiveLinear::new(&[0.5, -1.0 / 3.0], &[1.0, 1e-30, f32::MAX], 0.75, &device())
}

fn square_bias() -> AdditiveLinear {
    AdditiveLinear::new(&[0.5, -1.0 / 3.0], &[1.0, 1e-30], 0.75, &device())
}

fn full() -> Bilinear {
    Bilinear::full(Tensor::from_data([[0.1, -0.0, 3.0], [1.0 / 3.0, 1e-40, 2.0]], &device()))
}

fn low_rank() -> Bilinear {
    let (p, q) =
        (Tensor::from_data([[0.1], [0.2]], &device()), Tensor::from_data([[1.0], [2.0], [3.0]], &device()));
    Bilinear::low_rank(p, q)
}

fn logits(scorer: &dyn Scorer, d_item: usize) -> Vec<u32> {
    let users = Sequence::single(Tensor::from_data([[0.3, -2.0]], &device()));
    let items = Tensor::<2>::from_data([[0.7, 0.1, 1e-3], [0.2, 5.0, 0.0]], &device());
    let items = items.slice([0..2, 0..d_item]).unsqueeze_dim(0);
    let values: Vec<f32> = scorer.logits(&users, &Sequence::new(items, None)).try_into_vec_as().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

fn path() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("scorer.safetensors");
    (folder, path)
}

#[test]
fn every_form_is_read_to_the_bit() {
    let (_folder, path) = path();
    let space = Fingerprint::declared("users");
    let diagonal = Bilinear::diagonal(Tensor::from_data([0.1, -7.0], &device()));
    for (d_item, model) in [
        (2, Bilinear::identity()),
        (2, Bilinear::identity().with_bias(square_bias())),
        (2, diagonal.with_user_space(space)),
        (3, full()),
        (3, full().with_bias(bias()).with_user_space(space)),
        (3, low_rank().with_bias(bias())),
    ] {
        model.save(&path).unwrap();
        let read = Bilinear::load(&path, &device()).unwrap();
        assert_eq!(logits(&read, d_item), logits(&model, d_item), "{model:?}");
        let items = Fingerprint::declared("items");
        assert_eq!(read.interest_space(items), model.interest_space(items));
        assert_eq!(read.interest_dim(d_item), model.interest_dim(d_item));
    }
    bias().with_user_space(space).save(&path).unwrap();
    let read = AdditiveLinear::load(&path, &device()).unwrap();
    assert_eq!(logits(&read, 3), logits(&bias(), 3));
    assert_eq!(read.interest_space(Fingerprint::declared("items")), space);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_file() {
    let (_folder, path) = path();
    let refused = |what: &str| {
        let error = Bilinear::load(&path, &device()).unwrap_err().to_string();
        assert!(error.contains("scorer.safetensors") && error.contains(what), "{error}");
    };
    refused("cannot read");
    bias().save(&path).unwrap();
    refused("`additive`, not `bilinear`");
    fs::write(&path, b"not tensors").unwrap();
    refused("not a valid safetensors file");
    let broken = Bilinear::diagonal(Tensor::from_data([f32::NAN], &device()));
    assert!(broken.save(&path).unwrap_err().to_string().contains("`w` is not finite"));

    // Names, forms, shapes and numbers that do not fit, written as bytes of the same length.
    full().with_bias(bias()).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let edit = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        let mut edited = bytes.clone();
        edited[at..at + from.len()].copy_from_slice(to);
        fs::write(&path, edited).unwrap();
    };
    for (from, to, what) in [
        ("\"w\"", "\"v\"", "no parameter `w`"),
        ("\"b\"", "\"c\"", "no parameter `b`"),
        ("\"beta\"", "\"bata\"", "unexpected parameter"),
        ("rec-scorer 1", "rec-scorer 9", "format"),
        ("\"full\"", "\"fool\"", "no form"),
        ("[2,3]", "[3,2]", "do not fit W (3, 2)"),
        ("[2,3]", "[6,1]", "do not fit W (6, 1)"),
    ] {
        edit(from.as_bytes(), to.as_bytes());
        refused(what);
    }
    edit(&2f32.to_le_bytes(), &f32::INFINITY.to_le_bytes());
    refused("`w` is not finite at value 5");
}

#[test]
fn damage_is_never_a_panic() {
    let (_folder, path) = path();
    low_rank().with_bias(bias()).with_user_space(Fingerprint::declared("users")).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        assert!(Bilinear::load(&path, &device()).is_err(), "{end} bytes");
    }
    for at in 0..bytes.len() {
        for flip in [1, 0x10, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            fs::write(&path, damaged).unwrap();
            // Another finite weight is no damage that a file without a checksum could show.
            let _ = Bilinear::load(&path, &device());
            assert!(AdditiveLinear::load(&path, &device()).is_err());
        }
    }
}
