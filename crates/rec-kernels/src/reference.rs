//! The forward pass as its definition reads: one loop for each sum, in `f64`. Tests compare the encoder with it.

use crate::activation::Activation;
use crate::model::{BranchNorms, Linear, Model};
use crate::norm::{Norm, NormKind};

type Rows = Vec<Vec<f64>>;

/// The output of a model for each of the sequences.
pub(crate) fn forward(model: &Model<'_>, states: &[f32], offsets: &[usize]) -> Vec<f64> {
    let rows: Rows =
        states.chunks_exact(model.d_model).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
    offsets.windows(2).flat_map(|pair| sequence(model, &rows[pair[0]..pair[1]])).flatten().collect()
}

fn sequence(model: &Model<'_>, rows: &[Vec<f64>]) -> Rows {
    let mut x = rows.to_vec();
    for layer in &model.layers {
        let block = &model.blocks[layer.block];
        x = around(&block.attention_norms, &x, |x| attend(model, layer.span, layer.block, x));
        x = around(&block.feed_forward_norms, &x, |x| {
            let (d_ff, f) = (model.feed_forward.d_ff, model.feed_forward.activation);
            let up = linear(&block.up, x);
            let hidden = |row: &Vec<f64>| {
                let f = |at| activate(f, row[at]);
                let gated = |at| if model.feed_forward.is_gated { f(at) * row[d_ff + at] } else { f(at) };
                (0..d_ff).map(gated).collect()
            };
            linear(&block.down, up.iter().map(hidden).collect())
        });
    }
    x.iter().map(|row| normalize(model.last_norm.as_ref(), row)).collect()
}

fn around(norms: &BranchNorms<'_>, x: &[Vec<f64>], f: impl Fn(Rows) -> Rows) -> Rows {
    let branch = f(x.iter().map(|row| normalize(norms.input.as_ref(), row)).collect());
    let sum = |(x, branch): (&Vec<f64>, &Vec<f64>)| {
        let branch = normalize(norms.output.as_ref(), branch);
        let sum: Vec<f64> = x.iter().zip(branch).map(|(x, branch)| x + branch).collect();
        normalize(norms.sum.as_ref(), &sum)
    };
    x.iter().zip(&branch).map(sum).collect()
}

fn attend(model: &Model<'_>, span: usize, block: usize, x: Rows) -> Rows {
    let (attention, block, span) = (&model.attention, &model.blocks[block], &model.spans[span]);
    let (n_heads, n_kv, d) = (attention.n_heads, attention.n_kv_heads, attention.d_head);
    let qkv = linear(&block.qkv, x);
    let place = |position: usize, head: usize, norm: Option<&Norm<'_>>| {
        let x = normalize(norm, &qkv[position][head * d..(head + 1) * d]);
        let Some(rotary) = &span.rotary else { return x };
        (0..d)
            .map(|at| {
                let (cos, sin) = rotary.at(position, at % (d / 2));
                let other = if at < d / 2 { -x[at + d / 2] } else { x[at - d / 2] };
                x[at] * f64::from(cos) + other * f64::from(sin)
            })
            .collect()
    };
    let mut mixed = vec![vec![0.0; n_heads * d]; qkv.len()];
    for (query, mixed) in mixed.iter_mut().enumerate() {
        for head in 0..n_heads {
            let kv = head / (n_heads / n_kv);
            let q = place(query, head, block.query_norm.as_ref());
            let keys: Vec<usize> = (0..qkv.len())
                .filter(|&key| span.reach.is_none_or(|reach| query.abs_diff(key) <= reach))
                .filter(|&key| !attention.is_causal || key <= query)
                .collect();
            let logits: Vec<f64> = keys
                .iter()
                .map(|&key| {
                    let k = place(key, n_heads + kv, block.key_norm.as_ref());
                    let dot: f64 = q.iter().zip(&k).map(|(q, k)| q * k).sum();
                    let bias = model.relative_bias.map_or(0.0, |bias| {
                        bias.values[head * (2 * bias.max_len - 1) + bias.max_len - 1 + key - query]
                    });
                    dot * f64::from(attention.scale) + f64::from(bias)
                })
                .collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (key, weight) in keys.into_iter().zip(weights) {
                let value = &qkv[key][(n_heads + n_kv + kv) * d..][..d];
                for (mixed, value) in mixed[head * d..].iter_mut().zip(value) {
                    *mixed += weight / sum * value;
                }
            }
        }
    }
    linear(&block.output, mixed)
}

pub(crate) fn linear(linear: &Linear<'_>, x: Rows) -> Rows {
    let row = |x: Vec<f64>| {
        let d_out = linear.weight.len() / x.len();
        let value = |column: usize| {
            let products =
                x.iter().enumerate().map(|(row, x)| x * f64::from(linear.weight[row * d_out + column]));
            products.sum::<f64>() + f64::from(linear.bias.map_or(0.0, |bias| bias[column]))
        };
        (0..d_out).map(value).collect()
    };
    x.into_iter().map(row).collect()
}

pub(crate) fn normalize(norm: Option<&Norm<'_>>, x: &[f64]) -> Vec<f64> {
    let Some(norm) = norm else { return x.to_vec() };
    let n = x.len() as f64;
    let mean = match norm.kind {
        NormKind::Layer => x.iter().sum::<f64>() / n,
        NormKind::Rms => 0.0,
    };
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let scale = 1.0 / (variance + f64::from(norm.eps)).sqrt();
    let value = |(at, x): (usize, &f64)| {
        let bias = norm.bias.map_or(0.0, |bias| bias[at]);
        (x - mean) * scale * f64::from(norm.weight[at]) + f64::from(bias)
    };
    x.iter().enumerate().map(value).collect()
}

pub(crate) fn activate(f: Activation, x: f64) -> f64 {
    match f {
        Activation::Identity => x,
        Activation::Gelu => x * normal(x),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            x * 0.5 * (1.0 + inner.tanh())
        }
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

/// The distribution function of the normal distribution: `1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...)` (Marsaglia 2004,
/// "Evaluating the Normal Distribution"), to 1e-15 absolute for `|x| < 9`.
pub(crate) fn normal(x: f64) -> f64 {
    if x.abs() > 9.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut sum, mut term, mut n) = (x, x, 1.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 2.0;
        term *= x * x / n;
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}
