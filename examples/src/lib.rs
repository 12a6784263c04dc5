//! What the examples share, so that each of them shows its own lesson and little else.
//!
//! - [`run`] and [`claim`]: the frame of a program that prints, fails politely and checks what it says.
//! - [`EncoderArgs`]: `--model` and `--device`.
//! - [`embed`]: lines in, vectors out.
//! - [`titles`]: film titles as people say them.

mod args;
pub mod embed;
pub mod evaluation;
pub mod items;
mod terminal;
pub mod titles;

pub use args::EncoderArgs;
pub use terminal::{Error, claim, fit, run};

/// The program in the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
