use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// A path below the workspace's `fixtures` folder.
#[must_use]
pub fn fixture_path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(relative)
}

/// A safetensors file of reference values below `fixtures`.
///
/// Everything here panics with the file and tensor in the message: a broken fixture is a broken test.
#[derive(Debug)]
pub struct Fixture {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Fixture {
    /// Reads the file.
    ///
    /// # Panics
    ///
    /// It cannot be read.
    #[must_use]
    pub fn open(relative: &str) -> Self {
        let path = fixture_path(relative);
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, bytes }
    }

    /// Whether the file has such a tensor.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).is_ok_and(|file| file.tensor(name).is_ok())
    }

    fn raw(&self, name: &str, dtypes: &[Dtype]) -> (Vec<usize>, Vec<u8>) {
        let file =
            SafeTensors::deserialize(&self.bytes).unwrap_or_else(|e| panic!("{}: {e}", self.path.display()));
        let view = file.tensor(name).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.path.display()));
        assert!(dtypes.contains(&view.dtype()), "{}: {name} is {:?}", self.path.display(), view.dtype());
        (view.shape().to_vec(), view.data().to_vec())
    }

    /// Shape and values of an F32 tensor.
    #[must_use]
    pub fn f32(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.raw(name, &[Dtype::F32]);
        let values = bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        (shape, values)
    }

    /// Shape and values of an I64 tensor.
    #[must_use]
    pub fn i64(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let (shape, bytes) = self.raw(name, &[Dtype::I64]);
        let values = bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect();
        (shape, values)
    }

    /// Shape and values of a BOOL or U8 tensor.
    #[must_use]
    pub fn bools(&self, name: &str) -> (Vec<usize>, Vec<bool>) {
        let (shape, bytes) = self.raw(name, &[Dtype::BOOL, Dtype::U8]);
        (shape, bytes.into_iter().map(|byte| byte != 0).collect())
    }

    /// An F32 tensor on a device.
    #[must_use]
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = self.f32(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// An I64 tensor on a device.
    #[must_use]
    pub fn ints<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        let (shape, values) = self.i64(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// A BOOL or U8 tensor on a device.
    #[must_use]
    pub fn mask<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Bool> {
        let (shape, values) = self.bools(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}
