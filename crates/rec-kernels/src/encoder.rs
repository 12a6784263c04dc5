use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::block::{Common, PackedBlock, View};
use crate::dispatch::Dispatch;
use crate::int8;
use crate::model::{Layer, Model, Span};
use crate::norm::{Normalize, OwnedNorm};
use crate::scratch::Scratch;
use crate::together::together;

/// A transformer with packed weights, ready to run.
///
/// It is a copy: it holds as much memory again as the weights of the blocks ([`memory`](Self::memory)), and does not see
/// later changes of them.
///
/// Threads leave their intermediate values to the next call: some MB each, and more after long sequences.
#[derive(Debug)]
pub struct Encoder {
    common: Common,
    blocks: Vec<PackedBlock>,
    spans: Vec<Span>,
    layers: Vec<Layer>,
    /// `[n_heads, 2 * max_len - 1]` and the longest sequence.
    bias: Option<(Vec<f32>, usize)>,
    last_norm: Option<OwnedNorm>,
    /// What threads that are not at work have left.
    idle: Mutex<Vec<Scratch>>,
}

impl Encoder {
    /// Packs the weights of a model; the page of the crate has an example.
    ///
    /// # Panics
    ///
    /// A shape does not fit the model's sizes, a layer names a block or span that is not there, the heads cannot share
    /// their keys, or the scale of the logits is negative or not finite.
    #[must_use]
    pub fn new(model: &Model<'_>) -> Self {
        Self::with(model, Dispatch::native(), None)
    }

    /// Packs the weights of a model in eight bits: the linear maps of all layers compute in bytes, everything between them in
    /// `f32`. A quarter of the memory, and much less time where the processor multiplies bytes faster (AVX-512 VNNI, AVX2).
    ///
    /// Weights are rounded with a scale for each column, what enters a map with a scale for each row, `max / 127`. So the states
    /// differ from those of [`new`](Self::new) by some percent; what is beside a sequence still changes no bit of it.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new), or a map takes more than 65,536 values.
    #[must_use]
    pub fn int8(model: &Model<'_>) -> Self {
        let dispatch = Dispatch::native();
        Self::with(model, dispatch, Some(int8::Kernel::new(dispatch)))
    }

    pub(crate) fn with(model: &Model<'_>, dispatch: Dispatch, kernel: Option<int8::Kernel>) -> Self {
        let Model { d_model, attention, feed_forward, blocks, spans, layers, relative_bias, last_norm } =
            model;
        let sizes = [*d_model, attention.n_heads, attention.n_kv_heads, attention.d_head, feed_forward.d_ff];
        assert!(sizes.iter().all(|&size| size > 0), "a size of the model is zero: {sizes:?}");
        let (n_heads, n_kv) = (attention.n_heads, attention.n_kv_heads);
        assert!(
            n_heads.is_multiple_of(n_kv),
            "{n_kv} key and value heads cannot be shared by {n_heads} heads"
        );
        assert!(attention.scale.is_finite() && attention.scale >= 0.0, "attention scale {}", attention.scale);
        for Layer { block, span } in layers {
            assert!(*block < blocks.len() && *span < spans.len(), "no block {block} or no span {span}");
        }
        for rotary in spans.iter().filter_map(|span| span.rotary.as_ref()) {
            let d_head = attention.d_head;
            assert_eq!(rotary.d_head(), d_head, "values of a head in the rotary table and in the model");
        }
        let bias = relative_bias.map(|bias| {
            let n = n_heads * (2 * bias.max_len).saturating_sub(1);
            assert_eq!(
                bias.values.len(),
                n,
                "relative biases for {n_heads} heads, {} positions",
                bias.max_len
            );
            (bias.values.to_vec(), bias.max_len)
        });
        let common = Common {
            dispatch,
            kernel,
            d_model: *d_model,
            attention: *attention,
            feed_forward: *feed_forward,
        };
        Self {
            blocks: blocks.iter().map(|block| PackedBlock::new(&common, block)).collect(),
            spans: spans.clone(),
            layers: layers.clone(),
            bias,
            last_norm: last_norm.map(|norm| OwnedNorm::new(&norm, *d_model, "the last norm")),
            common,
            idle: Mutex::default(),
        }
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.blocks.iter().map(PackedBlock::memory).sum()
    }

    /// Values in a state.
    #[must_use]
    pub fn d_model(&self) -> usize {
        self.common.d_model
    }

    /// Runs all layers in place over the states `[rows, d_model]` of several sequences: row `offsets[i]` is the first of
    /// sequence `i`, and `offsets` ends with the number of rows. Sequences may be empty; no sequence has no rows.
    ///
    /// It uses the threads of the current rayon pool. A sequence's output has the same bits for any number of threads and
    /// whatever stands beside it; processors with other vectors may differ in the last bits.
    ///
    /// # Panics
    ///
    /// `offsets` does not rise from 0 to the number of rows, or a sequence is longer than a table of positions.
    pub fn forward(&self, states: &mut [f32], offsets: &[usize]) {
        let n_threads = rayon::current_num_threads();
        self.check(states, offsets);
        let tasks = tasks(offsets, n_threads);
        if tasks.len() == 1 {
            return together(n_threads, || self.run(states, offsets, n_threads));
        }
        let mut rest = states;
        let mut works = Vec::with_capacity(tasks.len());
        for offsets in tasks {
            let n = (offsets[offsets.len() - 1] - offsets[0]) * self.common.d_model;
            let (states, after) = std::mem::take(&mut rest).split_at_mut(n);
            works.push((states, offsets));
            rest = after;
        }
        works.into_par_iter().with_max_len(1).for_each(|(states, offsets)| self.run(states, offsets, 1));
    }

    fn check(&self, states: &[f32], offsets: &[usize]) {
        let d_model = self.common.d_model;
        let n = offsets.last().copied().unwrap_or_default();
        assert_eq!(states.len(), n * d_model, "states for {n} rows of {d_model} values");
        assert!(offsets.first().is_none_or(|&first| first == 0), "the first sequence begins at a later row");
        assert!(offsets.is_sorted(), "offsets fall");
        let longest = offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        let tables = self.spans.iter().filter_map(|span| span.rotary.as_ref()).map(|rotary| rotary.len());
        if let Some(len) = tables.chain(self.bias.as_ref().map(|(_, len)| *len)).min() {
            assert!(longest <= len, "a sequence of {longest} exceeds the tables of {len} positions");
        }
    }

    /// All layers over some sequences, in so many parts.
    fn run(&self, states: &mut [f32], offsets: &[usize], n_parts: usize) {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = idle().pop().unwrap_or_default();
        scratch.set_parts(n_parts);
        for layer in &self.layers {
            let span = &self.spans[layer.span];
            let bias = self.bias.as_ref().map_or(&[] as &[f32], |(bias, _)| bias);
            let view = View { reach: span.reach, rotary: span.rotary.as_ref(), bias };
            self.blocks[layer.block].forward(&self.common, view, states, offsets, &mut scratch);
        }
        if let Some(norm) = &self.last_norm {
            self.common.dispatch.run(Normalize { norm, values: states, d: self.common.d_model });
        }
        idle().push(scratch);
    }
}

/// Divides sequences, which stay whole: into tasks of some rows if that keeps the threads busy, else into one that the
/// threads share.
fn tasks(offsets: &[usize], n_threads: usize) -> Vec<&[usize]> {
    /// As many states fit the second-level cache, with the weights that they meet.
    const ROWS: usize = 64;
    let mut tasks = Vec::new();
    let (mut first, mut largest) = (0, 0);
    for last in 1..offsets.len() {
        let rows = offsets[last] - offsets[first];
        let is_end = last + 1 == offsets.len();
        if is_end || offsets[last + 1] - offsets[first] > ROWS {
            tasks.push(&offsets[first..=last]);
            largest = largest.max(rows);
            first = last;
        }
    }
    let n_rows = offsets.last().copied().unwrap_or_default();
    let rounds = tasks.len().div_ceil(n_threads);
    // The time of the slowest thread is about that of so many rows.
    let slowest = (rounds * n_rows).div_ceil(tasks.len().max(1)).max(largest);
    if n_threads > 1 && slowest * n_threads * 3 > n_rows * 4 {
        return vec![offsets];
    }
    tasks
}
