//! `embed` on in-memory input, with an encoder that is small enough to compute by hand.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use burn::tensor::{Device, Tensor, TensorData};
use indicatif::ProgressBar;
use rec_core::{Fingerprint, Pooling, Sequence, device};
use rec_encoder::{Progress, TextEncoder, TokenEncoder};
use rec_examples::Error;
use rec_examples::embed::{NpyFile, encode_lines, write_json};
use rec_text::{Cleaner, TokenBatch, Tokenizer};

/// The state of a token is its id and 1.
#[derive(Debug)]
struct Ids;

impl TokenEncoder for Ids {
    fn encode(&self, tokens: &TokenBatch) -> Sequence {
        let states: Vec<f32> = tokens.ids().iter().flat_map(|id| [*id as f32, 1.0]).collect();
        let states = TensorData::new(states, [tokens.batch(), tokens.len(), 2]);
        Sequence::from_lengths(Tensor::from_data(states, &self.device()), tokens.lengths())
    }

    fn d_model(&self) -> usize {
        2
    }

    fn vocab_size(&self) -> usize {
        6
    }

    fn n_token_types(&self) -> usize {
        1
    }

    fn max_len(&self) -> usize {
        4
    }

    fn device(&self) -> Device {
        device::host()
    }
}

fn encoder() -> TextEncoder {
    let tokenizer = Tokenizer::from_bytes(
        br#"{ "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
              "pre_tokenizer": { "type": "WhitespaceSplit" }, "decoder": null,
              "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] },
              "model": { "type": "WordLevel", "unk_token": "[UNK]",
                         "vocab": { "[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "a": 4, "b": 5 } } }"#,
    )
    .unwrap();
    TextEncoder::from_parts("ids", tokenizer, Ids, Pooling::Mean, Fingerprint::declared("ids")).unwrap()
}

fn json(input: &[u8], cleaner: &Cleaner) -> (Vec<String>, Result<Progress, Error>) {
    let mut out = Vec::new();
    let done = encode_lines(input, &encoder(), cleaner, &ProgressBar::hidden(), |text, vector| {
        Ok(write_json(&mut out, text, vector)?)
    });
    let out = String::from_utf8(out).unwrap();
    (out.lines().map(str::to_owned).collect(), done)
}

#[test]
fn every_line_of_input_is_a_line_of_output() {
    let (lines, done) = json(b"a a\n\nb a \r\n\"a\tb\"\r\r\na b b b", &Cleaner::none());
    assert_eq!(
        lines,
        [
            r#"{"text":"a a","vector":[2.75,1.0]}"#,
            r#"{"text":"","vector":[1.5,1.0]}"#,
            r#"{"text":"b a ","vector":[3.0,1.0]}"#,
            r#"{"text":"\"a\tb\"\r","vector":[2.25,1.0]}"#,
            r#"{"text":"a b b b","vector":[3.0,1.0]}"#,
        ]
    );
    let done = done.unwrap();
    assert_eq!((done.n_texts, done.n_truncated_texts), (5, 1));
    assert_eq!(json(b"", &Cleaner::new()).0.len(), 0);
}

#[test]
fn cleaning_is_a_choice() {
    assert!(json(b"<b>a</b>\n", &Cleaner::none()).0[0].starts_with(r#"{"text":"<b>a</b>","#));
    assert!(json(b"<b>a</b>\n", &Cleaner::new()).0[0].starts_with(r#"{"text":"a","#));
}

#[test]
fn order_holds_across_chunks() {
    let input: String = (0..3000).map(|i| if i % 3 == 0 { "a\n" } else { "b a\n" }).collect();
    let (lines, done) = json(input.as_bytes(), &Cleaner::none());
    assert_eq!((lines.len(), done.unwrap().n_texts), (3000, 3000));
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line.starts_with(r#"{"text":"a","vector":[2.33"#), i % 3 == 0, "{i}: {line}");
    }
}

#[test]
fn bad_utf8_names_its_line_and_keeps_what_came_before() {
    let (lines, done) = json(b"a\nb\n\xff\na\n", &Cleaner::none());
    assert_eq!(lines.len(), 2);
    assert_eq!(done.unwrap_err().to_string(), "line 3 is not valid UTF-8 at byte 1");
}

#[test]
fn npy_has_rows_in_order_and_appears_when_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.npy");
    for rows in [vec![], vec![[1.0f32, 2.0], [3.0, 4.0], [5.0, -0.5]]] {
        let mut file = NpyFile::create(&path, 2).unwrap();
        rows.iter().for_each(|row| file.push(row).unwrap());
        file.finish().unwrap();
        let npy = npyz::NpyFile::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!((npy.shape(), npy.order()), ([rows.len() as u64, 2].as_slice(), npyz::Order::C));
        assert_eq!(npy.into_vec::<f32>().unwrap(), rows.concat());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let error = NpyFile::create(&folder.path().join("missing/vectors.npy"), 2).unwrap_err();
    assert!(error.to_string().contains("missing: cannot write into this folder"), "{error}");
}
