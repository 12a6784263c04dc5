use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor};

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2.2): `softmax(QK' / sqrt(d_k)) V` in each head.
#[derive(Module, Debug)]
pub(crate) struct SelfAttention {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    pub(crate) n_heads: usize,
}

impl SelfAttention {
    /// `x` holds the rows of all positions, `[batch * len, d_model]`; `mask` is `[batch, 1, len, len]`, `true` where a
    /// key must not be seen.
    ///
    /// Rows stay two-dimensional through every linear map: one large product instead of one for each text.
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        [batch, len]: [usize; 2],
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<2> {
        let [rows, d_model] = x.dims();
        let d_head = d_model / self.n_heads;
        // [batch * len, d_model] -> [batch, n_heads, len, d_head]
        let heads = |x: Tensor<2>| x.reshape([batch, len, self.n_heads, d_head]).swap_dims(1, 2);
        let query = heads(self.query.forward(x.clone()));
        let key = heads(self.key.forward(x.clone()));
        let value = heads(self.value.forward(x));
        let mixed = attention(query, key, value, mask, None, AttentionModuleOptions::default());
        self.output.forward(mixed.swap_dims(1, 2).reshape([rows, d_model]))
    }
}
