//! One JSON object a step, in a file that a resumed run continues as if it had never stopped.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One line of `metrics.jsonl`. There is no clock in it: the same run writes the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Steps that are done, this one included.
    pub step: u64,
    /// The mean loss of the step's batches, before the step.
    pub loss: f64,
    /// The learning rate of parameters in no group.
    pub lr: f64,
    /// The norm of the gradients before clipping.
    pub grad_norm: f64,
    /// The validation metric, after the step, if there was a validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<f64>,
}

pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file with the lines of the first `n_done` steps; what a killed run wrote after its last checkpoint goes.
    pub(super) fn open(folder: &Path, n_done: u64) -> Result<Self, Error> {
        let path = folder.join("metrics.jsonl");
        let old =
            if path.exists() { fs::read_to_string(&path).map_err(Error::io(&path))? } else { String::new() };
        let kept: String = old.split_inclusive('\n').take(n_done as usize).collect();
        let n_lines = kept.lines().count() as u64;
        if n_lines != n_done || (n_done > 0 && !kept.ends_with('\n')) {
            let problem = format!("has {n_lines} lines where the checkpoint is of step {n_done}");
            return Err(Error::malformed(&path, problem));
        }
        if kept.len() != old.len() || !path.exists() {
            let mut new = tempfile::NamedTempFile::new_in(folder).map_err(Error::io(&path))?;
            new.write_all(kept.as_bytes()).map_err(Error::io(&path))?;
            new.persist(&path).map_err(|e| Error::io(&path)(e.error))?;
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io(&path))?;
        Ok(Self { path, file })
    }

    pub(super) fn push(&mut self, line: &StepMetrics) -> Result<(), Error> {
        let mut json = serde_json::to_string(line).map_err(|e| Error::malformed(&self.path, e))?;
        json.push('\n');
        self.file.write_all(json.as_bytes()).map_err(Error::io(&self.path))
    }

    /// Before a checkpoint counts on the lines.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::io(&self.path))
    }
}
