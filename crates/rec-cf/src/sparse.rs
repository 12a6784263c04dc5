//! Sparse matrices by rows, as the models hold them.

use std::ops::AddAssign;

use sprs::CsMatI;

use crate::memory;

/// Rows with ascending columns, four bytes an index.
pub(crate) type Sparse<N = f32> = CsMatI<N, u32, usize>;

/// Columns and values of a row.
pub(crate) fn row<N>(matrix: &Sparse<N>, row: usize) -> (&[u32], &[N]) {
    let range = matrix.indptr().outer_inds_sz(row);
    (&matrix.indices()[range.clone()], &matrix.data()[range])
}

/// The entries of a row.
pub(crate) fn entries<N: Copy>(
    matrix: &Sparse<N>,
    index: usize,
) -> impl ExactSizeIterator<Item = (usize, N)> + Clone + '_ {
    let (columns, values) = row(matrix, index);
    columns.iter().zip(values).map(|(&column, &value)| (column as usize, value))
}

/// Adds rows, each times its weight, in the order in which they come.
pub(crate) fn add_rows(matrix: &Sparse, weights: &[(usize, f32)], out: &mut [f32]) {
    for &(index, weight) in weights {
        for (column, value) in entries(matrix, index) {
            out[column] += weight * value;
        }
    }
}

/// The sum of squares of each row.
pub(crate) fn squares(matrix: &Sparse) -> Vec<f64> {
    let square = |value: &f32| f64::from(*value) * f64::from(*value);
    (0..matrix.rows()).map(|index| row(matrix, index).1.iter().map(square).sum()).collect()
}

/// A matrix of rows whose columns ascend.
pub(crate) fn from_rows<N: Copy>(n_columns: usize, rows: &[Vec<(u32, N)>]) -> Sparse<N> {
    let n_values = rows.iter().map(Vec::len).sum();
    let (mut begins, mut columns, mut values) =
        (Vec::with_capacity(rows.len() + 1), Vec::with_capacity(n_values), Vec::with_capacity(n_values));
    begins.push(0);
    for row in rows {
        columns.extend(row.iter().map(|&(column, _)| column));
        values.extend(row.iter().map(|&(_, value)| value));
        begins.push(columns.len());
    }
    Sparse::new((rows.len(), n_columns), begins, columns, values)
}

/// The rows of a matrix in another order.
pub(crate) fn with_rows<N: Copy>(matrix: &Sparse<N>, order: &[u32]) -> Sparse<N> {
    let (mut begins, mut columns, mut values) =
        (vec![0], Vec::with_capacity(matrix.nnz()), Vec::with_capacity(matrix.nnz()));
    for &index in order {
        let (of_row, also) = row(matrix, index as usize);
        columns.extend_from_slice(of_row);
        values.extend_from_slice(also);
        begins.push(columns.len());
    }
    Sparse::new((order.len(), matrix.cols()), begins, columns, values)
}

/// The transpose, by rows.
pub(crate) fn transposed<N: Clone + Default>(matrix: &Sparse<N>) -> Sparse<N> {
    matrix.transpose_view().to_csr()
}

/// The bytes of a sparse matrix of `f32`.
pub(crate) fn n_bytes(n_rows: usize, n_values: usize) -> u64 {
    memory::of(n_rows + 1, size_of::<usize>()).saturating_add(memory::of(n_values, 2 * size_of::<u32>()))
}

/// Columns that are cleared together.
const BLOCK: usize = 64;

/// Sums by column, cleared in the time of the columns that came up, but for a pass over the blocks of columns.
///
/// That a block is touched is written without asking whether it was: the columns of a sum come in no order that a processor could
/// foresee.
#[derive(Debug)]
pub(crate) struct Accumulator<N = f64> {
    sums: Vec<N>,
    is_touched: Vec<bool>,
}

impl<N: Copy + Default + PartialEq + AddAssign> Accumulator<N> {
    pub(crate) fn new(n_columns: usize) -> Accumulator<N> {
        Accumulator {
            sums: vec![N::default(); n_columns],
            is_touched: vec![false; n_columns.div_ceil(BLOCK)],
        }
    }

    pub(crate) fn add(&mut self, column: usize, value: N) {
        self.sums[column] += value;
        self.is_touched[column / BLOCK] = true;
    }

    /// The columns whose sums are not 0, ascending; then all is as it was at first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (usize, N)> + '_ {
        let blocks = self.sums.chunks_mut(BLOCK).zip(&mut self.is_touched).enumerate();
        let touched = blocks.filter(|(_, (_, is_touched))| **is_touched);
        touched.flat_map(|(block, (sums, is_touched))| {
            *is_touched = false;
            let sums = sums.iter_mut().enumerate().map(|(place, sum)| (place, std::mem::take(sum)));
            sums.filter(|&(_, sum)| sum != N::default()).map(move |(place, sum)| (block * BLOCK + place, sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transpose_is_by_rows_and_sorted() {
        let matrix = from_rows(3, &[vec![(2, 1.0)], vec![(0, 2.0), (2, 3.0)], vec![]]);
        let turned = transposed(&matrix);
        assert!(turned.is_csr());
        assert_eq!(row(&turned, 2), (&[0, 1][..], &[1.0, 3.0][..]));
        assert_eq!(row(&turned, 1), (&[][..], &[][..]));
        assert_eq!(transposed(&from_rows::<f32>(0, &[])).rows(), 0);
    }
}
