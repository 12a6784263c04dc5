use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gelu::CHUNK;
use crate::dispatch::Dispatch;

/// A step of AdamW (Loshchilov and Hutter 2019, algorithm 2): `m = beta_1 m + (1 - beta_1) g`, `v = beta_2 v + (1 - beta_2) g^2`,
/// `p = (1 - lr decay) p - lr (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)`.
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    /// The learning rate.
    pub lr: f64,
    /// What the mean of gradients keeps.
    pub beta_1: f32,
    /// What the mean of their squares keeps.
    pub beta_2: f32,
    /// Added to the root.
    pub epsilon: f32,
    /// The share, times the learning rate, that is taken off every value.
    pub weight_decay: f64,
}

impl AdamW {
    /// Step number `time`, counted from 1, of parameters and the two moments, in place.
    ///
    /// # Panics
    ///
    /// The lengths differ, or `time` is 0.
    ///
    /// ```
    /// use rec_kernels::training::AdamW;
    ///
    /// let adam = AdamW { lr: 0.1, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.5 };
    /// let (mut p, mut m, mut v) = ([1.0, -1.0], [0.0; 2], [0.0; 2]);
    /// adam.step(1, &[3.0, -0.5], &mut p, &mut m, &mut v);
    /// assert!((p[0] - 0.85).abs() < 1e-6 && (p[1] + 0.85).abs() < 1e-6); // a first step is of the length `lr`
    /// ```
    pub fn step(&self, time: usize, gradient: &[f32], p: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        let n = gradient.len();
        assert_eq!([p.len(), m.len(), v.len()], [n; 3], "values beside a gradient of {n}");
        assert!(time > 0, "steps are counted from 1");
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(time.try_into().unwrap_or(i32::MAX));
        let step = Step {
            keep: (1.0 - self.lr * self.weight_decay) as f32,
            betas: [self.beta_1, self.beta_2],
            rate: (self.lr / correction(self.beta_1)) as f32,
            inverse: (1.0 / correction(self.beta_2)) as f32,
            epsilon: self.epsilon,
        };
        let dispatch = Dispatch::native();
        let moments = m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK));
        p.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(moments).for_each(|((p, g), (m, v))| {
            dispatch.run(Chunk { step, g, p, m, v });
        });
    }
}

#[derive(Clone, Copy)]
struct Step {
    keep: f32,
    betas: [f32; 2],
    rate: f32,
    inverse: f32,
    epsilon: f32,
}

struct Chunk<'a> {
    step: Step,
    g: &'a [f32],
    p: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { step, g, p, m, v } = self;
        let (g, g_rest) = S::as_simd_f32s(g);
        let (p, p_rest) = S::as_mut_simd_f32s(p);
        let (m, m_rest) = S::as_mut_simd_f32s(m);
        let (v, v_rest) = S::as_mut_simd_f32s(v);
        for ((g, p), (m, v)) in g.iter().zip(p).zip(m.iter_mut().zip(v)) {
            (*p, *m, *v) = step.of(simd, *g, *p, *m, *v);
        }
        if !g_rest.is_empty() {
            let load = |values: &[f32]| simd.partial_load_f32s(values);
            let (p, m, v) = step.of(simd, load(g_rest), load(p_rest), load(m_rest), load(v_rest));
            simd.partial_store_f32s(p_rest, p);
            simd.partial_store_f32s(m_rest, m);
            simd.partial_store_f32s(v_rest, v);
        }
    }
}

impl Step {
    #[inline(always)]
    fn of<S: Simd>(
        self,
        simd: S,
        g: S::f32s,
        p: S::f32s,
        m: S::f32s,
        v: S::f32s,
    ) -> (S::f32s, S::f32s, S::f32s) {
        let splat = |value| simd.splat_f32s(value);
        let [beta_1, beta_2] = self.betas;
        let m = simd.mul_add_e_f32s(splat(beta_1), m, simd.mul_f32s(splat(1.0 - beta_1), g));
        let square = simd.mul_f32s(g, g);
        let v = simd.mul_add_e_f32s(splat(beta_2), v, simd.mul_f32s(splat(1.0 - beta_2), square));
        let root = simd.sqrt_f32s(simd.mul_f32s(v, splat(self.inverse)));
        let change =
            simd.div_f32s(simd.mul_f32s(splat(self.rate), m), simd.add_f32s(root, splat(self.epsilon)));
        (simd.sub_f32s(simd.mul_f32s(p, splat(self.keep)), change), m, v)
    }
}
