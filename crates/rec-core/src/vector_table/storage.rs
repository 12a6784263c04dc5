use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::mapped::MappedFile;

/// Row-major values on the host: owned or mapped, `f32` or `f16`. Cloning shares them.
#[derive(Clone)]
pub(super) enum Storage {
    F32(Arc<[f32]>),
    F16(Arc<[f16]>),
    /// `bytes` are checked on construction to be aligned and a whole number of values.
    Mapped {
        file: Arc<MappedFile>,
        bytes: Range<usize>,
        half: bool,
    },
}

impl Storage {
    /// Values inside a mapped file; `None` if the bytes are not aligned to the value size.
    pub(super) fn mapped(file: Arc<MappedFile>, bytes: Range<usize>, half: bool) -> Option<Self> {
        let slice = file.get(bytes.clone())?;
        let fits = match half {
            true => bytemuck::try_cast_slice::<u8, u16>(slice).is_ok(),
            false => bytemuck::try_cast_slice::<u8, f32>(slice).is_ok(),
        };
        fits.then_some(Self::Mapped { file, bytes, half })
    }

    pub(super) fn is_half(&self) -> bool {
        matches!(self, Self::F16(_) | Self::Mapped { half: true, .. })
    }

    /// The values in `range`, borrowed when stored as `f32`.
    pub(super) fn values(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        match self {
            Self::F32(values) => Cow::Borrowed(&values[range]),
            Self::F16(values) => Cow::Owned(values[range].to_f32_vec()),
            Self::Mapped { file, bytes, half: false } => {
                Cow::Borrowed(&bytemuck::cast_slice(&file[bytes.clone()])[range])
            }
            Self::Mapped { file, bytes, half: true } => {
                let bits: &[u16] = &bytemuck::cast_slice(&file[bytes.clone()])[range];
                Cow::Owned(bits.iter().map(|&bits| f16::from_bits(bits).to_f32()).collect())
            }
        }
    }

    /// The raw little-endian bytes, as a file stores them.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::F32(values) => Cow::Borrowed(bytemuck::cast_slice(values)),
            Self::F16(values) => Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Self::Mapped { file, bytes, .. } => Cow::Borrowed(&file[bytes.clone()]),
        }
    }

    pub(super) fn to_half(&self) -> Self {
        if self.is_half() {
            return self.clone();
        }
        let n = self.bytes().len() / size_of::<f32>();
        Self::F16(self.values(0..n).iter().map(|&value| f16::from_f32(value)).collect())
    }
}

impl From<Vec<f32>> for Storage {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values.into())
    }
}

#[cfg(target_endian = "big")]
compile_error!("vector files are little-endian and are mapped as they are");
