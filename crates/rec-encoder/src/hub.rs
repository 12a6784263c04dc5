//! Models by their name on a model hub (feature `hub`): the only code of this crate that knows a network, and only where
//! [`Hub::model`] is called.

use std::env;
use std::path::{Component, Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

use crate::error::{Error, Kind};

/// Downloads model folders from a hub that speaks the routes of Hugging Face, into the cache that Python's `huggingface_hub`
/// shares.
///
/// ```no_run
/// use burn::tensor::Device;
/// use rec_encoder::{Hub, TextEncoder};
///
/// let folder = Hub::from_env().model("sentence-transformers/all-MiniLM-L6-v2")?;
/// let encoder = TextEncoder::from_dir(folder, &Device::flex())?;
/// # Ok::<(), rec_encoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hub {
    cache: Option<PathBuf>,
    endpoint: Option<String>,
    token: Option<String>,
    revision: String,
    offline: bool,
    progress_bar: bool,
}

impl Hub {
    /// What the environment says, as `huggingface_hub` reads it: `HF_HOME` (where the cache is; else `~/.cache/huggingface`),
    /// `HF_ENDPOINT`, and `HF_HUB_OFFLINE` (`1`, `true`, `yes` or `on`). A token is read from the file `token` in `HF_HOME`.
    #[must_use]
    pub fn from_env() -> Self {
        let offline = env::var("HF_HUB_OFFLINE").unwrap_or_default().to_lowercase();
        Self {
            cache: None,
            endpoint: None,
            token: None,
            revision: "main".to_owned(),
            offline: matches!(&*offline, "1" | "true" | "yes" | "on"),
            progress_bar: false,
        }
    }

    /// Keeps downloads in `folder`, which holds one folder a model.
    #[must_use]
    pub fn cache_dir(self, folder: impl Into<PathBuf>) -> Self {
        Self { cache: Some(folder.into()), ..self }
    }

    /// Asks another server, such as a mirror: `https://host`.
    #[must_use]
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        Self { endpoint: Some(url.into()), ..self }
    }

    /// Sends this token, for models that are not open to all.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// Takes this branch, tag or commit instead of `main`. A commit never changes under you.
    #[must_use]
    pub fn revision(self, revision: impl Into<String>) -> Self {
        Self { revision: revision.into(), ..self }
    }

    /// Uses what the cache has and asks nobody.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// Shows a progress bar for each file on the terminal.
    #[must_use]
    pub fn progress_bar(self, shown: bool) -> Self {
        Self { progress_bar: shown, ..self }
    }

    /// The folder of a model, complete, for [`TextEncoder::from_dir`](crate::TextEncoder::from_dir).
    ///
    /// One question finds out which commit the revision is; files of this commit that the cache has are not downloaded again, and
    /// a download that was interrupted goes on where it stopped. Of the repository only what this crate reads is downloaded.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not know the model or the revision; the model has no weights that can be loaded; a
    /// file cannot be written; or, offline, the cache does not hold the model.
    pub fn model(&self, id: &str) -> Result<PathBuf, Error> {
        let repo = Repo::with_revision(id.to_owned(), RepoType::Model, self.revision.clone());
        let cache = self.cache.clone().map_or_else(Cache::from_env, Cache::new);
        if self.offline {
            return self.cached(id, &cache, repo);
        }
        let fail = |what: &str, e: ApiError| {
            Error::new(Kind::Hub, what).file(format!("{id} at {}", self.revision)).caused_by(e)
        };
        let mut api = ApiBuilder::from_cache(cache.clone()).with_progress(self.progress_bar).with_retries(3);
        if let Some(endpoint) = self.endpoint.clone().or_else(|| env::var("HF_ENDPOINT").ok()) {
            api = api.with_endpoint(endpoint);
        }
        if let Some(token) = &self.token {
            api = api.with_token(Some(token.clone()));
        }
        let api = api.build().map_err(|e| fail("cannot ask the hub", e))?;
        let info = api.repo(repo.clone()).info().map_err(|e| fail("the hub does not give this model", e))?;
        // Everything of one commit: a branch could move between two files.
        let files = api.repo(Repo::with_revision(id.to_owned(), RepoType::Model, info.sha.clone()));
        let names: Vec<String> = info.siblings.into_iter().map(|file| file.rfilename).collect();
        for name in needed(&names) {
            files.get(name).map_err(|e| fail(&format!("cannot download `{name}`"), e))?;
        }
        cache
            .repo(repo.clone())
            .create_ref(&info.sha)
            .map_err(|e| fail("cannot write to the cache", e.into()))?;
        self.cached(id, &cache, repo)
    }

    /// The folder that the cache has.
    fn cached(&self, id: &str, cache: &Cache, repo: Repo) -> Result<PathBuf, Error> {
        let found = cache.repo(repo).get("config.json");
        let folder = found.as_deref().and_then(Path::parent).filter(|folder| is_complete(folder));
        folder.map(Path::to_owned).ok_or_else(|| {
            let message = format!("the cache in {} does not hold this model", cache.path().display());
            Error::new(Kind::Hub, message).file(format!("{id} at {}", self.revision))
        })
    }
}

/// Of a repository's files those that this crate reads: settings, tokenizer, and one set of weights.
fn needed(names: &[String]) -> Vec<&str> {
    // A name is a path on this machine soon; one that climbs out of its folder is not a model's business.
    let is_plain = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_plain(name)).collect();
    let is_weight = |name: &str, stem: &str, ending: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        file.starts_with(stem) && (file.ends_with(ending) || file.ends_with(&format!("{ending}.index.json")))
    };
    let folder = |name: &str| name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let has_safetensors: Vec<String> = names
        .iter()
        .filter(|name| is_weight(name, "model", ".safetensors"))
        .map(|name| folder(name))
        .collect();
    let wanted = |name: &&str| {
        // Exports for other programs stand in folders of these names.
        let export = ["onnx/", "openvino/", "coreml/"].iter().any(|export| name.starts_with(export));
        let old = is_weight(name, "pytorch_model", ".bin");
        let settings = name.ends_with(".json") && !is_weight(name, "model", ".safetensors") && !old;
        !export
            && name.matches('/').count() <= 1
            && (settings
                || is_weight(name, "model", ".safetensors")
                || (old && !has_safetensors.contains(&folder(name))))
    };
    names.into_iter().filter(wanted).collect()
}

/// Whether a folder can be loaded: settings, a tokenizer and weights are there, for the transformer at the root or in a folder.
fn is_complete(folder: &Path) -> bool {
    let roots = ["", "0_Transformer", "0_StaticEmbedding"].map(|root| folder.join(root));
    let weights = [
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ];
    roots.iter().any(|root| {
        root.join("tokenizer.json").is_file() && weights.iter().any(|name| root.join(name).is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_set_of_weights_is_needed() {
        let names = [
            ".gitattributes",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/pytorch_model.bin",
            "README.md",
            "config.json",
            "model.safetensors",
            "modules.json",
            "onnx/model.onnx",
            "onnx/config.json",
            "pytorch_model.bin",
            "rust_model.ot",
            "tf_model.h5",
            "tokenizer.json",
            "train_script.py",
            "../up.json",
            "/etc/x.json",
            "a/b/c.json",
        ];
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(
            needed(&names),
            [
                "1_Pooling/config.json",
                "2_Dense/config.json",
                "2_Dense/pytorch_model.bin",
                "config.json",
                "model.safetensors",
                "modules.json",
                "tokenizer.json",
            ]
        );
        let shards = [
            "model-00001-of-00002.safetensors",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json",
        ];
        let shards: Vec<String> = shards.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(needed(&shards), [shards[0].as_str(), shards[1].as_str()]);
    }
}
