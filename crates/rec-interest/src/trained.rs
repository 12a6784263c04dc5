use std::path::Path;

use burn::tensor::Device;
use rec_core::nn::ModelConfig;
use rec_core::{Error, Fingerprint, HistoryBatch, ModelFile, Sequence};

use crate::{
    AdditiveAttention, AdditiveAttentionConfig, Capsules, CapsulesConfig, Lstur, LsturConfig, Nrms,
    NrmsConfig, PolyAttention, PolyAttentionConfig, SasRec, SasRecConfig, UserEncoder,
};

const FORMAT: &str = "rec-user-encoder 1";

/// A learned user encoder and the space of the items that it was trained with: what a program saves and serves.
///
/// The interests have the items' space, because they are trained to be multiplied with those items. For items of any other space
/// they have a space of their own, so that nothing is compared with them: an index or a pipeline refuses.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{History, days};
/// use rec_interest::{NrmsConfig, TrainedUserEncoder, UserEncoder};
///
/// let items = VectorTable::from_rows(Fingerprint::declared("d"), [("a", [1.0, 0.0]), ("b", [0.0, 1.0])])?;
/// let config = NrmsConfig { d_item: 2, n_heads: 1, d_attention: 4, dropout: 0.0 };
/// let trained = TrainedUserEncoder::new(config.init(&Device::flex(), 1), items.space());
/// let path = std::env::temp_dir().join("rec-interest-doc.safetensors");
/// trained.save(&path)?;
///
/// let loaded = TrainedUserEncoder::load(&path, &Device::flex())?;
/// let history = History::from_iter([("a", days(1)), ("b", days(2))]);
/// assert_eq!(loaded.interest(&items, &history), trained.interest(&items, &history));
/// assert_ne!(loaded.space(Fingerprint::declared("other")), Fingerprint::declared("other"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainedUserEncoder {
    model: LearnedUserEncoder,
    items: Fingerprint,
}

/// Any of this crate's learned user encoders.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the model of its name")]
#[expect(clippy::large_enum_variant, reason = "a program has one or two of them")]
pub enum LearnedUserEncoder {
    AdditiveAttention(AdditiveAttention),
    Nrms(Nrms),
    Lstur(Lstur),
    SasRec(SasRec),
    PolyAttention(PolyAttention),
    Capsules(Capsules),
}

impl TrainedUserEncoder {
    /// A model that was trained with items of a space.
    #[must_use]
    pub fn new(model: impl Into<LearnedUserEncoder>, items: Fingerprint) -> Self {
        Self { model: model.into(), items }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &LearnedUserEncoder {
        &self.model
    }

    /// The space of the items that the model was trained with.
    #[must_use]
    pub fn items(&self) -> Fingerprint {
        self.items
    }

    /// What a file calls the model.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.model {
            LearnedUserEncoder::AdditiveAttention(_) => AdditiveAttentionConfig::NAME,
            LearnedUserEncoder::Nrms(_) => NrmsConfig::NAME,
            LearnedUserEncoder::Lstur(_) => LsturConfig::NAME,
            LearnedUserEncoder::SasRec(_) => SasRecConfig::NAME,
            LearnedUserEncoder::PolyAttention(_) => PolyAttentionConfig::NAME,
            LearnedUserEncoder::Capsules(_) => CapsulesConfig::NAME,
        }
    }

    /// The number of dimensions of an item, and of an interest.
    #[must_use]
    pub fn dim(&self) -> usize {
        match &self.model {
            LearnedUserEncoder::AdditiveAttention(model) => model.config().d_item,
            LearnedUserEncoder::Nrms(model) => model.config().d_item,
            LearnedUserEncoder::Lstur(model) => model.config().d_item,
            LearnedUserEncoder::SasRec(model) => model.config().d_item,
            LearnedUserEncoder::PolyAttention(model) => model.config().d_item,
            LearnedUserEncoder::Capsules(model) => model.config().d_item,
        }
    }

    /// Writes the model as one safetensors file, whole or not at all: its config, its parameters and the space of its items.
    ///
    /// # Errors
    ///
    /// A parameter is not finite or cannot be read from its device, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let file = match &self.model {
            LearnedUserEncoder::AdditiveAttention(model) => ModelFile::of_model(model.config(), model),
            LearnedUserEncoder::Nrms(model) => ModelFile::of_model(model.config(), model),
            LearnedUserEncoder::Lstur(model) => ModelFile::of_model(model.config(), model),
            LearnedUserEncoder::SasRec(model) => ModelFile::of_model(model.config(), model),
            LearnedUserEncoder::PolyAttention(model) => ModelFile::of_model(model.config(), model),
            LearnedUserEncoder::Capsules(model) => ModelFile::of_model(model.config(), model),
        };
        file?.with("format", FORMAT).with("items", self.items.to_string()).write(path)
    }

    /// Reads a file that [`save`](Self::save) wrote, onto a device.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not that of a user encoder, or has a config or parameters that do not fit each other. The
    /// message names the file and the parameter.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let file = ModelFile::read(path)?;
        if file.get("format") != Some(FORMAT) {
            return Err(
                file.fail(format!("not the file of a user encoder: its metadata lack format `{FORMAT}`"))
            );
        }
        let items = file.get("items").unwrap_or_default().parse();
        let items = items.map_err(|e| file.fail(format!("its metadata `items`: {e}")))?;
        let model = match file.get("model").unwrap_or_default() {
            AdditiveAttentionConfig::NAME => file.model::<AdditiveAttentionConfig>(device)?.into(),
            NrmsConfig::NAME => file.model::<NrmsConfig>(device)?.into(),
            LsturConfig::NAME => file.model::<LsturConfig>(device)?.into(),
            SasRecConfig::NAME => file.model::<SasRecConfig>(device)?.into(),
            PolyAttentionConfig::NAME => file.model::<PolyAttentionConfig>(device)?.into(),
            CapsulesConfig::NAME => file.model::<CapsulesConfig>(device)?.into(),
            other => return Err(file.fail(format!("there is no user encoder `{other}`"))),
        };
        Ok(Self { model, items })
    }
}

impl LearnedUserEncoder {
    fn encoder(&self) -> &dyn UserEncoder {
        match self {
            Self::AdditiveAttention(model) => model,
            Self::Nrms(model) => model,
            Self::Lstur(model) => model,
            Self::SasRec(model) => model,
            Self::PolyAttention(model) => model,
            Self::Capsules(model) => model,
        }
    }
}

impl UserEncoder for TrainedUserEncoder {
    fn encode(&self, histories: &HistoryBatch) -> Sequence {
        self.model.encoder().encode(histories)
    }

    fn encode_training(&self, histories: &HistoryBatch, seed: u64) -> Sequence {
        self.model.encoder().encode_training(histories, seed)
    }

    fn device(&self) -> Device {
        self.model.encoder().device()
    }

    fn space(&self, items: Fingerprint) -> Fingerprint {
        if items == self.items {
            items
        } else {
            items.derive("user encoder of other items", self.name().as_bytes())
        }
    }
}

impl From<AdditiveAttention> for LearnedUserEncoder {
    fn from(model: AdditiveAttention) -> Self {
        Self::AdditiveAttention(model)
    }
}

impl From<Nrms> for LearnedUserEncoder {
    fn from(model: Nrms) -> Self {
        Self::Nrms(model)
    }
}

impl From<Lstur> for LearnedUserEncoder {
    fn from(model: Lstur) -> Self {
        Self::Lstur(model)
    }
}

impl From<SasRec> for LearnedUserEncoder {
    fn from(model: SasRec) -> Self {
        Self::SasRec(model)
    }
}

impl From<PolyAttention> for LearnedUserEncoder {
    fn from(model: PolyAttention) -> Self {
        Self::PolyAttention(model)
    }
}

impl From<Capsules> for LearnedUserEncoder {
    fn from(model: Capsules) -> Self {
        Self::Capsules(model)
    }
}
