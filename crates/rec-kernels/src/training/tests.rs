//! Everything against its definition in `f64`, on every instruction set, and against differences of values.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::gelu::{Backward, Forward};
use super::matmul::matmul_by;
use super::softmax_loss::softmax_loss_by;
use super::*;
use crate::dispatch::Dispatch;
use crate::reference;

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| random.random::<f32>() * 2.0 - 1.0).collect()
}

#[track_caller]
fn close(what: &str, got: &[f32], want: impl IntoIterator<Item = f64>, bound: f64) {
    let mut n = 0;
    for (at, want) in want.into_iter().enumerate() {
        let got = f64::from(got[at]);
        assert!((got - want).abs() <= bound * want.abs().max(1.0), "{what}: {got} for {want} at {at}");
        n += 1;
    }
    assert_eq!(n, got.len(), "{what}");
}

#[test]
fn products_of_matrices_and_their_transposes() {
    for dispatch in Dispatch::all() {
        for (m, k, n) in [(1, 1, 1), (7, 5, 3), (130, 33, 50), (3, 1700, 100), (65, 48, 96), (2, 0, 3)] {
            let (a, b, bias) = (random(m * k, 1), random(k * n, 2), random(n, 3));
            let turn = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..columns)
                    .flat_map(|c| (0..rows).map(move |r| (r, c)))
                    .map(|(r, c)| x[r * columns + c])
                    .collect()
            };
            let (at, bt) = (turn(&a, m, k), turn(&b, k, n));
            let want = |i: usize, j: usize| -> f64 {
                let sum: f64 = (0..k).map(|x| f64::from(a[i * k + x]) * f64::from(b[x * n + j])).sum();
                sum + f64::from(bias[j])
            };
            let want: Vec<f64> = (0..m * n).map(|at| want(at / n, at % n)).collect();
            let plain = |x, rows, columns| Matrix::of_shape(x, rows, columns);
            let mut bits = None;
            for (left, right) in [
                (plain(&a, m, k), plain(&b, k, n)),
                (plain(&at, k, m).transposed(), plain(&b, k, n)),
                (plain(&a, m, k), plain(&bt, n, k).transposed()),
                (plain(&at, k, m).transposed(), plain(&bt, n, k).transposed()),
            ] {
                let mut y = vec![f32::NAN; m * n];
                matmul_by(dispatch, left, right, Some(&bias), &mut y);
                close("product", &y, want.iter().copied(), 2e-5);
                assert_eq!(
                    *bits.get_or_insert(y.clone()),
                    y,
                    "a transpose is another layout, and no other product"
                );
            }
        }
    }
}

#[test]
fn gelu_and_its_slope() {
    let x: Vec<f32> = (0..1003).map(|at| at as f32 * 0.02 - 10.0).collect();
    let dy = random(x.len(), 4);
    for dispatch in Dispatch::all() {
        let (mut y, mut dx) = (vec![0.0; x.len()], dy.clone());
        dispatch.run(Forward { x: &x, y: &mut y });
        dispatch.run(Backward { x: &x, gradient: &mut dx });
        close("gelu", &y, x.iter().map(|&x| f64::from(x) * reference::normal(f64::from(x))), 1e-6);
        let slope =
            |x: f64| reference::normal(x) + x * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        close("slope", &dx, x.iter().zip(&dy).map(|(&x, &dy)| f64::from(dy) * slope(f64::from(x))), 1e-6);
    }
}

/// The gradient of `sum dy f(x)` by central differences of the definition in `f64`.
fn differences(x: &[f32], dy: &[f32], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let value = |x: &[f64]| -> f64 { f(x).iter().zip(dy).map(|(y, &dy)| y * f64::from(dy)).sum() };
    (0..x.len())
        .map(|at| {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[at] += by;
                value(&x)
            };
            (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
        })
        .collect()
}

#[test]
fn layer_norm_and_its_gradients() {
    for d in [1, 7, 16, 50] {
        let n = 5;
        let (x, gamma, beta, dy) = (random(n * d, 1), random(d, 2), random(d, 3), random(n * d, 4));
        let norm = |x: &[f64], gamma: &[f64], beta: &[f64]| -> Vec<f64> {
            x.chunks(d)
                .flat_map(|row| {
                    let mean = row.iter().sum::<f64>() / d as f64;
                    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / d as f64;
                    let value = move |(at, x): (usize, &f64)| {
                        (x - mean) / (variance + 1e-2).sqrt() * gamma[at] + beta[at]
                    };
                    row.iter().enumerate().map(value).collect::<Vec<_>>()
                })
                .collect()
        };
        let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
        let mut y = vec![0.0; n * d];
        layer_norm(&x, &gamma, &beta, 1e-2, &mut y);
        close("norm", &y, norm(&wide(&x), &wide(&gamma), &wide(&beta)), 1e-5);
        let (mut dx, mut dgamma, mut dbeta) = (dy.clone(), vec![0.0; d], vec![0.0; d]);
        let to = LayerNormGradient { x: &mut dx, gamma: &mut dgamma, beta: &mut dbeta };
        layer_norm_gradient(&x, &gamma, 1e-2, to);
        close("dx", &dx, differences(&x, &dy, |x| norm(x, &wide(&gamma), &wide(&beta))), 1e-5);
        close(
            "dgamma",
            &dgamma,
            differences(&gamma, &dy, |gamma| norm(&wide(&x), gamma, &wide(&beta))),
            1e-5,
        );
        close("dbeta", &dbeta, differences(&beta, &dy, |beta| norm(&wide(&x), &wide(&gamma), beta)), 1e-5);
    }
}

#[test]
fn attention_and_its_gradient() {
    for (n_heads, d_head, len, batch) in [(1, 1, 1, 1), (2, 3, 5, 2), (2, 16, 33, 1)] {
        let d = n_heads * d_head;
        let (qkv, dmixed) = (random(batch * len * 3 * d, 1), random(batch * len * d, 2));
        // The second row of each sequence sees nothing, if there is one; of the others each sees itself.
        let hidden: Vec<bool> = (0..batch * len * len)
            .map(|at| (at / len % len, at % len))
            .map(|(query, key)| query == 1 || (query != key && (query * 7 + key * 3) % 4 == 0))
            .collect();
        for hidden in [None, Some(hidden.as_slice())] {
            let attention = SelfAttention { n_heads, d_head, len, scale: 0.7, hidden };
            let reference = |qkv: &[f64]| -> Vec<f64> {
                let row = |b: usize, at: usize| &qkv[(b * len + at) * 3 * d..][..3 * d];
                let mut mixed = vec![0.0; batch * len * d];
                for (b, query, head) in
                    (0..batch * len * n_heads).map(|x| (x / n_heads / len, x / n_heads % len, x % n_heads))
                {
                    let part = |row: &[f64], part: usize| row[part * d + head * d_head..][..d_head].to_vec();
                    let seen =
                        |key: &usize| hidden.is_none_or(|hidden| !hidden[(b * len + query) * len + key]);
                    let keys: Vec<usize> = (0..len).filter(seen).collect();
                    let logit = |key: &usize| -> f64 {
                        let (q, k) = (part(row(b, query), 0), part(row(b, *key), 1));
                        0.7 * q.iter().zip(&k).map(|(q, k)| q * k).sum::<f64>()
                    };
                    let weights: Vec<f64> = keys.iter().map(|key| logit(key).exp()).collect();
                    let sum: f64 = weights.iter().sum();
                    for (key, weight) in keys.iter().zip(weights) {
                        for (at, v) in part(row(b, *key), 2).iter().enumerate() {
                            mixed[(b * len + query) * d + head * d_head + at] += weight / sum * v;
                        }
                    }
                }
                mixed
            };
            let mut mixed = vec![0.0; batch * len * d];
            self_attention(attention, &qkv, &mut mixed);
            close("mixed", &mixed, reference(&qkv.iter().map(|&x| f64::from(x)).collect::<Vec<_>>()), 1e-5);
            if len < 10 {
                let mut dqkv = vec![f32::NAN; qkv.len()];
                self_attention_gradient(attention, &qkv, &dmixed, &mut dqkv);
                close("dqkv", &dqkv, differences(&qkv, &dmixed, reference), 1e-5);
            }
        }
    }
}

#[test]
fn loss_over_all_items() {
    for dispatch in Dispatch::all() {
        for (batch, n, d) in [(1, 1, 1), (3, 40, 5), (250, 1100, 16), (300, 700, 50)] {
            let (queries, items) = (random(batch * d, 1), random(n * d, 2));
            let targets: Vec<usize> = (0..batch).map(|at| at * 17 % n).collect();
            let (mut dq, mut dx) = (vec![f32::NAN; batch * d], vec![f32::NAN; n * d]);
            let loss = softmax_loss_by(
                dispatch,
                SoftmaxLoss {
                    queries: &queries,
                    items: &items,
                    targets: &targets,
                    queries_gradient: &mut dq,
                    items_gradient: &mut dx,
                },
            );
            let (mut want, mut want_q, mut want_x) = (0.0, vec![0.0; batch * d], vec![0.0; n * d]);
            for (at, &target) in targets.iter().enumerate() {
                let q = &queries[at * d..][..d];
                let logit = |item: usize| -> f64 {
                    q.iter().zip(&items[item * d..][..d]).map(|(q, x)| f64::from(*q) * f64::from(*x)).sum()
                };
                let exps: Vec<f64> = (0..n).map(|item| logit(item).exp()).collect();
                let sum: f64 = exps.iter().sum();
                want += (sum.ln() - logit(target)) / batch as f64;
                for (item, e) in exps.into_iter().enumerate() {
                    let p = (e / sum - f64::from(u8::from(item == target))) / batch as f64;
                    for x in 0..d {
                        want_q[at * d + x] += p * f64::from(items[item * d + x]);
                        want_x[item * d + x] += p * f64::from(q[x]);
                    }
                }
            }
            assert!((loss - want).abs() < 1e-6 * want.max(1.0), "{loss} for {want}");
            close("dq", &dq, want_q, 1e-6);
            close("dx", &dx, want_x, 1e-6);
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let run = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let (a, b) = (random(300 * 70, 1), random(70 * 90, 2));
            let mut y = vec![0.0; 300 * 90];
            matmul(Matrix::new(&a, 70), Matrix::new(&b, 90), None, &mut y);
            let (mut dq, mut dx) = (vec![0.0; 300 * 70], vec![0.0; 90 * 70]);
            let targets: Vec<usize> = (0..300).map(|at| at % 90).collect();
            let of = SoftmaxLoss {
                queries: &a,
                items: &b,
                targets: &targets,
                queries_gradient: &mut dq,
                items_gradient: &mut dx,
            };
            let loss = softmax_loss(of);
            let mut sums = vec![0.0; 70];
            sum_rows(&a, &mut sums);
            (y, dq, dx, loss, sums)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn adamw_is_its_definition() {
    let adam = AdamW { lr: 1e-2, beta_1: 0.9, beta_2: 0.99, epsilon: 1e-6, weight_decay: 0.1 };
    let mut p = random(37, 1);
    let (mut m, mut v) = (vec![0.0; 37], vec![0.0; 37]);
    let mut want: Vec<[f64; 3]> = p.iter().map(|&p| [f64::from(p), 0.0, 0.0]).collect();
    for time in 1..=5 {
        let g = random(37, 10 + time as u64);
        adam.step(time, &g, &mut p, &mut m, &mut v);
        for ([p, m, v], g) in want.iter_mut().zip(g) {
            let g = f64::from(g);
            (*m, *v) = (0.9 * *m + 0.1 * g, 0.99 * *v + 0.01 * g * g);
            let (m, v) = (*m / (1.0 - 0.9f64.powi(time as i32)), *v / (1.0 - 0.99f64.powi(time as i32)));
            *p = *p * (1.0 - 1e-2 * 0.1) - 1e-2 * m / (v.sqrt() + 1e-6);
        }
    }
    close("parameters", &p, want.iter().map(|want| want[0]), 1e-6);
    close("first moments", &m, want.iter().map(|want| want[1]), 1e-6);
    close("second moments", &v, want.iter().map(|want| want[2]), 1e-6);
}

#[test]
fn sparse_products_and_their_transposes() {
    for (n, columns, d) in [(1, 1, 1), (130, 7, 20), (5, 40, 67)] {
        // Rows of 0 to 4 values, some of them twice at one column.
        let (picks, weights) = (random(4 * n, 1), random(4 * n, 2));
        let entry =
            |at: usize| (((picks[at] + 1.0) / 2.0 * columns as f32) as u32 % columns as u32, weights[at]);
        let rows: Vec<Vec<(u32, f32)>> =
            (0..n).map(|row| (4 * row..4 * row + row % 5).map(entry).collect()).collect();
        let mut dense = vec![0.0f64; n * columns];
        for (row, entries) in rows.iter().enumerate() {
            for &(column, weight) in entries {
                dense[row * columns + column as usize] += f64::from(weight);
            }
        }
        let matrix = SparseMatrix::new(columns, rows);
        let (x, dy) = (random(columns * d, 3), random(n * d, 4));
        let (mut y, mut dx) = (vec![f32::NAN; n * d], vec![f32::NAN; columns * d]);
        matrix.matmul(&x, d, &mut y);
        matrix.transposed().matmul(&dy, d, &mut dx);
        let want = |at: usize| {
            (0..columns).map(|c| dense[at / d * columns + c] * f64::from(x[c * d + at % d])).sum()
        };
        close("product", &y, (0..n * d).map(want), 1e-5);
        let want =
            |at: usize| (0..n).map(|r| dense[r * columns + at / d] * f64::from(dy[r * d + at % d])).sum();
        close("gradient", &dx, (0..columns * d).map(want), 1e-5);
        assert_eq!(matrix.transposed().transposed().n_rows(), n);
    }
}
