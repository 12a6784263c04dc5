//! The fused steps against burn's own operations, values and gradients, on a device that trains.
//!
//! Other devices than flex have burn's on both sides: there is nothing to compare, and the tests pass at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use burn::tensor::module::{self, attention};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use rec_core::nn::{self, Bags};
use rec_kernels::training::SparseMatrix;

fn device() -> Device {
    rec_testkit::device().autodiff()
}

fn random<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<D> {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|at| ((at as f32 + 1.3) * (seed as f32 + 0.7)).sin()).collect();
    Tensor::<D>::from_data(TensorData::new(values, shape), &device()).require_grad()
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.clone().into_data().try_to_vec().unwrap()
}

/// The same weighted sum of what comes out, so that every value has a gradient of its own.
fn loss<const D: usize>(y: &Tensor<D>) -> Tensor<1> {
    let n: usize = y.dims().iter().product();
    let weights: Vec<f32> = (0..n).map(|at| (at as f32 * 0.37).cos()).collect();
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [n]), &y.device());
    (y.clone().reshape([n]) * weights).sum()
}

#[test]
fn linear() {
    if rec_testkit::device_name() != "flex" {
        return;
    }
    for shape in [[1, 1, 3], [4, 7, 3]] {
        let run = |map: fn(Tensor<3>, Tensor<2>, Option<Tensor<1>>) -> Tensor<3>| {
            let (x, w, b) = (random(shape, 1), random([3, 5], 2), random([5], 3));
            let y = map(x.clone(), w.clone(), Some(b.clone()));
            let gradients = loss(&y).backward();
            let mut all = vec![values(&y), values(&x.grad(&gradients).unwrap())];
            all.extend([values(&w.grad(&gradients).unwrap()), values(&b.grad(&gradients).unwrap())]);
            all.concat()
        };
        rec_testkit::assert_close("linear", &run(nn::linear), &run(module::linear), 1e-6);
    }
    // A weight that stays as it is, and an input that is not trained.
    let (x, w, b) = (random([2, 3], 1), random([3, 5], 2), random([5], 3));
    let gradients = loss(&nn::linear(x.clone(), w.clone().detach(), Some(b.clone().detach()))).backward();
    assert!(x.grad(&gradients).is_some() && w.grad(&gradients).is_none() && b.grad(&gradients).is_none());
    let gradients = loss(&nn::linear(x.clone().detach(), w.clone(), Some(b))).backward();
    assert!(x.grad(&gradients).is_none() && w.grad(&gradients).is_some());
}

#[test]
fn gelu() {
    if rec_testkit::device_name() != "flex" {
        return;
    }
    let run = |f: fn(Tensor<2>) -> Tensor<2>| {
        let x = random([5, 7], 1) * 4.0;
        let x = x.detach().require_grad();
        let y = f(x.clone());
        let gradients = loss(&y).backward();
        [values(&y), values(&x.grad(&gradients).unwrap())].concat()
    };
    let composed = |x: Tensor<2>| {
        let phi = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5);
        x * phi
    };
    rec_testkit::assert_close("gelu", &run(nn::gelu), &run(composed), 2e-6);
}

#[test]
fn layer_norm() {
    if rec_testkit::device_name() != "flex" {
        return;
    }
    let run = |norm: fn(Tensor<3>, Tensor<1>, Option<Tensor<1>>, f64) -> Tensor<3>| {
        let (x, gamma, beta) = (random([3, 4, 17], 1), random([17], 2), random([17], 3));
        let y = norm(x.clone(), gamma.clone(), Some(beta.clone()), 1e-5);
        let gradients = loss(&y).backward();
        let mut all = vec![values(&y), values(&x.grad(&gradients).unwrap())];
        all.extend([values(&gamma.grad(&gradients).unwrap()), values(&beta.grad(&gradients).unwrap())]);
        all.concat()
    };
    rec_testkit::assert_close("layer norm", &run(nn::layer_norm), &run(module::layer_norm), 5e-6);
}

#[test]
fn self_attention() {
    if rec_testkit::device_name() != "flex" {
        return;
    }
    let (batch, len, n_heads, d_head) = (3, 6, 2, 4);
    // Causal, and the last two positions of the second sequence are padding, which sees itself.
    let hidden: Vec<bool> = (0..batch * len * len)
        .map(|at| (at / (len * len), at / len % len, at % len))
        .map(|(sequence, query, key)| query != key && (key > query || (sequence == 1 && key >= 4)))
        .collect();
    let hidden = Tensor::<3, Bool>::from_data(TensorData::new(hidden, [batch, len, len]), &device());
    let composed = |qkv: Tensor<2>, hidden: Option<Tensor<3, Bool>>| {
        let all = qkv.reshape([batch, len, 3 * n_heads, d_head]).swap_dims(1, 2);
        let [q, k, v] = [0, 1, 2].map(|part| {
            all.clone().slice([0..batch, part * n_heads..(part + 1) * n_heads, 0..len, 0..d_head])
        });
        let hidden =
            hidden.map(|hidden| hidden.reshape([batch, 1, len, len]).expand([batch, n_heads, len, len]));
        let options = AttentionModuleOptions { scale: Some(0.3), ..Default::default() };
        let mixed = attention(q, k, v, hidden, None, options);
        mixed.swap_dims(1, 2).reshape([batch * len, n_heads * d_head])
    };
    for hidden in [None, Some(hidden)] {
        let run = |fused: bool| {
            let qkv = random([batch * len, 3 * n_heads * d_head], 1);
            let y = match fused {
                true => nn::self_attention(qkv.clone(), [batch, len], n_heads, 0.3, hidden.clone()),
                false => composed(qkv.clone(), hidden.clone()),
            };
            let gradients = loss(&y).backward();
            [values(&y), values(&qkv.grad(&gradients).unwrap())].concat()
        };
        rec_testkit::assert_close("self-attention", &run(true), &run(false), 2e-6);
    }
}

/// On every device: the plain steps of the others have a product of whole matrices to be compared with, too.
#[test]
fn sums_of_bags() {
    let rows = [vec![(0, 0.5), (3, -1.0), (0, 2.0)], vec![], vec![(4, 1.5)]];
    let mut dense = [[0.0f32; 5]; 3];
    for (row, entries) in dense.iter_mut().zip(&rows) {
        entries.iter().for_each(|&(column, weight)| row[column as usize] += weight);
    }
    let dense = Tensor::<2>::from_data(dense, &device());
    let bags = Arc::new(Bags::new(SparseMatrix::new(5, rows)));
    let run = |sums: &dyn Fn(Tensor<2>) -> Tensor<2>| {
        let table = random([5, 19], 1);
        let y = sums(table.clone());
        let gradients = loss(&y).backward();
        [values(&y), values(&table.grad(&gradients).unwrap())].concat()
    };
    let (fused, composed) =
        (run(&|table| nn::sum_bags(table, &bags)), run(&|table| dense.clone().matmul(table)));
    rec_testkit::assert_close("bags", &fused, &composed, 1e-5);
    let plain = random([5, 19], 1).inner();
    rec_testkit::assert_close(
        "without gradients",
        &values(&nn::sum_bags(plain, &bags)),
        &fused[..3 * 19],
        1e-6,
    );
}

#[test]
fn without_gradients_and_without_a_bias() {
    let plain = rec_testkit::device();
    let x = Tensor::<2>::from_data([[1.0, 3.0]], &plain);
    let y = nn::layer_norm(x, Tensor::ones([2], &plain), None, 1e-12);
    assert!((values(&y)[0] + 1.0).abs() < 1e-5);
}
