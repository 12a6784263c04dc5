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
        let mut sums = c;
        for i in 0..4 {
            sums[i] = self.mul_add_f32x4(a[i], b[i], c[i]);
        }
        sums
    }

    #[inline(always)]
    fn sums(self, all: [[f32x4; 4]; LANES]) -> [f32; LANES] {
        let mut sums = [0.0; LANES];
        for i in 0..LANES {
            sums[i] = sum(cast(all[i]));
        }
        sums
    }
}
