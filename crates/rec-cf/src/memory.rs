//! What training would need, asked before it begins.

use crate::error::{Error, Kind};

/// The limit of all models unless their config sets another one: 8 GB.
pub const DEFAULT_MEMORY_LIMIT: u64 = 8_000_000_000;

/// Refuses with the figures if `needed` bytes are more than `limit`.
pub(crate) fn check(model: &'static str, needed: u64, limit: u64) -> Result<(), Error> {
    match needed > limit {
        true => Err(Kind::Memory { model, needed, limit }.into()),
        false => Ok(()),
    }
}

/// The bytes of `n` values of `size` bytes; the largest number instead of an overflow.
pub(crate) fn of(n: usize, size: usize) -> u64 {
    (n as u64).saturating_mul(size as u64)
}

/// The bytes of `n * m` values of `size` bytes.
pub(crate) fn of_dense(n: usize, m: usize, size: usize) -> u64 {
    (n as u64).saturating_mul(m as u64).saturating_mul(size as u64)
}
