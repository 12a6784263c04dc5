//! What the examples share, so that each of them shows its own lesson and little else.
//!
//! - [`run`] and [`claim`]: the frame of a program that prints, fails politely and checks what it says.
//! - [`EncoderArgs`]: `--model` and `--device`.
//! - [`embed`]: lines in, vectors out.
//! - [`films`] and [`titles`]: MovieLens 100K, and film titles as people say them.
//! - [`Parts`]: models of films, and the hybrid of them.
//! - [`curves`]: the curves of a training. [`planted`]: impressions with known preferences.
//! - [`front`]: what diversity and calibration cost.
//! - [`cost`], [`likeness`]: what a model folder costs, and how much of another model it keeps.

mod args;
pub mod cost;
pub mod curves;
pub mod embed;
pub mod evaluation;
pub mod films;
mod front;
pub mod items;
pub mod likeness;
mod parts;
pub mod planted;
mod terminal;
pub mod titles;

pub use args::EncoderArgs;
pub use front::front;
pub use parts::Parts;
pub use terminal::{Error, claim, fit, run};

/// The program in the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
