use burn::module::Param;
use burn::tensor::{Tensor, TensorData};

use crate::checkpoint::save::values;
use crate::error::{Error, Kind};
use crate::transformer::Transformer;

impl Transformer {
    /// The model with the smallest `share` of the values of every weight matrix set to zero, by absolute value (magnitude pruning,
    /// Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", section 3; without the training
    /// that follows there).
    ///
    /// Matrices are the table of token embeddings and the linear maps of embeddings and layers, queries, keys, values, gates and
    /// what they gate each by themselves. `round(share * n)` of a matrix's `n` values become zero, halves to even; of equal values
    /// those in earlier rows of the map's inputs.
    ///
    /// # Errors
    ///
    /// `share` is not in `[0, 1]`.
    pub fn prune_magnitude(mut self, share: f64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&share) {
            let message = format!("the share of values to prune is {share}, not from 0 to 1");
            return Err(Error::new(Kind::Config, message));
        }
        let config = &self.config;
        let (d_model, d_ff, heads) = (config.d_model, config.feed_forward.d_ff, &config.attention);
        let (q, kv) = (heads.n_heads * heads.d_head, heads.n_kv_heads * heads.d_head);
        let up: &[usize] = if config.feed_forward.gated { &[d_ff, d_ff] } else { &[d_ff] };
        prune(&mut self.embeddings.tokens.weight, &[config.d_embedding], share)?;
        if let Some(projection) = &mut self.embeddings.projection {
            prune(&mut projection.weight, &[d_model], share)?;
        }
        for block in &mut self.blocks {
            prune(&mut block.attention.qkv.weight, &[q, kv, kv], share)?;
            prune(&mut block.attention.output.weight, &[d_model], share)?;
            prune(&mut block.feed_forward.up.weight, up, share)?;
            prune(&mut block.feed_forward.down.weight, &[d_model], share)?;
        }
        Ok(self)
    }
}

/// Prunes the matrices that stand side by side in `weight`, `parts` columns each.
fn prune(weight: &mut Param<Tensor<2>>, parts: &[usize], share: f64) -> Result<(), Error> {
    let tensor = weight.val();
    let ([rows, cols], device) = (tensor.dims(), tensor.device());
    let mut values = values(tensor)?;
    let mut from = 0;
    for part in parts {
        let columns = from..from + part;
        let n_zero = (share * (rows * part) as f64).round_ties_even() as usize;
        if n_zero > 0 {
            let in_part = |row: &[f32]| row[columns.clone()].iter().map(|v| v.abs()).collect::<Vec<_>>();
            let mut magnitudes: Vec<f32> = values.chunks_exact(cols).flat_map(in_part).collect();
            let (below, &mut largest, _) = magnitudes.select_nth_unstable_by(n_zero - 1, f32::total_cmp);
            let mut n_equal = n_zero - below.iter().filter(|&&magnitude| magnitude < largest).count();
            for value in values.chunks_exact_mut(cols).flat_map(|row| &mut row[columns.clone()]) {
                let is_equal = value.abs() == largest && n_equal > 0;
                n_equal -= usize::from(is_equal);
                if is_equal || value.abs() < largest {
                    *value = 0.0;
                }
            }
        }
        from += part;
    }
    *weight = Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, cols]), &device));
    Ok(())
}
