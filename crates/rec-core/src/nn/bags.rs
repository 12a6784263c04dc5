use std::sync::Arc;

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};
use rec_kernels::training::SparseMatrix;

#[cfg(all(feature = "flex", feature = "autodiff"))]
use super::fused;

/// What sums rows of a table, and what brings the gradient back.
#[derive(Debug)]
pub struct Bags {
    matrix: SparseMatrix,
    #[cfg_attr(
        not(all(feature = "flex", feature = "autodiff")),
        expect(dead_code, reason = "fused steps have it")
    )]
    pub(super) transposed: SparseMatrix,
}

impl Bags {
    /// A row a bag, a column a row of the table.
    #[must_use]
    pub fn new(matrix: SparseMatrix) -> Self {
        Self { transposed: matrix.transposed(), matrix }
    }

    /// A row a bag, a column a row of the table.
    #[must_use]
    pub fn matrix(&self) -> &SparseMatrix {
        &self.matrix
    }
}

/// Weighted sums of rows of a table: the product of a sparse matrix with it. Other devices than flex hold a row for each value of the
/// matrix while they compute.
///
/// # Shapes
///
/// `[n_columns, d]` to `[n_rows, d]`.
///
/// # Panics
///
/// The matrix has no rows, or not a column for each row of the table.
///
/// ```
/// use std::sync::Arc;
///
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::{Bags, sum_bags};
/// use rec_kernels::training::SparseMatrix;
///
/// let table = Tensor::<2>::from_data([[1.0, 2.0], [10.0, 20.0]], &Device::flex());
/// let bags = Bags::new(SparseMatrix::new(2, [vec![(0, 1.0), (1, 0.5)], vec![]]));
/// let sums = sum_bags(table, &Arc::new(bags));
/// assert_eq!(sums.into_data().to_vec::<f32>().unwrap(), [6.0, 12.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn sum_bags(table: Tensor<2>, bags: &Arc<Bags>) -> Tensor<2> {
    let (matrix, [n_columns, d], device) = (&bags.matrix, table.dims(), table.device());
    assert!(matrix.n_rows() > 0, "no bags");
    assert_eq!(n_columns, matrix.n_columns(), "rows of a table for bags of {}", matrix.n_columns());
    #[cfg(all(feature = "flex", feature = "autodiff"))]
    if fused::serves(&table) {
        return fused::sum_bags(table, bags);
    }
    let (mut to, mut from, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..matrix.n_rows() {
        for &(column, weight) in matrix.row(row) {
            to.push(row as i64);
            from.push(i64::from(column));
            weights.push(weight);
        }
    }
    let sums = Tensor::zeros([matrix.n_rows(), d], &device);
    let n = weights.len();
    if n == 0 {
        return sums;
    }
    let indices = |values| Tensor::<1, Int>::from_data(TensorData::new(values, [n]), &device);
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [n, 1]), &device);
    sums.select_assign(0, indices(to), table.select(0, indices(from)) * weights, IndexingUpdateOp::Add)
}
