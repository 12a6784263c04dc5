//! Small symmetric systems, one after the other in the same memory.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

/// A symmetric positive definite matrix of `f64` that is summed, factorised, and solved with.
pub(crate) struct Cholesky {
    n: usize,
    /// By columns. Only the lower triangle counts.
    matrix: Vec<f64>,
    stack: MemBuffer,
}

impl Cholesky {
    pub(crate) fn new(n: usize) -> Cholesky {
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
        Cholesky { n, matrix: vec![0.0; n * n], stack: MemBuffer::new(scratch) }
    }

    /// Sets the matrix to `start + diagonal I`.
    pub(crate) fn set(&mut self, start: &[f64], diagonal: f64) {
        self.matrix.copy_from_slice(start);
        for value in self.matrix.iter_mut().step_by(self.n + 1) {
            *value += diagonal;
        }
    }

    /// Adds `sum_k a_k b_k'` for the rows `a_k` and `b_k` of two row-major matrices; the sum must be symmetric.
    pub(crate) fn add(&mut self, a: &[f64], b: &[f64]) {
        add_outer(&mut self.matrix, self.n, a, b);
    }

    /// Puts the factor in the place of the matrix. `false`: the matrix is not positive definite.
    pub(crate) fn factorize(&mut self) -> bool {
        let matrix = MatMut::from_column_major_slice_mut(&mut self.matrix, self.n, self.n);
        let stack = MemStack::new(&mut self.stack);
        llt::factor::cholesky_in_place(matrix, Default::default(), Par::Seq, stack, Default::default())
            .is_ok()
    }

    /// Replaces a right side by the solution. The matrix is factorised.
    pub(crate) fn solve(&mut self, side: &mut [f64]) {
        let factor = MatRef::from_column_major_slice(&self.matrix, self.n, self.n);
        let side = MatMut::from_column_major_slice_mut(side, self.n, 1);
        llt::solve::solve_in_place(factor, side, Par::Seq, MemStack::new(&mut self.stack));
    }
}

/// Adds `sum_k a_k b_k'` to the lower triangle, by columns, of a symmetric matrix.
pub(crate) fn add_outer(matrix: &mut [f64], n: usize, a: &[f64], b: &[f64]) {
    let n_rows = a.len() / n;
    // Row-major rows are columns of a column-major matrix.
    let a = MatRef::from_column_major_slice(a, n, n_rows);
    let b = MatRef::from_column_major_slice(b, n, n_rows);
    triangular::matmul(
        MatMut::from_column_major_slice_mut(matrix, n, n),
        BlockStructure::TriangularLower,
        Accum::Add,
        a,
        BlockStructure::Rectangular,
        b.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// Copies the lower triangle, by columns, to the upper one.
pub(crate) fn mirror(matrix: &mut [f64], n: usize) {
    for column in 0..n {
        for row in 0..column {
            matrix[column * n + row] = matrix[row * n + column];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_was_summed() {
        let mut cholesky = Cholesky::new(2);
        // [[2, 0], [0, 2]] + [1, 2]' [1, 2] + [0, 1]' [0, 1] = [[3, 2], [2, 7]].
        cholesky.set(&[1.0, 0.0, 0.0, 1.0], 1.0);
        let rows = [1.0, 2.0, 0.0, 1.0];
        cholesky.add(&rows, &rows);
        assert!(cholesky.factorize());
        let mut side = [7.0, 16.0];
        cholesky.solve(&mut side);
        assert!((side[0] - 1.0).abs() < 1e-12 && (side[1] - 2.0).abs() < 1e-12, "{side:?}");

        cholesky.set(&[1.0, 1.0, 1.0, 1.0], -1.0);
        assert!(!cholesky.factorize());
    }
}
