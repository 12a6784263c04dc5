//! What a run needs to go on as if nothing had happened, in a folder that is complete or not there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use super::Best;
use crate::error::{Error, Kind};
use crate::optimizer::Times;
use crate::parameters::Values;

const PREFIX: &str = "step-";
const STATE: &str = "state.json";
const MODULE: &str = "module.safetensors";
const BEST: &str = "best.safetensors";
const MOMENTS: &str = "optimizer.safetensors";

/// Everything but the tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Settings, task, parameters and frozen values: what must be the same for the run to go on.
    pub(super) run: serde_json::Value,
    /// Steps that are done.
    pub(super) n_done: u64,
    pub(super) best: Option<Best>,
    /// Validations since the best one.
    pub(super) n_since_best: u64,
    /// Whether patience ended the run.
    pub(super) stopped: bool,
    pub(super) times: Times,
}

#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) state: State,
    pub(super) module: BTreeMap<String, Values>,
    pub(super) moments: BTreeMap<String, Values>,
    /// The values of the best step, if that is not this one.
    pub(super) best: Option<BTreeMap<String, Values>>,
}

impl Checkpoint {
    /// The newest of a run's folder.
    pub(super) fn newest(folder: &Path) -> Result<Option<(Self, PathBuf)>, Error> {
        let Some(path) = complete(folder)?.pop() else {
            return Ok(None);
        };
        let bytes = |name: &str| {
            let file = path.join(name);
            fs::read(&file).map_err(Error::io(&file)).map(|bytes| (file, bytes))
        };
        let (file, json) = bytes(STATE)?;
        let state: State = serde_json::from_slice(&json).map_err(|e| Error::malformed(&file, e))?;
        let tensors = |name: &str| bytes(name).and_then(|(file, bytes)| parse(&file, &bytes));
        let best = path.join(BEST).exists().then(|| tensors(BEST)).transpose()?;
        Ok(Some((Self { state, module: tensors(MODULE)?, moments: tensors(MOMENTS)?, best }, path)))
    }

    /// Writes it beside those that are there, which go when it is complete.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let work =
            tempfile::Builder::new().prefix(".writing-").tempdir_in(folder).map_err(Error::io(folder))?;
        let put = |name: &str, bytes: &[u8]| {
            let file = work.path().join(name);
            let write = || -> std::io::Result<()> {
                let mut out = File::create(&file)?;
                out.write_all(bytes)?;
                // On the disk before the folder has its name.
                out.sync_all()
            };
            write().map_err(Error::io(&file))
        };
        let json = serde_json::to_vec_pretty(&self.state).map_err(|e| Error::malformed(folder, e))?;
        put(STATE, &json)?;
        put(MODULE, &serialize(&self.module, folder)?)?;
        put(MOMENTS, &serialize(&self.moments, folder)?)?;
        if let Some(best) = &self.best {
            put(BEST, &serialize(best, folder)?)?;
        }
        let old = complete(folder)?;
        let name = folder.join(format!("{PREFIX}{:012}", self.state.n_done));
        if old.contains(&name) {
            // The same run after the same step: there is nothing to say that is not there.
            return Ok(());
        }
        fs::rename(work.path(), &name).map_err(Error::io(&name))?;
        // What the guard would remove is gone from there.
        let _ = work.keep();
        for old in old {
            fs::remove_dir_all(&old).map_err(Error::io(&old))?;
        }
        Ok(())
    }
}

/// Removes what a run that was killed left half-written.
pub(super) fn sweep(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".writing-")) {
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

/// The complete checkpoints, the newest last.
fn complete(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.strip_prefix(PREFIX).is_some_and(|step| step.parse::<u64>().is_ok()) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn serialize(tensors: &BTreeMap<String, Values>, folder: &Path) -> Result<Vec<u8>, Error> {
    let bytes: Vec<Vec<u8>> = tensors
        .values()
        .map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        Ok((name.as_str(), TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?))
    });
    let fail = |e: safetensors::SafeTensorError| Error::malformed(folder, e);
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(fail)?;
    safetensors::serialize(views, None).map_err(fail)
}

fn parse(file: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Values>, Error> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| Error::malformed(file, e))?;
    let read = |(name, view): (String, TensorView<'_>)| {
        if view.dtype() != Dtype::F32 {
            return Err(Error::malformed(file, format!("tensor `{name}` is {:?}", view.dtype())));
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok((name, Values { shape: view.shape().to_vec(), values }))
    };
    tensors.tensors().into_iter().map(read).collect()
}

/// What differs between the run of a checkpoint and this one, in words.
pub(super) fn check_run(path: &Path, was: &serde_json::Value, is: &serde_json::Value) -> Result<(), Error> {
    if was == is {
        return Ok(());
    }
    let keys = ["ranks", "config", "task", "parameters", "frozen"];
    let key = keys.iter().find(|&&key| was[key] != is[key]).unwrap_or(&"run");
    let problem = match *key {
        "parameters" => "other parameters are trained".to_owned(),
        "frozen" => "the parameters that are not trained have other values".to_owned(),
        "ranks" => format!("it is of {} ranks, and this run of {}", was["ranks"], is["ranks"]),
        key => format!("its {key} is {}, and this run's is {}", was[key], is[key]),
    };
    Err(Kind::OtherRun { path: path.to_owned(), problem }.into())
}
