//! `pipeline.json`: what a pipeline is made of.
//!
//! The last field is the fingerprint of every byte before it, so a manifest that was damaged or edited is an error and never
//! another pipeline.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rec_core::{Fingerprint, Pooling};
use rec_interest::Average;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{EncoderSource, Error};

pub(crate) const FORMAT: u32 = 1;
pub(crate) const NAME: &str = "pipeline.json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: u32,
    crate_version: String,
    pub(crate) encoder: Option<EncoderRecord>,
    pub(crate) items: TableRecord,
    pub(crate) history: Option<TableRecord>,
    pub(crate) user: UserRecord,
    pub(crate) scorer: ScorerRecord,
    pub(crate) provenance: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncoderRecord {
    pub(crate) source: EncoderSource,
    /// For people.
    pub(crate) name: String,
    #[serde(with = "hex")]
    pub(crate) space: Fingerprint,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableRecord {
    pub(crate) file: FileRecord,
    #[serde(with = "hex")]
    pub(crate) space: Fingerprint,
    pub(crate) n: usize,
    pub(crate) dim: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserRecord {
    Average(Average),
    Pooling(Pooling),
    Trained(FileRecord),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScorerRecord {
    pub(crate) kind: String,
    pub(crate) file: Option<FileRecord>,
}

/// A file of the folder, by its name in it and its content.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRecord {
    pub(crate) name: String,
    #[serde(with = "hex")]
    pub(crate) fingerprint: Fingerprint,
}

impl FileRecord {
    /// Where the file is, if its name is that of a file in the folder.
    pub(crate) fn path(&self, folder: &Path) -> Result<PathBuf, Error> {
        if Path::new(&self.name).file_name() != Some(self.name.as_ref()) {
            return Err(Error::file(&folder.join(NAME), format!("`{}` leaves the folder", self.name)));
        }
        Ok(folder.join(&self.name))
    }
}

/// What a manifest of any format says of itself.
#[derive(Deserialize)]
struct Head {
    format: u32,
    crate_version: Option<String>,
}

impl Manifest {
    pub(crate) fn new(
        items: TableRecord,
        history: Option<TableRecord>,
        user: UserRecord,
        scorer: ScorerRecord,
    ) -> Self {
        let crate_version = env!("CARGO_PKG_VERSION").to_owned();
        let provenance = BTreeMap::new();
        Self { format: FORMAT, crate_version, encoder: None, items, history, user, scorer, provenance }
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::file(&path, e.to_string()))?;
        let body = text.strip_suffix(END).unwrap_or(&text).trim_end();
        fs::write(&path, format!("{body}{}", seal(of(body)))).map_err(|e| Error::io("write", &path, e))
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let fail = |problem: String| Error::file(&path, problem);
        // A later format may be sealed in another way.
        if let Ok(Head { format, crate_version }) = serde_json::from_slice(&bytes)
            && format > FORMAT
        {
            return Err(Error::newer(&path, format, crate_version.unwrap_or_default()));
        }
        let text = String::from_utf8(bytes).map_err(|e| fail(e.to_string()))?;
        let at = text.rfind(SEAL).ok_or_else(|| fail("does not end with its fingerprint".to_owned()))?;
        let (body, found) = text.split_at(at);
        let content = of(body);
        if found != seal(content) {
            let recorded = found[SEAL.len()..].split('"').next().unwrap_or_default();
            if let Ok(recorded) = recorded.parse() {
                Error::check_content(&path, content, "it", recorded)?;
            }
            return Err(fail("does not end with its fingerprint".to_owned()));
        }
        let manifest: Self =
            serde_json::from_str(&format!("{body}\n{END}")).map_err(|e| fail(e.to_string()))?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(fail(format!("there is no format {other}"))),
        }
    }
}

const END: &str = "}";
const SEAL: &str = ",\n  \"fingerprint\": \"";

/// The end of a manifest, from the last field on.
fn seal(fingerprint: Fingerprint) -> String {
    format!("{SEAL}{fingerprint}\"\n{END}\n")
}

fn of(body: &str) -> Fingerprint {
    Fingerprint::of([("pipeline", body.as_bytes())])
}

/// Fingerprints as text.
mod hex {
    use serde::de::Error;

    use super::{Deserialize, Deserializer, Fingerprint, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
