use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor};
use rec_core::nn::self_attention;

use super::config::{AttentionConfig, Norms};
use super::norm::Norm;
use super::span::View;

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2.2): `softmax(scale QK' + bias) V` in each head.
#[derive(Module, Debug)]
pub(crate) struct Attention {
    /// `d_model` to all query heads, then all key heads, then all value heads: one product instead of three.
    pub(crate) qkv: Linear,
    pub(crate) output: Linear,
    pub(crate) query_norm: Option<Norm>,
    pub(crate) key_norm: Option<Norm>,
    #[module(skip)]
    pub(crate) config: AttentionConfig,
}

impl Attention {
    pub(super) fn new(config: &AttentionConfig, norms: &Norms, d_model: usize, device: &Device) -> Self {
        let (n_heads, d_head) = (config.n_heads, config.d_head);
        let n_all = n_heads + 2 * config.n_kv_heads;
        let norm = || config.qk_norm.then(|| Norm::new(norms, d_head, device));
        Self {
            qkv: LinearConfig::new(d_model, n_all * d_head).with_bias(config.bias).init(device),
            output: LinearConfig::new(n_heads * d_head, d_model).with_bias(config.output_bias).init(device),
            query_norm: norm(),
            key_norm: norm(),
            config: *config,
        }
    }

    /// `x` holds the rows of all positions, `[batch * len, d_model]`.
    ///
    /// Rows stay two-dimensional through every linear map: one large product instead of one for each text.
    pub(super) fn forward(&self, x: Tensor<2>, [batch, len]: [usize; 2], view: &View) -> Tensor<2> {
        let AttentionConfig { n_heads, n_kv_heads, d_head, scale, .. } = self.config;
        let qkv = affine(&self.qkv, x);
        if n_kv_heads == n_heads && self.is_plain() && view.is_plain() {
            let hidden = view.mask.clone().map(|mask| mask.reshape([batch, len, len]));
            let mixed = self_attention(qkv, [batch, len], n_heads, scale, hidden);
            return affine(&self.output, mixed);
        }
        // [batch * len, all heads * d_head] -> [batch, all heads, len, d_head]
        let all = qkv.reshape([batch, len, n_heads + 2 * n_kv_heads, d_head]).swap_dims(1, 2);
        let heads = |from: usize, n: usize| all.clone().slice([0..batch, from..from + n, 0..len, 0..d_head]);
        let place = |x: Tensor<4>, norm: &Option<Norm>| {
            let x = norm.as_ref().map_or_else(|| x.clone(), |norm| norm.forward(x.clone()));
            view.rotation.as_ref().map_or_else(|| x.clone(), |rotation| rotation.turn(&x))
        };
        let query = place(heads(0, n_heads), &self.query_norm);
        let key = share(place(heads(n_heads, n_kv_heads), &self.key_norm), n_heads);
        let value = share(heads(n_heads + n_kv_heads, n_kv_heads), n_heads);
        let options =
            AttentionModuleOptions { scale: Some(scale), is_causal: view.is_causal, ..Default::default() };
        let mixed = attention(query, key, value, view.mask.clone(), view.bias.clone(), options);
        affine(&self.output, mixed.swap_dims(1, 2).reshape([batch * len, n_heads * d_head]))
    }

    fn is_plain(&self) -> bool {
        self.query_norm.is_none() && self.key_norm.is_none()
    }
}

/// `x W + b` by a burn module.
pub(super) fn affine(map: &Linear, x: Tensor<2>) -> Tensor<2> {
    rec_core::nn::linear(x, map.weight.val(), map.bias.as_ref().map(Param::val))
}

/// Each of the heads `[batch, n_kv_heads, len, d_head]` as often as queries share it, in their order.
fn share(x: Tensor<4>, n_heads: usize) -> Tensor<4> {
    let [batch, n_kv_heads, len, d_head] = x.dims();
    if n_kv_heads == n_heads {
        return x;
    }
    x.reshape([batch, n_kv_heads, 1, len, d_head])
        .expand([batch, n_kv_heads, n_heads / n_kv_heads, len, d_head])
        .reshape([batch, n_heads, len, d_head])
}
