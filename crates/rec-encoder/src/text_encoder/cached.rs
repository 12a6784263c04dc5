use std::collections::HashMap;

use rec_core::{Fingerprint, VectorTable};
use rec_data::Id;

use super::TextEncoder;
use super::stream::Encoded;
use crate::EmbeddingCache;
use crate::error::Error;

/// Encoding with vectors of earlier calls.
impl TextEncoder {
    /// [`encode`](Self::encode), which takes vectors that the cache has from there, and leaves it those that it had not. A text
    /// that comes several times is encoded once.
    ///
    /// [`Encoded::n_tokens`] counts the tokens of texts that were encoded in this call;
    /// [`Encoded::n_truncated_texts`] counts all texts.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), which leaves the cache as it was; or the cache is of another space.
    pub fn encode_cached(
        &self,
        texts: &[impl AsRef<str>],
        cache: &mut EmbeddingCache,
    ) -> Result<Encoded, Error> {
        cache.check(self.space(), self.dim())?;
        let keys: Vec<Fingerprint> = texts.iter().map(|text| self.key(text.as_ref())).collect();
        let mut row_of = HashMap::new();
        let mut new: Vec<&str> = Vec::new();
        let mut new_keys = Vec::new();
        for (key, text) in keys.iter().zip(texts) {
            if cache.get(key).is_none() && !row_of.contains_key(key) {
                row_of.insert(*key, new.len());
                new.push(text.as_ref());
                new_keys.push(*key);
            }
        }
        let encoded = self.encode(&new)?;
        let mut all = encoded.without_vectors();
        for key in &keys {
            if let Some(&row) = row_of.get(key) {
                all.push(encoded.row(row), encoded.is_truncated(row));
            } else if let Some((vector, is_truncated)) = cache.get(key) {
                all.push(vector, is_truncated);
            }
        }
        for (row, key) in new_keys.into_iter().enumerate() {
            cache.insert(key, encoded.row(row), encoded.is_truncated(row));
        }
        Ok(all)
    }

    /// [`embed`](Self::embed), with a cache as [`encode_cached`](Self::encode_cached) uses it.
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed), or the cache is of another space.
    pub fn embed_cached<I: Into<Id>, S: AsRef<str>>(
        &self,
        items: impl IntoIterator<Item = (I, S)>,
        cache: &mut EmbeddingCache,
    ) -> Result<VectorTable, Error> {
        let (ids, texts): (Vec<Id>, Vec<S>) = items.into_iter().map(|(id, text)| (id.into(), text)).unzip();
        let encoded = self.encode_cached(&texts, cache)?;
        let n_truncated_texts = encoded.n_truncated_texts();
        self.table(ids, encoded.into_values(), n_truncated_texts)
    }

    /// What decides the vector of a text in this encoder's space.
    fn key(&self, text: &str) -> Fingerprint {
        let n_unpooled = self.prompt.as_ref().map_or(0, |prompt| prompt.n_unpooled);
        let windows = self.windows.map(|(windows, pooling)| format!("{windows}, {pooling:?}"));
        let reading = format!("{} {n_unpooled} {windows:?}", self.max_len());
        Fingerprint::of([("text", self.prepare(text).as_bytes()), ("reading", reading.as_bytes())])
    }
}
