use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a learned model is made of, written as JSON beside its parameters: how a [`ModelFile`](crate::ModelFile) knows what it
/// holds.
pub trait ModelConfig: Serialize + DeserializeOwned {
    /// What the config makes.
    type Model: Module;

    /// The name of the model in a file.
    const NAME: &'static str;

    /// The number of values of all parameters, so that a file with other sizes is refused before anything is allocated.
    ///
    /// # Errors
    ///
    /// What is wrong with the config, for which the model's `init` panics.
    fn n_values(&self) -> Result<usize, String>;

    /// A model of this config on a device, whose values a file replaces.
    ///
    /// # Panics
    ///
    /// The config has no [number of values](Self::n_values).
    fn blank(&self, device: &Device) -> Self::Model;
}

/// The error that a size is zero, by its name, for [`ModelConfig::n_values`].
///
/// # Errors
///
/// A size is zero.
pub fn check_sizes<const N: usize>(sizes: [(&str, usize); N]) -> Result<(), String> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((name, _)) => Err(format!("`{name}` is zero")),
        None => Ok(()),
    }
}

/// The error that a dropout rate is none, for [`ModelConfig::n_values`].
///
/// # Errors
///
/// The rate is not in `[0, 1)`.
pub fn check_rate(rate: f32) -> Result<(), String> {
    if (0.0..1.0).contains(&rate) { Ok(()) } else { Err(format!("the dropout rate {rate} is not in [0, 1)")) }
}
