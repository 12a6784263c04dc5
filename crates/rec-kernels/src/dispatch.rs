//! The choice of an instruction set, made once.

use pulp::{Arch, Scalar, Simd, WithSimd};

use crate::tile;

/// Which instructions kernels run with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dispatch {
    /// The best that this processor has.
    Native(Arch),
    /// One value at a time: what tests compare the others with.
    #[cfg_attr(not(test), expect(dead_code, reason = "made by tests"))]
    Scalar,
}

impl Dispatch {
    pub(crate) fn native() -> Self {
        Self::Native(Arch::new())
    }

    /// All that this processor can run.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::native(), Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(|simd| Self::Native(Arch::V3(simd))));
        all
    }

    /// Runs a kernel, compiled for these instructions.
    #[inline]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self {
            Self::Native(arch) => arch.dispatch(kernel),
            Self::Scalar => Scalar::new().vectorize(kernel),
        }
    }

    /// The sizes of tiles under these instructions.
    pub(crate) fn shape(self) -> Shape {
        self.run(ShapeOf)
    }
}

/// The sizes that the layout of packed weights depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Values in a vector.
    pub(crate) lanes: usize,
    /// Columns of a full panel.
    pub(crate) width: usize,
}

struct ShapeOf;

impl WithSimd for ShapeOf {
    type Output = Shape;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Shape {
        Shape { lanes: S::F32_LANES, width: tile::vectors::<S>() * S::F32_LANES }
    }
}
