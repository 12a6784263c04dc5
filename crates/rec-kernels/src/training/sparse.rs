use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::dispatch::Dispatch;

/// Rows of a piece of work.
const ROWS: usize = 64;

/// A matrix of few values, row by row: what sums rows of another one.
///
/// ```
/// use rec_kernels::training::SparseMatrix;
///
/// // The first row takes twice row 1, the second one nothing.
/// let matrix = SparseMatrix::new(2, [vec![(1, 2.0)], vec![]]);
/// let mut y = [f32::NAN; 6];
/// matrix.matmul(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], 3, &mut y);
/// assert_eq!(y, [20.0, 40.0, 60.0, 0.0, 0.0, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SparseMatrix {
    n_columns: usize,
    /// Where rows begin, and the last one ends.
    offsets: Vec<usize>,
    entries: Vec<(u32, f32)>,
}

impl SparseMatrix {
    /// A matrix of `n_columns` columns whose rows have values at columns; several at one are summed.
    ///
    /// # Panics
    ///
    /// A column does not exist.
    pub fn new<R: IntoIterator<Item = (u32, f32)>>(
        n_columns: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let (mut offsets, mut entries) = (vec![0], Vec::new());
        for row in rows {
            entries.extend(row);
            offsets.push(entries.len());
        }
        let last = entries.iter().map(|&(column, _)| column).max();
        assert!(last.is_none_or(|last| (last as usize) < n_columns), "column {last:?} of {n_columns}");
        Self { n_columns, offsets, entries }
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The columns of a row, and the values there.
    ///
    /// # Panics
    ///
    /// There is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.entries[self.offsets[row]..self.offsets[row + 1]]
    }

    /// Rows and columns exchanged.
    ///
    /// # Panics
    ///
    /// There are more than `2^32` rows.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut rows = vec![Vec::new(); self.n_columns];
        for row in 0..self.n_rows() {
            let column = u32::try_from(row).unwrap_or_else(|_| panic!("{row} is no column"));
            for &(to, value) in self.row(row) {
                rows[to as usize].push((column, value));
            }
        }
        Self::new(self.n_rows(), rows)
    }

    /// `y = S x` for `x` `[n_columns, d]`, `y` `[n_rows, d]`; a row's terms are summed in their order. The gradient of a function of
    /// `y` by `x` is the product of the [transpose](Self::transposed) with that by `y`.
    ///
    /// # Panics
    ///
    /// `d` is zero, or the shapes do not fit.
    pub fn matmul(&self, x: &[f32], d: usize, y: &mut [f32]) {
        assert!(d > 0, "rows of no values");
        assert_eq!((x.len(), y.len()), (self.n_columns * d, self.n_rows() * d), "values of both sides");
        let dispatch = Dispatch::native();
        y.par_chunks_mut(ROWS * d).enumerate().for_each(|(block, y)| {
            dispatch.run(Rows { matrix: self, first: block * ROWS, x, d, y });
        });
    }
}

struct Rows<'a> {
    matrix: &'a SparseMatrix,
    first: usize,
    x: &'a [f32],
    d: usize,
    y: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (at, y) in self.y.chunks_exact_mut(self.d).enumerate() {
            y.fill(0.0);
            for &(column, value) in self.matrix.row(self.first + at) {
                let x = &self.x[column as usize * self.d..][..self.d];
                let ((x, x_rest), (y, y_rest)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(y));
                let factor = simd.splat_f32s(value);
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = simd.mul_add_f32s(factor, x, *y);
                }
                for (y, &x) in y_rest.iter_mut().zip(x_rest) {
                    *y = value.mul_add(x, *y);
                }
            }
        }
    }
}
