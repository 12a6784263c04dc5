//! Weights in PyTorch's own format, `pytorch_model.bin`.

use std::panic::{self, AssertUnwindSafe};

use pytorch_reader::{DType, PytorchReader};
use safetensors::Dtype;

use crate::error::{Error, Kind};
use crate::source::Source;

/// The tensors of one file. Nothing in it is executed: its pickle is read as data.
pub(super) struct PytorchFile {
    name: String,
    reader: PytorchReader,
}

impl PytorchFile {
    pub(super) fn open(source: &Source, file: &str) -> Result<Self, Error> {
        let name = source.display(file);
        let Source::Folder(folder) = source else {
            return Err(Error::new(Kind::File, "PyTorch files are read from folders only").file(name));
        };
        let invalid = || Error::new(Kind::Tensor, "not a PyTorch file of tensors").file(&name);
        // The format is a small programming language; what the reader's authors did not think of must not end the program.
        match panic::catch_unwind(AssertUnwindSafe(|| PytorchReader::new(folder.join(file)))) {
            Ok(Ok(reader)) => Ok(Self { name, reader }),
            Ok(Err(e)) => Err(invalid().caused_by(e)),
            Err(_) => Err(invalid()),
        }
    }

    /// Name, type and shape of every tensor. Types that safetensors has not are given as one that no weight has.
    pub(super) fn tensors(&self) -> impl Iterator<Item = (String, Dtype, Vec<usize>)> {
        self.reader.tensors().iter().map(|(name, tensor)| {
            let dtype = match tensor.dtype() {
                DType::F64 => Dtype::F64,
                DType::F32 => Dtype::F32,
                DType::F16 => Dtype::F16,
                DType::BF16 => Dtype::BF16,
                DType::I64 => Dtype::I64,
                DType::I32 => Dtype::I32,
                _ => Dtype::BOOL,
            };
            (name.clone(), dtype, tensor.shape().to_vec())
        })
    }

    pub(super) fn read(&self, tensor: &str) -> Result<Vec<u8>, Error> {
        let fail = || Error::new(Kind::Tensor, format!("tensor `{tensor}` cannot be read")).file(&self.name);
        let stored = self.reader.get(tensor).ok_or_else(fail)?;
        match panic::catch_unwind(AssertUnwindSafe(|| stored.read())) {
            Ok(bytes) => bytes.map_err(|e| fail().caused_by(e)),
            Err(_) => Err(fail()),
        }
    }
}
