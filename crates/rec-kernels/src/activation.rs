use pulp::{Simd, WithSimd};

use crate::function::{exp, normal, sigmoid, tanh};

/// An elementwise non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `x Phi(x)` with the exact error function, to 1e-6 absolute.
    Gelu,
    /// The tanh approximation of GELU (Hendrycks and Gimpel 2016), `x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// `f(x + bias)` in place, for the first `width` values of every row; `width` is a multiple of the vectors' lanes.
pub(crate) struct Activate<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) width: usize,
    /// As many values as `width`, or none.
    pub(crate) bias: &'a [f32],
    pub(crate) activation: Activation,
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.activation {
            Activation::Identity if self.bias.is_empty() => {}
            Activation::Identity => self.each::<S, Identity>(simd),
            Activation::Gelu => self.each::<S, Gelu>(simd),
            Activation::GeluTanh => self.each::<S, GeluTanh>(simd),
            Activation::Relu => self.each::<S, Relu>(simd),
            Activation::Silu => self.each::<S, Silu>(simd),
            Activation::Tanh => self.each::<S, Tanh>(simd),
            Activation::Sigmoid => self.each::<S, Sigmoid>(simd),
        }
    }
}

impl Activate<'_> {
    #[inline(always)]
    fn each<S: Simd, F: Function>(self, simd: S) {
        let (bias, _) = S::as_simd_f32s(self.bias);
        for row in self.values.chunks_mut(self.stride) {
            let (values, _) = S::as_mut_simd_f32s(&mut row[..self.width]);
            if bias.is_empty() {
                for value in values {
                    *value = F::of(simd, *value);
                }
            } else {
                for (value, bias) in values.iter_mut().zip(bias) {
                    *value = F::of(simd, simd.add_f32s(*value, *bias));
                }
            }
        }
    }
}

/// `gate *= x + bias` for `x` without gaps between its rows; `width` is a multiple of the vectors' lanes.
pub(crate) struct Gate<'a> {
    pub(crate) gate: &'a mut [f32],
    pub(crate) stride: usize,
    /// `[rows, width]`.
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
    /// As many values as `width`, or none.
    pub(crate) bias: &'a [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, _) = S::as_simd_f32s(self.bias);
        for (gate, row) in self.gate.chunks_mut(self.stride).zip(self.values.chunks(self.width)) {
            let (gate, _) = S::as_mut_simd_f32s(&mut gate[..self.width]);
            let (values, _) = S::as_simd_f32s(row);
            if bias.is_empty() {
                for (gate, value) in gate.iter_mut().zip(values) {
                    *gate = simd.mul_f32s(*gate, *value);
                }
            } else {
                for ((gate, value), bias) in gate.iter_mut().zip(values).zip(bias) {
                    *gate = simd.mul_f32s(*gate, simd.add_f32s(*value, *bias));
                }
            }
        }
    }
}

/// A type for each function: the loop above is compiled for each, and a closure would not inherit its instructions.
trait Function {
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s;
}

struct Identity;
struct Gelu;
struct GeluTanh;
struct Relu;
struct Silu;
struct Tanh;
struct Sigmoid;

impl Function for Identity {
    #[inline(always)]
    fn of<S: Simd>(_: S, x: S::f32s) -> S::f32s {
        x
    }
}

impl Function for Gelu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        simd.mul_f32s(x, normal(simd, x))
    }
}

impl Function for GeluTanh {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        // -2 sqrt(2 / pi), and that times 0.044715.
        const SCALE: f32 = -1.595_769;
        const CUBE: f32 = SCALE * 0.044_715;
        let square = simd.mul_f32s(x, x);
        let factor = simd.mul_add_e_f32s(square, simd.splat_f32s(CUBE), simd.splat_f32s(SCALE));
        let e = exp(simd, simd.mul_f32s(x, factor));
        simd.div_f32s(x, simd.add_f32s(simd.splat_f32s(1.0), e))
    }
}

impl Function for Relu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        simd.max_f32s(simd.splat_f32s(0.0), x)
    }
}

impl Function for Silu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let e = exp(simd, simd.neg_f32s(x));
        simd.div_f32s(x, simd.add_f32s(simd.splat_f32s(1.0), e))
    }
}

impl Function for Tanh {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        tanh(simd, x)
    }
}

impl Function for Sigmoid {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        sigmoid(simd, x)
    }
}
