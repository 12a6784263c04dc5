//! How near a transformer with the shape of MiniLM-L6 comes to what the processor can do: the rate of multiply-adds alone,
//! of the `gemm` crate on the products of a layer, and of whole forward passes.
//!
//!     cargo run --release -p rec-kernels --example roofline [-- REPETITIONS]
//!
//! Beside it stand passes in eight bits. With `peak` as the argument it prints the first alone, in GFLOP/s on all threads.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program")]

use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rec_kernels::{
    Activation, Attention, Block, BranchNorms, Encoder, FeedForward, Layer, Linear, Model, Norm, NormKind,
    Span,
};

const D_MODEL: usize = 384;
const D_FF: usize = 1536;
const N_LAYERS: usize = 6;
const N_HEADS: usize = 12;
const SHAPES: [[usize; 2]; 7] = [[32, 16], [32, 64], [32, 128], [8, 256], [1, 16], [1, 128], [1, 512]];

fn main() {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("peak") {
        let n_threads = rayon::current_num_threads();
        println!("{:.1}", median((0..=20).map(|_| peak(n_threads)).collect()));
        return;
    }
    let (encoder, int8) = (Weights::new().encoder(Encoder::new), Weights::new().encoder(Encoder::int8));
    let repetitions = argument.map_or(15, |argument| argument.parse().unwrap());
    let n_threads = rayon::current_num_threads();
    let [packed, bytes] = [&encoder, &int8].map(|encoder| encoder.memory() as f64 / 1e6);
    println!("{n_threads} threads, {packed:.1} MB of packed weights, {bytes:.1} MB in eight bits");
    println!("medians of {repetitions} interleaved repetitions, GFLOP/s");
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8}",
        "shape", "peak", "gemm", "forward", "of peak", "ms", "int8, ms"
    );
    for shape in SHAPES {
        let [batch, len] = shape;
        let mut figures = [const { Vec::new() }; 4];
        for repetition in 0..=repetitions {
            let times = [peak(n_threads), gemm(batch * len), seconds(&encoder, shape), seconds(&int8, shape)];
            // The first warms up.
            for (figures, time) in figures.iter_mut().zip(times).filter(|_| repetition > 0) {
                figures.push(time);
            }
        }
        let [peak, gemm, forward, int8] = figures.map(median);
        let rate = flops(shape) / forward / 1e9;
        let name = format!("{batch}x{len}");
        println!(
            "{name:>8} {peak:>8.1} {gemm:>8.1} {rate:>8.1} {:>8.0}% {:>8.2} {:>8.2}",
            100.0 * rate / peak,
            1e3 * forward,
            1e3 * int8
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Of matrix products and attention in a pass.
fn flops([batch, len]: [usize; 2]) -> f64 {
    let rows = batch * len * N_LAYERS;
    (2 * rows * (4 * D_MODEL * D_MODEL + 2 * D_MODEL * D_FF) + 4 * rows * len * D_MODEL) as f64
}

fn seconds(encoder: &Encoder, [batch, len]: [usize; 2]) -> f64 {
    let mut states = random(&mut ChaCha8Rng::seed_from_u64(1), batch * len * D_MODEL, 1.0);
    let offsets: Vec<usize> = (0..=batch).map(|text| text * len).collect();
    let start = Instant::now();
    encoder.forward(&mut states, &offsets);
    let time = start.elapsed().as_secs_f64();
    assert!(states.iter().all(|value| value.is_finite()));
    time
}

/// GFLOP/s of multiply-adds without memory.
fn peak(n_threads: usize) -> f64 {
    const N: usize = 400_000;
    let start = Instant::now();
    let lanes: Vec<usize> =
        (0..n_threads).into_par_iter().map(|_| pulp::Arch::new().dispatch(MultiplyAdd(N))).collect();
    let n: usize = lanes.iter().map(|lanes| 2 * N * CHAINS * lanes).sum();
    n as f64 / start.elapsed().as_secs_f64() / 1e9
}

const CHAINS: usize = 12;

struct MultiplyAdd(usize);

impl pulp::WithSimd for MultiplyAdd {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> usize {
        let mut sums = [simd.splat_f32s(0.0); CHAINS];
        let (a, b) = (simd.splat_f32s(std::hint::black_box(0.5)), simd.splat_f32s(1.0));
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, a, b);
            }
        }
        let sum = sums.into_iter().reduce(|x, y| simd.add_f32s(x, y)).unwrap();
        assert!(simd.reduce_sum_f32s(sum) > 0.0);
        S::F32_LANES
    }
}

/// GFLOP/s of the `gemm` crate, on all threads, for the products of a layer.
fn gemm(rows: usize) -> f64 {
    let shapes = [[D_MODEL, 3 * D_MODEL], [D_MODEL, D_MODEL], [D_MODEL, D_FF], [D_FF, D_MODEL]];
    let (mut time, mut n) = (0.0, 0);
    for [d_in, d_out] in shapes {
        let (a, b, mut c) = (vec![0.5; rows * d_in], vec![0.5; d_in * d_out], vec![0.0; rows * d_out]);
        let start = Instant::now();
        // SAFETY: the pointers are to whole matrices of the sizes that are given, row-major, and `c` is borrowed alone.
        #[allow(unsafe_code, reason = "gemm has no other interface")]
        unsafe {
            gemm::gemm(
                rows,
                d_out,
                d_in,
                c.as_mut_ptr(),
                1,
                d_out as isize,
                false,
                a.as_ptr(),
                1,
                d_in as isize,
                b.as_ptr(),
                1,
                d_out as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::Rayon(0),
            );
        }
        time += start.elapsed().as_secs_f64();
        n += 2 * rows * d_in * d_out;
        assert!(c[0] > 0.0);
    }
    n as f64 / time / 1e9
}

fn random(rng: &mut ChaCha8Rng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| scale * (rng.random::<f32>() - 0.5)).collect()
}

struct Weights {
    blocks: Vec<[Vec<f32>; 4]>,
    bias: Vec<f32>,
    ones: Vec<f32>,
}

impl Weights {
    fn new() -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let sizes = [3 * D_MODEL * D_MODEL, D_MODEL * D_MODEL, D_MODEL * D_FF, D_FF * D_MODEL];
        let blocks = (0..N_LAYERS).map(|_| sizes.map(|n| random(rng, n, 0.1))).collect();
        Self { blocks, bias: random(rng, D_FF, 0.1), ones: vec![1.0; D_MODEL] }
    }

    fn encoder(&self, make: fn(&Model<'_>) -> Encoder) -> Encoder {
        let (bias, ones) = (self.bias.as_slice(), self.ones.as_slice());
        let norm = Norm { kind: NormKind::Layer, eps: 1e-12, weight: ones, bias: Some(&bias[..D_MODEL]) };
        let norms = BranchNorms { sum: Some(norm), ..BranchNorms::default() };
        let block = |index: usize| {
            let [qkv, output, up, down] = &self.blocks[index];
            Block {
                qkv: Linear { weight: qkv, bias: Some(&bias[..3 * D_MODEL]) },
                output: Linear { weight: output, bias: Some(&bias[..D_MODEL]) },
                query_norm: None,
                key_norm: None,
                attention_norms: norms,
                up: Linear { weight: up, bias: Some(bias) },
                down: Linear { weight: down, bias: Some(&bias[..D_MODEL]) },
                feed_forward_norms: norms,
            }
        };
        let d_head = D_MODEL / N_HEADS;
        make(&Model {
            d_model: D_MODEL,
            attention: Attention {
                n_heads: N_HEADS,
                n_kv_heads: N_HEADS,
                d_head,
                scale: (d_head as f32).sqrt().recip(),
                is_causal: false,
            },
            feed_forward: FeedForward { d_ff: D_FF, activation: Activation::Gelu, is_gated: false },
            blocks: (0..N_LAYERS).map(block).collect(),
            spans: vec![Span { reach: None, rotary: None }],
            layers: (0..N_LAYERS).map(|block| Layer { block, span: 0 }).collect(),
            relative_bias: None,
            last_norm: None,
        })
    }
}
