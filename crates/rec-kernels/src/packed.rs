use std::ops::Range;

use crate::dispatch::{Dispatch, Shape};

/// A matrix `[depth, columns]` cut into panels of as many columns as a tile has. A panel is row-major and contiguous: the
/// inner loop reads it from front to back.
///
/// The last panel has what is left, rounded up to whole vectors and filled with zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    pub(crate) shape: Shape,
}

/// One panel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    /// `[depth, width]`.
    pub(crate) values: &'a [f32],
    /// Columns with the padding.
    pub(crate) width: usize,
    /// Columns without.
    pub(crate) columns: usize,
}

impl<'a> Panels<'a> {
    /// Values of a matrix in this form.
    pub(crate) fn size(depth: usize, columns: usize, shape: Shape) -> usize {
        depth * columns.next_multiple_of(shape.lanes)
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.div_ceil(self.shape.width)
    }

    /// The panel number `index`, with the rows in `depth` only.
    #[inline(always)]
    pub(crate) fn panel(&self, index: usize, depth: Range<usize>) -> Panel<'a> {
        let first = index * self.shape.width;
        let columns = (self.columns - first).min(self.shape.width);
        let width = columns.next_multiple_of(self.shape.lanes);
        let panel = &self.values[first * self.depth..][..width * self.depth];
        Panel { values: &panel[depth.start * width..depth.end * width], width, columns }
    }
}

/// Weights in panels, copied once: as much memory as the matrix has.
#[derive(Debug)]
pub(crate) struct Packed {
    values: Vec<f32>,
    /// Where the panels begin, so that vectors do not straddle cache lines.
    start: usize,
    depth: usize,
    columns: usize,
    shape: Shape,
}

impl Packed {
    /// The given columns of a row-major matrix with `row_len` columns, in their order.
    pub(crate) fn new(dispatch: Dispatch, weight: &[f32], row_len: usize, columns: &[usize]) -> Self {
        const CACHE_LINE: usize = 64;
        let (shape, depth) = (dispatch.shape(), weight.len() / row_len.max(1));
        let size = Panels::size(depth, columns.len(), shape);
        let mut values = vec![0.0; size + CACHE_LINE / size_of::<f32>()];
        let start = values.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE / size_of::<f32>());
        let mut rest = &mut values[start..];
        for columns in columns.chunks(shape.width) {
            let width = columns.len().next_multiple_of(shape.lanes);
            let (panel, after) = rest.split_at_mut(width * depth);
            for (to, from) in panel.chunks_exact_mut(width).zip(weight.chunks_exact(row_len)) {
                for (to, &column) in to.iter_mut().zip(columns) {
                    *to = from[column];
                }
            }
            rest = after;
        }
        Self { values, start, depth, columns: columns.len(), shape }
    }

    pub(crate) fn panels(&self) -> Panels<'_> {
        let Self { depth, columns, shape, .. } = *self;
        Panels { values: &self.values[self.start..], depth, columns, shape }
    }

    pub(crate) fn memory(&self) -> usize {
        size_of_val(self.values.as_slice())
    }
}
