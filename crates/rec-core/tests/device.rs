//! A device, or memory, that is not there is an error, not a panic.
#![cfg(all(feature = "wgpu", target_os = "linux"))]

use std::process::Command;

use burn::tensor::Tensor;
use rec_core::{Fingerprint, Interests, Sequence};

/// The other test, in a process that sees no driver.
#[test]
fn a_missing_gpu_is_an_error() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without_a_driver", "--include-ignored", "--nocapture"])
        .env("VK_DRIVER_FILES", "/dev/null")
        .env("VK_ICD_FILENAMES", "/dev/null")
        // Mesa's OpenGL finds no driver, either.
        .env("LIBGL_DRIVERS_PATH", "/dev/null")
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", "/dev/null")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "needs a process without a driver: the other test starts one"]
fn without_a_driver() {
    for _ in 0..2 {
        let error = rec_core::device::by_name("wgpu").unwrap_err().to_string();
        assert!(error.starts_with("no GPU that wgpu can compute on"), "{error}");
    }
}

#[test]
fn missing_memory_is_an_error() {
    let device = rec_core::device::by_name("wgpu").unwrap();
    let users = Sequence::single(Tensor::ones([1 << 20, 1 << 16], &device)); // 256 GiB
    let error = Interests::from_sequence(&users, Fingerprint::declared("d")).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    assert!(text.contains("can't allocate buffer of size: 274877906944"), "{text}");
    // The device goes on.
    let user = Sequence::single(Tensor::ones([1, 2], &device));
    assert_eq!(Interests::from_sequence(&user, Fingerprint::declared("d")).unwrap().len(), 1);
}
