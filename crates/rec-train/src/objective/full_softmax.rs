use burn::tensor::{DType, Tensor, TensorData};
use rec_kernels::training::{SoftmaxLoss, softmax_loss};

use super::indices;

/// Logits that are in memory at once: 16 MiB.
const BLOCK_VALUES: usize = 1 << 22;

/// Softmax over the whole catalogue: `-log(exp(q·x_t) / sum_j exp(q·x_j))` with the target `t` of each row, the mean over rows.
///
/// The items are one matrix for all rows, and their logits exist in blocks only: memory is that of the gradients,
/// `(batch + n) d` values, and of 4 million logits, whatever the catalogue's size. On a CPU it is that of 16 million logits, or of 48 for
/// each item where that is more, and of some `4 n d` values. For that the gradients are computed
/// together with the value: with `P` the probabilities and `Y` the targets, `dQ = (P - Y) X / batch` and `dX = (P - Y)' Q / batch`.
///
/// Divide `queries` by a temperature before, if there is one.
///
/// # Shapes
///
/// `queries` `[batch, d]`, `items` `[n, d]`, `targets` one row of `items` each; result `[1]`.
///
/// # Panics
///
/// The shapes do not fit, a target is not a row of `items`, or `queries` has no row.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_train::objective::full_softmax;
///
/// let device = Device::flex();
/// let items = Tensor::from_data([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], &device);
/// let loss = full_softmax(Tensor::from_data([[0.0, 0.0]], &device), items, &[2]).into_scalar::<f32>();
/// assert!((loss - 3f32.ln()).abs() < 1e-6);
/// ```
#[must_use]
pub fn full_softmax(queries: Tensor<2>, items: Tensor<2>, targets: &[usize]) -> Tensor<1> {
    let ([batch, _], [n, _]) = (queries.dims(), items.dims());
    let is_single = queries.dtype() == DType::F32 && items.dtype() == DType::F32;
    if is_single && rec_core::device::is_host(&queries.device().without_autodiff()) {
        return on_host(queries, items, targets);
    }
    in_blocks(queries, items, targets, (BLOCK_VALUES / batch.max(1)).clamp(1, n.max(1)))
}

/// The loss by [`rec_kernels`], which computes logits once and keeps them near.
fn on_host(queries: Tensor<2>, items: Tensor<2>, targets: &[usize]) -> Tensor<1> {
    check(&queries, &items, targets);
    let device = queries.device().without_autodiff();
    let values = |tensor: &Tensor<2>| -> Vec<f32> {
        let data = tensor.clone().detach().into_data();
        data.try_into_vec().unwrap_or_else(|_| unreachable!("it is of `f32` and on the host"))
    };
    let (q, x) = (values(&queries), values(&items));
    let (mut q_grad, mut x_grad) = (vec![0.0; q.len()], vec![0.0; x.len()]);
    let loss = softmax_loss(SoftmaxLoss {
        queries: &q,
        items: &x,
        targets,
        queries_gradient: &mut q_grad,
        items_gradient: &mut x_grad,
    });
    let tensor = |values, dims: [usize; 2]| Tensor::<2>::from_data(TensorData::new(values, dims), &device);
    let (q_grad, x_grad) = (tensor(q_grad, queries.dims()), tensor(x_grad, items.dims()));
    with_gradients(Tensor::from_data([loss as f32], &device), [(queries, q_grad), (items, x_grad)])
}

/// `value`, whose derivatives are these: linear in each, and exactly zero.
fn with_gradients(value: Tensor<1>, of: [(Tensor<2>, Tensor<2>); 2]) -> Tensor<1> {
    let [a, b] = of.map(|(tensor, gradient)| (tensor * gradient).sum());
    let linear = a + b;
    value + (linear.clone() - linear.detach())
}

fn check(queries: &Tensor<2>, items: &Tensor<2>, targets: &[usize]) {
    let ([batch, d], [n, d_item]) = (queries.dims(), items.dims());
    assert!(d == d_item, "queries [{batch}, {d}] and items [{n}, {d_item}]");
    assert!(batch == targets.len() && batch > 0, "{} targets for {batch} queries", targets.len());
    assert!(targets.iter().all(|&t| t < n), "targets {targets:?} among {n} items");
}

/// The loss with `block` items at a time.
fn in_blocks(queries: Tensor<2>, items: Tensor<2>, targets: &[usize], block: usize) -> Tensor<1> {
    check(&queries, &items, targets);
    let ([batch, d], [n, _]) = (queries.dims(), items.dims());
    let (q, x) = (queries.clone().detach(), items.clone().detach());
    let blocks: Vec<_> = (0..n).step_by(block).map(|from| from..(from + block).min(n)).collect();
    let logits = |rows: &std::ops::Range<usize>| {
        let part = x.clone().slice([rows.clone(), 0..d]);
        (q.clone().matmul(part.clone().transpose()), part)
    };

    // The running maximum and the sum of exponentials relative to it.
    let mut log_sums: Option<(Tensor<2>, Tensor<2>)> = None;
    for rows in &blocks {
        let (logits, _) = logits(rows);
        let max = logits.clone().max_dim(1);
        log_sums = Some(match log_sums {
            None => (max.clone(), (logits - max).exp().sum_dim(1)),
            Some((old, sum)) => {
                let max = old.clone().max_pair(max);
                (max.clone(), sum * (old - max.clone()).exp() + (logits - max).exp().sum_dim(1))
            }
        });
    }
    let Some((max, sum)) = log_sums else { unreachable!("a target is an item") };
    let normaliser = max + sum.log(); // [batch, 1]

    let mut q_grad: Tensor<2> = Tensor::zeros([batch, d], &q.device());
    let mut x_grads = Vec::with_capacity(blocks.len());
    for rows in &blocks {
        let (logits, part) = logits(rows);
        let p = (logits - normaliser.clone()).exp().div_scalar(batch as f64); // [batch, block]
        q_grad = q_grad + p.clone().matmul(part);
        x_grads.push(p.transpose().matmul(q.clone()));
    }
    let target = indices(targets.iter().copied(), &q.device());
    let wanted = x.select(0, target.clone()); // [batch, d]
    let share = 1.0 / batch as f64;
    let q_grad = q_grad - wanted.clone() * share;
    let x_grad = Tensor::cat(x_grads, 0).select_assign(
        0,
        target,
        q.clone() * -share,
        burn::tensor::IndexingUpdateOp::Add,
    );
    let value = (normaliser - (q * wanted).sum_dim(1)).mean();
    with_gradients(value, [(queries, q_grad), (items, x_grad)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_change_nothing_but_rounding() {
        let device = rec_testkit::device().autodiff();
        let values =
            |n: usize, scale: f32| -> Vec<f32> { (0..n).map(|i| (i as f32 * 0.7).sin() * scale).collect() };
        let leaf = |values: Vec<f32>, rows: usize| {
            Tensor::<2>::from_data(TensorData::new(values, [rows, 3]), &device).require_grad()
        };
        let run = |block: Option<usize>| -> Vec<f32> {
            let (queries, items) = (leaf(values(12, 3.0), 4), leaf(values(21, 2.0), 7));
            let (q, x, targets) = (queries.clone(), items.clone(), [0, 6, 3, 6]);
            let loss = match block {
                Some(block) => in_blocks(q, x, &targets, block),
                None => full_softmax(q, x, &targets),
            };
            let gradients = loss.backward();
            let read = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().unwrap();
            let mut all = vec![loss.into_scalar::<f32>()];
            all.extend(read(queries.grad(&gradients).unwrap()));
            all.extend(read(items.grad(&gradients).unwrap()));
            all
        };
        let whole = run(Some(7));
        for block in [1, 2, 3, 100] {
            rec_testkit::assert_close(&format!("blocks of {block}"), &run(Some(block)), &whole, 1e-6);
        }
        rec_testkit::assert_close("as the device has it", &run(None), &whole, 1e-6);
    }
}
