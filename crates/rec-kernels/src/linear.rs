use rayon::prelude::*;

use crate::activation::Activate;
use crate::block::{Affine, Left, check};
use crate::dispatch::Dispatch;
use crate::product::{Columns, Target};
use crate::{Activation, Linear, int8};

/// Rows of a piece of work: the same for any number of threads.
pub(crate) const ROWS: usize = 64;

/// A linear map with packed weights: for what stands before or after the layers.
///
/// It holds as much memory again as the weights.
#[derive(Debug)]
pub struct PackedLinear {
    affine: Affine,
    d_in: usize,
    d_out: usize,
    dispatch: Dispatch,
}

impl PackedLinear {
    /// Packs a map from `d_in` to `d_out` values.
    ///
    /// ```
    /// use rec_kernels::{Activation, Linear, PackedLinear};
    ///
    /// let map = Linear { weight: &[1.0, 2.0, 3.0, 4.0], bias: Some(&[0.5, -20.0]) };
    /// let mut y = [0.0; 2];
    /// PackedLinear::new(&map, 2, 2).forward(&[1.0, 2.0], Activation::Relu, &mut y);
    /// assert_eq!(y, [7.5, 0.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// The weights or the biases have another shape, or a dimension is 0.
    #[must_use]
    pub fn new(linear: &Linear<'_>, d_in: usize, d_out: usize) -> Self {
        assert!(d_in > 0 && d_out > 0, "a map from {d_in} to {d_out} values");
        check("the map", linear, d_in, d_out);
        let dispatch = Dispatch::native();
        let columns: Vec<usize> = (0..d_out).collect();
        Self { affine: Affine::new(dispatch, None, linear, d_out, &columns), d_in, d_out, dispatch }
    }

    /// `y = f(x W + b)` for rows `x` of `d_in` values and `y` of `d_out`, on the threads of the current rayon pool; the bits
    /// do not depend on their number.
    ///
    /// # Panics
    ///
    /// The numbers of rows differ, or a row is incomplete.
    pub fn forward(&self, x: &[f32], activation: Activation, y: &mut [f32]) {
        let Self { d_in, d_out, .. } = *self;
        let n_rows = x.len() / d_in;
        assert_eq!((x.len(), y.len()), (n_rows * d_in, n_rows * d_out), "values in {n_rows} rows");
        let stride = d_out.next_multiple_of(self.dispatch.shape().lanes);
        x.par_chunks(ROWS * d_in).zip(y.par_chunks_mut(ROWS * d_out)).for_each(|(x, y)| {
            let n_rows = x.len() / d_in;
            let mut values = vec![0.0; n_rows * stride];
            let left = [Columns { values: x, stride: d_in, width: d_in }];
            let target = Target { values: &mut values, stride, width: stride };
            let left = Left { n_rows, columns: &left, codes: &int8::Rows::default() };
            self.affine.multiply(self.dispatch, left, 0..self.affine.n_panels(), target);
            let bias = self.affine.bias.as_slice();
            self.dispatch.run(Activate { values: &mut values, stride, width: stride, bias, activation });
            for (y, values) in y.chunks_exact_mut(d_out).zip(values.chunks_exact(stride)) {
                y.copy_from_slice(&values[..d_out]);
            }
        });
    }
}
