use std::collections::BTreeMap;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Device, Tensor};
use rec_core::{FingerprintBuilder, HistoryBatch, Sequence, VectorTable};
use rec_data::{History, Id, IdMap};
use rec_encoder::TextEncoder;
use rec_interest::UserEncoder;
use rec_text::Encoding;

use super::sampled::logits;
use super::{NextBatch, TextAndUser};
use crate::error::Error;
use crate::objective::indices;
use crate::parameters::{device, values};

/// The items of a training end to end: ids and tokens, whose vectors the module in training makes.
#[derive(Debug, Clone)]
pub(super) struct ItemTexts {
    encoder: TextEncoder,
    /// The ids; its vectors are placeholders.
    items: VectorTable,
    texts: Vec<Encoding>,
}

impl ItemTexts {
    pub(super) fn new<I: Into<Id>, S: AsRef<str>>(
        encoder: &TextEncoder,
        items: impl IntoIterator<Item = (I, S)>,
    ) -> Result<Self, Error> {
        let (ids, texts): (Vec<Id>, Vec<S>) = items.into_iter().map(|(id, text)| (id.into(), text)).unzip();
        let texts = encoder.tokenize(&texts)?;
        let ids = IdMap::try_from_ids(ids).map_err(|e| Error::unusable(e.to_string()))?;
        let n = ids.len();
        let items = VectorTable::new(ids, vec![0.0; n], 1, encoder.space())
            .map_err(|e| Error::unusable(e.to_string()))?;
        Ok(Self { encoder: encoder.clone(), items, texts })
    }

    pub(super) fn ids(&self) -> &IdMap {
        self.items.ids()
    }

    pub(super) fn space(&self) -> rec_core::Fingerprint {
        self.items.space()
    }

    /// The interests of a batch, and what gives the vectors of the items in it. Each text is encoded once.
    pub(super) fn encode<U: UserEncoder + Module + ModuleDisplay>(
        &self,
        module: &TextAndUser<U>,
        batch: &NextBatch,
    ) -> (Sequence, impl Fn(&[usize]) -> Tensor<2>) {
        let device = device(module).unwrap_or_else(|| module.user.device());
        let weights = module.user.event_weights();
        let histories = HistoryBatch::with_event_weights(&self.items, &batch.histories, &weights, &device);
        let needed = histories.rows().iter().chain(&batch.negatives).flatten().chain(&batch.targets);
        let mut place: BTreeMap<usize, usize> = needed.map(|&row| (row, 0)).collect();
        place.values_mut().enumerate().for_each(|(at, place)| *place = at);
        let vectors = module.text.forward(&self.encoder.collate(place.keys().map(|&row| &self.texts[row])));

        let [n, len, _] = histories.items().dims();
        let [_, d] = vectors.dims();
        // Padding has the vector of whatever text is first: a mask hides it.
        let at = |row: Option<&usize>| row.map_or(0, |row| place[row]);
        let events =
            histories.rows().iter().flat_map(|rows| (0..len).map(|i| at(rows.get(i))).collect::<Vec<_>>());
        let events = vectors.clone().select(0, indices(events, &vectors.device()));
        let interests = {
            let histories = histories.with_vectors(events.reshape([n, len, d]));
            module.user.encode_training(&histories, batch.seed)
        };
        let rows = move |rows: &[usize]| {
            let places = rows.iter().map(|row| place[row]);
            vectors.clone().select(0, indices(places, &vectors.device()))
        };
        (interests, rows)
    }

    /// The vectors of all items, by a module that is not being trained.
    pub(super) fn embed<U: Module + ModuleDisplay>(
        &self,
        module: &TextAndUser<U>,
    ) -> Result<VectorTable, Error> {
        let (mut all, mut dim) = (Vec::new(), 1);
        for texts in self.texts.chunks(64) {
            let vectors = module.text.forward(&self.encoder.collate(texts));
            dim = vectors.dims()[1];
            all.append(&mut values(vectors)?);
        }
        VectorTable::new(self.ids().clone(), all, dim, self.space())
            .map_err(|e| Error::unusable(e.to_string()))
    }

    /// What the tokens of all texts are.
    pub(super) fn hash(&self, hash: &mut FingerprintBuilder) {
        for text in &self.texts {
            hash.part("text", &text.ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
        }
    }

    /// Of a step that encodes `n` texts.
    pub(super) fn activation_bytes<U: Module + ModuleDisplay>(
        &self,
        module: &TextAndUser<U>,
        n: usize,
    ) -> u64 {
        let len = self.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        crate::encoder::activation_bytes(&module.text, n.min(self.texts.len()), len)
    }
}

/// The logits of all items of a table for users, on the host, row-major.
pub(super) fn scores<U: UserEncoder>(
    user: &U,
    table: &VectorTable,
    items: &Tensor<2>,
    histories: &[History],
    device: &Device,
) -> Result<Vec<f32>, Error> {
    let batch = HistoryBatch::with_event_weights(table, histories, &user.event_weights(), device);
    logits(&user.encode(&batch), items)
}
