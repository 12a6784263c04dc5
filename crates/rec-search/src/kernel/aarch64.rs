//! NEON.

use pulp::aarch64::Neon;
use pulp::{cast, f32x4};

use super::wide::{LANES, Wide, sum};

impl Wide for Neon {
    type Lanes = [f32x4; 4];

    const SIDE: usize = 2;

    #[inline(always)]
    fn zero(self) -> [f32x4; 4] {
        [f32x4(0.0, 0.0, 0.0, 0.0); 4]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> [f32x4; 4] {
        cast(*values)
    }

    #[inline(always)]
    fn store(self, lanes: [f32x4; 4]) -> [f32; LANES] {
        cast(lanes)
    }

    #[inline(always)]
    fn mul_add(self, a: [f32x4; 4], b: [f32x4; 4], c: [f32x4; 4]) -> [f32x4; 4] {
        std::array::from_fn(|i| self.mul_add_f32x4(a[i], b[i], c[i]))
    }

    #[inline(always)]
    fn sums(self, all: [[f32x4; 4]; LANES]) -> [f32; LANES] {
        all.map(|lanes| sum(cast(lanes)))
    }
}
