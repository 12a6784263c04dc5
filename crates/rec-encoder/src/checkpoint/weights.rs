use std::collections::BTreeSet;
use std::fmt;

use burn::module::Param;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor, TensorData};
use rec_core::{Fingerprint, FingerprintBuilder};

use super::Checkpoint;
use super::names::{Part, Walk};
use crate::error::{Error, Kind};
use crate::transformer::norm::Norm;

/// What a checkpoint gave: printed by programs that load one, so that nothing is ignored in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors of the file that became parameters.
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

/// How a family's files differ from what its modules hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Storage {
    /// Linear maps are `[d_in, d_out]` as burn has them (GPT-2's `Conv1D`), not `[d_out, d_in]` as PyTorch has them.
    pub(crate) is_transposed: bool,
    /// What is added to a norm's stored weight: Gemma stores the distance from one.
    pub(crate) norm_offset: f32,
}

/// Takes parameters out of a checkpoint, by name and expected shape, onto a device.
pub(crate) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    /// What the file puts before every name of the model.
    prefix: &'static str,
    storage: Storage,
    device: &'a Device,
    taken: BTreeSet<String>,
    report: LoadReport,
    hash: FingerprintBuilder,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(
        checkpoint: &'a Checkpoint,
        prefix: &'static str,
        storage: Storage,
        device: &'a Device,
    ) -> Self {
        let (taken, report, hash) = (BTreeSet::new(), LoadReport::default(), FingerprintBuilder::default());
        Self { checkpoint, prefix, storage, device, taken, report, hash }
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let name = format!("{}{name}", self.prefix);
        let fail = |message| Error::new(Kind::Tensor, message).file(self.checkpoint.file_of(&name));
        // The shape is compared before any value is read: a config cannot make us allocate what the file does not hold.
        match self.checkpoint.shape(&name) {
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
        // Values and the family's own names: neither shards, containers nor the width of stored floats change a space.
        self.hash.part(name.strip_prefix(self.prefix).unwrap_or(&name), bytemuck::cast_slice(&values));
        self.report.n_loaded += 1;
        self.report.n_values += values.len();
        self.taken.insert(name);
        Ok(values)
    }

    fn param<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }

    /// Ends loading, with the fingerprint of all values that were taken: every tensor that nobody took must be one that the family is known not to need.
    pub(crate) fn finish(
        mut self,
        may_ignore: impl Fn(&str) -> bool,
    ) -> Result<(LoadReport, Fingerprint), Error> {
        for name in self.checkpoint.names().filter(|name| !self.taken.contains(*name)) {
            let bare = name.strip_prefix(self.prefix).unwrap_or(name);
            if !may_ignore(bare) {
                let message = format!("tensor `{name}` is unexpected: the config has no place for it");
                return Err(Error::new(Kind::Tensor, message).file(self.checkpoint.file_of(name)));
            }
            self.report.ignored.push(name.to_owned());
        }
        Ok((self.report, self.hash.finish()))
    }
}

impl Walk for Weights<'_> {
    fn linear(&mut self, linear: &mut Linear, d_in: usize, parts: &[Part]) -> Result<(), Error> {
        let all: usize = parts.iter().map(|(_, d_out)| d_out).sum();
        // Shapes first: only then is it certain that the file holds as much as is allocated.
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        let mut column = 0;
        for (name, d_out) in parts {
            let name_of_weight = format!("{name}.weight");
            if self.storage.is_transposed {
                weight = self.take(&name_of_weight, &[d_in, *d_out])?;
            } else {
                let values = self.take(&name_of_weight, &[*d_out, d_in])?;
                if weight.is_empty() {
                    weight.resize(d_in * all, 0.0);
                }
                transpose(&values, d_in, &mut weight[column..], all);
            }
            if linear.bias.is_some() {
                bias.extend(self.take(&format!("{name}.bias"), &[*d_out])?);
            }
            column += d_out;
        }
        linear.weight = self.param(weight, [d_in, all]);
        linear.bias = linear.bias.is_some().then(|| self.param(bias, [all]));
        Ok(())
    }

    fn norm(&mut self, norm: &mut Norm, d: usize, name: &str) -> Result<(), Error> {
        let mut weight = self.take(&format!("{name}.weight"), &[d])?;
        weight.iter_mut().for_each(|weight| *weight += self.storage.norm_offset);
        let weight = self.param(weight, [d]);
        match norm {
            Norm::Layer(norm) => {
                norm.gamma = weight;
                if norm.beta.is_some() {
                    let bias = self.take(&format!("{name}.bias"), &[d])?;
                    norm.beta = Some(self.param(bias, [d]));
                }
            }
            Norm::Rms(norm) => norm.gamma = weight,
        }
        Ok(())
    }

    fn table(&mut self, table: &mut Embedding, shape: [usize; 2], name: &str) -> Result<(), Error> {
        let values = self.take(&format!("{name}.weight"), &shape)?;
        table.weight = self.param(values, shape);
        Ok(())
    }
}

/// Writes rows of `cols` values as columns of a matrix whose rows are `stride` apart, in tiles that stay in cache.
fn transpose(values: &[f32], cols: usize, out: &mut [f32], stride: usize) {
    const TILE: usize = 32;
    let rows = values.len() / cols;
    for row0 in (0..rows).step_by(TILE) {
        for col0 in (0..cols).step_by(TILE) {
            for row in row0..rows.min(row0 + TILE) {
                for col in col0..cols.min(col0 + TILE) {
                    out[col * stride + row] = values[row * cols + col];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn transposes_ragged_tiles_into_place() {
        let (rows, cols, stride) = (33, 65, 40);
        let values: Vec<f32> = (1..=rows * cols).map(|i| i as f32).collect();
        let mut out = vec![0.0; cols * stride];
        super::transpose(&values, cols, &mut out[5..], stride);
        for col in 0..cols {
            for at in 0..stride {
                let expected =
                    at.checked_sub(5).filter(|row| *row < rows).map_or(0.0, |row| values[row * cols + col]);
                assert_eq!(out[col * stride + at], expected);
            }
        }
    }
}
