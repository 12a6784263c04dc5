//! Products of bytes: eight bits for weights and activations, exact sums of 32 bits, one scale for each row and each column.
//!
//! A weight is `code * scale` with a code in [-127, 127] and the scale of its column, `max |w| / 127`; an activation the same with
//! the scale of its row. So `x W` is `scale of row * scale of column * sum of products of codes`, and the sum is an integer. Scales of
//! rows are found as the rows come ("token-wise" quantization, Yao et al. 2022, "ZeroQuant", section 4.1; "vector-wise", Dettmers et
//! al. 2022, "LLM.int8()", section 3.1): they depend on that row alone, so that a batch changes nothing, no calibration data decides
//! what a model is, and a token with large values costs no other token its precision.
//!
//! [`reference`] in the tests is the definition. The kernels differ in the order of codes in memory, and give the same bits: sums
//! are exact (no instruction here saturates, and 2^16 products fit 32 bits), and what follows them is two multiplications in one order.

mod avx2;
mod kernel;
mod portable;
mod rows;
mod strip;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;
mod weights;

pub(crate) use kernel::Kernel;
pub(crate) use rows::Rows;
pub(crate) use weights::Weights;

/// The largest code. With -128, too, codes would not be symmetric.
const MAX_CODE: f32 = 127.0;

/// What code 0 is as an unsigned byte.
const ZERO: u8 = 128;
