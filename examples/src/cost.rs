//! What a model folder costs before a text is encoded: bytes on disk, time to load, memory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rec_core::device;
use rec_encoder::TextEncoder;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How often memory is looked at while a model loads.
const EVERY: Duration = Duration::from_micros(200);

/// How many processes load a folder, one after the other. The fastest counts: the first reads from disk.
const RUNS: usize = 3;

/// What loading a folder takes. Memory is anonymous memory, the part that no file backs (`RssAnon` of Linux); there is none on
/// other systems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Of all files in the folder.
    pub bytes_on_disk: u64,
    /// Bytes once the encoder is loaded, program and all.
    pub memory: Option<u64>,
    /// The most bytes at any time while it was loaded, as far as a look every 0.2 ms sees it.
    pub peak_memory: Option<u64>,
    /// From opening the first file to an encoder that can encode.
    pub load_seconds: f64,
}

/// Loads the folder in this process. What was freed before is still part of the memory, so the process should be fresh.
///
/// # Errors
///
/// The folder cannot be loaded.
pub fn measure(folder: &Path) -> Result<Cost, Error> {
    let bytes_on_disk = size(folder)?;
    let (is_loaded, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (encoder, load_seconds) = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_loaded.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous_memory().unwrap_or(0), Ordering::Relaxed);
                thread::sleep(EVERY);
            }
        });
        let start = Instant::now();
        let encoder = TextEncoder::from_dir(folder, &device::host());
        let seconds = start.elapsed().as_secs_f64();
        is_loaded.store(true, Ordering::Relaxed);
        (encoder, seconds)
    });
    let encoder = encoder?;
    let memory = anonymous_memory();
    drop(encoder);
    let peak_memory = memory.map(|memory| memory.max(peak.into_inner()));
    Ok(Cost { bytes_on_disk, memory, peak_memory, load_seconds })
}

/// [`measure`] in fresh processes of this program, which answers `--measure FOLDER` with the cost as JSON.
///
/// # Errors
///
/// A process cannot be started, or the folder cannot be loaded.
pub fn measure_in_child(folder: &Path) -> Result<Cost, Error> {
    let program = std::env::current_exe()?;
    let run = || -> Result<Cost, Error> {
        let child = Command::new(&program).arg("--measure").arg(folder).output()?;
        match child.status.success() {
            true => Ok(serde_json::from_slice(&child.stdout)?),
            false => Err(String::from_utf8_lossy(&child.stderr).into_owned().into()),
        }
    };
    let mut cost = run()?;
    for _ in 1..RUNS {
        cost.load_seconds = cost.load_seconds.min(run()?.load_seconds);
    }
    Ok(cost)
}

/// Bytes that the kernel counts as this process's own.
fn anonymous_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn size(folder: &Path) -> Result<u64, Error> {
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let (path, entry) = entry.map(|entry| (entry.path(), entry.metadata()))?;
        total += if path.is_dir() { size(&path)? } else { entry?.len() };
    }
    Ok(total)
}
