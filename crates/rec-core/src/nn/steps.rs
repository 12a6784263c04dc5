//! The steps of a transformer, of burn's operations or fused.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor, TensorData, module};

#[cfg(all(feature = "flex", feature = "autodiff"))]
use super::fused;

/// The affine map `x W + b` of the last dimension.
///
/// # Shapes
///
/// `[.., d_in]`, `[d_in, d_out]` and `[d_out]` to `[.., d_out]`.
///
/// # Panics
///
/// The shapes do not fit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::linear;
///
/// let device = Device::flex();
/// let (x, w) = (Tensor::<2>::from_data([[1.0, 2.0]], &device), Tensor::from_data([[3.0], [4.0]], &device));
/// assert_eq!(linear(x, w, Some(Tensor::from_data([0.5], &device))).into_scalar::<f32>(), 11.5);
/// ```
#[must_use]
pub fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    #[cfg(all(feature = "flex", feature = "autodiff"))]
    if let (true, Some(bias)) = (fused::serves(&x) && fused::serves(&weight), &bias) {
        let ([d_in, _], last) = (weight.dims(), x.dims()[D - 1]);
        assert_eq!(last, d_in, "rows of {last} values for a map from {d_in}");
        return fused::linear(x, weight, bias.clone());
    }
    module::linear(x, weight, bias)
}

/// `(x - mean) / sqrt(var + eps) gamma + beta` over the last dimension (Ba et al. 2016), with the variance of the population.
///
/// # Panics
///
/// `gamma` or `beta` is not of the last dimension.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::layer_norm;
///
/// let device = Device::flex();
/// let [x, gamma, beta] = [[1.0, 3.0], [1.0, 2.0], [0.0, 1.0]].map(|row| Tensor::<1>::from_data(row, &device));
/// let y = layer_norm(x.unsqueeze::<2>(), gamma, Some(beta), 1e-12).into_data().to_vec::<f32>().unwrap();
/// assert!((y[0] + 1.0).abs() < 1e-6 && (y[1] - 3.0).abs() < 1e-6);
/// ```
#[must_use]
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    eps: f64,
) -> Tensor<D> {
    #[cfg(all(feature = "flex", feature = "autodiff"))]
    if let (true, Some(beta)) = (fused::serves(&x), &beta) {
        let ([d], last) = (gamma.dims(), x.dims()[D - 1]);
        assert!(last == d && beta.dims() == [d], "a norm of {d} values over rows of {last}");
        return fused::layer_norm(x, gamma, beta.clone(), eps);
    }
    module::layer_norm(x, gamma, beta, eps)
}

/// Multi-head self-attention, `softmax(scale QK') V` in each head, heads side by side (Vaswani et al. 2017).
///
/// `hidden` says which keys a query does not see; every query sees one at least.
///
/// # Shapes
///
/// `qkv` `[batch * len, 3 * n_heads * d_head]`: the queries of all heads, their keys, their values. `hidden` `[batch, len, len]`.
/// Result `[batch * len, n_heads * d_head]`.
///
/// # Panics
///
/// The shapes do not fit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::nn::self_attention;
///
/// // Zero queries: the mean of the values.
/// let qkv = Tensor::from_data([[0.0, 5.0, 1.0], [0.0, 7.0, 3.0]], &Device::flex());
/// let mixed = self_attention(qkv, [1, 2], 1, 1.0, None).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(mixed, [2.0, 2.0]);
/// ```
#[must_use]
pub fn self_attention(
    qkv: Tensor<2>,
    [batch, len]: [usize; 2],
    n_heads: usize,
    scale: f64,
    hidden: Option<Tensor<3, Bool>>,
) -> Tensor<2> {
    let [rows, width] = qkv.dims();
    assert!(
        rows == batch * len && width.is_multiple_of(3 * n_heads),
        "[{rows}, {width}] is not {batch} times {len} rows of {n_heads} heads' queries, keys and values"
    );
    if let Some(hidden) = &hidden {
        assert_eq!(hidden.dims(), [batch, len, len], "which keys are hidden");
    }
    #[cfg(all(feature = "flex", feature = "autodiff"))]
    if fused::serves(&qkv) {
        let none = || {
            let hidden = TensorData::new(vec![false; batch * len * len], [batch, len, len]);
            Tensor::from_data(hidden, &qkv.device())
        };
        let hidden = hidden.unwrap_or_else(none);
        return fused::self_attention(qkv, hidden, n_heads, scale);
    }
    let d_head = width / 3 / n_heads;
    // [batch * len, 3 heads d_head] -> [batch, heads, len, d_head] each
    let all = qkv.reshape([batch, len, 3 * n_heads, d_head]).swap_dims(1, 2);
    let heads = |part: usize| {
        let from = part * n_heads;
        all.clone().slice([0..batch, from..from + n_heads, 0..len, 0..d_head])
    };
    let options = AttentionModuleOptions { scale: Some(scale), ..Default::default() };
    let hidden = hidden.map(|hidden| hidden.reshape([batch, 1, len, len]));
    let mixed = module::attention(heads(0), heads(1), heads(2), hidden, None, options);
    mixed.swap_dims(1, 2).reshape([rows, n_heads * d_head])
}
