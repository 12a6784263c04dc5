use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use rec_core::{Fingerprint, VectorTable};
use rec_data::IdMap;

use crate::TextEncoder;
use crate::error::{Error, Kind};

/// What follows the key in the id of a text that was truncated.
const TRUNCATED: &str = " truncated";

/// Vectors of texts, so that a text is encoded once: a catalogue that changes a little, queries that come again.
///
/// [`TextEncoder::encode_cached`] and [`TextEncoder::embed_cached`] use and fill it. A vector is kept by the space of its encoder, by
/// the text as the tokenizer sees it (a prompt is part of it), and by how it is read (longest input, windows). Texts themselves
/// are not kept, only their SHA-256.
///
/// It holds a bounded number of vectors. When it is full, a new one replaces the oldest that was not asked for since it, or the
/// search for one to replace, last came by (the clock algorithm, Corbato 1968). What is kept follows from the calls alone.
///
/// ```
/// use burn::tensor::Device;
/// use rec_encoder::{EmbeddingCache, TextEncoder};
///
/// let encoder = TextEncoder::bundled(&Device::flex())?;
/// let mut cache = EmbeddingCache::new(&encoder, 10_000);
/// let first = encoder.encode_cached(&["Dune", "Emma"], &mut cache)?;
/// let again = encoder.encode_cached(&["Emma", "Ulysses"], &mut cache)?;
/// assert_eq!(first.row(1), again.row(0));
/// assert_eq!(again.n_tokens(), encoder.encode(&["Ulysses"])?.n_tokens()); // only the new text was encoded
///
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("titles.cache");
/// cache.save(&file)?;
/// let mut cache = EmbeddingCache::load(&file, &encoder, 10_000)?;
/// assert_eq!(encoder.encode_cached(&["Dune"], &mut cache)?.n_tokens(), 0);
/// # Ok::<(), rec_encoder::Error>(())
/// ```
#[derive(Clone)]
pub struct EmbeddingCache {
    space: Fingerprint,
    dim: usize,
    capacity: usize,
    slots: Vec<Slot>,
    /// A row for each slot.
    vectors: Vec<f32>,
    slot_of: HashMap<Fingerprint, usize>,
    /// The slot that is looked at first when one must be replaced.
    hand: usize,
}

#[derive(Clone)]
struct Slot {
    key: Fingerprint,
    is_truncated: bool,
    /// Whether it was asked for since the hand came by.
    is_used: bool,
}

impl EmbeddingCache {
    /// An empty cache of at most `capacity` vectors of an encoder's space; with 0 it keeps nothing.
    ///
    /// Its memory grows as it fills: `4 * dim` bytes for a vector, and some 120 more.
    #[must_use]
    pub fn new(encoder: &TextEncoder, capacity: usize) -> Self {
        Self {
            space: encoder.space(),
            dim: encoder.dim(),
            capacity,
            slots: Vec::new(),
            vectors: Vec::new(),
            slot_of: HashMap::new(),
            hand: 0,
        }
    }

    /// A cache of at most `capacity` vectors with those of a file that [`save`](Self::save) wrote; the newest ones, if there are
    /// more.
    ///
    /// # Errors
    ///
    /// The file is missing or malformed ([`Error::is_file`]), or its vectors are of another space than those of the encoder
    /// ([`Error::is_space_mismatch`]).
    pub fn load(path: impl AsRef<Path>, encoder: &TextEncoder, capacity: usize) -> Result<Self, Error> {
        let path = path.as_ref();
        let table = VectorTable::load(path)
            .map_err(|e| Error::new(Kind::File, "cannot load cached vectors").caused_by(e))?;
        let mut cache = Self::new(encoder, capacity);
        cache.check(table.space(), table.dim()).map_err(|e| e.file(path.display().to_string()))?;
        for (id, vector) in table.iter().skip(table.len().saturating_sub(capacity)) {
            let (key, is_truncated) = match id.as_str().strip_suffix(TRUNCATED) {
                Some(key) => (key, true),
                None => (id.as_str(), false),
            };
            let key = key.parse().map_err(|e: rec_core::Error| {
                let message = format!("`{id}` is no key of a cached vector");
                Error::new(Kind::File, message).file(path.display().to_string()).caused_by(e)
            })?;
            cache.insert(key, &vector, is_truncated);
        }
        Ok(cache)
    }

    /// Writes the vectors as a file of [`VectorTable`], whole or not at all; the ids are the keys.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let failed = |e| Error::new(Kind::File, "cannot save cached vectors").caused_by(e);
        // The oldest first, as they will be inserted again.
        let slots = (0..self.slots.len()).map(|at| (self.hand + at) % self.slots.len());
        let mut vectors = Vec::with_capacity(self.vectors.len());
        let mut ids = Vec::with_capacity(self.slots.len());
        for slot in slots {
            let Slot { key, is_truncated, .. } = self.slots[slot];
            ids.push(if is_truncated { format!("{key}{TRUNCATED}") } else { key.to_string() });
            vectors.extend_from_slice(self.vector(slot));
        }
        let ids = IdMap::try_from_ids(ids)
            .map_err(|e| Error::new(Kind::File, "cannot save cached vectors").caused_by(e))?;
        VectorTable::new(ids, vectors, self.dim, self.space).map_err(failed)?.save(path).map_err(failed)
    }

    /// The number of vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The number of vectors it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether vectors of such a space may be kept here.
    pub(crate) fn check(&self, space: Fingerprint, dim: usize) -> Result<(), Error> {
        if (space, dim) == (self.space, self.dim) {
            return Ok(());
        }
        let message = "cached vectors and the encoder's do not meet";
        Err(Error::new(Kind::Space, message).caused_by(rec_core::Error::space_mismatch(self.space, space)))
    }

    /// A vector, and whether its text was truncated.
    pub(crate) fn get(&mut self, key: &Fingerprint) -> Option<(&[f32], bool)> {
        let slot = *self.slot_of.get(key)?;
        self.slots[slot].is_used = true;
        Some((self.vector(slot), self.slots[slot].is_truncated))
    }

    /// Keeps a vector that is not here.
    pub(crate) fn insert(&mut self, key: Fingerprint, vector: &[f32], is_truncated: bool) {
        if self.capacity == 0 {
            return;
        }
        let new = Slot { key, is_truncated, is_used: false };
        if self.slots.len() < self.capacity {
            self.slot_of.insert(key, self.slots.len());
            self.slots.push(new);
            self.vectors.extend_from_slice(vector);
            return;
        }
        while std::mem::take(&mut self.slots[self.hand].is_used) {
            self.hand = (self.hand + 1) % self.capacity;
        }
        let old = std::mem::replace(&mut self.slots[self.hand], new);
        self.slot_of.remove(&old.key);
        self.slot_of.insert(key, self.hand);
        self.vectors[self.hand * self.dim..][..self.dim].copy_from_slice(vector);
        self.hand = (self.hand + 1) % self.capacity;
    }

    fn vector(&self, slot: usize) -> &[f32] {
        &self.vectors[slot * self.dim..][..self.dim]
    }
}

impl fmt::Debug for EmbeddingCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddingCache")
            .field("space", &self.space)
            .field("dim", &self.dim)
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish()
    }
}
