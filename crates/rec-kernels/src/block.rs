use std::ops::Range;

use rayon::prelude::*;

use crate::activation::{Activate, Activation, Gate};
use crate::attention::Group;
use crate::dispatch::Dispatch;
use crate::int8;
use crate::model::{Attention, Block, BranchNorms, FeedForward, Linear};
use crate::norm::{Finish, Normalize, OwnedNorm};
use crate::packed::Packed;
use crate::product::{Columns, Product, Target};
use crate::rotary::RotaryTable;
use crate::scratch::{Part, Scratch, for_each, grown, share};
use crate::softmax::Sight;

/// A linear map in panels.
#[derive(Debug)]
pub(crate) struct Affine {
    matrix: Matrix,
    /// Padded to whole vectors; empty if there is none.
    pub(crate) bias: Vec<f32>,
}

#[derive(Debug)]
enum Matrix {
    Float(Packed),
    Int8(int8::Weights),
}

/// The left side of a product: as it is, and in codes where maps are in eight bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) n_rows: usize,
    pub(crate) columns: &'a [Columns<'a>],
    pub(crate) codes: &'a int8::Rows,
}

impl Affine {
    /// The given columns of a map, which has `d_out` in all; in eight bits where a kernel for these is given.
    pub(crate) fn new(
        dispatch: Dispatch,
        kernel: Option<int8::Kernel>,
        linear: &Linear<'_>,
        d_out: usize,
        columns: &[usize],
    ) -> Self {
        let lanes = dispatch.shape().lanes;
        let bias = linear.bias.map_or_else(Vec::new, |bias| {
            let mut bias: Vec<f32> = columns.iter().map(|&column| bias[column]).collect();
            bias.resize(columns.len().next_multiple_of(lanes), 0.0);
            bias
        });
        let matrix = match kernel {
            None => Matrix::Float(Packed::new(dispatch, linear.weight, d_out, columns)),
            Some(kernel) => Matrix::Int8(int8::Weights::new(dispatch, kernel, linear.weight, d_out, columns)),
        };
        Self { matrix, bias }
    }

    pub(crate) fn n_panels(&self) -> usize {
        match &self.matrix {
            Matrix::Float(packed) => packed.panels().len(),
            Matrix::Int8(weights) => weights.n_panels(),
        }
    }

    /// The product of rows with some panels of the map, without the bias.
    pub(crate) fn multiply(
        &self,
        dispatch: Dispatch,
        left: Left<'_>,
        panels: Range<usize>,
        target: Target<'_>,
    ) {
        let Left { n_rows, columns, codes } = left;
        match &self.matrix {
            Matrix::Float(packed) => {
                let right = packed.panels();
                dispatch.run(Product { n_rows, left: columns, right, first_row: 0, panels, target });
            }
            Matrix::Int8(weights) => weights.multiply(codes, n_rows, panels, target),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        let matrix = match &self.matrix {
            Matrix::Float(packed) => packed.memory(),
            Matrix::Int8(weights) => weights.memory(),
        };
        matrix + size_of_val(self.bias.as_slice())
    }
}

/// The norms around a branch.
#[derive(Debug)]
pub(crate) struct OwnedNorms {
    input: Option<OwnedNorm>,
    output: Option<OwnedNorm>,
    sum: Option<OwnedNorm>,
}

impl OwnedNorms {
    fn new(norms: &BranchNorms<'_>, d: usize, name: &str) -> Self {
        let own = |norm: &Option<_>| norm.as_ref().map(|norm| OwnedNorm::new(norm, d, name));
        Self { input: own(&norms.input), output: own(&norms.output), sum: own(&norms.sum) }
    }
}

/// A block with packed weights.
#[derive(Debug)]
pub(crate) struct PackedBlock {
    /// For each key head its query heads, itself and its value head: attention needs nothing else.
    groups: Vec<Affine>,
    output: Affine,
    query_norm: Option<OwnedNorm>,
    key_norm: Option<OwnedNorm>,
    attention_norms: OwnedNorms,
    gate: Option<Affine>,
    up: Affine,
    down: Affine,
    feed_forward_norms: OwnedNorms,
}

/// What the layers of a model have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) dispatch: Dispatch,
    /// What multiplies bytes, if maps are in eight bits.
    pub(crate) kernel: Option<int8::Kernel>,
    pub(crate) d_model: usize,
    pub(crate) attention: Attention,
    pub(crate) feed_forward: FeedForward,
}

impl Common {
    /// The left side of a product, with codes if they are needed.
    fn left<'a>(&self, n_rows: usize, columns: &'a [Columns<'a>], codes: &'a mut int8::Rows) -> Left<'a> {
        if let Some(kernel) = self.kernel {
            codes.quantize(self.dispatch, kernel, n_rows, columns);
        }
        Left { n_rows, columns, codes }
    }
}

/// What a layer's attention sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) reach: Option<usize>,
    pub(crate) rotary: Option<&'a RotaryTable>,
    /// `[n_heads, n_offsets]`, or empty.
    pub(crate) bias: &'a [f32],
}

impl PackedBlock {
    /// # Panics
    ///
    /// A shape is wrong; the message names it.
    pub(crate) fn new(common: &Common, block: &Block<'_>) -> Self {
        let Common { dispatch, kernel, d_model, attention, feed_forward } = common;
        let Attention { n_heads, n_kv_heads, d_head, .. } = *attention;
        let d_ff = feed_forward.d_ff;
        let d_qkv = (n_heads + 2 * n_kv_heads) * d_head;
        let d_up = d_ff * (1 + usize::from(feed_forward.is_gated));
        check("qkv", &block.qkv, *d_model, d_qkv);
        check("attention output", &block.output, n_heads * d_head, *d_model);
        check("up", &block.up, *d_model, d_up);
        check("down", &block.down, d_ff, *d_model);
        let n_queries = n_heads / n_kv_heads;
        let group = |kv: usize| {
            let heads =
                (kv * n_queries..(kv + 1) * n_queries).chain([n_heads + kv, n_heads + n_kv_heads + kv]);
            let columns: Vec<usize> = heads.flat_map(|head| head * d_head..(head + 1) * d_head).collect();
            Affine::new(*dispatch, *kernel, &block.qkv, d_qkv, &columns)
        };
        let affine = |linear, d_out, from, to| {
            Affine::new(*dispatch, *kernel, linear, d_out, &(from..to).collect::<Vec<usize>>())
        };
        let head_norm = |norm: &Option<_>, name| norm.as_ref().map(|norm| OwnedNorm::new(norm, d_head, name));
        Self {
            groups: (0..n_kv_heads).into_par_iter().map(group).collect(),
            output: affine(&block.output, *d_model, 0, *d_model),
            query_norm: head_norm(&block.query_norm, "the query norm"),
            key_norm: head_norm(&block.key_norm, "the key norm"),
            attention_norms: OwnedNorms::new(&block.attention_norms, *d_model, "an attention norm"),
            gate: feed_forward.is_gated.then(|| affine(&block.up, d_up, 0, d_ff)),
            up: affine(&block.up, d_up, d_up - d_ff, d_up),
            down: affine(&block.down, *d_model, 0, *d_model),
            feed_forward_norms: OwnedNorms::new(&block.feed_forward_norms, *d_model, "a feed-forward norm"),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        let linear = self.groups.iter().chain(&self.gate).chain([&self.output, &self.up, &self.down]);
        linear.map(Affine::memory).sum()
    }

    /// One layer over whole sequences: row `offsets[i] - offsets[0]` of `x` is the first of sequence `i`.
    ///
    /// The work is divided by columns among the parts of `scratch`; what it computes does not depend on their number.
    pub(crate) fn forward(
        &self,
        common: &Common,
        view: View<'_>,
        x: &mut [f32],
        offsets: &[usize],
        scratch: &mut Scratch,
    ) {
        /// The hidden states of as many rows stay in the second-level cache.
        const ROWS: usize = 64;
        /// With several parts, which wait for each other after every step.
        const SHARED_ROWS: usize = 256;
        self.attend(common, view, x, offsets, scratch);
        let rows = if scratch.parts.len() > 1 { SHARED_ROWS } else { ROWS };
        for x in x.chunks_mut(rows * common.d_model) {
            self.feed_forward(common, x, scratch);
        }
    }

    fn attend(
        &self,
        common: &Common,
        view: View<'_>,
        x: &mut [f32],
        offsets: &[usize],
        scratch: &mut Scratch,
    ) {
        let Common { dispatch, d_model, attention, .. } = *common;
        let Attention { n_heads, n_kv_heads, d_head, scale, is_causal } = attention;
        let (n_rows, n_queries, n_parts) = (x.len() / d_model, n_heads / n_kv_heads, scratch.parts.len());
        let n_offsets = view.bias.len() / n_heads;
        let stride = ((n_queries + 2) * d_head).next_multiple_of(dispatch.shape().lanes);
        let width = |part: usize| share(n_kv_heads, n_parts, part).len() * n_queries * d_head;
        let input = [input(common, self.attention_norms.input.as_ref(), x, &mut scratch.normed)];
        let left = common.left(n_rows, &input, &mut scratch.codes);
        for_each(&mut scratch.parts, |index, Part { narrow, wide, attention }| {
            let mixed_stride = width(index);
            let mixed = grown(wide, n_rows * mixed_stride);
            for (at, kv) in share(n_kv_heads, n_parts, index).enumerate() {
                let affine = &self.groups[kv];
                let group = grown(narrow, n_rows * stride);
                let target = Target { values: group, stride, width: stride };
                affine.multiply(dispatch, left, 0..affine.n_panels(), target);
                let (bias, activation) = (affine.bias.as_slice(), Activation::Identity);
                dispatch.run(Activate { values: group, stride, width: stride, bias, activation });
                for pair in offsets.windows(2) {
                    let (first, len) = (pair[0] - offsets[0], pair[1] - pair[0]);
                    if len == 0 {
                        continue;
                    }
                    let group = Group {
                        rows: &mut group[first * stride..][..len * stride],
                        stride,
                        n_queries,
                        d_head,
                        scale,
                        sight: Sight { len, reach: view.reach, is_causal },
                        query_norm: self.query_norm.as_ref(),
                        key_norm: self.key_norm.as_ref(),
                        rotary: view.rotary,
                        bias: &view.bias[kv * n_queries * n_offsets..][..n_queries * n_offsets],
                    };
                    let mixed = &mut mixed[first * mixed_stride + at * n_queries * d_head..];
                    group.attend(dispatch, attention, mixed, mixed_stride);
                }
            }
        });
        self.attention_norms.finish(common, &self.output, x, scratch, (width, width));
    }

    fn feed_forward(&self, common: &Common, x: &mut [f32], scratch: &mut Scratch) {
        let Common { dispatch, d_model, feed_forward, .. } = *common;
        let (n_rows, n_parts, shape) = (x.len() / d_model, scratch.parts.len(), dispatch.shape());
        let n_panels = self.up.n_panels();
        let width = |part: usize| {
            let panels = share(n_panels, n_parts, part);
            (panels.end * shape.width).min(feed_forward.d_ff)
                - (panels.start * shape.width).min(feed_forward.d_ff)
        };
        let stride = |part: usize| width(part).next_multiple_of(shape.lanes);
        let input = [input(common, self.feed_forward_norms.input.as_ref(), x, &mut scratch.normed)];
        let left = common.left(n_rows, &input, &mut scratch.codes);
        for_each(&mut scratch.parts, |index, Part { narrow, wide, .. }| {
            let stride = stride(index);
            let hidden = grown(wide, n_rows * stride);
            let panels = share(n_panels, n_parts, index);
            // A panel at a time: what the product has written is still in the first-level cache.
            for panel in panels.clone() {
                let from = (panel - panels.start) * shape.width;
                let (width, bias) = ((stride - from).min(shape.width), panel * shape.width);
                let first = self.gate.as_ref().unwrap_or(&self.up);
                let target = Target { values: &mut hidden[from..], stride, width };
                first.multiply(dispatch, left, panel..panel + 1, target);
                dispatch.run(Activate {
                    values: &mut hidden[from..],
                    stride,
                    width,
                    bias: first.bias.get(bias..bias + width).unwrap_or_default(),
                    activation: feed_forward.activation,
                });
                if self.gate.is_some() {
                    let values = grown(narrow, n_rows * width);
                    let target = Target { values, stride: width, width };
                    self.up.multiply(dispatch, left, panel..panel + 1, target);
                    dispatch.run(Gate {
                        gate: &mut hidden[from..],
                        stride,
                        values,
                        width,
                        bias: self.up.bias.get(bias..bias + width).unwrap_or_default(),
                    });
                }
            }
        });
        self.feed_forward_norms.finish(common, &self.down, x, scratch, (width, stride));
    }
}

/// What enters a branch.
fn input<'a>(
    common: &Common,
    norm: Option<&OwnedNorm>,
    x: &'a [f32],
    normed: &'a mut Vec<f32>,
) -> Columns<'a> {
    let d = common.d_model;
    let values = match norm {
        None => x,
        Some(norm) => {
            let normed = grown(normed, x.len());
            normed.copy_from_slice(x);
            common.dispatch.run(Normalize { norm, values: normed, d });
            normed
        }
    };
    Columns { values, stride: d, width: d }
}

impl OwnedNorms {
    /// The linear map at the end of a branch, and what follows it; part `i` has so many columns of the map's input.
    fn finish(
        &self,
        common: &Common,
        map: &Affine,
        x: &mut [f32],
        scratch: &mut Scratch,
        (width, stride): (impl Fn(usize) -> usize, impl Fn(usize) -> usize),
    ) {
        let Common { dispatch, d_model, .. } = *common;
        let Scratch { row, codes, parts, branch, .. } = scratch;
        let (n_rows, n_parts, shape) = (x.len() / d_model, parts.len(), dispatch.shape());
        let left: Vec<Columns<'_>> = parts
            .iter()
            .enumerate()
            .map(|(part, Part { wide, .. })| {
                let (width, stride) = (width(part), stride(part));
                Columns { values: wide, stride, width }
            })
            .collect();
        let left = common.left(n_rows, &left, codes);
        let n_panels = map.n_panels();
        let columns = |part: usize| {
            let panels = share(n_panels, n_parts, part);
            (panels.end * shape.width).min(d_model) - (panels.start * shape.width).min(d_model)
        };
        for_each(branch, |index, values| {
            let stride = columns(index).next_multiple_of(shape.lanes);
            let target = Target { values: grown(values, n_rows * stride), stride, width: stride };
            map.multiply(dispatch, left, share(n_panels, n_parts, index), target);
        });
        let branch: Vec<Columns<'_>> = branch
            .iter()
            .enumerate()
            .map(|(part, values)| {
                let width = columns(part);
                Columns { values, stride: width.next_multiple_of(shape.lanes), width }
            })
            .collect();
        let (output, sum) = (self.output.as_ref(), self.sum.as_ref());
        dispatch.run(Finish { x, branch: &branch, bias: &map.bias, output, sum, row: grown(row, d_model) });
    }
}

/// # Panics
///
/// The weights or the biases of a map have another shape.
pub(crate) fn check(name: &str, linear: &Linear<'_>, d_in: usize, d_out: usize) {
    let Linear { weight, bias } = linear;
    assert_eq!(weight.len(), d_in * d_out, "weights of {name} for [{d_in}, {d_out}]");
    assert!(bias.is_none_or(|bias| bias.len() == d_out), "biases of {name} for {d_out} values");
}
