use std::fmt;

use burn::module::Module;

use crate::parameters::parameters;

/// What a training will hold in memory, in bytes, known before it starts.
///
/// Values take 4 bytes. The backward pass holds activations besides; a task that can tell says how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// All parameters.
    pub parameters: u64,
    /// Gradients of those that are trained; twice where gradients are accumulated.
    pub gradients: u64,
    /// The two moments of AdamW.
    pub moments: u64,
    /// On the host: the values of the best step, if there is validation.
    pub best: u64,
    /// What the task says of activations.
    pub activations: Option<u64>,
}

impl Memory {
    pub(super) fn of<M: Module>(
        module: &M,
        accumulates: bool,
        validates: bool,
        activations: Option<u64>,
    ) -> Self {
        let all = parameters(module);
        let bytes = |trained_only: bool| -> u64 {
            all.iter().filter(|p| p.is_trained || !trained_only).map(|p| 4 * p.n_values() as u64).sum()
        };
        let trained = bytes(true);
        Self {
            parameters: bytes(false),
            gradients: trained * if accumulates { 2 } else { 1 },
            moments: 2 * trained,
            best: if validates { trained } else { 0 },
            activations,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.parameters + self.gradients + self.moments + self.best + self.activations.unwrap_or(0)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        write!(
            f,
            "{}: {} of parameters, {} of gradients",
            mb(self.total()),
            mb(self.parameters),
            mb(self.gradients)
        )?;
        write!(f, ", {} of moments, {} of the best values", mb(self.moments), mb(self.best))?;
        match self.activations {
            Some(bytes) => write!(f, ", about {} of activations", mb(bytes)),
            None => write!(f, ", and activations"),
        }
    }
}
