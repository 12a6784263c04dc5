use std::cell::RefCell;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::dispatch::{Dispatch, Shape};
use crate::norm::add;
use crate::packed::Panels;
use crate::product::{Columns, Product, Target};
use crate::scratch::grown;

/// A row-major matrix, or the transpose of one.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    is_transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `n_columns` values a row.
    ///
    /// # Panics
    ///
    /// The last row is incomplete.
    #[must_use]
    pub fn new(values: &'a [f32], n_columns: usize) -> Self {
        Self::of_shape(values, values.len() / n_columns.max(1), n_columns)
    }

    /// As [`new`](Self::new), also for a matrix without values, which does not tell its rows.
    ///
    /// # Panics
    ///
    /// There are not `n_rows * n_columns` values.
    #[must_use]
    pub fn of_shape(values: &'a [f32], n_rows: usize, n_columns: usize) -> Self {
        assert_eq!(values.len(), n_rows * n_columns, "values in {n_rows} rows of {n_columns}");
        Self { values, n_rows, n_columns, is_transposed: false }
    }

    /// The matrix with rows and columns exchanged, of the same values.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Self { values, n_rows, n_columns, is_transposed } = self;
        Self { values, n_rows: n_columns, n_columns: n_rows, is_transposed: !is_transposed }
    }
}

/// Rows of the left side that one piece of work multiplies, at most.
const MAX_ROWS: usize = 64;

/// Rows of the inner dimension in a transposed copy of the left side. An odd number of cache lines from row to row, or the rows
/// would compete for a few places of the cache.
const DEPTH: usize = 768;
const STRIDE: usize = DEPTH + 16;

/// `target = left right + bias`, the bias added to every row.
///
/// A thread keeps the room that the right side took, for the next product.
///
/// # Panics
///
/// The shapes do not fit.
///
/// ```
/// use rec_kernels::training::{Matrix, matmul};
///
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 2.0]);
/// let mut y = [0.0; 2];
/// matmul(Matrix::new(&a, 3), Matrix::new(&b, 1), Some(&[10.0]), &mut y); // [2, 3] times [3, 1]
/// assert_eq!(y, [17.0, 26.0]);
/// let mut y = [0.0; 3];
/// matmul(Matrix::new(&b, 1).transposed(), Matrix::new(&a, 2), None, &mut y[..2]); // [1, 3] times [3, 2]
/// assert_eq!(y, [11.0, 14.0, 0.0]);
/// ```
pub fn matmul(left: Matrix<'_>, right: Matrix<'_>, bias: Option<&[f32]>, target: &mut [f32]) {
    matmul_by(Dispatch::native(), left, right, bias, target);
}

pub(super) fn matmul_by(
    dispatch: Dispatch,
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    target: &mut [f32],
) {
    let (n_rows, depth, n_columns) = (left.n_rows, left.n_columns, right.n_columns);
    assert_eq!(depth, right.n_rows, "the inner dimensions of a product");
    assert_eq!(target.len(), n_rows * n_columns, "values of a product [{n_rows}, {n_columns}]");
    assert!(bias.is_none_or(|bias| bias.len() == n_columns), "a bias of {n_columns} values");
    if target.is_empty() {
        return;
    }
    if depth == 0 {
        target.fill(0.0);
    }
    let packed = pack(dispatch.shape(), right);
    let right = packed.panels();
    // Few rows are divided further, so that every thread has some. That changes no sum.
    let n = n_rows.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(8).min(MAX_ROWS);
    target.par_chunks_mut(n * n_columns).enumerate().for_each_init(Vec::new, |room, (index, target)| {
        let (first, n_rows) = (index * n, target.len() / n_columns);
        let chunks = rows_of(left, first, n_rows, room);
        if depth > 0 {
            dispatch.run(Product {
                n_rows,
                left: &chunks,
                right,
                first_row: 0,
                panels: 0..right.len(),
                target: Target { values: target, stride: n_columns, width: n_columns },
            });
        }
        if let Some(bias) = bias {
            dispatch.run(AddToRows { rows: target, row: bias });
        }
    });
}

/// Some rows of a matrix, in chunks of columns; those of a transpose are copied.
fn rows_of<'a>(left: Matrix<'a>, first: usize, n: usize, room: &'a mut Vec<f32>) -> Vec<Columns<'a>> {
    let Matrix { values, n_rows, n_columns: depth, is_transposed } = left;
    if !is_transposed {
        return vec![Columns { values: &values[first * depth..], stride: depth, width: depth }];
    }
    let size = n * STRIDE;
    room.resize(depth.div_ceil(DEPTH) * size, 0.0);
    for (chunk, room) in room.chunks_exact_mut(size).enumerate() {
        let from = chunk * DEPTH;
        for at in 0..(depth - from).min(DEPTH) {
            let column = &values[(from + at) * n_rows + first..][..n];
            for (row, value) in column.iter().enumerate() {
                room[row * STRIDE + at] = *value;
            }
        }
    }
    let width = |chunk: usize| (depth - chunk * DEPTH).min(DEPTH);
    let chunks = room.chunks_exact(size).enumerate();
    chunks.map(|(chunk, values)| Columns { values, stride: STRIDE, width: width(chunk) }).collect()
}

thread_local! {
    /// What the last right side of this thread took. Fresh memory of some megabytes costs as much as a pass over it.
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A matrix in panels, for one product.
pub(super) struct Packed {
    /// The panels, and perhaps more.
    values: Vec<f32>,
    depth: usize,
    columns: usize,
    shape: Shape,
}

impl Packed {
    pub(super) fn panels(&self) -> Panels<'_> {
        let Self { depth, columns, shape, .. } = *self;
        Panels { values: &self.values, depth, columns, shape }
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        ROOM.with_borrow_mut(|room| {
            if room.len() < self.values.len() {
                std::mem::swap(room, &mut self.values);
            }
        });
    }
}

/// Panels of the right side of a product.
pub(super) fn pack(shape: Shape, right: Matrix<'_>) -> Packed {
    let Matrix { values, n_rows: depth, n_columns: columns, is_transposed } = right;
    let mut packed = ROOM.take();
    let panels = grown(&mut packed, Panels::size(depth, columns, shape));
    if depth > 0 {
        panels.par_chunks_mut(shape.width * depth).enumerate().for_each(|(index, panel)| {
            let (first, width) = (index * shape.width, panel.len() / depth);
            let n = (columns - first).min(shape.width);
            if n < width {
                panel.fill(0.0);
            }
            if is_transposed {
                transpose(&values[first * depth..][..n * depth], depth, panel, width);
            } else {
                for (to, from) in panel.chunks_exact_mut(width).zip(values.chunks_exact(columns)) {
                    to[..n].copy_from_slice(&from[first..first + n]);
                }
            }
        });
    }
    Packed { values: packed, depth, columns, shape }
}

/// Rows of `depth` values as columns of a panel.
pub(super) fn transpose(rows: &[f32], depth: usize, panel: &mut [f32], width: usize) {
    // Blocks, so that what is written stays in the first cache until it is whole.
    const BLOCK: usize = 16;
    for from in (0..depth).step_by(BLOCK) {
        let to = (from + BLOCK).min(depth);
        for (column, row) in rows.chunks_exact(depth).enumerate() {
            for (at, value) in (from..to).zip(&row[from..to]) {
                panel[at * width + column] = *value;
            }
        }
    }
}

struct AddToRows<'a> {
    rows: &'a mut [f32],
    row: &'a [f32],
}

impl WithSimd for AddToRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact_mut(self.row.len()) {
            add(simd, row, self.row);
        }
    }
}

/// The sum of all rows, added to `sum`: partial sums of 64 rows each, in their order.
///
/// # Panics
///
/// A row is incomplete, or `sum` is empty.
pub fn sum_rows(rows: &[f32], sum: &mut [f32]) {
    let (d, dispatch) = (sum.len(), Dispatch::native());
    assert!(rows.len().is_multiple_of(d), "{} values in rows of {d}", rows.len());
    let parts: Vec<Vec<f32>> = rows
        .par_chunks(64 * d)
        .map(|rows| {
            let mut sum = vec![0.0; d];
            dispatch.run(AddRows { rows, sum: &mut sum });
            sum
        })
        .collect();
    for part in &parts {
        dispatch.run(AddRows { rows: part, sum });
    }
}

/// Adds every row to `sum`.
pub(super) struct AddRows<'a> {
    pub(super) rows: &'a [f32],
    pub(super) sum: &'a mut [f32],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            add(simd, self.sum, row);
        }
    }
}
