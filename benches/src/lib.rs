//! Shared by the benchmarks: the devices to measure on, and data from a seed.
//!
//! `cargo bench -p rec-benches --features ndarray,wgpu` measures every device that is compiled in, side by side; the ids say
//! which one, and on a GPU which adapter. `cargo test -p rec-benches --benches` runs the smallest cell of each once.

use std::time::Duration;

use burn::tensor::Device;
use criterion::Criterion;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rec_core::{Fingerprint, VectorTable, device};
use rec_data::IdMap;

/// A device to measure on.
#[derive(Debug, Clone)]
pub struct Target {
    /// The device.
    pub device: Device,
    /// `flex`, `ndarray`, or `wgpu(NAME OF THE ADAPTER)`.
    pub label: String,
    /// Whether only the smallest cell is worth running: on an adapter that is software, and outside of `cargo bench`.
    pub smallest_only: bool,
}

/// Every device that this build has.
///
/// # Panics
///
/// A device that is compiled in is not there.
#[must_use]
pub fn targets() -> Vec<Target> {
    let target = |&name: &&str| match device::by_name(name) {
        Ok(device) => {
            let adapter = adapter(&device);
            let software = adapter.as_deref().is_some_and(is_software);
            let label = adapter.map_or(name.to_owned(), |adapter| format!("{name}({adapter})"));
            Target { device, label, smallest_only: software || !measuring() }
        }
        Err(error) => panic!("{error}"),
    };
    device::NAMES.iter().map(target).collect()
}

/// The name of the GPU, or of the software that stands in for one. Host devices have none.
fn adapter(device: &Device) -> Option<String> {
    #[cfg(feature = "wgpu")]
    if !device::is_host(device) {
        return device.identity().map(|identity| identity.name);
    }
    let _ = device;
    None
}

fn is_software(adapter: &str) -> bool {
    let adapter = adapter.to_lowercase();
    ["llvmpipe", "lavapipe", "swiftshader", "basic render"].iter().any(|name| adapter.contains(name))
}

/// Whether this is `cargo bench`; `cargo test` only tries whether the benchmarks run.
#[must_use]
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Settings for runs of milliseconds to a second.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

/// `n` vectors with the ids 0 to `n - 1`, all values uniform in -1 to 1.
///
/// ```
/// let table = rec_benches::vectors(2, 3, 7);
/// assert_eq!((table.len(), table.dim()), (2, 3));
/// assert_eq!(table.row(1), rec_benches::vectors(2, 3, 7).row(1));
/// ```
///
/// # Panics
///
/// `dim` is zero.
#[must_use]
pub fn vectors(n: usize, dim: usize, seed: u64) -> VectorTable {
    let mut rng = random(seed);
    let values: Vec<f32> = (0..n * dim).map(|_| rng.random_range(-1.0..1.0)).collect();
    let ids: IdMap = IdMap::try_from_ids((0..n).map(|i| i.to_string())).unwrap_or_default();
    match VectorTable::new(ids, values, dim, Fingerprint::declared("random")) {
        Ok(table) => table,
        Err(error) => panic!("{error}"),
    }
}

/// A generator of random numbers that is the same everywhere.
#[must_use]
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn software_adapters_are_known() {
        assert!(super::is_software("llvmpipe (LLVM 15.0.6, 256 bits)"));
        assert!(!super::is_software("NVIDIA H100 80GB HBM3"));
    }
}
