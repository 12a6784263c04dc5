//! What the tests of this workspace share: the device under test, reference fixtures, and comparisons that print how
//! far off they are.

#![allow(clippy::print_stdout, reason = "tests report their measured errors")]

mod close;
mod fixture;
mod module;

pub use close::{assert_close, assert_close_relative, max_abs_diff};
pub use fixture::{Fixture, fixture_path};
pub use module::{assert_gradients, fill};

use burn::tensor::Device;

/// The environment variable that names the device under test: `flex` (default), `ndarray` or `wgpu`.
pub const DEVICE_VARIABLE: &str = "REC_TEST_DEVICE";

/// The name of the device under test.
#[must_use]
pub fn device_name() -> String {
    std::env::var(DEVICE_VARIABLE).unwrap_or_else(|_| "flex".to_owned())
}

/// The device under test.
///
/// # Panics
///
/// The environment names a device that this build lacks: a suite must not pass on another device than asked.
#[must_use]
pub fn device() -> Device {
    match rec_core::device::by_name(&device_name()) {
        Ok(device) => device,
        Err(error) => panic!("{DEVICE_VARIABLE}: {error}"),
    }
}
