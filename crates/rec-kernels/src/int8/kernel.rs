use super::avx2::Avx2;
use super::portable;
use super::strip::{Strip, Target};
#[cfg(target_arch = "x86_64")]
use super::vnni::Vnni;
use crate::dispatch::Dispatch;

/// Which instructions multiply bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kernel {
    /// AVX-512 VNNI: `vpdpbusd` multiplies four pairs of bytes and adds them to 32 bits.
    #[cfg(target_arch = "x86_64")]
    Vnni(Vnni),
    /// AVX2: `vpmaddwd` multiplies two pairs of 16 bits and adds them to 32. The instruction for bytes saturates at 16.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "of x86"))]
    Avx2(Avx2),
    /// Plain loops.
    Portable,
}

/// How a kernel wants codes to lie: what belongs together in a word of 32 bits stands together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Codes of a column, or of a row, that are multiplied together.
    pub(crate) group: usize,
    /// Columns that are multiplied together.
    pub(crate) lanes: usize,
    /// Columns of a full strip.
    pub(crate) width: usize,
}

impl Kernel {
    /// The best that goes with these instructions on this processor.
    pub(crate) fn new(dispatch: Dispatch) -> Self {
        if matches!(dispatch, Dispatch::Scalar) {
            return Self::Portable;
        }
        let lanes = dispatch.shape().lanes;
        #[cfg(target_arch = "x86_64")]
        if let Some(vnni) = Vnni::detect().filter(|_| lanes == 16) {
            return Self::Vnni(vnni);
        }
        match Avx2::detect() {
            Some(avx2) if lanes >= 8 => Self::Avx2(avx2),
            _ => Self::Portable,
        }
    }

    pub(crate) fn layout(self) -> Layout {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(_) => Layout { group: 4, lanes: 16, width: 48 },
            Self::Avx2(_) => Layout { group: 2, lanes: 8, width: 16 },
            Self::Portable => Layout { group: 4, lanes: 1, width: 16 },
        }
    }

    /// Whether activations are unsigned bytes, which makes sums too large by [`ZERO`](super::ZERO) times the sum of a column.
    pub(crate) fn is_unsigned(self) -> bool {
        !matches!(self, Self::Avx2(_))
    }

    pub(super) fn multiply(self, strip: &Strip<'_>, target: Target<'_>) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.multiply(strip, target),
            Self::Avx2(avx2) => avx2.multiply(strip, target),
            Self::Portable => portable::multiply(strip, target),
        }
    }
}
