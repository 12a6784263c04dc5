//! A small English sentence encoder, as data: paraphrase-MiniLM-L3-v2 with its matrices in 4-bit blocks.
//!
//! `rec-encoder` loads it with `TextEncoder::bundled`. There is no code here. Where the weights come from and what the
//! compression costs stands in `PROVENANCE.md`; they are licensed under Apache-2.0.
//!
//! ```
//! assert!(rec_model_mini::FILES.iter().any(|(name, bytes)| *name == "model.safetensors" && !bytes.is_empty()));
//! ```

/// What the model is called.
pub const NAME: &str = "paraphrase-MiniLM-L3-v2-4bit";

/// The files of a sentence-transformers folder, by name.
pub const FILES: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../model/config.json")),
    ("model.safetensors", include_bytes!("../model/model.safetensors")),
    ("modules.json", include_bytes!("../model/modules.json")),
    ("sentence_bert_config.json", include_bytes!("../model/sentence_bert_config.json")),
    ("tokenizer.json", include_bytes!("../model/tokenizer.json")),
    ("1_Pooling/config.json", include_bytes!("../model/1_Pooling/config.json")),
];
