//! A `tokenizer.json` with fewer tokens.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Param;
use burn::tensor::{Int, Tensor, TensorData};
use serde_json::{Map, Value};

use crate::error::{Error, Kind};
use crate::transformer::Transformer;

/// Which tokens stay, and the numbers that they get: consecutive, in their old order.
#[derive(Debug)]
pub(crate) struct Kept(BTreeSet<u32>);

impl Kept {
    /// What must stay of a tokenizer if the tokens `used` and all below `n_reserved` are to stay, so that every text can still be
    /// tokenized and those of `used` are tokenized as before.
    pub(crate) fn new(
        tokenizer: &Value,
        used: impl IntoIterator<Item = u32>,
        n_reserved: u32,
    ) -> Result<Self, Error> {
        let mut kept: BTreeSet<u32> = used.into_iter().chain(0..n_reserved).collect();
        let model = &tokenizer["model"];
        match kind(model) {
            "WordPiece" => keep_of_word_piece(model, &mut kept)?,
            "Unigram" => keep_of_unigram(model, &mut kept)?,
            "BPE" => {
                return unsupported(
                    "its tokens are made by merging pairs, byte by byte, and need the tokens on the way",
                );
            }
            other => return unsupported(&format!("its model is of type `{other}`")),
        }
        // The visitor may change what it sees, and here does not.
        each_id(&mut without_vocabulary(tokenizer), &mut |id| {
            kept.extend(number(id));
        });
        Ok(Self(kept))
    }

    /// Old ids, in the order of the new ones.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied()
    }

    /// The tokenizer with what is kept and its new numbers.
    pub(crate) fn rewrite_tokenizer(&self, tokenizer: &mut Value) {
        let numbers = self.numbers();
        match &mut tokenizer["model"]["vocab"] {
            Value::Object(vocabulary) => {
                vocabulary.retain(|_, id| number(id).is_some_and(|id| self.0.contains(&id)));
                vocabulary.values_mut().for_each(|id| renumber(id, &numbers));
            }
            Value::Array(vocabulary) => {
                let mut id = 0;
                vocabulary.retain(|_| {
                    id += 1;
                    self.0.contains(&(id - 1))
                });
            }
            _ => {}
        }
        each_id(tokenizer, &mut |id| renumber(id, &numbers));
    }

    /// The tokens by id of a `tokenizer_config.json`.
    pub(crate) fn rewrite_settings(&self, settings: &mut Value) {
        let numbers = self.numbers();
        if let Some(Value::Object(tokens)) = settings.get_mut("added_tokens_decoder") {
            let renamed = std::mem::take(tokens).into_iter().filter_map(|(id, token)| {
                let new = numbers.get(&id.parse().ok()?)?;
                Some((new.to_string(), token))
            });
            *tokens = renamed.collect();
        }
    }

    /// The fields of a `config.json` that name tokens (`pad_token_id`); one whose token is gone goes, too.
    pub(crate) fn rewrite_config(&self, config: &mut Value) {
        let numbers = self.numbers();
        let is_gone = |id: &Value| number(id).is_some_and(|id| !numbers.contains_key(&id));
        let Some(fields) = config.as_object_mut() else { return };
        fields.retain(|field, id| !(field.ends_with("_token_id") && is_gone(id)));
        for (_, id) in fields.iter_mut().filter(|(field, _)| field.ends_with("_token_id")) {
            match id {
                Value::Array(ids) => {
                    ids.retain(|id| !is_gone(id));
                    ids.iter_mut().for_each(|id| renumber(id, &numbers));
                }
                id => renumber(id, &numbers),
            }
        }
    }

    fn numbers(&self) -> BTreeMap<u32, u32> {
        self.ids().zip(0..).collect()
    }
}

/// What the model of a `tokenizer.json` is; older files do not say it.
fn kind(model: &Value) -> &str {
    match model["type"].as_str() {
        Some(kind) => kind,
        None if model["merges"].is_array() => "BPE",
        None if model["vocab"].is_array() => "Unigram",
        None if model.get("continuing_subword_prefix").is_some() => "WordPiece",
        None => "unknown",
    }
}

/// The name of the unknown token, and the single characters at the beginning of a word and within it. The longest match among
/// fewer tokens is the one among all if that is kept.
fn keep_of_word_piece(model: &Value, kept: &mut BTreeSet<u32>) -> Result<(), Error> {
    let Value::Object(vocabulary) = &model["vocab"] else { return malformed() };
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or("##");
    for (token, id) in vocabulary {
        let id = number(id).map_or_else(malformed, Ok)?;
        let inside = token.strip_prefix(prefix).unwrap_or(token);
        if is_single(token) || is_single(inside) || model["unk_token"].as_str() == Some(token) {
            kept.insert(id);
        }
    }
    Ok(())
}

/// Single characters and bytes, and a token of the least score, from which the score of unknown characters follows. The best path
/// among fewer tokens is then the one among all if that is kept.
fn keep_of_unigram(model: &Value, kept: &mut BTreeSet<u32>) -> Result<(), Error> {
    let Value::Array(vocabulary) = &model["vocab"] else { return malformed() };
    let mut least: Option<(f64, u32)> = None;
    for (id, entry) in (0..).zip(vocabulary) {
        let (Some(token), Some(score)) = (entry[0].as_str(), entry[1].as_f64()) else { return malformed() };
        let is_byte = token.len() == 6 && token.starts_with("<0x") && token.ends_with('>');
        if is_single(token) || is_byte {
            kept.insert(id);
        }
        if least.is_none_or(|(least, _)| score < least) {
            least = Some((score, id));
        }
    }
    kept.extend(least.map(|(_, id)| id));
    Ok(())
}

fn is_single(token: &str) -> bool {
    token.chars().nth(1).is_none()
}

/// The parts that [`each_id`] looks at, without the vocabulary, which is large.
fn without_vocabulary(tokenizer: &Value) -> Value {
    let mut parts = Map::new();
    for part in ["added_tokens", "post_processor", "padding"] {
        parts.insert(part.to_owned(), tokenizer[part].clone());
    }
    parts.insert("model".to_owned(), serde_json::json!({ "unk_id": tokenizer["model"]["unk_id"] }));
    Value::Object(parts)
}

/// Every place of a `tokenizer.json` that holds the id of a token, outside of the vocabulary itself.
fn each_id(tokenizer: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    for token in tokenizer.get_mut("added_tokens").and_then(Value::as_array_mut).into_iter().flatten() {
        token.get_mut("id").into_iter().for_each(&mut *visit);
    }
    if let Some(id) = tokenizer.pointer_mut("/model/unk_id") {
        visit(id);
    }
    if let Some(id) = tokenizer.pointer_mut("/padding/pad_id") {
        visit(id);
    }
    if let Some(processor) = tokenizer.get_mut("post_processor") {
        each_id_of_processor(processor, visit);
    }
}

fn each_id_of_processor(processor: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    for one in processor.get_mut("processors").and_then(Value::as_array_mut).into_iter().flatten() {
        each_id_of_processor(one, visit);
    }
    for token in processor.get_mut("special_tokens").and_then(Value::as_object_mut).into_iter().flatten() {
        token.1.get_mut("ids").and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut *visit);
    }
    // `["[SEP]", 102]`
    for pair in ["sep", "cls"] {
        if let Some(id) = processor.get_mut(pair).and_then(|pair| pair.get_mut(1)) {
            visit(id);
        }
    }
}

fn number(id: &Value) -> Option<u32> {
    id.as_u64().and_then(|id| id.try_into().ok())
}

fn renumber(id: &mut Value, numbers: &BTreeMap<u32, u32>) {
    if let Some(new) = number(id).and_then(|id| numbers.get(&id)) {
        *id = (*new).into();
    }
}

fn unsupported<T>(why: &str) -> Result<T, Error> {
    Err(Error::new(Kind::Config, format!("this tokenizer's vocabulary cannot be pruned: {why}")))
}

fn malformed<T>() -> Result<T, Error> {
    Err(Error::new(Kind::Config, "field `model`: the vocabulary is malformed"))
}

impl Transformer {
    /// The model with these rows of its token embeddings.
    pub(crate) fn select_tokens(mut self, ids: &[u32]) -> Self {
        let table = self.embeddings.tokens.weight.val();
        let rows: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let rows: Tensor<1, Int> = Tensor::from_data(TensorData::new(rows, [ids.len()]), &table.device());
        self.embeddings.tokens.weight = Param::from_tensor(table.select(0, rows));
        self.config.vocab_size = ids.len();
        self
    }
}
