//! The laws of cached vectors: they are those that encoding gives, they are bounded, and they survive a file.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is a failure")]

mod common;

use common::{batch_bound, strings};
use rec_core::Pooling;
use rec_encoder::{EmbeddingCache, Encoded, TextEncoder};
use rec_testkit::{assert_close, device, fixture_path};
use rec_text::Windows;

fn tiny() -> TextEncoder {
    TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap()
}

fn texts() -> Vec<String> {
    strings(&fixture_path("bert/tiny/texts.json"))
}

fn assert_same(found: &Encoded, expected: &Encoded) {
    assert_close("cached", found.values(), expected.values(), batch_bound());
    assert_eq!((found.len(), found.dim()), (expected.len(), expected.dim()));
    for text in 0..expected.len() {
        assert_eq!(found.is_truncated(text), expected.is_truncated(text), "text {text}");
    }
}

#[test]
fn cached_vectors_are_those_of_encoding() {
    let (encoder, mut texts) = (tiny(), texts());
    texts.push("dune ".repeat(1000));
    texts.extend(texts.clone());
    let expected = encoder.encode(&texts).unwrap();
    let mut cache = EmbeddingCache::new(&encoder, 100);
    for round in 0..2 {
        let found = encoder.encode_cached(&texts, &mut cache).unwrap();
        assert_same(&found, &expected);
        let n_tokens = if round == 0 { expected.n_tokens() / 2 } else { 0 };
        assert_eq!((found.n_tokens(), cache.len()), (n_tokens, texts.len() / 2), "round {round}");
    }
    let no_texts: [&str; 0] = [];
    assert!(encoder.encode_cached(&no_texts, &mut cache).unwrap().is_empty());
}

#[test]
fn tables_say_how_they_were_made_with_a_cache_and_without() {
    let (encoder, long) = (tiny(), "dune ".repeat(1000));
    let items = [("a", "sand"), ("b", long.as_str())];
    let mut cache = EmbeddingCache::new(&encoder, 100);
    let expected = encoder.embed(items).unwrap();
    for _ in 0..2 {
        let table = encoder.embed_cached(items, &mut cache).unwrap();
        assert_eq!(table.provenance(), expected.provenance());
        assert_close("row", &table.row(1), &expected.row(1), batch_bound());
    }
    assert!(encoder.embed_cached([("a", "sand"), ("a", "dune")], &mut cache).is_err());
}

#[test]
fn a_text_that_is_read_otherwise_is_another() {
    let (encoder, long) = (tiny(), "dune sand ".repeat(100));
    let windows = encoder.clone().with_windows(Windows::overlapping(2), Pooling::Mean).unwrap();
    let mut cache = EmbeddingCache::new(&encoder, 100);
    let cut = encoder.encode_cached(&[&long], &mut cache).unwrap();
    let whole = windows.encode_cached(&[&long], &mut cache).unwrap();
    assert_eq!((cut.is_truncated(0), whole.is_truncated(0), cache.len()), (true, false, 2));
    assert_same(&whole, &windows.encode(&[&long]).unwrap());
}

#[test]
fn what_is_asked_for_stays() {
    let encoder = tiny();
    let mut cache = EmbeddingCache::new(&encoder, 3);
    let mut n_new = |texts: &[&str]| {
        let n_tokens = encoder.encode_cached(texts, &mut cache).unwrap().n_tokens();
        assert!(cache.len() <= 3);
        n_tokens / encoder.encode(&["a"]).unwrap().n_tokens()
    };
    assert_eq!(n_new(&["a", "b", "c"]), 3);
    assert_eq!(n_new(&["a"]), 0);
    // `a` was asked for, so `b` goes, and then `c`.
    assert_eq!(n_new(&["d"]), 1);
    assert_eq!(n_new(&["a", "c", "d"]), 0);
    assert_eq!(n_new(&["b"]), 1);
    // More texts than it holds, and a cache that holds nothing.
    let many: Vec<String> = (0..10).map(|i| format!("text {i}")).collect();
    let expected = encoder.encode(&many).unwrap();
    assert_same(&encoder.encode_cached(&many, &mut cache).unwrap(), &expected);
    let mut nothing = EmbeddingCache::new(&encoder, 0);
    assert_same(&encoder.encode_cached(&many, &mut nothing).unwrap(), &expected);
    assert!(nothing.is_empty() && cache.len() == 3);
}

#[test]
fn files_keep_vectors_and_order() {
    let (encoder, folder) = (tiny(), tempfile::tempdir().unwrap());
    let file = folder.path().join("cache");
    let long = "dune ".repeat(1000);
    let texts = ["a", "b", long.as_str()];
    let mut cache = EmbeddingCache::new(&encoder, 3);
    let _ = encoder.encode_cached(&["gone", "a", "b", &long], &mut cache).unwrap();
    cache.save(&file).unwrap();
    let expected = encoder.encode_cached(&texts, &mut cache).unwrap();
    let mut loaded = EmbeddingCache::load(&file, &encoder, 10).unwrap();
    let found = encoder.encode_cached(&texts, &mut loaded).unwrap();
    assert_eq!((found.values(), found.n_tokens(), loaded.len()), (expected.values(), 0, 3));
    assert!(found.is_truncated(2) && found.n_truncated_texts() == 1);
    // The newest are kept.
    let mut small = EmbeddingCache::load(&file, &encoder, 1).unwrap();
    assert_eq!(small.len(), 1);
    assert_eq!(encoder.encode_cached(&[&long], &mut small).unwrap().n_tokens(), 0);
}

#[test]
fn other_spaces_and_other_files_are_refused() {
    let (encoder, folder) = (tiny(), tempfile::tempdir().unwrap());
    let other = TextEncoder::from_dir(fixture_path("bert/tiny-dense"), &device()).unwrap();
    let file = folder.path().join("cache");
    let mut cache = EmbeddingCache::new(&encoder, 3);
    assert!(other.encode_cached(&["a"], &mut cache).unwrap_err().is_space_mismatch());
    assert!(other.embed_cached([("a", "a")], &mut cache).unwrap_err().is_space_mismatch());
    cache.save(&file).unwrap();
    assert!(EmbeddingCache::load(&file, &encoder, 3).unwrap().is_empty());
    let error = EmbeddingCache::load(&file, &other, 3).unwrap_err();
    assert!(error.is_space_mismatch() && error.to_string().contains("cache"), "{error}");
    assert!(EmbeddingCache::load(folder.path().join("absent"), &encoder, 3).unwrap_err().is_file());
    encoder.embed([("an item", "sand")]).unwrap().save(&file).unwrap();
    let error = EmbeddingCache::load(&file, &encoder, 3).unwrap_err();
    assert!(error.is_file() && error.to_string().contains("an item"), "{error}");
}
