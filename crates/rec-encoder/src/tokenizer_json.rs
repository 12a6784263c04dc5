//! What a `tokenizer.json` says beyond what a tokenizer does.

use serde_json::{Map, Value};

use crate::error::{Error, Kind};

/// A `tokenizer.json` as a document.
#[derive(Debug, Clone)]
pub(crate) struct TokenizerJson(pub(crate) Map<String, Value>);

impl TokenizerJson {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields =
            serde_json::from_slice(bytes).map_err(|e| Error::new(Kind::Text, "malformed").caused_by(e))?;
        Ok(Self(fields))
    }

    /// The id of the token that stands for what is not in the vocabulary, if there is one.
    pub(crate) fn unknown_id(&self) -> Option<u32> {
        let model = self.0.get("model")?;
        let id = match model.get("unk_token").and_then(Value::as_str) {
            Some(token) => model.get("vocab")?.get(token).and_then(Value::as_u64).or_else(|| {
                let added = self.added().find(|added| added["content"] == token)?;
                added["id"].as_u64()
            }),
            None => model.get("unk_id").and_then(Value::as_u64),
        };
        u32::try_from(id?).ok()
    }

    /// The number of tokens that the file itself cuts texts to, if it does.
    pub(crate) fn max_len(&self) -> Option<usize> {
        self.0.get("truncation")?.get("max_length")?.as_u64().and_then(|n| usize::try_from(n).ok())
    }

    /// Whether special tokens may be put around a text.
    pub(crate) fn has_post_processor(&self) -> bool {
        self.0.get("post_processor").is_some_and(|processor| !processor.is_null())
    }

    /// The bytes of the file without special tokens around a text.
    pub(crate) fn without_post_processor(&self) -> Vec<u8> {
        let mut fields = self.0.clone();
        fields.insert("post_processor".to_owned(), Value::Null);
        to_bytes(&fields)
    }

    pub(crate) fn added(&self) -> impl Iterator<Item = &Value> {
        self.0.get("added_tokens").and_then(Value::as_array).into_iter().flatten()
    }
}

pub(crate) fn to_bytes(fields: &Map<String, Value>) -> Vec<u8> {
    format!("{}", Value::Object(fields.clone())).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(json: &str) -> Option<u32> {
        TokenizerJson::parse(json.as_bytes()).unwrap().unknown_id()
    }

    #[test]
    fn the_unknown_token_is_found_wherever_it_stands() {
        assert_eq!(unknown(r#"{"model": {"unk_token": "u", "vocab": {"a": 0, "u": 7}}}"#), Some(7));
        let added =
            r#"{"model": {"unk_token": "u", "vocab": {}}, "added_tokens": [{"content": "u", "id": 3}]}"#;
        assert_eq!(unknown(added), Some(3));
        assert_eq!(unknown(r#"{"model": {"unk_id": 2, "vocab": [["a", 0.5]]}}"#), Some(2));
        for none in [r#"{"model": {"unk_token": null, "vocab": {}}}"#, r#"{"model": {"unk_id": -1}}"#, "{}"] {
            assert_eq!(unknown(none), None);
        }
        assert!(TokenizerJson::parse(b"[]").is_err());
    }
}
