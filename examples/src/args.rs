use std::path::Path;

use burn::tensor::Device;
use clap::builder::PossibleValuesParser;
use rec_core::device;
use rec_encoder::TextEncoder;

use crate::Error;

/// Which encoder, and where it computes: arguments that most examples take.
#[derive(Debug, Clone, clap::Args)]
pub struct EncoderArgs {
    /// A folder in the sentence-transformers layout, or `bundled` for the small English model inside this program
    #[arg(long, value_name = "DIR|bundled", default_value = "bundled")]
    model: String,
    /// Where to compute; the features `ndarray` and `wgpu` add devices
    #[arg(long, default_value = device::NAMES.first().copied(), value_parser = PossibleValuesParser::new(device::NAMES))]
    device: String,
    /// Compute linear maps in eight bits, on a CPU: faster, other vectors
    #[arg(long)]
    int8: bool,
}

impl EncoderArgs {
    /// Loads the model onto the device.
    ///
    /// # Errors
    ///
    /// The folder is not that of a model, or the device is not there.
    pub fn load(&self) -> Result<TextEncoder, Error> {
        let device = self.device()?;
        let encoder = match self.folder() {
            None => TextEncoder::bundled(&device)?,
            Some(folder) => TextEncoder::from_dir(folder, &device)?,
        };
        Ok(if self.int8 { encoder.with_int8()? } else { encoder })
    }

    /// Where to compute.
    ///
    /// # Errors
    ///
    /// The device is not there.
    pub fn device(&self) -> Result<Device, Error> {
        Ok(device::by_name(&self.device)?)
    }

    /// The model's folder; none for the bundled model.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        Some(Path::new(&self.model)).filter(|_| self.model != "bundled")
    }
}
