//! What learned models are built of: initial values and dropout drawn on the host from a seed, affine maps, and the steps of a
//! transformer with derivatives of their own.
//!
//! Burn has one random generator a process. Here every draw comes from a generator of its own, so that one seed gives one
//! model and one training step, on every device and whatever else the process draws.

mod bags;
mod dropout;
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod fused;
mod gelu;
mod initializer;
mod layer_norm;
mod linear;
mod model_config;
mod steps;

pub use bags::{Bags, sum_bags};
pub use dropout::Dropout;
pub use gelu::gelu;
pub use initializer::Initializer;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use model_config::{ModelConfig, check_rate, check_sizes};
pub use steps::{layer_norm, linear, self_attention};
