//! What training needs beside the forward pass: products of matrices as they stand, and steps with their derivatives.
//!
//! Nothing here keeps packed weights, because weights change with every step. Slices are row-major; work is divided over the
//! threads of the current rayon pool, and the bits do not depend on their number.

mod adamw;
mod attention;
mod gelu;
mod layer_norm;
mod matmul;
mod softmax_loss;
mod sparse;
#[cfg(test)]
mod tests;

pub use adamw::AdamW;
pub use attention::{SelfAttention, self_attention, self_attention_gradient};
pub use gelu::{gelu, gelu_gradient};
pub use layer_norm::{LayerNormGradient, layer_norm, layer_norm_gradient};
pub use matmul::{Matrix, matmul, sum_rows};
pub use softmax_loss::{SoftmaxLoss, softmax_loss};
pub use sparse::SparseMatrix;
