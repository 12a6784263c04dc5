//! The encoder against the reference, on random models of every kind and random sequences.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::dispatch::Dispatch;
use crate::int8::Kernel;
use crate::{
    Activation, Attention, Block, BranchNorms, Embeddings, Encoder, FeedForward, Layer, Linear, Model, Norm,
    NormKind, PackedLinear, Positions, RelativeBias, RotaryTable, Span, reference,
};

const ACTIVATIONS: [Activation; 7] = [
    Activation::Identity,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Relu,
    Activation::Silu,
    Activation::Tanh,
    Activation::Sigmoid,
];

/// Random values that weights are borrowed from.
struct Pool(Vec<f32>);

impl Pool {
    fn new(rng: &mut ChaCha8Rng, scale: f32) -> Self {
        Self((0..1 << 17).map(|_| scale * (rng.random::<f32>() - 0.5)).collect())
    }

    fn take(&self, rng: &mut ChaCha8Rng, n: usize) -> &[f32] {
        &self.0[rng.random_range(0..self.0.len() - n)..][..n]
    }
}

fn coin(rng: &mut ChaCha8Rng) -> bool {
    rng.random::<bool>()
}

fn size(rng: &mut ChaCha8Rng, to: usize) -> usize {
    rng.random_range(1..=to)
}

/// Sizes straddle those of vectors, panels and tiles; every feature is there or not, by chance.
fn model<'a>(rng: &mut ChaCha8Rng, [pool, small]: [&'a Pool; 2], max_len: usize) -> Model<'a> {
    let d_head = 2 * size(rng, 20);
    let n_kv_heads = size(rng, 3);
    let n_heads = n_kv_heads * size(rng, 3);
    let (d_model, d_ff) = (size(rng, 70), size(rng, 110));
    let (is_gated, has_qk_norm, has_bias) = (coin(rng), coin(rng), coin(rng));
    let kind = if coin(rng) { NormKind::Layer } else { NormKind::Rms };
    let norm = |rng: &mut ChaCha8Rng, there: bool, d: usize| {
        let bias = (coin(rng) && kind == NormKind::Layer).then(|| pool.take(rng, d));
        there.then(|| Norm { kind, eps: 1e-5, weight: pool.take(rng, d), bias })
    };
    let linear = |rng: &mut ChaCha8Rng, d_in: usize, d_out: usize| Linear {
        weight: small.take(rng, d_in * d_out),
        bias: has_bias.then(|| pool.take(rng, d_out)),
    };
    let (input, output, sum) = (coin(rng), coin(rng), coin(rng));
    let norms = |rng: &mut ChaCha8Rng, input: bool| BranchNorms {
        input: norm(rng, input, d_model),
        output: norm(rng, output, d_model),
        sum: norm(rng, sum, d_model),
    };
    let block = |rng: &mut ChaCha8Rng, first: bool| Block {
        qkv: linear(rng, d_model, (n_heads + 2 * n_kv_heads) * d_head),
        output: linear(rng, n_heads * d_head, d_model),
        query_norm: norm(rng, has_qk_norm, d_head),
        key_norm: norm(rng, has_qk_norm, d_head),
        attention_norms: norms(rng, input && !first),
        up: linear(rng, d_model, d_ff * (1 + usize::from(is_gated))),
        down: linear(rng, d_ff, d_model),
        feed_forward_norms: norms(rng, input),
    };
    let speeds: Vec<f32> = (0..d_head / 2).map(|pair| 0.5_f32.powi(pair as i32)).collect();
    let rotary = RotaryTable::new(&speeds, max_len);
    let has_rotary = coin(rng);
    let span = |reach| Span { reach, rotary: has_rotary.then(|| rotary.clone()) };
    let spans = vec![span(None), span(Some(rng.random_range(0..9)))];
    let has_last = coin(rng);
    let last_norm = norm(rng, has_last, d_model);
    Model {
        d_model,
        attention: Attention {
            n_heads,
            n_kv_heads,
            d_head,
            scale: if rng.random_range(0..9) == 0 { 0.0 } else { (d_head as f32).sqrt().recip() },
            is_causal: coin(rng),
        },
        feed_forward: FeedForward { d_ff, activation: ACTIVATIONS[rng.random_range(0..7)], is_gated },
        blocks: vec![block(rng, true), block(rng, false)],
        spans,
        layers: (0..3)
            .map(|_| Layer { block: rng.random_range(0..2), span: rng.random_range(0..2) })
            .collect(),
        relative_bias: coin(rng)
            .then(|| RelativeBias { values: pool.take(rng, n_heads * (2 * max_len - 1)), max_len }),
        last_norm,
    }
}

/// Empty sequences, single tokens, and lengths beyond a task.
fn offsets(rng: &mut ChaCha8Rng, max_len: usize) -> Vec<usize> {
    let mut offsets = vec![0];
    for _ in 0..rng.random_range(0..7) {
        let len = match rng.random_range(0..4) {
            0 => rng.random_range(0..2),
            1 => rng.random_range(0..max_len + 1),
            _ => rng.random_range(0..20),
        };
        offsets.push(offsets[offsets.len() - 1] + len);
    }
    offsets
}

/// The error relative to the largest output.
fn error(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(1e-3, |largest: f64, x| largest.max(x.abs()));
    // Not `max`, which passes over NaN.
    got.iter().zip(want).fold(0.0, |error, (&got, want)| {
        let here = (f64::from(got) - want).abs() / largest;
        if here > error || here.is_nan() { here } else { error }
    })
}

fn case(seed: u64, check: impl FnOnce(&mut ChaCha8Rng, &Model<'_>, &[f32], &[usize])) {
    const MAX_LEN: usize = 90;
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    // Without norms, large weights make large logits, which multiply errors.
    let [pool, small] = [1.0, 0.3].map(|scale| Pool::new(rng, scale));
    let model = model(rng, [&pool, &small], MAX_LEN);
    let offsets = offsets(rng, MAX_LEN);
    let states = pool.take(rng, offsets[offsets.len() - 1] * model.d_model).to_vec();
    check(rng, &model, &states, &offsets);
}

fn pool(n_threads: usize) -> rayon::ThreadPool {
    #![allow(clippy::unwrap_used, reason = "a test helper")]
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap()
}

#[test]
fn every_kind_of_model_is_the_reference() {
    let mut worst = 0.0_f64;
    for seed in 0..120 {
        case(seed, |_, model, states, offsets| {
            let want = reference::forward(model, states, offsets);
            for dispatch in Dispatch::all() {
                let encoder = Encoder::with(model, dispatch, None);
                let mut got = states.to_vec();
                encoder.forward(&mut got, offsets);
                let error = error(&got, &want);
                assert!(
                    error < 1e-5,
                    "seed {seed}, {dispatch:?}: {error:e}, {:?}, {:?}",
                    model.attention,
                    model.feed_forward
                );
                worst = worst.max(error);
            }
        });
    }
    assert!(worst > 1e-9, "nothing was compared");
}

#[test]
fn bits_depend_neither_on_threads_nor_on_neighbours() {
    let pools = [1, 2, 3].map(pool);
    for (seed, in_bytes) in (1000..1060).flat_map(|seed| [(seed, false), (seed, true)]) {
        case(seed, |_, model, states, offsets| {
            let encoder = if in_bytes { Encoder::int8(model) } else { Encoder::new(model) };
            let run = |states: &[f32], offsets: &[usize], pool: &rayon::ThreadPool| {
                let mut states = states.to_vec();
                pool.install(|| encoder.forward(&mut states, offsets));
                states.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
            };
            let want = run(states, offsets, &pools[0]);
            for pool in &pools {
                assert_eq!(
                    run(states, offsets, pool),
                    want,
                    "seed {seed}, {} threads",
                    pool.current_num_threads()
                );
                for pair in offsets.windows(2) {
                    let rows = pair[0] * model.d_model..pair[1] * model.d_model;
                    let alone = run(&states[rows.clone()], &[0, pair[1] - pair[0]], pool);
                    assert_eq!(alone, want[rows], "seed {seed}, the sequence {pair:?} alone");
                }
            }
        });
    }
}

/// Rows are left over in every position of a tile, and several tasks and parts are made.
#[test]
fn many_long_sequences_are_the_reference() {
    for seed in 2000..2004 {
        case(seed, |rng, model, _, _| {
            let mut model = model.clone();
            model.layers.truncate(1);
            let offsets: Vec<usize> = (0..10).map(|index| index * 37).collect();
            let states: Vec<f32> = (0..offsets[9] * model.d_model).map(|_| rng.random::<f32>()).collect();
            let want = reference::forward(&model, &states, &offsets);
            for n in [1, 2, 5] {
                let mut got = states.clone();
                pool(n).install(|| Encoder::new(&model).forward(&mut got, &offsets));
                let error = error(&got, &want);
                assert!(error < 1e-5, "seed {seed}, {n} threads: {error:e}");
            }
        });
    }
}

/// A number that is not one stays in its own sequence, also in memory that is used again.
#[test]
fn sequences_do_not_see_each_other() {
    for seed in 3000..3030 {
        case(seed, |_, model, states, offsets| {
            let encoder = if seed % 3 == 0 { Encoder::int8(model) } else { Encoder::new(model) };
            let mut want = states.to_vec();
            encoder.forward(&mut want, offsets);
            for spoilt in offsets.windows(2).filter(|pair| pair[1] > pair[0]) {
                let rows = spoilt[0] * model.d_model..spoilt[1] * model.d_model;
                let mut got = states.to_vec();
                got[rows.clone()].fill(f32::INFINITY);
                encoder.forward(&mut got, offsets);
                let apart = (0..got.len()).filter(|at| !rows.contains(at));
                assert!(apart.into_iter().all(|at| got[at].to_bits() == want[at].to_bits()), "seed {seed}");
            }
        });
    }
}

#[test]
fn no_sequence_is_no_work() {
    case(1, |_, model, _, _| {
        let encoder = Encoder::new(model);
        encoder.forward(&mut [], &[]);
        encoder.forward(&mut [], &[0]);
        encoder.forward(&mut [], &[0, 0, 0]);
    });
}

#[test]
#[should_panic(expected = "weights of up for [")]
fn a_wrong_shape_is_named() {
    case(1, |_, model, _, _| {
        let mut model = model.clone();
        model.blocks[1].up.weight = &[];
        let _ = Encoder::new(&model);
    });
}

#[test]
fn embeddings_and_maps_are_their_loops() {
    for seed in 4000..4020 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let pool = Pool::new(rng, 1.0);
        // The deviations of few values may be small, which multiplies errors.
        let (d, d_out, offsets) = (8 + size(rng, 60), size(rng, 70), offsets(rng, 200));
        let n_rows = offsets[offsets.len() - 1];
        let ids: Vec<u32> = (0..n_rows).map(|_| rng.random_range(0..50)).collect();
        let type_ids: Vec<u32> = (0..n_rows).map(|_| rng.random_range(0..2)).collect();
        let [tokens, types, table] = [50 * d, 2 * d, 203 * d].map(|n| pool.take(rng, n));
        let norm = Norm { kind: NormKind::Layer, eps: 1e-5, weight: pool.take(rng, d), bias: None };
        let embeddings = Embeddings {
            d,
            tokens,
            scale: 1.5,
            types: Some(types),
            positions: Some(Positions { table, first_row: 2 }),
            norm: Some(norm),
        };
        let mut states = vec![0.0; n_rows * d];
        embeddings.forward(&ids, &type_ids, &offsets, &mut states);
        let mut want = Vec::new();
        for pair in offsets.windows(2) {
            for index in pair[0]..pair[1] {
                let at = |table: &[f32], row: usize, value: usize| f64::from(table[row * d + value]);
                let (id, type_id) = (ids[index] as usize, type_ids[index] as usize);
                let sum = |value| {
                    1.5 * at(tokens, id, value)
                        + at(types, type_id, value)
                        + at(table, 2 + index - pair[0], value)
                };
                want.extend(reference::normalize(Some(&norm), &(0..d).map(sum).collect::<Vec<f64>>()));
            }
        }
        assert!(error(&states, &want) < 2e-6, "seed {seed}");

        let map = Linear { weight: pool.take(rng, d * d_out), bias: Some(pool.take(rng, d_out)) };
        let mut y = vec![0.0; n_rows * d_out];
        PackedLinear::new(&map, d, d_out).forward(&states, Activation::Tanh, &mut y);
        let rows = states.chunks_exact(d).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
        let want: Vec<f64> = reference::linear(&map, rows).into_iter().flatten().map(f64::tanh).collect();
        assert!(error(&y, &want) < 5e-6, "seed {seed}");
    }
}

/// Whole passes in eight bits: near those in `f32`, and alike on every kernel.
#[test]
fn eight_bits_are_near() {
    let (mut errors, mut n) = (0.0, 0.0);
    for seed in 5000..5060 {
        case(seed, |_, model, states, offsets| {
            if states.is_empty() {
                return;
            }
            let want = reference::forward(model, states, offsets);
            let run = |dispatch: Dispatch| {
                let mut states = states.to_vec();
                Encoder::with(model, dispatch, Some(Kernel::new(dispatch))).forward(&mut states, offsets);
                states
            };
            let native = run(Dispatch::native());
            errors += error(&native, &want);
            n += 1.0;
            let native: Vec<f64> = native.iter().map(|&x| f64::from(x)).collect();
            // What is between products differs in last bits, and now and then a code by one.
            for dispatch in Dispatch::all() {
                let error = error(&run(dispatch), &native);
                assert!(error < 0.05, "seed {seed}, {dispatch:?}: {error:e}");
            }
        });
    }
    let mean = errors / n;
    assert!((1e-4..0.03).contains(&mean), "{mean:e}");
}
