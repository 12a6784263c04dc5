//! Devices by name, for command lines, environment variables and tests.
//!
//! Everything in the workspace takes a [`Device`] and works on every device burn has; an application that enables
//! another burn backend passes that backend's device and needs nothing from here.

use burn::tensor::Device;

use crate::Error;

/// The names that [`by_name`] knows in this build.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "flex")]
    "flex",
    #[cfg(feature = "ndarray")]
    "ndarray",
    #[cfg(feature = "wgpu")]
    "wgpu",
];

/// The device called `flex`, `ndarray` or `wgpu`.
///
/// # Errors
///
/// The name is unknown, or the feature of the same name is off.
///
/// ```
/// let device = rec_core::device::by_name("flex")?;
/// assert!(rec_core::device::by_name("abacus").unwrap_err().to_string().contains("abacus"));
/// # let _ = device;
/// # Ok::<(), rec_core::Error>(())
/// ```
pub fn by_name(name: &str) -> Result<Device, Error> {
    match name {
        #[cfg(feature = "flex")]
        "flex" => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        "ndarray" => Ok(ndarray()),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        _ => Err(Error::device(format!("no device `{name}` in this build, which has {NAMES:?}"))),
    }
}

/// The CPU device for work on the host: flex where it is compiled in, else ndarray, else burn's default device.
///
/// # Panics
///
/// When burn was built without any backend, as [`Device::default`] does.
#[must_use]
pub fn host() -> Device {
    #[cfg(feature = "flex")]
    return Device::flex();
    #[cfg(all(feature = "ndarray", not(feature = "flex")))]
    return ndarray();
    #[cfg(not(any(feature = "flex", feature = "ndarray")))]
    return Device::default();
}

/// burn-ndarray is deprecated upstream and stays supported here as long as burn ships it.
#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "supported until burn drops it")]
fn ndarray() -> Device {
    Device::ndarray()
}

/// Whether a device computes on the host's own cores with one of the backends of this build.
#[must_use]
pub fn is_host(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    if *device == Device::flex() {
        return true;
    }
    #[cfg(feature = "ndarray")]
    if *device == ndarray() {
        return true;
    }
    let _ = device;
    false
}
