//! Steps with their own derivative, for training on burn's flex backend: [`rec_kernels::training`] as operations of burn.
//!
//! Burn's autodiff takes a norm, GELU and attention apart into elementwise steps, each a node of its graph and a pass over memory
//! on one thread. Here each is one node, and a pass on all threads. Other devices, and devices without gradients, keep burn's
//! operations, which are what these are tested against.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{BoolTensor, FloatTensor};
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};
use rec_kernels::training::{self, LayerNormGradient, Matrix, SelfAttention};

use super::Bags;

/// Whether the steps below are for this tensor.
pub(super) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device();
    device.is_autodiff() && device == Device::flex() && x.dtype() == DType::F32
}

/// `x W + b`.
pub(super) fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<D> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::fused_linear(x, weight, bias))
}

pub(super) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused_gelu(x.into_dispatch()))
}

pub(super) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::fused_layer_norm(x, gamma, beta, eps))
}

pub(super) fn self_attention(
    qkv: Tensor<2>,
    hidden: Tensor<3, Bool>,
    n_heads: usize,
    scale: f64,
) -> Tensor<2> {
    let (qkv, hidden) = (qkv.into_dispatch(), hidden.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::fused_self_attention(qkv, hidden, n_heads, scale))
}

pub(super) fn sum_bags(table: Tensor<2>, bags: &Arc<Bags>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused_sum_bags(table.into_dispatch(), Arc::clone(bags)))
}

#[backend_extension(Flex, Autodiff)]
pub(crate) trait Fused: Backend {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self>;
    fn fused_self_attention(
        qkv: FloatTensor<Self>,
        hidden: BoolTensor<Self>,
        n_heads: usize,
        scale: f64,
    ) -> FloatTensor<Self>;
    fn fused_sum_bags(table: FloatTensor<Self>, bags: Arc<Bags>) -> FloatTensor<Self>;
}

/// A tensor whose values lie in order.
struct Host(FlexTensor);

impl Host {
    fn new(tensor: &FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    fn values(&self) -> &[f32] {
        self.0.as_slice().unwrap_or_else(|| unreachable!("a contiguous copy of `f32`"))
    }

    fn shape(&self) -> Vec<usize> {
        self.0.layout().shape().iter().copied().collect()
    }

    fn last(&self) -> usize {
        self.shape().last().copied().unwrap_or(1)
    }
}

/// A tensor whose values `write` writes.
fn made(shape: Vec<usize>, write: impl FnOnce(&mut [f32])) -> FlexTensor {
    let mut values = vec![0.0; shape.iter().product()];
    write(&mut values);
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// A tensor whose values `change` changes: in place, unless somebody else has them.
fn changed(tensor: FlexTensor, change: impl FnOnce(&mut [f32])) -> FlexTensor {
    let mut in_order = tensor.to_contiguous();
    drop(tensor);
    let (from, to) = in_order.layout().contiguous_offsets().unwrap_or_default();
    change(&mut in_order.storage_mut()[from..to]);
    in_order
}

impl Fused for Flex {
    fn fused_linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [x, weight, bias] = [x, weight, bias].map(|tensor| Host::new(&tensor));
        let (mut shape, d_out) = (x.shape(), weight.last());
        if let Some(last) = shape.last_mut() {
            *last = d_out;
        }
        made(shape, |y| {
            let (x, w) = (Matrix::new(x.values(), x.last()), Matrix::new(weight.values(), d_out));
            training::matmul(x, w, Some(bias.values()), y);
        })
    }

    fn fused_gelu(x: FlexTensor) -> FlexTensor {
        let x = Host::new(&x);
        made(x.shape(), |y| training::gelu(x.values(), y))
    }

    fn fused_layer_norm(x: FlexTensor, gamma: FlexTensor, beta: FlexTensor, eps: f64) -> FlexTensor {
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| Host::new(&tensor));
        made(x.shape(), |y| training::layer_norm(x.values(), gamma.values(), beta.values(), eps as f32, y))
    }

    fn fused_self_attention(qkv: FlexTensor, hidden: FlexTensor, n_heads: usize, scale: f64) -> FlexTensor {
        let qkv = Host::new(&qkv);
        let shape = qkv.shape();
        let mask = Mask::new(&hidden);
        made(vec![shape[0], shape[1] / 3], |y| {
            training::self_attention(mask.attention(n_heads, shape[1], scale), qkv.values(), y);
        })
    }

    fn fused_sum_bags(table: FlexTensor, bags: Arc<Bags>) -> FlexTensor {
        let table = Host::new(&table);
        let (n, d) = (bags.matrix().n_rows(), table.last());
        made(vec![n, d], |y| bags.matrix().matmul(table.values(), d, y))
    }
}

/// `[batch, len, len]` on the host.
struct Mask {
    hidden: Vec<bool>,
    len: usize,
}

impl Mask {
    fn new(hidden: &FlexTensor) -> Self {
        let hidden = hidden.to_contiguous();
        let len = hidden.layout().shape()[2];
        let (from, to) = hidden.layout().contiguous_offsets().unwrap_or_default();
        Self { hidden: hidden.storage::<u8>()[from..to].iter().map(|&byte| byte != 0).collect(), len }
    }

    fn attention(&self, n_heads: usize, width: usize, scale: f64) -> SelfAttention<'_> {
        let d_head = width / 3 / n_heads;
        SelfAttention { n_heads, d_head, len: self.len, scale: scale as f32, hidden: Some(&self.hidden) }
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (x_tracked, weight_tracked) = (x.is_tracked(), weight.is_tracked());
        let run = Flex::fused_linear;
        match LinearStep.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                // The input serves the gradient of the weight alone, and the weight that of the input.
                let state = (
                    weight_tracked.then(|| step.checkpoint(&x)),
                    x_tracked.then(|| step.checkpoint(&weight)),
                );
                step.finish(state, run(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
            OpsKind::UnTracked(step) => {
                step.finish(run(x.into_primitive(), weight.into_primitive(), bias.into_primitive()))
            }
        }
    }

    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match GeluStep.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = step.checkpoint(&x);
                step.finish(state, Flex::fused_gelu(x.into_primitive()))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::fused_gelu(x.into_primitive())),
        }
    }

    fn fused_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        let run = Flex::fused_layer_norm;
        match LayerNormStep.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&x), step.checkpoint(&gamma), eps);
                step.finish(
                    state,
                    run(x.into_primitive(), gamma.into_primitive(), beta.into_primitive(), eps),
                )
            }
            OpsKind::UnTracked(step) => {
                step.finish(run(x.into_primitive(), gamma.into_primitive(), beta.into_primitive(), eps))
            }
        }
    }

    fn fused_self_attention(
        qkv: FloatTensor<Self>,
        hidden: BoolTensor<Self>,
        n_heads: usize,
        scale: f64,
    ) -> FloatTensor<Self> {
        let run = Flex::fused_self_attention;
        match AttentionStep.prepare::<C>([qkv.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut step) => {
                let state = (step.checkpoint(&qkv), hidden.clone(), n_heads, scale);
                step.finish(state, run(qkv.into_primitive(), hidden, n_heads, scale))
            }
            OpsKind::UnTracked(step) => step.finish(run(qkv.into_primitive(), hidden, n_heads, scale)),
        }
    }

    fn fused_sum_bags(table: FloatTensor<Self>, bags: Arc<Bags>) -> FloatTensor<Self> {
        match BagsStep.prepare::<C>([table.node()]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish(Arc::clone(&bags), Flex::fused_sum_bags(table.into_primitive(), bags))
            }
            OpsKind::UnTracked(step) => step.finish(Flex::fused_sum_bags(table.into_primitive(), bags)),
        }
    }
}

fn saved(checkpointer: &mut Checkpointer, id: NodeId) -> Host {
    Host::new(&checkpointer.retrieve_node_output::<FlexTensor>(id))
}

#[derive(Debug)]
struct LinearStep;

impl Backward<Flex, 3> for LinearStep {
    /// The input and the weight, where a gradient needs them.
    type State = (Option<NodeId>, Option<NodeId>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = Host::new(&grads.consume::<Flex>(&ops.node));
        let ([x_node, weight_node, bias_node], (x, weight)) = (ops.parents, ops.state);
        let rows = Matrix::new(dy.values(), dy.last());
        if let (Some(node), Some(weight)) = (x_node, weight.map(|id| saved(checkpointer, id))) {
            let mut shape = dy.shape();
            let weight_rows = Matrix::new(weight.values(), weight.last());
            if let Some(last) = shape.last_mut() {
                *last = weight.shape()[0];
            }
            let dx = made(shape, |dx| training::matmul(rows, weight_rows.transposed(), None, dx));
            grads.register::<Flex>(node.id, dx);
        }
        if let (Some(node), Some(x)) = (weight_node, x.map(|id| saved(checkpointer, id))) {
            let x_rows = Matrix::new(x.values(), x.last()).transposed();
            let dw = made(vec![x.last(), dy.last()], |dw| training::matmul(x_rows, rows, None, dw));
            grads.register::<Flex>(node.id, dw);
        }
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, made(vec![dy.last()], |db| training::sum_rows(dy.values(), db)));
        }
    }
}

#[derive(Debug)]
struct GeluStep;

impl Backward<Flex, 1> for GeluStep {
    type State = NodeId;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        if let [Some(node)] = ops.parents {
            let x = saved(checkpointer, ops.state);
            let dx = changed(dy, |gradient| training::gelu_gradient(x.values(), gradient));
            grads.register::<Flex>(node.id, dx);
        }
    }
}

#[derive(Debug)]
struct LayerNormStep;

impl Backward<Flex, 3> for LayerNormStep {
    type State = (NodeId, NodeId, f64);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let (x, gamma, eps) = ops.state;
        let (x, gamma) = (saved(checkpointer, x), saved(checkpointer, gamma));
        let d = gamma.last();
        let (mut dgamma, mut dbeta) = (vec![0.0; d], vec![0.0; d]);
        let dx = changed(dy, |gradient| {
            let to = LayerNormGradient { x: gradient, gamma: &mut dgamma, beta: &mut dbeta };
            training::layer_norm_gradient(x.values(), gamma.values(), eps as f32, to);
        });
        let vector = |values: Vec<f32>| FlexTensor::from_data(TensorData::new(values, [d]));
        for (node, gradient) in ops.parents.into_iter().zip([dx, vector(dgamma), vector(dbeta)]) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct AttentionStep;

impl Backward<Flex, 1> for AttentionStep {
    type State = (NodeId, FlexTensor, usize, f64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let dy = Host::new(&grads.consume::<Flex>(&ops.node));
        if let [Some(node)] = ops.parents {
            let (qkv, hidden, n_heads, scale) = ops.state;
            let (qkv, mask) = (saved(checkpointer, qkv), Mask::new(&hidden));
            let attention = mask.attention(n_heads, qkv.last(), scale);
            let dqkv = made(qkv.shape(), |dqkv| {
                training::self_attention_gradient(attention, qkv.values(), dy.values(), dqkv);
            });
            grads.register::<Flex>(node.id, dqkv);
        }
    }
}

#[derive(Debug)]
struct BagsStep;

impl Backward<Flex, 1> for BagsStep {
    type State = Arc<Bags>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = Host::new(&grads.consume::<Flex>(&ops.node));
        if let [Some(node)] = ops.parents {
            let (transposed, d) = (&ops.state.transposed, dy.last());
            let dx = made(vec![transposed.n_rows(), d], |dx| transposed.matmul(dy.values(), d, dx));
            grads.register::<Flex>(node.id, dx);
        }
    }
}
