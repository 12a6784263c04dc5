use std::ops::Range;

use crate::dispatch::Dispatch;
use crate::norm::OwnedNorm;
use crate::packed::Panels;
use crate::product::{Columns, Product, Target};
use crate::rotary::{Place, RotaryTable};
use crate::softmax::{OffsetBias, Sight, Softmax};

/// The query heads that share one key and one value head, over the rows of one sequence. A row is
/// `[query heads, key, value]`, `d_head` values each.
pub(crate) struct Group<'a> {
    pub(crate) rows: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) n_queries: usize,
    pub(crate) d_head: usize,
    pub(crate) scale: f32,
    pub(crate) sight: Sight,
    pub(crate) query_norm: Option<&'a OwnedNorm>,
    pub(crate) key_norm: Option<&'a OwnedNorm>,
    pub(crate) rotary: Option<&'a RotaryTable>,
    /// `[n_queries, n_offsets]`, empty if there is none.
    pub(crate) bias: &'a [f32],
}

/// Memory that attention uses again for every head.
#[derive(Debug, Default)]
pub(crate) struct Room {
    keys: Vec<f32>,
    values: Vec<f32>,
    logits: Vec<f32>,
}

impl Group<'_> {
    /// Writes `softmax(scale QK' + bias) V` of every query head to `mixed`, side by side.
    pub(crate) fn attend(self, dispatch: Dispatch, room: &mut Room, mixed: &mut [f32], mixed_stride: usize) {
        let Self { rows, stride, n_queries, d_head, .. } = self;
        let (len, shape) = (self.sight.len, dispatch.shape());
        let key_at = n_queries * d_head;
        for (from, n_heads, norm) in [(0, n_queries, self.query_norm), (key_at, 1, self.key_norm)] {
            if norm.is_some() || self.rotary.is_some() {
                let values = &mut rows[from..];
                dispatch.run(Place { values, stride, d_head, n_heads, norm, rotary: self.rotary });
            }
        }
        let rows = &*rows;
        let keys = Panels { values: &[], depth: d_head, columns: len, shape };
        let keys = Panels { values: columns(&rows[key_at..], stride, keys, &mut room.keys), ..keys };
        let values = Panels { values: &[], depth: len, columns: d_head, shape };
        let values =
            Panels { values: copied(&rows[key_at + d_head..], stride, values, &mut room.values), ..values };
        for queries in self.sight.tiles() {
            let seen = self.sight.keys(queries.start).start..self.sight.keys(queries.end - 1).end;
            let panels = seen.start / shape.width..seen.end.div_ceil(shape.width);
            let first_key = panels.start * shape.width;
            let width = (panels.end * shape.width).min(len.next_multiple_of(shape.lanes)) - first_key;
            let size = queries.len() * width;
            if room.logits.len() < size {
                room.logits.resize(size, 0.0);
            }
            let logits = &mut room.logits[..size];
            for head in 0..n_queries {
                let query = &rows[queries.start * stride + head * d_head..];
                dispatch.run(Product {
                    n_rows: queries.len(),
                    left: &[Columns { values: query, stride, width: d_head }],
                    right: keys,
                    first_row: 0,
                    panels: panels.clone(),
                    target: Target { values: logits, stride: width, width },
                });
                let n_offsets = self.bias.len() / n_queries;
                let bias = (n_offsets > 0)
                    .then(|| OffsetBias { values: &self.bias[head * n_offsets..][..n_offsets] });
                dispatch.run(Softmax {
                    logits,
                    stride: width,
                    first_key,
                    first_query: queries.start,
                    scale: self.scale,
                    bias,
                    sight: self.sight,
                });
                let weights = &logits[seen.start - first_key..];
                dispatch.run(Product {
                    n_rows: queries.len(),
                    left: &[Columns { values: weights, stride: width, width: seen.len() }],
                    right: values,
                    first_row: seen.start,
                    panels: 0..values.len(),
                    target: Target {
                        values: &mut mixed[queries.start * mixed_stride + head * d_head..],
                        stride: mixed_stride,
                        width: d_head,
                    },
                });
            }
        }
    }
}

impl Sight {
    /// Queries computed together: as many as keep their logits in the first two caches.
    fn tiles(self) -> impl Iterator<Item = Range<usize>> {
        let n_keys = self.reach.map_or(self.len, |reach| 2 * reach.min(self.len)).min(self.len);
        let n = if n_keys <= 2048 { 32 } else { 8 };
        (0..self.len).step_by(n).map(move |first| first..(first + n).min(self.len))
    }
}

/// The transpose of row-major keys in panels: a key becomes a column.
pub(crate) fn columns<'a>(
    rows: &[f32],
    stride: usize,
    panels: Panels<'_>,
    room: &'a mut Vec<f32>,
) -> &'a [f32] {
    let Panels { depth, columns, shape, .. } = panels;
    let size = Panels::size(depth, columns, shape);
    if room.len() < size {
        room.resize(size, 0.0);
    }
    for first in (0..columns).step_by(shape.width) {
        let n = (columns - first).min(shape.width);
        let width = n.next_multiple_of(shape.lanes);
        let panel = &mut room[first * depth..][..width * depth];
        for column in 0..n {
            let row = &rows[(first + column) * stride..][..depth];
            for (to, value) in panel[column..].iter_mut().step_by(width).zip(row) {
                *to = *value;
            }
        }
        // What another sequence left there could be infinite, and infinity times zero is NaN.
        for to in panel.chunks_exact_mut(width) {
            to[n..].fill(0.0);
        }
    }
    &room[..size]
}

/// Row-major values in panels.
pub(crate) fn copied<'a>(
    rows: &[f32],
    stride: usize,
    panels: Panels<'_>,
    room: &'a mut Vec<f32>,
) -> &'a [f32] {
    let Panels { depth, columns, shape, .. } = panels;
    let size = Panels::size(depth, columns, shape);
    if room.len() < size {
        room.resize(size, 0.0);
    }
    for first in (0..columns).step_by(shape.width) {
        let n = (columns - first).min(shape.width);
        let width = n.next_multiple_of(shape.lanes);
        let panel = &mut room[first * depth..][..width * depth];
        for (to, from) in panel.chunks_exact_mut(width).zip(rows.chunks(stride)) {
            to[..n].copy_from_slice(&from[first..first + n]);
            to[n..].fill(0.0);
        }
    }
    &room[..size]
}
