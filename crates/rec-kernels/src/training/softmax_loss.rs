use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matmul::{AddRows, Matrix, pack};
use crate::dispatch::{Dispatch, Shape};
use crate::function::exp;
use crate::packed::Panels;
use crate::product::{Columns, Product, Target};

/// Items of a piece of work.
const ITEMS: usize = 512;

/// From row to row of transposed items: an odd number of cache lines.
const STRIDE: usize = ITEMS + 16;

/// Queries that are computed together, unless there are very many items.
const QUERIES: usize = 240;

/// Logits that are in memory at once, if a panel of queries allows it.
const MAX_LOGITS: usize = 1 << 24;

/// Softmax cross-entropy over all items, with its gradients.
#[derive(Debug)]
pub struct SoftmaxLoss<'a> {
    /// `[batch, d]`.
    pub queries: &'a [f32],
    /// `[n, d]`.
    pub items: &'a [f32],
    /// The item of each query.
    pub targets: &'a [usize],
    /// Where the gradient of the queries goes, `[batch, d]`.
    pub queries_gradient: &'a mut [f32],
    /// Where the gradient of the items goes, `[n, d]`.
    pub items_gradient: &'a mut [f32],
}

/// The mean of `-log(exp(q x_t) / sum_j exp(q x_j))` over the queries, and with the probabilities `P` and the targets `Y`, the
/// gradients `dQ = (P - Y) X / batch` and `dX = (P - Y)' Q / batch`.
///
/// Logits are computed once, for 240 queries at a time, and stay where they are until the gradients are: memory is that of 16
/// million logits, or of 48 for each item.
///
/// # Panics
///
/// There is no query, the shapes do not fit, or a target is no item.
///
/// ```
/// use rec_kernels::training::{SoftmaxLoss, softmax_loss};
///
/// let (mut dq, mut dx) = ([0.0; 1], [0.0; 2]);
/// let loss = softmax_loss(SoftmaxLoss {
///     queries: &[2.0],
///     items: &[1.0, 1.0],
///     targets: &[1],
///     queries_gradient: &mut dq,
///     items_gradient: &mut dx,
/// });
/// assert!((loss - 2f64.ln()).abs() < 1e-6);
/// assert!((dx[0] - 1.0).abs() < 1e-6 && (dx[1] + 1.0).abs() < 1e-6 && dq[0].abs() < 1e-6);
/// ```
pub fn softmax_loss(of: SoftmaxLoss<'_>) -> f64 {
    softmax_loss_by(Dispatch::native(), of)
}

pub(super) fn softmax_loss_by(dispatch: Dispatch, of: SoftmaxLoss<'_>) -> f64 {
    let SoftmaxLoss { queries, items, targets, queries_gradient, items_gradient } = of;
    let batch = targets.len();
    assert!(batch > 0, "a loss of no query");
    let d = queries.len() / batch;
    assert!(d > 0 && queries.len() == batch * d, "{} values in {batch} queries", queries.len());
    assert!(items.len().is_multiple_of(d), "{} values in items of {d}", items.len());
    assert_eq!(
        (queries_gradient.len(), items_gradient.len()),
        (queries.len(), items.len()),
        "values of gradients"
    );
    let n = items.len() / d;
    assert!(targets.iter().all(|&target| target < n), "targets {targets:?} among {n} items");

    let shape = dispatch.shape();
    let width = shape.width;
    let panels = (QUERIES / width).min(MAX_LOGITS / (n * width)).max(1);
    let mut work: Vec<Chunk> = items.chunks(ITEMS * d).map(|items| Chunk::new(items, d)).collect();
    items_gradient.fill(0.0);
    let mut loss = 0.0;
    let blocks = queries.chunks(panels * width * d).zip(targets.chunks(panels * width));
    for ((queries, targets), queries_gradient) in blocks.zip(queries_gradient.chunks_mut(panels * width * d))
    {
        let block = Block {
            dispatch,
            share: 1.0 / batch as f32,
            queries,
            targets,
            d,
            columns: pack(shape, Matrix::new(queries, d).transposed()),
            rows: pack(shape, Matrix::new(queries, d)),
        };
        work.par_iter_mut()
            .zip(items.par_chunks(ITEMS * d))
            .for_each(|(chunk, items)| chunk.logits(&block, items));
        loss += block.factors(items, &mut work);
        work.par_iter_mut()
            .zip(items_gradient.par_chunks_mut(ITEMS * d))
            .enumerate()
            .for_each(|(index, (chunk, gradient))| chunk.gradients(&block, index * ITEMS, gradient));
        block.collect(&work, queries_gradient);
    }
    loss / batch as f64
}

/// Some queries.
struct Block<'a> {
    dispatch: Dispatch,
    share: f32,
    queries: &'a [f32],
    targets: &'a [usize],
    d: usize,
    /// `[d, queries]`.
    columns: super::matmul::Packed,
    /// `[queries, d]`.
    rows: super::matmul::Packed,
}

impl Block<'_> {
    fn shape(&self) -> Shape {
        self.dispatch.shape()
    }

    /// Queries, rounded up to whole vectors.
    fn padded(&self) -> usize {
        self.targets.len().next_multiple_of(self.shape().lanes)
    }

    /// From the largest logit and the sum of each chunk to the factors that make probabilities of its exponentials, and the sum of
    /// the losses.
    fn factors(&self, items: &[f32], work: &mut [Chunk]) -> f64 {
        let mut loss = 0.0;
        for (at, (query, &target)) in self.queries.chunks_exact(self.d).zip(self.targets).enumerate() {
            let largest =
                work.iter().fold(f32::NEG_INFINITY, |largest, chunk| largest.max(chunk.largest[at]));
            let part =
                |chunk: &Chunk| f64::from(chunk.sums[at]) * f64::from(chunk.largest[at] - largest).exp();
            let log_sum = f64::from(largest) + work.iter().map(part).sum::<f64>().ln();
            for chunk in work.iter_mut() {
                chunk.sums[at] = (f64::from(chunk.largest[at]) - log_sum).exp() as f32 * self.share;
            }
            let item = &items[target * self.d..][..self.d];
            loss += log_sum - query.iter().zip(item).map(|(q, x)| f64::from(*q) * f64::from(*x)).sum::<f64>();
        }
        loss
    }

    /// The gradient of the queries, from the parts of all chunks in their order.
    fn collect(&self, work: &[Chunk], gradient: &mut [f32]) {
        let padded = self.padded();
        let mut sum = vec![0.0; self.d * padded];
        for chunk in work {
            self.dispatch.run(AddRows { rows: &chunk.queries_gradient[..sum.len()], sum: &mut sum });
        }
        for (at, gradient) in gradient.chunks_exact_mut(self.d).enumerate() {
            for (value, row) in gradient.iter_mut().zip(sum.chunks_exact(padded)) {
                *value = row[at];
            }
        }
    }
}

/// Some items, and what is known of their logits.
struct Chunk {
    n: usize,
    /// The items as columns, `[d, STRIDE]`.
    turned: Vec<f32>,
    /// `[n, queries]` in panels: logits, their exponentials relative to the largest, and at last the gradient of the logits.
    logits: Vec<f32>,
    /// For each query, the largest logit.
    largest: Vec<f32>,
    /// For each query, the sum of exponentials, and later the factor of each.
    sums: Vec<f32>,
    /// `[d, queries]`.
    queries_gradient: Vec<f32>,
    items_gradient: Vec<f32>,
}

impl Chunk {
    fn new(items: &[f32], d: usize) -> Self {
        let n = items.len() / d;
        let mut turned = vec![0.0; d * STRIDE];
        super::matmul::transpose(items, d, &mut turned, STRIDE);
        let [logits, largest, sums, queries_gradient] = [const { Vec::new() }; 4];
        Self { n, turned, logits, largest, sums, queries_gradient, items_gradient: vec![0.0; n * d] }
    }

    fn panels(&self, block: &Block<'_>) -> Panels<'_> {
        Panels { values: &self.logits, depth: self.n, columns: block.targets.len(), shape: block.shape() }
    }

    fn logits(&mut self, block: &Block<'_>, items: &[f32]) {
        let (n, d, right, padded) = (self.n, block.d, block.columns.panels(), block.padded());
        self.logits.resize(n * padded, 0.0);
        self.largest.resize(padded, 0.0);
        self.sums.resize(padded, 0.0);
        for index in 0..right.len() {
            let (first, width) = (index * right.shape.width, right.panel(index, 0..0).width);
            let logits = &mut self.logits[first * n..][..width * n];
            block.dispatch.run(Product {
                n_rows: n,
                left: &[Columns { values: items, stride: d, width: d }],
                right,
                first_row: 0,
                panels: index..index + 1,
                target: Target { values: logits, stride: width, width },
            });
            let (largest, sums) = (&mut self.largest[first..][..width], &mut self.sums[first..][..width]);
            block.dispatch.run(Exponentials { logits, width, largest, sums });
        }
    }

    fn gradients(&mut self, block: &Block<'_>, first_item: usize, gradient: &mut [f32]) {
        let (n, d, padded, n_queries) = (self.n, block.d, block.padded(), block.targets.len());
        let width = block.shape().width;
        for first in (0..n_queries).step_by(width) {
            let width = (padded - first).min(width);
            let logits = &mut self.logits[first * n..][..width * n];
            block.dispatch.run(Scale { logits, factors: &self.sums[first..][..width] });
            for (at, target) in block.targets[first..].iter().take(width).enumerate() {
                if (first_item..first_item + n).contains(target) {
                    logits[(target - first_item) * width + at] -= block.share;
                }
            }
        }
        let mut items_gradient = std::mem::take(&mut self.items_gradient);
        let mut queries_gradient = std::mem::take(&mut self.queries_gradient);
        queries_gradient.resize(d * padded, 0.0);
        let right = self.panels(block);
        let left: Vec<Columns<'_>> = (0..right.len())
            .map(|index| right.panel(index, 0..n))
            .map(|panel| Columns { values: panel.values, stride: panel.width, width: panel.columns })
            .collect();
        let rows = block.rows.panels();
        block.dispatch.run(Product {
            n_rows: n,
            left: &left,
            right: rows,
            first_row: 0,
            panels: 0..rows.len(),
            target: Target { values: &mut items_gradient, stride: d, width: d },
        });
        block.dispatch.run(AddRows { rows: &items_gradient, sum: gradient });
        block.dispatch.run(Product {
            n_rows: d,
            left: &[Columns { values: &self.turned, stride: STRIDE, width: n }],
            right,
            first_row: 0,
            panels: 0..right.len(),
            target: Target { values: &mut queries_gradient, stride: padded, width: padded },
        });
        (self.items_gradient, self.queries_gradient) = (items_gradient, queries_gradient);
    }
}

/// Down the columns of a panel: the largest value, then `exp(value - largest)` in place and its sum.
struct Exponentials<'a> {
    logits: &'a mut [f32],
    width: usize,
    largest: &'a mut [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n_vectors = self.width / S::F32_LANES;
        let ((logits, _), (largest, _)) =
            (S::as_mut_simd_f32s(self.logits), S::as_mut_simd_f32s(self.largest));
        let (sums, _) = S::as_mut_simd_f32s(self.sums);
        largest.fill(simd.splat_f32s(f32::NEG_INFINITY));
        sums.fill(simd.splat_f32s(0.0));
        for row in logits.chunks_exact(n_vectors) {
            for (largest, logit) in largest.iter_mut().zip(row) {
                *largest = simd.max_f32s(*largest, *logit);
            }
        }
        for row in logits.chunks_exact_mut(n_vectors) {
            for ((sum, largest), logit) in sums.iter_mut().zip(&*largest).zip(row) {
                *logit = exp(simd, simd.sub_f32s(*logit, *largest));
                *sum = simd.add_f32s(*sum, *logit);
            }
        }
    }
}

/// Each row times `factors`.
struct Scale<'a> {
    logits: &'a mut [f32],
    factors: &'a [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ((logits, _), (factors, _)) = (S::as_mut_simd_f32s(self.logits), S::as_simd_f32s(self.factors));
        for row in logits.chunks_exact_mut(factors.len()) {
            for (logit, factor) in row.iter_mut().zip(factors) {
                *logit = simd.mul_f32s(*logit, *factor);
            }
        }
    }
}
