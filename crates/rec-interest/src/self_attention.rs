use burn::module::Module;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor, TensorData};
use rec_core::Sequence;
use rec_core::nn::{Initializer, Linear, linear, self_attention};

/// Multi-head self-attention: `softmax(Q K' / sqrt(d_head)) V` for each head, heads side by side (Vaswani et al., 2017).
///
/// Every position sees itself, also a padded one, so that no row of scores is masked altogether and no gradient is NaN; what
/// comes out at padded positions is finite and has no meaning.
#[derive(Module, Debug)]
pub(crate) struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    /// Mixes the heads, where the model has such a step.
    output: Option<Linear>,
    #[module(skip)]
    n_heads: usize,
}

impl SelfAttention {
    /// Heads of `d_model / n_heads` dimensions.
    ///
    /// # Panics
    ///
    /// `n_heads` does not divide `d_model`.
    pub(crate) fn new(
        d_model: usize,
        n_heads: usize,
        bias: bool,
        output: bool,
        draw: &mut Initializer,
    ) -> Self {
        if let Err(problem) = check_heads(d_model, n_heads) {
            panic!("{problem}");
        }
        let mut map = || Linear::new(d_model, d_model, bias, draw);
        Self { query: map(), key: map(), value: map(), output: output.then(map), n_heads }
    }

    /// `[batch, len, d_model]` to the same; padding should be zero. With `hidden` from [`hidden`], and `log_weights` `[batch,
    /// len]` that are added to the scores of the keys.
    pub(crate) fn forward(
        &self,
        x: &Tensor<3>,
        hidden: Option<Tensor<3, Bool>>,
        log_weights: Option<Tensor<2>>,
    ) -> Tensor<3> {
        let ([batch, len, d_model], n_heads) = (x.dims(), self.n_heads);
        let maps = [&self.query, &self.key, &self.value];
        // One product instead of three.
        let weight = Tensor::cat(maps.map(Linear::weight).to_vec(), 1);
        let biases: Vec<_> = maps.into_iter().filter_map(Linear::bias).collect();
        let bias = (!biases.is_empty()).then(|| Tensor::cat(biases, 0));
        let qkv = linear(x.clone().reshape([batch * len, d_model]), weight, bias);
        let d_head = d_model / n_heads;
        let heads = match log_weights {
            None => self_attention(qkv, [batch, len], n_heads, 1.0 / (d_head as f64).sqrt(), hidden),
            Some(log) => {
                let all = qkv.reshape([batch, len, 3 * n_heads, d_head]).swap_dims(1, 2);
                let part = |part: usize| all.clone().slice_dim(1, part * n_heads..(part + 1) * n_heads);
                let each = [batch, n_heads, len, len];
                let hidden = hidden.map(|hidden| hidden.unsqueeze_dim::<4>(1).expand(each));
                let log = log.reshape([batch, 1, 1, len]).expand(each);
                let options = AttentionModuleOptions::default();
                let heads = attention(part(0), part(1), part(2), hidden, Some(log), options);
                heads.swap_dims(1, 2).reshape([batch * len, d_model])
            }
        };
        let heads = heads.reshape([batch, len, d_model]);
        match &self.output {
            Some(output) => output.forward(heads),
            None => heads,
        }
    }
}

/// The error that there are no heads of a whole number of dimensions.
pub(crate) fn check_heads(d_model: usize, n_heads: usize) -> Result<(), String> {
    if d_model > 0 && n_heads > 0 && d_model.is_multiple_of(n_heads) {
        return Ok(());
    }
    Err(format!("{n_heads} heads do not divide {d_model} dimensions"))
}

/// Which keys a query does not see, `[batch, len, len]`: padding, and in a causal model what comes later; never itself.
pub(crate) fn hidden(sequence: &Sequence, causal: bool) -> Option<Tensor<3, Bool>> {
    let ([batch, len, _], device) = (sequence.dims(), sequence.device());
    let pairs = |is: fn(usize, usize) -> bool| -> Tensor<3, Bool> {
        let pairs: Vec<bool> = (0..len).flat_map(|i| (0..len).map(move |j| is(i, j))).collect();
        Tensor::<3, Bool>::from_data(TensorData::new(pairs, [1, len, len]), &device).expand([batch, len, len])
    };
    let padded = sequence.mask_pad().map(|mask| {
        let mask = mask.clone().reshape([batch, 1, len]).expand([batch, len, len]);
        mask.bool_and(pairs(|i, j| i != j))
    });
    let later = causal.then(|| pairs(|i, j| j > i));
    match (padded, later) {
        (Some(padded), Some(later)) => Some(padded.bool_or(later)),
        (padded, later) => padded.or(later),
    }
}
