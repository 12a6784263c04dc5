use burn::module::Param;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::checkpoint::save::values;
use crate::error::{Error, Kind};
use crate::transformer::block::Block;
use crate::transformer::{AttentionConfig, Transformer};

impl Transformer {
    /// The model without the `n` least important heads of every layer: its matrices are smaller.
    ///
    /// The importance of a head is the Frobenius norm of the linear map that it applies to what it attends to, the product of its
    /// value map and its rows of the output map: a bound on what removing it (Michel et al. 2019, "Are Sixteen Heads Really
    /// Better than One?", section 2.3) changes, without data and without biases. Where queries share keys and values, `n` counts
    /// heads of keys and values, and the queries that share one go with it. Where all layers share a bias for each head (MPNet),
    /// all lose the same heads, those of the least importance in sum, each layer's relative to its total.
    ///
    /// # Errors
    ///
    /// `n` is not less than the number of heads of keys and values.
    pub fn prune_heads(mut self, n: usize) -> Result<Self, Error> {
        let old = self.config.attention;
        if n >= old.n_kv_heads {
            let message = format!("{n} of {} heads of keys and values cannot be removed", old.n_kv_heads);
            return Err(Error::new(Kind::Config, message));
        }
        let importance: Vec<Vec<f64>> =
            self.blocks.iter().map(|block| importance(block, &old)).collect::<Result<_, _>>()?;
        let kept: Vec<Vec<usize>> = match self.relative_bias {
            None => importance.iter().map(|of_heads| without_least(of_heads, n)).collect(),
            Some(_) => {
                let total = |of_heads: &[f64]| of_heads.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                let shares = |head: usize| importance.iter().map(move |of| of[head] / total(of));
                let sums: Vec<f64> = (0..old.n_kv_heads).map(|head| shares(head).sum()).collect();
                vec![without_least(&sums, n); importance.len()]
            }
        };
        let group = old.n_heads / old.n_kv_heads;
        let new = AttentionConfig { n_heads: old.n_heads - n * group, n_kv_heads: old.n_kv_heads - n, ..old };
        let queries = |kept: &[usize]| -> Vec<usize> {
            kept.iter().flat_map(|head| head * group..(head + 1) * group).collect()
        };
        for (block, kept) in self.blocks.iter_mut().zip(&kept) {
            let attention = &mut block.attention;
            let device = attention.qkv.weight.val().device();
            let queries = queries(kept);
            let after = |n: usize| kept.iter().map(move |head| n + head);
            let heads: Vec<usize> = queries
                .iter()
                .copied()
                .chain(after(old.n_heads))
                .chain(after(old.n_heads + old.n_kv_heads))
                .collect();
            let columns = indices(&heads, old.d_head, &device);
            attention.qkv.weight = select(&attention.qkv.weight, 1, &columns);
            attention.qkv.bias = attention.qkv.bias.as_ref().map(|bias| select(bias, 0, &columns));
            let rows = indices(&queries, old.d_head, &device);
            attention.output.weight = select(&attention.output.weight, 0, &rows);
            attention.config = new;
        }
        if let (Some(table), Some(kept)) = (&mut self.relative_bias, kept.first()) {
            let columns = indices(&queries(kept), 1, &table.weight.val().device());
            table.weight = select(&table.weight, 1, &columns);
        }
        self.config.attention = new;
        Ok(self)
    }
}

/// Of each head of keys and values: `sqrt(sum |V O_h|^2)` over the queries `h` that share its value map `V`.
fn importance(block: &Block, config: &AttentionConfig) -> Result<Vec<f64>, Error> {
    let (qkv, output) = (block.attention.qkv.weight.val(), block.attention.output.weight.val());
    let ([d_model, _], d_head) = (qkv.dims(), config.d_head);
    let group = config.n_heads / config.n_kv_heads;
    let of_head = |head: usize| {
        let at = (config.n_heads + config.n_kv_heads + head) * d_head;
        let value = qkv.clone().slice([0..d_model, at..at + d_head]);
        // |V O|^2 is the trace of V'V OO': two small matrices instead of one of the model's size. The queries' OO' add up to
        // that of their rows side by side.
        let mut outputs: Option<Tensor<2>> = None;
        for query in head * group..(head + 1) * group {
            let rows = output.clone().slice([query * d_head..(query + 1) * d_head, 0..d_model]);
            let gram = rows.clone().matmul(rows.transpose());
            outputs = Some(outputs.map_or_else(|| gram.clone(), |sum| sum + gram.clone()));
        }
        let grams = outputs.map(|outputs| value.clone().transpose().matmul(value) * outputs);
        let trace: f64 = grams.map(values).transpose()?.into_iter().flatten().map(f64::from).sum();
        Ok(trace.max(0.0).sqrt())
    };
    (0..config.n_kv_heads).map(of_head).collect()
}

/// All but the `n` least, ascending; of equals the first go first.
fn without_least(importance: &[f64], n: usize) -> Vec<usize> {
    let mut heads: Vec<usize> = (0..importance.len()).collect();
    heads.sort_by(|&a, &b| importance[a].total_cmp(&importance[b]));
    let mut kept = heads.split_off(n);
    kept.sort_unstable();
    kept
}

/// The places of the values of these heads.
fn indices(heads: &[usize], d_head: usize, device: &Device) -> Tensor<1, Int> {
    let places: Vec<i64> =
        heads.iter().flat_map(|head| head * d_head..(head + 1) * d_head).map(|place| place as i64).collect();
    let n = places.len();
    Tensor::from_data(TensorData::new(places, [n]), device)
}

fn select<const D: usize>(param: &Param<Tensor<D>>, dim: usize, places: &Tensor<1, Int>) -> Param<Tensor<D>> {
    Param::from_tensor(param.val().select(dim, places.clone()))
}
