//! The vocabulary of a static model: that of its teacher without what no text has.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::error::{Error, Kind};
use crate::tokenizer_json::{TokenizerJson, to_bytes};

/// A `tokenizer.json` cut down, and the tokens that it kept in the order of their new ids, by their old ones.
///
/// Gone are `[unusedN]`, special and other added tokens except those for padding and for what is unknown, and what puts special tokens
/// around a text; ids are consecutive. As in model2vec, a byte-level tokenizer treats the first word like any other.
pub(super) fn prune(json: TokenizerJson, max_len: usize) -> Result<(Vec<u32>, Vec<u8>), Error> {
    let unsupported = |what: &str| Error::new(Kind::Config, format!("tokenizer.json: {what}"));
    let (unknown, pad) = (json.unknown_id(), pad_token(&json));
    let mut fields = json.0;
    let model = fields.get_mut("model").and_then(Value::as_object_mut);
    let model = model.ok_or_else(|| unsupported("field `model` is no object"))?;
    let mut tokens = tokens(model).ok_or_else(|| unsupported("field `vocab` is no vocabulary"))?;
    let n_own = tokens.len();
    let added = fields.get("added_tokens").and_then(Value::as_array).cloned().unwrap_or_default();
    let own: HashSet<String> = tokens.iter().map(|(token, _)| token.clone()).collect();
    let mut added: Vec<(String, u32, Value)> = added
        .into_iter()
        .filter_map(|token| {
            Some((token["content"].as_str()?.to_owned(), u32::try_from(token["id"].as_u64()?).ok()?, token))
        })
        .collect();
    added.sort_by_key(|(_, id, _)| *id);
    let is_needed = |token: &str, id: u32| unknown == Some(id) || pad.as_deref() == Some(token);
    let gone: HashSet<String> = added
        .iter()
        .filter(|(token, id, _)| !is_needed(token, *id))
        .map(|(token, ..)| token.clone())
        .chain(own.iter().filter(|token| is_unused(token)).cloned())
        .collect();
    // Added tokens that the model itself does not have become tokens of the model, at its end.
    tokens.extend(
        added.iter().filter(|(token, ..)| !own.contains(token)).map(|(token, id, _)| (token.clone(), *id)),
    );
    let places: Vec<usize> = (0..tokens.len()).filter(|&at| !gone.contains(&tokens[at].0)).collect();
    if places.is_empty() {
        return Err(unsupported("nothing of the vocabulary is left"));
    }
    let new_ids: HashMap<&str, usize> =
        places.iter().enumerate().map(|(new, &at)| (tokens[at].0.as_str(), new)).collect();

    let model = fields.get_mut("model").and_then(Value::as_object_mut);
    let model = model.ok_or_else(|| unsupported("field `model` is no object"))?;
    match model.get_mut("vocab") {
        Some(Value::Array(pieces)) => {
            // A Unigram model: what it did not have gets the least of its scores.
            let least = pieces.iter().filter_map(|piece| piece[1].as_f64()).fold(0.0, f64::min);
            let piece = |&at: &usize| match at < n_own {
                true => pieces[at].clone(),
                false => json!([tokens[at].0, least]),
            };
            *pieces = places.iter().map(piece).collect();
            let unknown = tokens.iter().find(|(_, id)| Some(*id) == unknown);
            let id = unknown.and_then(|(token, _)| new_ids.get(token.as_str()));
            model.insert("unk_id".to_owned(), id.map_or(Value::Null, |&id| id.into()));
        }
        vocab => {
            let new: Map<String, Value> =
                new_ids.iter().map(|(token, id)| ((*token).to_owned(), (*id).into())).collect();
            if let Some(vocab) = vocab {
                *vocab = new.into();
            }
        }
    }
    if let Some(Value::Array(merges)) = model.get_mut("merges") {
        merges.retain(|merge| is_possible(merge, &new_ids));
    }
    let kept = added.iter().filter_map(|(token, _, value)| {
        let mut value = value.clone();
        value["id"] = (*new_ids.get(token.as_str())?).into();
        Some(value)
    });
    let kept: Vec<Value> = kept.collect();
    let order = places.iter().map(|&at| tokens[at].1).collect();
    fields.insert("added_tokens".to_owned(), kept.into());
    fields.insert("post_processor".to_owned(), Value::Null);
    fields.insert("padding".to_owned(), Value::Null);
    let truncation =
        json!({ "direction": "Right", "max_length": max_len, "strategy": "LongestFirst", "stride": 0 });
    fields.insert("truncation".to_owned(), truncation);
    if let Some(splitter) = fields.get_mut("pre_tokenizer") {
        add_prefix_space(splitter);
    }
    Ok((order, to_bytes(&fields)))
}

/// The model's own tokens in the order of their ids.
fn tokens(model: &Map<String, Value>) -> Option<Vec<(String, u32)>> {
    match model.get("vocab")? {
        Value::Array(pieces) => {
            let piece =
                |(id, piece): (usize, &Value)| Some((piece[0].as_str()?.to_owned(), u32::try_from(id).ok()?));
            pieces.iter().enumerate().map(piece).collect()
        }
        Value::Object(vocab) => {
            let token =
                |(token, id): (&String, &Value)| Some((u32::try_from(id.as_u64()?).ok()?, token.clone()));
            let by_id: Vec<(u32, String)> = vocab.iter().map(token).collect::<Option<_>>()?;
            let by_id: BTreeMap<u32, String> = by_id.into_iter().collect();
            Some(by_id.into_iter().map(|(id, token)| (token, id)).collect())
        }
        _ => None,
    }
}

/// The token that stands at padding, by the rule of [`rec_text::Tokenizer::pad_id`].
fn pad_token(json: &TokenizerJson) -> Option<String> {
    let padding = json.0.get("padding").and_then(|padding| padding.get("pad_token")).and_then(Value::as_str);
    let is_there = |token: &&str| json.added().any(|added| added["content"] == **token);
    padding.or_else(|| ["[PAD]", "<pad>"].into_iter().find(is_there)).map(str::to_owned)
}

/// Whether a token begins with `[unusedN]`: places that a tokenizer keeps for others to fill.
fn is_unused(token: &str) -> bool {
    let number = token.strip_prefix("[unused").and_then(|rest| rest.split_once(']'));
    number.is_some_and(|(digits, _)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether both parts of a merge, `"a b"` or `["a", "b"]`, and what they become are in the vocabulary.
fn is_possible(merge: &Value, vocabulary: &HashMap<&str, usize>) -> bool {
    let parts = match merge {
        Value::String(parts) => parts.split_once(' '),
        parts => parts[0].as_str().zip(parts[1].as_str()),
    };
    parts.is_some_and(|(a, b)| [a, b, &*format!("{a}{b}")].iter().all(|token| vocabulary.contains_key(token)))
}

fn add_prefix_space(splitter: &mut Value) {
    if splitter["type"] == "ByteLevel" {
        splitter["add_prefix_space"] = true.into();
    }
    if let Some(Value::Array(parts)) = splitter.get_mut("pretokenizers") {
        parts.iter_mut().for_each(add_prefix_space);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pruned(json: &Value) -> (Vec<u32>, Value) {
        let json = TokenizerJson::parse(json.to_string().as_bytes()).unwrap();
        let (order, bytes) = prune(json, 512).unwrap();
        (order, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn ids_close_up_in_order() {
        let added = |content: &str, id: u32| json!({ "content": content, "id": id, "special": true });
        let (order, json) = pruned(&json!({
            "added_tokens": [added("[MASK]", 9), added("[PAD]", 0), added("[UNK]", 2), added("[CLS]", 4)],
            "post_processor": { "type": "BertProcessing" }, "padding": null, "pre_tokenizer": null,
            "model": { "type": "WordPiece", "unk_token": "[UNK]",
                       "vocab": { "b": 8, "[PAD]": 0, "[unused7]": 1, "[UNK]": 2, "[CLS]": 4, "a": 5, "[unused]": 6 } },
        }));
        assert_eq!(order, [0, 2, 5, 6, 8]);
        assert_eq!(json["model"]["vocab"], json!({ "[PAD]": 0, "[UNK]": 1, "a": 2, "[unused]": 3, "b": 4 }));
        assert_eq!(json["added_tokens"], json!([added("[PAD]", 0), added("[UNK]", 1)]));
        assert_eq!((&json["post_processor"], &json["truncation"]["max_length"]), (&Value::Null, &json!(512)));
    }

    #[test]
    fn merges_and_pieces_follow() {
        let (order, json) = pruned(&json!({
            "added_tokens": [{ "content": "<pad>", "id": 7 }, { "content": "<x>", "id": 8 }],
            "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "type": "ByteLevel", "add_prefix_space": false }] },
            "model": { "type": "BPE", "vocab": { "a": 0, "b": 1, "ab": 2 }, "merges": ["a b", ["ab", "b"]] },
        }));
        assert_eq!(order, [0, 1, 2, 7]);
        assert_eq!(json["model"]["vocab"]["<pad>"], 3);
        assert_eq!(json["model"]["merges"], json!(["a b"]));
        assert_eq!(json["pre_tokenizer"]["pretokenizers"][0]["add_prefix_space"], true);

        let (order, json) = pruned(&json!({
            "added_tokens": [{ "content": "<s>", "id": 0 }, { "content": "<unk>", "id": 1 }, { "content": "<pad>", "id": 3 }],
            "model": { "type": "Unigram", "unk_id": 1, "vocab": [["<s>", 0.0], ["<unk>", 0.0], ["a", -2.5]] },
        }));
        assert_eq!(order, [1, 2, 3]);
        assert_eq!(json["model"]["vocab"], json!([["<unk>", 0.0], ["a", -2.5], ["<pad>", -2.5]]));
        assert_eq!(json["model"]["unk_id"], 0);
    }
}
