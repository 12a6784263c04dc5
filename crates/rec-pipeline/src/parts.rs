use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use rec_core::{EventWeights, Fingerprint, HistoryBatch, Pooling, Sequence};
use rec_encoder::TextEncoder;
use rec_interest::{Average, TrainedUserEncoder, UserEncoder};
use rec_score::{AdditiveLinear, Bilinear, Cosine, Dot, Factors, Scorer};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Where the encoder of a saved pipeline comes from when the pipeline is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EncoderSource {
    /// [`TextEncoder::bundled`], compiled into the program.
    Bundled,
    /// A model folder that stays where it is: absolute, or relative to the folder of the pipeline.
    Folder(PathBuf),
    /// A folder in that of the pipeline, which [`TextEncoder::save`] writes in F32.
    Saved,
}

impl EncoderSource {
    /// The folder inside a pipeline's, of an encoder that is saved with it.
    pub(crate) const SAVED: &str = "encoder";

    /// Loads the encoder of the pipeline in `folder`.
    pub(crate) fn load(&self, folder: &Path, device: &Device) -> Result<TextEncoder, Error> {
        Ok(match self {
            #[cfg(feature = "bundled")]
            Self::Bundled => TextEncoder::bundled(device)?,
            #[cfg(not(feature = "bundled"))]
            Self::Bundled => {
                return Err(Error::file(folder, "this build lacks the bundled encoder: feature `bundled`"));
            }
            Self::Folder(path) => TextEncoder::from_dir(folder.join(path), device)?,
            Self::Saved => TextEncoder::from_dir(folder.join(Self::SAVED), device)?,
        })
    }
}

/// The model of the user in a pipeline: a [`UserEncoder`] that can be saved.
///
/// ```
/// use rec_interest::{Average, Pooling};
/// use rec_pipeline::UserModel;
///
/// assert_eq!(UserModel::from(Average::new()).name(), "average");
/// assert_eq!(UserModel::from(Pooling::LastToken).name(), "pooling");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum UserModel {
    /// The weighted average of a history's items.
    Average(Average),
    /// A history's items pooled.
    Pooling(Pooling),
    /// A learned model, for items of the space that it was trained with. Histories come without rows of users, so that LSTUR does
    /// without its long-term vectors.
    Trained(Box<TrainedUserEncoder>),
}

impl UserModel {
    /// What `pipeline.json` calls the model.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Average(_) => "average",
            Self::Pooling(_) => "pooling",
            Self::Trained(model) => model.name(),
        }
    }

    fn encoder(&self) -> &dyn UserEncoder {
        match self {
            Self::Average(model) => model,
            Self::Pooling(model) => model,
            Self::Trained(model) => &**model,
        }
    }

    /// The only number of dimensions of an item that the model takes, if there is one.
    pub(crate) fn item_dim(&self) -> Option<usize> {
        match self {
            Self::Average(_) | Self::Pooling(_) => None,
            Self::Trained(model) => Some(model.dim()),
        }
    }
}

impl UserEncoder for UserModel {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        self.encoder().encode(histories)
    }

    fn device(&self) -> Device {
        self.encoder().device()
    }

    fn event_weights(&self) -> EventWeights {
        self.encoder().event_weights()
    }

    fn space(&self, items: Fingerprint) -> Fingerprint {
        self.encoder().space(items)
    }
}

impl From<Average> for UserModel {
    fn from(model: Average) -> Self {
        Self::Average(model)
    }
}

impl From<Pooling> for UserModel {
    fn from(model: Pooling) -> Self {
        Self::Pooling(model)
    }
}

impl From<TrainedUserEncoder> for UserModel {
    fn from(model: TrainedUserEncoder) -> Self {
        Self::Trained(Box::new(model))
    }
}

/// The scorer in a pipeline: a [`Scorer`] that factors and can be saved.
///
/// ```
/// use rec_pipeline::ScoreModel;
/// use rec_score::{Bilinear, Cosine};
///
/// assert_eq!(ScoreModel::from(Cosine).name(), "cosine");
/// assert_eq!(ScoreModel::from(Bilinear::identity()).name(), "bilinear");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ScoreModel {
    /// The dot product.
    Dot(Dot),
    /// The cosine.
    Cosine(Cosine),
    /// The additive linear model.
    Additive(AdditiveLinear),
    /// The bilinear model, of any form.
    Bilinear(Bilinear),
}

impl ScoreModel {
    /// What `pipeline.json` calls the model.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dot(_) => "dot",
            Self::Cosine(_) => "cosine",
            Self::Additive(_) => "additive",
            Self::Bilinear(_) => "bilinear",
        }
    }

    fn scorer(&self) -> &dyn Scorer {
        match self {
            Self::Dot(model) => model,
            Self::Cosine(model) => model,
            Self::Additive(model) => model,
            Self::Bilinear(model) => model,
        }
    }

    /// Writes the parameters, if there are any, and tells whether there are.
    pub(crate) fn save(&self, path: &Path) -> Result<bool, Error> {
        match self {
            Self::Dot(_) | Self::Cosine(_) => return Ok(false),
            Self::Additive(model) => model.save(path)?,
            Self::Bilinear(model) => model.save(path)?,
        }
        Ok(true)
    }

    /// The model of a name, with the parameters in a file if it has some; `None` if there is none of this name, or it has no
    /// file where it needs one or one where it needs none.
    pub(crate) fn load(name: &str, file: Option<&Path>, device: &Device) -> Result<Option<Self>, Error> {
        Ok(Some(match (name, file) {
            ("dot", None) => Dot.into(),
            ("cosine", None) => Cosine.into(),
            ("additive", Some(path)) => AdditiveLinear::load(path, device)?.into(),
            ("bilinear", Some(path)) => Bilinear::load(path, device)?.into(),
            _ => return Ok(None),
        }))
    }
}

impl Scorer for ScoreModel {
    fn logits(&self, interests: &Sequence, candidates: &Sequence) -> Tensor<2> {
        self.scorer().logits(interests, candidates)
    }

    fn factors(&self) -> Option<Box<dyn Factors>> {
        self.scorer().factors()
    }

    fn interest_dim(&self, item_dim: usize) -> Option<usize> {
        self.scorer().interest_dim(item_dim)
    }

    fn interest_space(&self, items: Fingerprint) -> Fingerprint {
        self.scorer().interest_space(items)
    }
}

impl From<Dot> for ScoreModel {
    fn from(model: Dot) -> Self {
        Self::Dot(model)
    }
}

impl From<Cosine> for ScoreModel {
    fn from(model: Cosine) -> Self {
        Self::Cosine(model)
    }
}

impl From<AdditiveLinear> for ScoreModel {
    fn from(model: AdditiveLinear) -> Self {
        Self::Additive(model)
    }
}

impl From<Bilinear> for ScoreModel {
    fn from(model: Bilinear) -> Self {
        Self::Bilinear(model)
    }
}
