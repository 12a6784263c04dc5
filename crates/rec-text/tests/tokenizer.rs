//! The tokenizer on small files made here: a BERT WordPiece and a byte-level BPE.

use std::error::Error as _;

use proptest::prelude::*;
use rec_text::{Encoding, Tokenizer};
use serde_json::{Value, json};

/// The first tokens of the vocabulary are special; `##` marks a continuation.
const VOCABULARY: [&str; 40] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "of", "and", "dune", "sand", "worm", "##s",
    "##ing", "##er", "##y", "found", "##ation", "space", "star", "war", "trek", "red", "mars", "robot", "i",
    "love", "you", "cafe", "un", "##know", "##n", ",", ".", "!", "<", "3", "&", "日", "本",
];

/// In the layout of a BERT model; its own padding and truncation are on, as they are in real files.
fn wordpiece() -> Value {
    let vocabulary: serde_json::Map<_, _> =
        VOCABULARY.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect();
    let special = |id: usize| {
        json!({ "id": id, "content": VOCABULARY[id], "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true })
    };
    let ids = |id: usize| json!({ "id": VOCABULARY[id], "ids": [id], "tokens": [VOCABULARY[id]] });
    json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0 },
        "padding": { "strategy": { "Fixed": 16 }, "direction": "Right", "pad_to_multiple_of": null,
                     "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]" },
        "added_tokens": (0..5).map(special).collect::<Vec<_>>(),
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                        "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
                       { "Sequence": { "id": "A", "type_id": 0 } },
                       { "SpecialToken": { "id": "[SEP]", "type_id": 0 } }],
            "pair": [{ "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
                     { "Sequence": { "id": "A", "type_id": 0 } },
                     { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
                     { "Sequence": { "id": "B", "type_id": 1 } },
                     { "SpecialToken": { "id": "[SEP]", "type_id": 1 } }],
            "special_tokens": { "[CLS]": ids(2), "[SEP]": ids(3) },
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 100, "vocab": vocabulary },
    })
}

fn load(file: &Value) -> Tokenizer {
    Tokenizer::from_bytes(file.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn names(encoding: &Encoding) -> Vec<&str> {
    encoding.ids.iter().map(|&id| VOCABULARY[id as usize]).collect()
}

#[test]
fn wordpiece_splits_and_surrounds() {
    let tokenizer = load(&wordpiece());
    let encoding = tokenizer.encode("The Sandworms, unknown CAFÉ! 日本 xyz").unwrap();
    let expected =
        ["[CLS]", "the", "[UNK]", ",", "un", "##know", "##n", "cafe", "!", "日", "本", "[UNK]", "[SEP]"];
    assert_eq!(names(&encoding), expected);
    assert_eq!(encoding.type_ids, vec![0; expected.len()]);
    assert_eq!(encoding.n_truncated, 0);
    assert_eq!(names(&tokenizer.encode("").unwrap()), ["[CLS]", "[SEP]"]);
    assert_eq!(names(&tokenizer.encode(" \u{200b}\n").unwrap()), ["[CLS]", "[SEP]"]);
}

#[test]
fn truncation_counts_and_keeps_the_special_tokens() {
    let tokenizer = load(&wordpiece());
    assert_eq!((tokenizer.max_len(), tokenizer.n_special()), (None, 2));
    let text = "dune sand worms found";
    for (max_len, expected, n_truncated) in [
        (9, &["[CLS]", "dune", "sand", "worm", "##s", "found", "[SEP]"][..], 0),
        (7, &["[CLS]", "dune", "sand", "worm", "##s", "found", "[SEP]"], 0),
        (6, &["[CLS]", "dune", "sand", "worm", "##s", "[SEP]"], 1),
        (3, &["[CLS]", "dune", "[SEP]"], 4),
        (2, &["[CLS]", "[SEP]"], 5),
    ] {
        let encoding = tokenizer.clone().with_max_len(max_len).unwrap().encode(text).unwrap();
        assert_eq!(names(&encoding), expected);
        assert_eq!(encoding.n_truncated, n_truncated);
    }
    let error = tokenizer.with_max_len(1).unwrap_err();
    assert_eq!(error.to_string(), "max_len 1 leaves no room for the tokenizer's 2 special tokens");
}

#[test]
fn the_vocabulary_is_described() {
    let mut file = wordpiece();
    let tokenizer = load(&file);
    assert_eq!((tokenizer.vocab_size(), tokenizer.max_id(), tokenizer.pad_id()), (40, 39, 0));
    assert_eq!((tokenizer.token_id("dune"), tokenizer.token_id("Dune")), (Some(9), None));
    assert!(format!("{tokenizer:?}").len() < 200);

    // A gap in the ids, and a special token whose id only the post-processor knows.
    file["model"]["vocab"]["gap"] = json!(70);
    assert_eq!((load(&file).vocab_size(), load(&file).max_id()), (41, 70));
    file["post_processor"]["special_tokens"]["[SEP]"]["ids"] = json!([99]);
    assert_eq!(load(&file).max_id(), 99);

    file["padding"]["pad_id"] = json!(4);
    assert_eq!(load(&file).pad_id(), 4);
    file["padding"] = Value::Null;
    file["model"]["vocab"]["[PAD]"] = json!(5);
    assert_eq!(load(&file).pad_id(), 5);
}

#[test]
fn byte_level_bpe_without_special_tokens() {
    let tokenizer = load(&json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "post_processor": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
                   "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
                   "vocab": { "a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4, "<pad>": 5 },
                   "merges": ["a b", "Ġ ab"] },
    }));
    assert_eq!(tokenizer.encode("ab aba").unwrap().ids, [3, 4, 0]);
    assert_eq!(tokenizer.encode("").unwrap(), Encoding::default());
    assert_eq!((tokenizer.n_special(), tokenizer.pad_id()), (0, 5));
    let cut = tokenizer.with_max_len(0).unwrap().encode("ab ab").unwrap();
    assert_eq!((cut.ids.len(), cut.n_truncated), (0, 2));
}

#[test]
fn roberta_layout_truncates_too() {
    let mut file = wordpiece();
    file["post_processor"] = json!({ "type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": true,
                "add_prefix_space": true });
    let encoding = load(&file).with_max_len(4).unwrap().encode("dune sand worm").unwrap();
    assert_eq!((names(&encoding), encoding.n_truncated), (vec!["[CLS]", "dune", "sand", "[SEP]"], 1));
}

#[test]
fn bad_files_are_errors_that_name_the_file() {
    let good = wordpiece().to_string();
    let mut latin1 = good.clone().into_bytes();
    latin1[20] = 0xe9;
    let mut repeats = wordpiece();
    repeats["post_processor"]["single"] =
        json!([{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }]);
    // Cut within the decoder, and a template that names a special token which it does not define: these
    // make the library underneath panic.
    let decoder = &good.as_bytes()[..good.find("\"WordPiece\"").unwrap()];
    let mut undefined = wordpiece();
    undefined["post_processor"]["special_tokens"] = json!({});
    let undefined = undefined.to_string();
    let folder = tempfile::tempdir().unwrap();
    let (half, repeats) = (&good.as_bytes()[..good.len() / 2], repeats.to_string());
    let bad: [&[u8]; 10] = [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"{\"model\": 3}",
        half,
        decoder,
        &latin1,
        repeats.as_bytes(),
        undefined.as_bytes(),
    ];
    for (i, bytes) in bad.into_iter().enumerate() {
        let path = folder.path().join(format!("bad-{i}.json"));
        std::fs::write(&path, bytes).unwrap();
        let error = Tokenizer::from_file(&path).unwrap_err();
        println!("{error}");
        assert!(error.to_string().contains(&format!("bad-{i}.json")), "{error}");
        assert!(error.source().is_some() && !error.is_read());
        assert!(Tokenizer::from_bytes(bytes).is_err());
    }
    assert!(Tokenizer::from_file(folder.path()).unwrap_err().is_read());
    assert!(Tokenizer::from_file(folder.path().join("none")).unwrap_err().is_read());
}

#[test]
fn a_text_that_has_no_tokens_names_its_row() {
    let mut file = wordpiece();
    file["model"]["unk_token"] = json!("[MISSING]");
    let error = load(&file).encode_batch(&["dune", "xyz", "sand", "xyz"]).unwrap_err();
    assert!(error.to_string().starts_with("text 1 cannot be tokenized"), "{error}");
}

#[test]
fn shared_between_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Tokenizer>();
    fn send<T: Send + Sync>() {}
    send::<rec_text::Error>();
}

#[test]
fn a_megabyte_is_one_text() {
    let tokenizer = load(&wordpiece()).with_max_len(128).unwrap();
    for unit in ["dune ", "dune", "日", "!", "é\u{301}", "[SEP]"] {
        let text = unit.repeat((1 << 20) / unit.len());
        let encoding = tokenizer.encode(&text).unwrap();
        assert!(encoding.ids.len() <= 128 && encoding.ids.len() == encoding.type_ids.len());
    }
    let encoding = tokenizer.encode(&"dune ".repeat(200_000)).unwrap();
    assert_eq!((encoding.ids.len(), encoding.n_truncated), (128, 200_000 - 126));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_its_texts_one_by_one(
        texts in prop::collection::vec("([a-z]{0,6}|dune|worms|\\PC{0,3}|\\[SEP\\]| ){0,12}", 0..12),
        max_len in prop::option::of(2_usize..12),
    ) {
        let full = load(&wordpiece());
        let tokenizer = match max_len {
            Some(max_len) => full.clone().with_max_len(max_len).unwrap(),
            None => full.clone(),
        };
        let batch = tokenizer.encode_batch(&texts).unwrap();
        prop_assert_eq!(batch.len(), texts.len());
        for (text, encoding) in texts.iter().zip(&batch) {
            prop_assert_eq!(encoding, &tokenizer.encode(text).unwrap());
            // Truncation keeps a prefix of the text's tokens and both special tokens.
            let whole = full.encode(text).unwrap();
            let kept = encoding.ids.len() - 1;
            prop_assert_eq!(whole.ids.len(), encoding.ids.len() + encoding.n_truncated);
            prop_assert_eq!(&encoding.ids[..kept], &whole.ids[..kept]);
            prop_assert_eq!(encoding.ids[kept], 3);
            prop_assert!(max_len.is_none_or(|max_len| encoding.ids.len() <= max_len));
        }
    }
}
