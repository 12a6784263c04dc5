use rayon::prelude::*;

use crate::dispatch::Dispatch;
use crate::linear::ROWS;
use crate::norm::{Norm, Normalize, OwnedNorm};

/// Token, type and position embeddings, summed and normalised: the states that enter the first layer.
///
/// Tables are row-major `[n, d]` and borrowed; nothing is packed.
#[derive(Debug, Clone, Copy)]
pub struct Embeddings<'a> {
    /// Values in a row of every table.
    pub d: usize,
    /// A row for each token of the vocabulary.
    pub tokens: &'a [f32],
    /// What token embeddings are multiplied by.
    pub scale: f32,
    /// A row for each token type.
    pub types: Option<&'a [f32]>,
    /// A row for each position.
    pub positions: Option<Positions<'a>>,
    /// After the sum.
    pub norm: Option<Norm<'a>>,
}

/// A learned embedding of absolute positions.
#[derive(Debug, Clone, Copy)]
pub struct Positions<'a> {
    /// The table.
    pub table: &'a [f32],
    /// The row of the first token.
    pub first_row: usize,
}

impl Embeddings<'_> {
    /// Writes the states `[rows, d]` of several sequences, whose first rows are `offsets` without its last value, the number
    /// of rows. No type ids are zeros.
    ///
    /// ```
    /// use rec_kernels::Embeddings;
    ///
    /// let tokens = [1.0, 2.0, 3.0, 4.0];
    /// let embeddings =
    ///     Embeddings { d: 2, tokens: &tokens, scale: 10.0, types: None, positions: None, norm: None };
    /// let mut states = [0.0; 6];
    /// embeddings.forward(&[1, 0, 1], &[], &[0, 2, 3], &mut states);
    /// assert_eq!(states, [30.0, 40.0, 10.0, 20.0, 30.0, 40.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// The lengths of the arguments differ, or an id, a type or a position is outside its table.
    pub fn forward(&self, ids: &[u32], type_ids: &[u32], offsets: &[usize], states: &mut [f32]) {
        let (d, n_rows) = (self.d, offsets.last().copied().unwrap_or_default());
        assert!(d > 0, "embeddings without values");
        assert_eq!(
            (ids.len(), states.len()),
            (n_rows, n_rows * d),
            "ids and states for {n_rows} rows of {d}"
        );
        assert!(
            type_ids.is_empty() || type_ids.len() == n_rows,
            "{} types for {n_rows} rows",
            type_ids.len()
        );
        let norm = self.norm.map(|norm| OwnedNorm::new(&norm, d, "the norm of the embeddings"));
        let dispatch = Dispatch::native();
        states.par_chunks_mut(ROWS * d).enumerate().for_each(|(chunk, states)| {
            for (at, state) in states.chunks_exact_mut(d).enumerate() {
                let index = chunk * ROWS + at;
                let token = row(self.tokens, d, ids[index] as usize, "token");
                for (to, token) in state.iter_mut().zip(token) {
                    *to = token * self.scale;
                }
                if let Some(types) = self.types {
                    let id = type_ids.get(index).map_or(0, |&id| id as usize);
                    add(state, row(types, d, id, "token type"));
                }
                if let Some(Positions { table, first_row }) = self.positions {
                    let sequence = offsets.partition_point(|&offset| offset <= index);
                    add(state, row(table, d, first_row + index - offsets[sequence - 1], "position"));
                }
            }
            if let Some(norm) = &norm {
                dispatch.run(Normalize { norm, values: states, d });
            }
        });
    }
}

fn row<'a>(table: &'a [f32], d: usize, index: usize, name: &str) -> &'a [f32] {
    let n = table.len() / d;
    assert!(index < n, "{name} {index} is outside a table of {n}");
    &table[index * d..][..d]
}

fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
