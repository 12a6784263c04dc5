use rec_data::Id;

use crate::Factors;

/// Rows in a full block: at 384 dimensions 200 kB, which stays in a core's cache, with the next block on its way there, while a
/// batch of queries passes over it, and which is what an update copies under a snapshot.
pub(super) const ROWS: usize = 128;

/// Items that are read, copied and given to threads together.
#[derive(Clone, Default)]
pub(super) struct Block {
    pub(super) ids: Vec<Id>,
    /// Row-major, as [`Factors::item`] made them.
    vectors: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// An item on its way between blocks.
pub(super) struct Item {
    pub(super) id: Id,
    vector: Vec<f32>,
    bias: f32,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn vector(&self, row: usize) -> &[f32] {
        let dim = self.vectors.len() / self.ids.len();
        &self.vectors[row * dim..(row + 1) * dim]
    }

    /// The values of all vectors, one after the other.
    pub(super) fn values(&self) -> &[f32] {
        &self.vectors
    }

    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.vectors.chunks_exact((self.vectors.len() / self.ids.len().max(1)).max(1))
    }

    fn vector_mut(&mut self, row: usize) -> &mut [f32] {
        let dim = self.vectors.len() / self.ids.len();
        &mut self.vectors[row * dim..(row + 1) * dim]
    }

    pub(super) fn push(&mut self, id: Id, vector: &[f32], factors: &dyn Factors) {
        let start = self.vectors.len();
        self.vectors.extend_from_slice(vector);
        self.biases.push(factors.item(&mut self.vectors[start..]));
        self.ids.push(id);
    }

    pub(super) fn set(&mut self, row: usize, vector: &[f32], factors: &dyn Factors) {
        let kept = self.vector_mut(row);
        kept.copy_from_slice(vector);
        self.biases[row] = factors.item(kept);
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let dim = self.vectors.len() / self.ids.len().max(1);
        let (id, bias) = (self.ids.pop()?, self.biases.pop()?);
        Some(Item { id, vector: self.vectors.split_off(self.vectors.len() - dim), bias })
    }

    pub(super) fn replace(&mut self, row: usize, item: Item) {
        self.vector_mut(row).copy_from_slice(&item.vector);
        self.ids[row] = item.id;
        self.biases[row] = item.bias;
    }
}
