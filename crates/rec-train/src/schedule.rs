use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How the learning rate changes over a run: a factor of it for every step.
///
/// ```
/// use rec_train::Schedule;
///
/// let schedule = Schedule::WarmUpCosine { n_warm_up: 2, floor: 0.1 };
/// let factors: Vec<f64> = (0..6).map(|step| schedule.factor(step, 6)).collect();
/// assert_eq!(factors[..3], [0.5, 1.0, 1.0]);
/// assert!((factors[4] - 0.55).abs() < 1e-12); // half-way down: cos(pi / 2) = 0
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Schedule {
    /// 1 throughout.
    Constant,
    /// `(step + 1) / n_warm_up` for the first steps, then 1.
    WarmUp {
        /// Steps until the factor is 1.
        n_warm_up: u64,
    },
    /// The same, and then `floor + (1 - floor) (1 + cos(pi s)) / 2`, `s` going from 0 to 1 at the end of the run (Loshchilov and
    /// Hutter 2017, equation 5, without restarts).
    WarmUpCosine {
        /// Steps until the factor is 1.
        n_warm_up: u64,
        /// The factor that the end would have.
        floor: f64,
    },
}

impl Schedule {
    /// The factor of step `step`, counted from 0, in a run of `n_steps`.
    #[must_use]
    pub fn factor(self, step: u64, n_steps: u64) -> f64 {
        let (n_warm_up, floor) = match self {
            Self::Constant => return 1.0,
            Self::WarmUp { n_warm_up } => (n_warm_up, 1.0),
            Self::WarmUpCosine { n_warm_up, floor } => (n_warm_up, floor),
        };
        if step < n_warm_up {
            return (step + 1) as f64 / n_warm_up as f64;
        }
        let n_down = n_steps.saturating_sub(n_warm_up).max(1);
        let s = ((step - n_warm_up) as f64 / n_down as f64).min(1.0);
        floor + (1.0 - floor) * (1.0 + (PI * s).cos()) / 2.0
    }
}
