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
/// The name is unknown, the feature of the same name is off, or there is no GPU: no adapter and driver that computes, or one
/// that gives no device. The message tells why.
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
        "wgpu" => wgpu(),
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

/// The default GPU. Burn would look for one at the first operation, and panic without it.
#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device, Error> {
    use std::sync::OnceLock;

    use burn_wgpu::graphics::AutoGraphicsApi;
    use burn_wgpu::{RuntimeOptions, WgpuDevice, WgpuInitError};

    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let options = RuntimeOptions::try_default().map_err(|error| error.to_string())?;
        match burn_wgpu::try_init_setup::<AutoGraphicsApi>(&WgpuDevice::default(), options) {
            // Somebody used the device before: it is there.
            Ok(_) | Err(WgpuInitError::Registration { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    match found {
        Ok(()) => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        Err(why) => Err(Error::device(format!("no GPU that wgpu can compute on: {why}"))),
    }
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
