use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Task;
use crate::error::Error;
use crate::parameters::{Visit, values, visit};

/// What an update changed: how far parameters moved, what became of metrics, and whether vectors still point where they did.
///
/// It prints as a table. None of it says whether the change is good but the metrics: look at those of old and of new held-out users
/// together.
///
/// See the [example](super).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriftReport {
    /// By group: parameters whose paths begin with the same name, in the order of the names.
    pub parameters: Vec<ParameterDrift>,
    /// Metrics before and after, in the order in which they were added.
    pub metrics: Vec<MetricDrift>,
    /// Vectors before and after, in the order in which they were added.
    pub vectors: Vec<VectorDrift>,
}

/// How far a group of parameters moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterDrift {
    /// The first name of their paths.
    pub group: String,
    /// How many values they have.
    pub n_values: usize,
    /// The Euclidean norm of what they were.
    pub norm: f64,
    /// The Euclidean norm of the difference.
    pub moved: f64,
    /// The largest difference of a value.
    pub largest: f64,
}

/// A metric of a task, higher being better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricDrift {
    /// Whose it is.
    pub name: String,
    /// Of the module before.
    pub before: f64,
    /// Of the module after.
    pub after: f64,
}

/// How far vectors turned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VectorDrift {
    /// Whose they are.
    pub name: String,
    /// How many there are.
    pub n_vectors: usize,
    /// The mean cosine of each with itself, before and after; a zero vector has the cosine 1 with itself and 0 with others.
    pub mean_cosine: f64,
    /// The smallest of the cosines.
    pub least_cosine: f64,
}

impl DriftReport {
    /// Compares the parameters of two modules of one structure.
    ///
    /// # Errors
    ///
    /// A parameter is in one module only or has another shape, or cannot be read from the device.
    pub fn new<M: Module>(before: &M, after: &M) -> Result<Self, Error> {
        let (before, mut after) = (all(before)?, all(after)?);
        let mut groups: BTreeMap<String, ParameterDrift> = BTreeMap::new();
        let mut add = |path: &str, old: &[f32], new: &[f32]| {
            let group = path.split('.').next().unwrap_or_default().to_owned();
            let empty =
                ParameterDrift { group: group.clone(), n_values: 0, norm: 0.0, moved: 0.0, largest: 0.0 };
            let drift = groups.entry(group).or_insert(empty);
            drift.n_values += old.len();
            for (old, new) in old.iter().zip(new) {
                let difference = f64::from(*new) - f64::from(*old);
                drift.norm += f64::from(*old).powi(2);
                drift.moved += difference * difference;
                drift.largest = drift.largest.max(difference.abs());
            }
        };
        for (path, old) in &before {
            match after.remove(path).filter(|new| new.len() == old.len()) {
                Some(new) => add(path, old, &new),
                None => return Err(Error::unusable(format!("the parameter `{path}` has no counterpart"))),
            }
        }
        if let Some(path) = after.keys().next() {
            return Err(Error::unusable(format!("the parameter `{path}` has no counterpart")));
        }
        let mut parameters: Vec<ParameterDrift> = groups.into_values().collect();
        for drift in &mut parameters {
            (drift.norm, drift.moved) = (drift.norm.sqrt(), drift.moved.sqrt());
        }
        Ok(Self { parameters, ..Self::default() })
    }

    /// Adds a task's validation of both modules; nothing if the task has none.
    ///
    /// # Errors
    ///
    /// What the task's validation cannot do.
    pub fn with_metric<T: Task>(
        mut self,
        name: &str,
        task: &T,
        before: &T::Module,
        after: &T::Module,
    ) -> Result<Self, Error> {
        // Dropout must not have a say, whatever the modules were used for before.
        let (before, after) = (before.clone().valid(), after.clone().valid());
        if let (Some(before), Some(after)) = (task.validate(&before)?, task.validate(&after)?) {
            self.metrics.push(MetricDrift { name: name.to_owned(), before, after });
        }
        Ok(self)
    }

    /// Adds how far vectors turned: those of items or users, `dim` values each, in the same order.
    ///
    /// # Panics
    ///
    /// `dim` is 0, or there is not the same whole number of vectors on both sides.
    #[must_use]
    pub fn with_vectors(mut self, name: &str, before: &[f32], after: &[f32], dim: usize) -> Self {
        assert!(
            dim > 0 && before.len() == after.len() && before.len().is_multiple_of(dim),
            "{} and {} values are not vectors of {dim} dimensions",
            before.len(),
            after.len()
        );
        let cosines: Vec<f64> =
            before.chunks(dim).zip(after.chunks(dim)).map(|(a, b)| cosine(a, b)).collect();
        let n = cosines.len();
        self.vectors.push(VectorDrift {
            name: name.to_owned(),
            n_vectors: n,
            // Without vectors nothing has turned.
            mean_cosine: if n > 0 { cosines.iter().sum::<f64>() / n as f64 } else { 1.0 },
            least_cosine: cosines.into_iter().fold(1.0, f64::min),
        });
        self
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum() };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    match norms > 0.0 {
        true => dot(a, b) / norms,
        false => f64::from(u8::from(a == b)),
    }
}

/// All parameters of floats by their paths, those that are not trained, too.
fn all<M: Module>(module: &M) -> Result<BTreeMap<String, Vec<f32>>, Error> {
    struct Read(Result<BTreeMap<String, Vec<f32>>, Error>);
    impl Visit for Read {
        fn parameter<const D: usize>(&mut self, path: &str, param: &Param<Tensor<D>>) {
            if let Ok(all) = &mut self.0 {
                match values(param.base()) {
                    Ok(values) => _ = all.insert(path.to_owned(), values),
                    Err(error) => self.0 = Err(error),
                }
            }
        }
    }
    let mut read = Read(Ok(BTreeMap::new()));
    visit(module, &mut read);
    read.0
}

impl fmt::Display for DriftReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>10} {:>10} {:>10} {:>10}",
            "parameters", "values", "norm", "moved", "largest"
        )?;
        for ParameterDrift { group, n_values, norm, moved, largest } in &self.parameters {
            writeln!(f, "{group:<20} {n_values:>10} {norm:>10.3} {moved:>10.3} {largest:>10.4}")?;
        }
        for MetricDrift { name, before, after } in &self.metrics {
            writeln!(f, "{name:<20} {before:.4} before, {after:.4} after")?;
        }
        for VectorDrift { name, n_vectors, mean_cosine, least_cosine } in &self.vectors {
            writeln!(
                f,
                "{name:<20} {n_vectors} vectors, mean cosine {mean_cosine:.4}, least {least_cosine:.4}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_zero_vectors_are_defined() {
        let report =
            DriftReport::default().with_vectors("users", &[0.0, 0.0, 1.0, 0.0], &[0.0, 0.0, 0.0, 2.0], 2);
        let drift = &report.vectors[0];
        assert_eq!((drift.n_vectors, drift.mean_cosine, drift.least_cosine), (2, 0.5, 0.0));
        assert_eq!(DriftReport::default().with_vectors("none", &[], &[], 2).vectors[0].mean_cosine, 1.0);
    }
}
