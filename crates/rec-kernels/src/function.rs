//! Elementary functions on vectors. The tests measure their errors against `f64`, for every instruction set.

use pulp::Simd;

/// The polynomial with these coefficients, lowest first, by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[N - 1]);
    for n in (0..N - 1).rev() {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(coefficients[n]));
    }
    sum
}

/// `e^x` with a relative error below 2e-7; 0 below -87.3, where results leave the normal numbers, and `e^88` above 88.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const LOWEST: f32 = -87.33;
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts: products of the first with integers below 2^10 are exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let splat = |value| simd.splat_f32s(value);
    // The constant stands first: x86 gives the second operand where one is NaN.
    let bounded = simd.min_f32s(splat(88.0), x);
    let shifted = simd.mul_add_e_f32s(bounded, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(shifted, splat(ROUND));
    let rest = simd.mul_add_e_f32s(n, splat(-LN2[0]), bounded);
    let rest = simd.mul_add_e_f32s(n, splat(-LN2[1]), rest);
    // The Taylor series up to the seventh power: beyond it, terms are below 6e-9 for |rest| <= ln(2) / 2.
    let power = polynomial(
        simd,
        rest,
        [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0],
    );
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scale = simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(0x3F80_0000)));
    let result = simd.mul_f32s(power, scale);
    simd.select_f32s(simd.less_than_f32s(x, splat(LOWEST)), splat(0.0), result)
}

/// The distribution function of the normal distribution, `(1 + erf(x / sqrt(2))) / 2`, with an absolute error below 2e-7.
#[inline(always)]
pub(crate) fn normal<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // From here on the function is 0 or 1 to within 1.1e-8. scripts/fit.py made the coefficients.
    const LIMIT: f32 = 5.6;
    const P: [f32; 6] =
        [3.989_422e-1, 3.444_326_7e-2, 4.709_825e-3, 1.741_158e-4, 6.322_072_3e-6, 2.190_034_6e-8];
    const Q: [f32; 6] = [1.0, 2.530_023_5e-1, 2.897_421_5e-2, 1.915_384_9e-3, 7.497_287e-5, 1.170_276_7e-6];
    let half = simd.splat_f32s(0.5);
    let odd = odd(simd, x, LIMIT, P, Q);
    // Twice as large as they are small, so that no error is left to multiply by a large `x`.
    let below = simd.less_than_f32s(x, simd.splat_f32s(-LIMIT));
    simd.select_f32s(below, simd.splat_f32s(0.0), simd.add_f32s(half, odd))
}

/// `tanh x` with a relative error below 6e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const P: [f32; 5] = [1.0, 1.332_451_1e-1, 3.425_766e-3, 1.935_571e-5, 1.144_248_25e-8];
    const Q: [f32; 5] = [1.0, 4.665_788_7e-1, 2.561_837_2e-2, 3.166_844e-4, 7.029_696_6e-7];
    odd(simd, x, 9.0, P, Q)
}

/// `x P(x^2) / Q(x^2)`, with `x` brought into `[-limit, limit]`.
#[inline(always)]
fn odd<S: Simd, const N: usize>(simd: S, x: S::f32s, limit: f32, p: [f32; N], q: [f32; N]) -> S::f32s {
    let x = simd.min_f32s(simd.splat_f32s(limit), simd.max_f32s(simd.splat_f32s(-limit), x));
    let square = simd.mul_f32s(x, x);
    simd.div_f32s(simd.mul_f32s(x, polynomial(simd, square, p)), polynomial(simd, square, q))
}

/// `1 / (1 + e^-x)` with an absolute error below 2e-7.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

#[cfg(test)]
mod tests {
    use crate::activation::{Activate, Activation};
    use crate::dispatch::Dispatch;
    use crate::reference;

    /// A million values in `[from, to]`.
    fn dense(from: f32, to: f32) -> Vec<f32> {
        const N: usize = 1 << 20;
        (0..N).map(|at| from + (to - from) * (at as f32 / (N - 1) as f32)).collect()
    }

    fn activate(dispatch: Dispatch, activation: Activation, x: &[f32]) -> Vec<f32> {
        let mut values = x.to_vec();
        dispatch.run(Activate {
            values: &mut values,
            stride: x.len(),
            width: x.len(),
            bias: &[],
            activation,
        });
        values
    }

    /// The largest absolute and relative errors.
    fn errors(activation: Activation, [from, to]: [f32; 2]) -> [f64; 2] {
        let x = dense(from, to);
        let mut worst = [0.0_f64; 2];
        for dispatch in Dispatch::all() {
            for (x, got) in x.iter().zip(activate(dispatch, activation, &x)) {
                let want = reference::activate(activation, f64::from(*x));
                let error = (f64::from(got) - want).abs();
                assert!(!error.is_nan(), "{activation:?} of {x}");
                worst = [worst[0].max(error), worst[1].max(error / want.abs().max(1e-30))];
            }
        }
        worst
    }

    #[test]
    fn errors_are_within_their_bounds() {
        for (activation, range, absolute) in [
            (Activation::Gelu, [-9.0, 3.0], 1e-6),
            (Activation::Gelu, [-500.0, -5.0], 1e-6),
            (Activation::GeluTanh, [-9.0, 5.0], 1e-6),
            (Activation::Silu, [-200.0, 4.0], 1e-6),
            (Activation::Sigmoid, [-200.0, 200.0], 2e-7),
            (Activation::Tanh, [-20.0, 20.0], 6e-7),
        ] {
            let [error, _] = errors(activation, range);
            assert!(error < absolute, "{activation:?} in {range:?}: {error:e}");
        }
        for (activation, range, relative) in [
            (Activation::Gelu, [3.0, 500.0], 4e-7),
            (Activation::GeluTanh, [2.0, 500.0], 4e-7),
            (Activation::Silu, [1.0, 500.0], 4e-7),
            (Activation::Sigmoid, [-80.0, 80.0], 4e-7),
            (Activation::Tanh, [-20.0, 20.0], 6e-7),
        ] {
            let [_, error] = errors(activation, range);
            assert!(error < relative, "{activation:?} in {range:?}: {error:e}");
        }
    }

    struct Exp<'a>(&'a mut [f32]);

    impl pulp::WithSimd for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) {
            for x in S::as_mut_simd_f32s(self.0).0 {
                *x = super::exp(simd, *x);
            }
        }
    }

    #[test]
    fn exp_is_exact_to_two_units() {
        for dispatch in Dispatch::all() {
            for range in [[-87.3, 88.0], [-1.0, 1.0], [-1e-6, 1e-6]] {
                let x = dense(range[0], range[1]);
                let mut got = x.clone();
                dispatch.run(Exp(&mut got));
                for (x, got) in x.iter().zip(got) {
                    let want = f64::from(*x).exp();
                    assert!((f64::from(got) / want - 1.0).abs() < 2e-7, "{dispatch:?}: exp({x}) is {got}");
                }
            }
            let mut ends =
                [f32::NEG_INFINITY, -1e30, -88.0, 0.0, f32::NAN, 1e30, f32::INFINITY, 0.0].repeat(2);
            dispatch.run(Exp(&mut ends));
            assert_eq!(ends[..4], [0.0, 0.0, 0.0, 1.0]);
            assert!(ends[4].is_nan() || matches!(dispatch, Dispatch::Scalar));
            assert!(ends[5] > 1e38 && ends[6] > 1e38);
        }
    }

    #[test]
    fn the_reference_is_a_normal_distribution() {
        // scipy 1.17.1: scipy.stats.norm.cdf([-5, -1, 0, 0.5, 3])
        for (x, want) in [
            (-5.0, 2.866515718791933e-07),
            (-1.0, 0.15865525393145707),
            (0.0, 0.5),
            (0.5, 0.6914624612740131),
            (3.0, 0.9986501019683699),
        ] {
            assert!((reference::normal(x) - want).abs() < 1e-15);
        }
    }
}
