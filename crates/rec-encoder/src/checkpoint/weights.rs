use std::collections::BTreeSet;
use std::fmt;

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::Checkpoint;
use crate::error::{Error, Kind};

/// What a checkpoint gave: printed by programs that load one, so that nothing is ignored in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors that became parameters.
    pub n_loaded: usize,
    /// Values in these tensors.
    pub n_values: usize,
    /// Tensors of the file that the family is known not to need.
    pub ignored: Vec<String>,
    /// What was assumed because the folder does not say.
    pub assumed: Vec<String>,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors, {} values", self.n_loaded, self.n_values)?;
        if !self.ignored.is_empty() {
            write!(f, "; ignored: {}", self.ignored.join(", "))?;
        }
        if !self.assumed.is_empty() {
            write!(f, "; assumed: {}", self.assumed.join(", "))?;
        }
        Ok(())
    }
}

/// Takes parameters out of a checkpoint, by name and expected shape, onto a device.
pub(crate) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    /// What the file puts before every name of the model.
    prefix: &'static str,
    device: &'a Device,
    taken: BTreeSet<String>,
    report: LoadReport,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(checkpoint: &'a Checkpoint, prefix: &'static str, device: &'a Device) -> Self {
        Self { checkpoint, prefix, device, taken: BTreeSet::new(), report: LoadReport::default() }
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let name = format!("{}{name}", self.prefix);
        let fail = |message| Error::new(Kind::Tensor, message).file(self.checkpoint.file_of(&name));
        // The shape is compared before any value is read: a config cannot make us allocate what the file does not hold.
        match self.checkpoint.shape(&name)? {
            None => return Err(fail(format!("tensor `{name}` of shape {expected:?} is missing"))),
            Some(shape) if shape != expected => {
                return Err(fail(format!(
                    "tensor `{name}` has shape {shape:?} where the config asks for {expected:?}"
                )));
            }
            Some(_) => {}
        }
        let Some(values) = self.checkpoint.read(&name)? else {
            return Err(fail(format!("tensor `{name}` is missing")));
        };
        self.report.n_loaded += 1;
        self.report.n_values += values.len();
        self.taken.insert(name);
        Ok(values)
    }

    fn vector(&mut self, name: &str, n: usize) -> Result<Param<Tensor<1>>, Error> {
        let values = self.take(name, &[n])?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, [n]), self.device)))
    }

    /// A linear map stored `[d_out, d_in]`, as PyTorch does; burn wants `[d_in, d_out]`.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        d_in: usize,
        d_out: usize,
        bias: bool,
    ) -> Result<Linear, Error> {
        let values = transpose(&self.take(&format!("{name}.weight"), &[d_out, d_in])?, d_out, d_in);
        let weight = Tensor::from_data(TensorData::new(values, [d_in, d_out]), self.device);
        let mut linear = LinearConfig::new(d_in, d_out).with_bias(bias).init(self.device);
        linear.weight = Param::from_tensor(weight);
        if bias {
            linear.bias = Some(self.vector(&format!("{name}.bias"), d_out)?);
        }
        Ok(linear)
    }

    pub(crate) fn layer_norm(&mut self, name: &str, d: usize, eps: f64) -> Result<LayerNorm, Error> {
        let mut norm = LayerNormConfig::new(d).with_epsilon(eps).init(self.device);
        norm.gamma = self.vector(&format!("{name}.weight"), d)?;
        norm.beta = Some(self.vector(&format!("{name}.bias"), d)?);
        Ok(norm)
    }

    pub(crate) fn embedding(&mut self, name: &str, n: usize, d: usize) -> Result<Embedding, Error> {
        let values = self.take(&format!("{name}.weight"), &[n, d])?;
        let mut embedding = EmbeddingConfig::new(n, d).init(self.device);
        embedding.weight =
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [n, d]), self.device));
        Ok(embedding)
    }

    /// Ends loading: every tensor that nobody took must be one that the family is known not to need.
    pub(crate) fn finish(mut self, may_ignore: impl Fn(&str) -> bool) -> Result<LoadReport, Error> {
        for name in self.checkpoint.names().filter(|name| !self.taken.contains(*name)) {
            let bare = name.strip_prefix(self.prefix).unwrap_or(name);
            if !may_ignore(bare) {
                let message = format!("tensor `{name}` is unexpected: the config has no place for it");
                return Err(Error::new(Kind::Tensor, message).file(self.checkpoint.file_of(name)));
            }
            self.report.ignored.push(name.to_owned());
        }
        Ok(self.report)
    }
}

/// `[rows, cols]` to `[cols, rows]`, in tiles that stay in cache.
fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut out = vec![0.0; values.len()];
    for row0 in (0..rows).step_by(TILE) {
        for col0 in (0..cols).step_by(TILE) {
            for row in row0..rows.min(row0 + TILE) {
                for col in col0..cols.min(col0 + TILE) {
                    out[col * rows + row] = values[row * cols + col];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn transposes_ragged_tiles() {
        let (rows, cols) = (33, 65);
        let values: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
        let turned = super::transpose(&values, rows, cols);
        assert!((0..rows).all(|r| (0..cols).all(|c| turned[c * rows + r] == values[r * cols + c])));
    }
}
