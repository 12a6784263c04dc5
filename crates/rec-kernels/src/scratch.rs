use std::ops::Range;

use rayon::prelude::*;

use crate::attention::Room;
use crate::int8;

/// Memory for the intermediate values of a forward pass; it grows to what the largest input needs and is used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Rows after an input norm.
    pub(crate) normed: Vec<f32>,
    /// What enters a product, in codes.
    pub(crate) codes: int8::Rows,
    /// A row of the sum of a branch.
    pub(crate) row: Vec<f32>,
    /// For each part of the work what its thread alone writes.
    pub(crate) parts: Vec<Part>,
    /// For each part its columns of what a branch gives, `[rows, columns]`.
    pub(crate) branch: Vec<Vec<f32>>,
}

/// The memory of one part.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Queries, keys and values of a group of heads; or one panel of what a gate is multiplied by.
    pub(crate) narrow: Vec<f32>,
    /// The heads' outputs of this part, then its columns of the hidden states: what all parts read next.
    pub(crate) wide: Vec<f32>,
    pub(crate) attention: Room,
}

impl Scratch {
    /// Prepares for so many parts.
    pub(crate) fn set_parts(&mut self, n: usize) {
        self.parts.resize_with(n, Part::default);
        self.branch.resize_with(n, Vec::default);
    }
}

/// The first `len` values, which may be anything.
pub(crate) fn grown(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if values.len() < len {
        values.resize(len, 0.0);
    }
    &mut values[..len]
}

/// The part number `index` of `0..n`, divided as evenly as it goes.
pub(crate) fn share(n: usize, n_parts: usize, index: usize) -> Range<usize> {
    n * index / n_parts..n * (index + 1) / n_parts
}

/// Does the work of every part, on as many threads if there are several.
pub(crate) fn for_each<T: Send>(parts: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
    match parts {
        [part] => work(0, part),
        parts => parts.par_iter_mut().with_max_len(1).enumerate().for_each(|(index, part)| work(index, part)),
    }
}
