//! What learned models are built of: initial values and dropout drawn on the host from a seed, an affine map, and an
//! activation with its own derivative.
//!
//! Burn has one random generator a process. Here every draw comes from a generator of its own, so that one seed gives one
//! model and one training step, on every device and whatever else the process draws.

mod dropout;
mod gelu;
mod initializer;
mod linear;
mod model_config;

pub use dropout::Dropout;
pub use gelu::gelu;
pub use initializer::Initializer;
pub use linear::Linear;
pub use model_config::{ModelConfig, check_rate, check_sizes};
