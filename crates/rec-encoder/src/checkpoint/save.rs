use burn::nn::{Embedding, Linear};
use burn::tensor::{Tensor, TensorData};
use half::{bf16, f16};
use safetensors::Dtype;

use super::block4::Block4;
use super::block8::Block8;
use super::names::{Part, Walk};
use super::weights::Storage;
use crate::error::{Error, Kind};
use crate::transformer::norm::Norm;

/// How weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// As they are.
    F32,
    /// In half precision: 11 bits of significand, 5 of exponent.
    F16,
    /// In bfloat16: 8 bits of significand, the exponent of `f32`.
    Bf16,
    /// Matrices as [`Block8`] with blocks of 32 values (8.5 bits a value), the rest in half precision.
    Block8,
    /// Matrices as [`Block4`] with blocks of 32 values (4.5 bits a value), the rest in half precision.
    Block4,
}

impl WeightFormat {
    /// What PyTorch calls the type of most values.
    pub(crate) fn dtype(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::F16 | Self::Block8 | Self::Block4 => "float16",
        }
    }
}

/// Consecutive values that share a scale.
const BLOCK: usize = 32;

/// A tensor of a file: name, type, shape, little-endian bytes.
pub(crate) type Written = (String, Dtype, Vec<usize>, Vec<u8>);

/// Writes parameters under the names of a family.
pub(crate) struct Writer {
    format: WeightFormat,
    storage: Storage,
    tensors: Vec<Written>,
}

impl Writer {
    pub(crate) fn new(format: WeightFormat, storage: Storage) -> Self {
        Self { format, storage, tensors: Vec::new() }
    }

    pub(crate) fn finish(self) -> Vec<Written> {
        self.tensors
    }

    /// A tensor under its whole name.
    pub(crate) fn tensor<const D: usize>(&mut self, name: &str, tensor: &Tensor<D>) -> Result<(), Error> {
        self.write(name.to_owned(), &values(tensor.clone())?, tensor.dims().to_vec())
    }

    pub(crate) fn write(&mut self, name: String, values: &[f32], shape: Vec<usize>) -> Result<(), Error> {
        let halves = || {
            let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
            match halves.iter().position(|half| !half.is_finite()) {
                Some(at) => {
                    let message =
                        format!("tensor `{name}` has {} at element {at}, beyond half precision", values[at]);
                    Err(Error::new(Kind::Tensor, message))
                }
                None => Ok(halves.iter().flat_map(|half| half.to_le_bytes()).collect()),
            }
        };
        match (self.format, &*shape) {
            (WeightFormat::Block8, &[rows, cols]) if cols.is_multiple_of(BLOCK) => {
                self.tensors.extend(Block8::quantize(values, [rows, cols], BLOCK).tensors(&name));
            }
            (WeightFormat::Block4, &[rows, cols]) if cols.is_multiple_of(BLOCK) => {
                self.tensors.extend(Block4::quantize(values, [rows, cols], BLOCK).tensors(&name));
            }
            (WeightFormat::F32, _) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                self.tensors.push((name, Dtype::F32, shape, bytes));
            }
            (WeightFormat::Bf16, _) => {
                let bytes = values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
                self.tensors.push((name, Dtype::BF16, shape, bytes));
            }
            (WeightFormat::F16 | WeightFormat::Block8 | WeightFormat::Block4, _) => {
                let bytes = halves()?;
                self.tensors.push((name, Dtype::F16, shape, bytes));
            }
        }
        Ok(())
    }
}

/// The values of a parameter, on the host, row-major.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    tensor
        .try_into_vec_as()
        .map_err(|e| Error::new(Kind::Device, "cannot read a parameter back").caused_by(e))
}

impl Walk for Writer {
    fn linear(&mut self, linear: &mut Linear, d_in: usize, parts: &[Part]) -> Result<(), Error> {
        let mut column = 0;
        for (name, d_out) in parts {
            let range = column..column + d_out;
            let part = linear.weight.val().slice([0..d_in, range.clone()]);
            let (part, shape) = match self.storage.is_transposed {
                true => (part, vec![d_in, *d_out]),
                false => (part.transpose(), vec![*d_out, d_in]),
            };
            self.write(format!("{name}.weight"), &values(part)?, shape)?;
            if let Some(bias) = &linear.bias {
                let bias = values(bias.val().slice([range]))?;
                self.write(format!("{name}.bias"), &bias, vec![*d_out])?;
            }
            column += d_out;
        }
        Ok(())
    }

    fn norm(&mut self, norm: &mut Norm, d: usize, name: &str) -> Result<(), Error> {
        let (gamma, beta) = match norm {
            Norm::Layer(norm) => (&norm.gamma, norm.beta.as_ref()),
            Norm::Rms(norm) => (&norm.gamma, None),
        };
        let weight: Vec<f32> =
            values(gamma.val())?.into_iter().map(|weight| weight - self.storage.norm_offset).collect();
        self.write(format!("{name}.weight"), &weight, vec![d])?;
        match beta {
            Some(beta) => self.write(format!("{name}.bias"), &values(beta.val())?, vec![d]),
            None => Ok(()),
        }
    }

    fn table(&mut self, table: &mut Embedding, shape: [usize; 2], name: &str) -> Result<(), Error> {
        self.write(format!("{name}.weight"), &values(table.weight.val())?, shape.to_vec())
    }
}

/// The bytes of a safetensors file.
pub(crate) fn to_safetensors(tensors: &[Written]) -> Result<Vec<u8>, Error> {
    let fail = |e| Error::new(Kind::Tensor, "cannot write the tensors").caused_by(e);
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        Ok((name.as_str(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(fail)?;
    // The key that Python's readers ask for.
    let metadata = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(fail)
}

/// A vector of no parameters, for maps that are only a selection.
pub(crate) fn selection(d_in: usize, d_out: usize, device: &burn::tensor::Device) -> Tensor<2> {
    let values: Vec<f32> =
        (0..d_in).flat_map(|i| (0..d_out).map(move |o| f32::from(u8::from(i == o)))).collect();
    Tensor::from_data(TensorData::new(values, [d_in, d_out]), device)
}
