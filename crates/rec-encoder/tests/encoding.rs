//! Laws of encoding on a tiny model: what is encoded beside a text, on how many threads and in which chunk changes
//! nothing; every text gives a vector.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a panic is a failure, a print is a report"
)]

mod common;

use std::ops::ControlFlow;

use common::{batch_bound, strings};
use rec_core::{Fingerprint, Pooling};
use rec_encoder::{TextEncoder, TokenEncoder, Transformer};
use rec_testkit::{assert_close, device, fixture_path, max_abs_diff};
use rec_text::{PaddingSide, TokenBatch, Tokenizer, Windows};

fn tiny() -> TextEncoder {
    TextEncoder::from_dir(fixture_path("bert/tiny"), &device()).unwrap()
}

fn texts() -> Vec<String> {
    strings(&fixture_path("bert/tiny/texts.json"))
}

#[test]
fn encoders_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<TextEncoder>();

    let (encoder, texts) = (tiny(), texts());
    let expected = encoder.encode(&texts).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(encoder.encode(&texts).unwrap(), expected));
        }
    });
}

#[test]
fn neighbours_do_not_matter() {
    let (encoder, texts) = (tiny(), texts());
    let together = encoder.encode(&texts).unwrap();
    for (i, text) in texts.iter().enumerate() {
        let alone = encoder.encode(&[text]).unwrap();
        assert_close(&format!("text {i}"), alone.values(), together.row(i), batch_bound());
    }
    let reversed: Vec<_> = texts.iter().rev().collect();
    let reversed = encoder.encode(&reversed).unwrap();
    for i in 0..texts.len() {
        assert!(max_abs_diff(reversed.row(texts.len() - 1 - i), together.row(i)) <= batch_bound());
    }
}

#[test]
fn buckets_do_not_matter() {
    let (encoder, texts) = (tiny(), texts());
    let encodings = encoder.tokenizer().encode_batch(&texts).unwrap();
    for (text, encoding) in texts.iter().zip(&encodings) {
        let in_bucket = |len| -> Vec<f32> {
            let tokens = TokenBatch::collate([encoding], 0, PaddingSide::Right, Some(len));
            let pooled = encoder.pooling()[0].pool(&encoder.token_encoder().encode(&tokens));
            pooled.try_into_vec_as().unwrap()
        };
        let exact = in_bucket(encoding.ids.len());
        for len in [24, 32, 40] {
            // Values of order one before normalisation, hence ten times the bound of unit vectors.
            assert_close(&format!("{text:?} in {len}"), &in_bucket(len), &exact, 10.0 * batch_bound());
        }
    }
}

#[test]
fn threads_do_not_matter() {
    if !rec_core::device::is_host(&device()) {
        return; // the law is about CPU devices
    }
    let encoder = tiny();
    let texts: Vec<String> = texts().into_iter().cycle().take(300).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| encoder.encode(&texts).unwrap())
    };
    let one = run(1);
    for threads in [2, 3, 5] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

#[test]
fn any_text_gives_a_finite_vector() {
    let encoder = tiny();
    let long = "dune ".repeat(200_000);
    let odd = ["", " ", "\0", "\u{202e}\u{200d}", "沙丘", "🏜️", long.as_str(), &"x".repeat(1 << 20)];
    let encoded = encoder.encode(&odd).unwrap();
    assert_eq!(encoded.len(), odd.len());
    assert!(encoded.values().iter().all(|value| value.is_finite()));
    assert!(encoded.n_truncated_texts() >= 1);
    assert_eq!(encoded.row(0), encoded.row(1), "white space is no text");
}

#[test]
fn streams_keep_order_across_chunks() {
    let encoder = tiny();
    let texts: Vec<String> =
        (0..2500).map(|i| format!("{} {}", texts()[i % 8], "a ".repeat(i % 7))).collect();
    let chunks: Vec<_> = encoder.stream(&texts).collect::<Result<_, _>>().unwrap();
    assert!(chunks.len() > 1);
    assert_eq!(chunks.iter().map(rec_encoder::Encoded::len).sum::<usize>(), texts.len());
    let all: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.values().to_vec()).collect();
    for i in [0, 1, 1023, 1024, 2047, 2499] {
        let alone = encoder.encode(&texts[i..=i]).unwrap();
        let dim = encoder.dim();
        assert!(max_abs_diff(alone.values(), &all[i * dim..(i + 1) * dim]) <= batch_bound(), "text {i}");
    }
}

#[test]
fn tables_name_their_space_and_refuse_duplicates() {
    let encoder = tiny();
    let table = encoder.embed([("a", "sand"), ("b", "garden")]).unwrap();
    assert_eq!((table.len(), table.dim(), table.space()), (2, encoder.dim(), encoder.space()));
    assert!(encoder.embed([("a", "sand"), ("a", "garden")]).unwrap_err().to_string().contains("`a`"));
    let nothing: [(&str, &str); 0] = [];
    assert!(encoder.embed(nothing).unwrap().is_empty());
    // Another pooling is another space; another device is not, and neither is the same model saved otherwise.
    let dense = TextEncoder::from_dir(fixture_path("bert/tiny-dense"), &device()).unwrap();
    assert_ne!(dense.space(), encoder.space());
}

#[test]
fn progress_is_told_and_can_stop_the_work() {
    let encoder = tiny();
    let items: Vec<(String, &str)> = (0..2500).map(|i| (i.to_string(), "sand")).collect();
    let mut seen = Vec::new();
    let table = encoder
        .embed_with(items.clone(), |progress| {
            seen.push(progress.n_texts);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((seen, table.len()), (vec![1024, 2048, 2500], 2500));
    let stopped = encoder.embed_with(items, |_| ControlFlow::Break(())).unwrap_err();
    assert!(stopped.is_interrupted());
    assert!(stopped.to_string().contains("1024"));
}

#[test]
fn windows_are_pooled_as_if_encoded_one_by_one() {
    let folder = fixture_path("bert/tiny");
    let (model, _) = Transformer::from_dir(&folder, &device()).unwrap();
    let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json")).unwrap().with_max_len(12).unwrap();
    let windows = Windows::overlapping(3);
    let long = texts().join(" ");
    let encodings = tokenizer.encode_windows(&long, windows).unwrap();
    assert!(encodings.len() > 2);
    let vector = |encoding| {
        let tokens = TokenBatch::collate([encoding], tokenizer.pad_id(), PaddingSide::Right, None);
        Pooling::Mean.pool(&model.encode(&tokens)).try_into_vec_as::<f32>().unwrap()
    };
    let vectors: Vec<Vec<f32>> = encodings.iter().map(vector).collect();
    let n = vectors.len() as f32;
    let mean: Vec<f32> =
        (0..vectors[0].len()).map(|column| vectors.iter().map(|v| v[column]).sum::<f32>() / n).collect();

    let space = Fingerprint::declared("tiny");
    let encoder =
        TextEncoder::from_parts("tiny", tokenizer.clone(), model.clone(), Pooling::Mean, space).unwrap();
    let whole = |pooling| encoder.clone().with_windows(windows, pooling).unwrap();
    let encoded = whole(Pooling::Mean).encode(&["short", &long]).unwrap();
    assert_eq!(encoded.n_truncated_texts(), 0);
    assert_close("mean of windows", encoded.row(1), &mean, batch_bound() * n);
    let first = whole(Pooling::Cls).encode(&[&long]).unwrap();
    assert_close("first window", first.row(0), &vectors[0], batch_bound());
    assert_close("cut", encoder.encode(&[&long]).unwrap().row(0), &vectors[0], batch_bound());
    let short = whole(Pooling::Mean).encode(&["short"]).unwrap();
    assert_close("fits", encoder.encode(&["short"]).unwrap().row(0), short.row(0), batch_bound());
    assert!(encoder.with_windows(Windows::overlapping(10), Pooling::Mean).is_err());
}
