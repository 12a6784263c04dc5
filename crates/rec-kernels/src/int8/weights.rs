use std::ops::Range;

use super::ZERO;
use super::kernel::Kernel;
use super::rows::{Rows, Scale, largest_bits};
use super::strip::{self, Strip};
use crate::dispatch::{Dispatch, Shape};
use crate::product::Target;

/// A matrix `[depth, columns]` in codes, a scale for each column, in the order in which a kernel reads it.
///
/// It has the panels of [`Packed`](crate::packed::Packed), so that work is divided alike, each cut into strips of the kernel's width.
#[derive(Debug)]
pub(crate) struct Weights {
    /// Strip by strip `[n_words, width, group]`.
    codes: Vec<i8>,
    /// What sums begin with: minus the offset of unsigned activations times the sum of a column.
    starts: Vec<i32>,
    scales: Vec<f32>,
    n_words: usize,
    columns: usize,
    shape: Shape,
    kernel: Kernel,
}

impl Weights {
    /// The given columns of a row-major matrix with `row_len` columns, in their order.
    ///
    /// # Panics
    ///
    /// The matrix has so many rows that sums of 32 bits might overflow.
    pub(crate) fn new(
        dispatch: Dispatch,
        kernel: Kernel,
        weight: &[f32],
        row_len: usize,
        columns: &[usize],
    ) -> Self {
        /// As many products of a byte and a code fit 31 bits: 255 * 127 * 2^16 is 2.1e9.
        const MAX_DEPTH: usize = 1 << 16;
        let (shape, layout, depth) = (dispatch.shape(), kernel.layout(), weight.len() / row_len.max(1));
        assert!(depth <= MAX_DEPTH, "{depth} rows of a matrix in eight bits");
        debug_assert!(shape.lanes.is_multiple_of(layout.lanes));
        let n_words = depth.div_ceil(layout.group);
        let n_padded = columns.len().next_multiple_of(shape.lanes);
        let mut codes = vec![0_i8; n_padded * n_words * layout.group];
        let (mut starts, mut scales) = (vec![0; n_padded], vec![0.0; n_padded]);
        let mut column_values = vec![0.0; depth];
        for (first, width) in strips(n_padded, shape.width, layout.width) {
            let strip = &mut codes[first * n_words * layout.group..];
            for at in 0..width.min(columns.len().saturating_sub(first)) {
                for (value, row) in column_values.iter_mut().zip(weight.chunks_exact(row_len)) {
                    *value = row[columns[first + at]];
                }
                let scale = Scale::of(largest_bits(&column_values));
                scales[first + at] = scale.value;
                let mut sum = 0;
                for (row, value) in column_values.iter().enumerate() {
                    // Not finite: the scale says so.
                    let code = if scale.value.is_nan() { 0 } else { scale.code(*value) };
                    let word = row / layout.group * width + at;
                    strip[word * layout.group + row % layout.group] = code as i8;
                    sum += code;
                }
                starts[first + at] = if kernel.is_unsigned() { -i32::from(ZERO) * sum } else { 0 };
            }
        }
        Self { codes, starts, scales, n_words, columns: columns.len(), shape, kernel }
    }

    pub(crate) fn n_panels(&self) -> usize {
        self.columns.div_ceil(self.shape.width)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of_val(self.codes.as_slice())
            + size_of_val(self.starts.as_slice())
            + size_of_val(self.scales.as_slice())
    }

    /// The product of rows with some panels; `target` begins with the first of them.
    pub(crate) fn multiply(&self, rows: &Rows, n_rows: usize, panels: Range<usize>, target: Target<'_>) {
        let Target { values, stride, width: target_width } = target;
        let layout = self.kernel.layout();
        let (words, n_words, row_scales) = rows.parts(n_rows);
        debug_assert_eq!(n_words, self.n_words, "codes of a row");
        let begin = panels.start * self.shape.width;
        let end = (panels.end * self.shape.width).min(self.scales.len());
        for (first, width) in strips(end - begin, self.shape.width, layout.width) {
            let columns = target_width.saturating_sub(first).min(width);
            if columns == 0 {
                continue;
            }
            let at = begin + first;
            let strip = Strip {
                n_rows,
                words,
                n_words,
                row_scales,
                codes: &self.codes[at * n_words * layout.group..][..width * n_words * layout.group],
                starts: &self.starts[at..at + width],
                scales: &self.scales[at..at + width],
            };
            // Without rows there are no values, either.
            let from = first.min(values.len());
            let target = strip::Target { values: &mut values[from..], stride, columns };
            self.kernel.multiply(&strip, target);
        }
    }
}

/// The first column and the width of every strip; none straddles panels.
fn strips(n: usize, panel: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).step_by(panel).flat_map(move |start| {
        let end = (start + panel).min(n);
        (start..end).step_by(width).map(move |first| (first, (end - first).min(width)))
    })
}
