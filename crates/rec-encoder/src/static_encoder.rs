use std::sync::Arc;

use burn::tensor::{Bool, Device, Tensor, TensorData};
use rec_core::Sequence;
use rec_text::TokenBatch;

use crate::TokenEncoder;

/// A table of embeddings: the state of a token is its row, whatever stands beside it.
///
/// With [`Pooling::Mean`](rec_core::Pooling::Mean) that is the static model of model2vec (Tulkens and van Dongen 2024, "Model2Vec: Fast
/// State-of-the-Art Static Embeddings") and of sentence-transformers' `StaticEmbedding`: hundreds of times less work than a
/// transformer, and blind to word order. [`TextEncoder::from_dir`](crate::TextEncoder::from_dir) loads both layouts.
///
/// The state of token `t` is `weight[t] * table[row[t]]`; without weights they are 1, and without a mapping `row[t] = t`. A token
/// that is left out counts as padding: a text of nothing else has the zero vector, as an empty one has.
///
/// ```
/// use burn::tensor::Device;
/// use rec_core::Pooling;
/// use rec_encoder::{StaticEncoder, TokenEncoder};
/// use rec_text::{Encoding, PaddingSide, TokenBatch};
///
/// let table = StaticEncoder::new(vec![9.0, 9.0, 1.0, 2.0, 3.0, 6.0], 2, &Device::flex()).without_token(0);
/// let row = |ids: &[u32]| Encoding { ids: ids.to_vec(), type_ids: vec![0; ids.len()], n_truncated: 0 };
/// let batch = TokenBatch::collate(&[row(&[1, 0, 2]), row(&[0])], 0, PaddingSide::Right, None);
/// let means = Pooling::Mean.pool(&table.encode(&batch)).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(means, [2.0, 4.0, 0.0, 0.0]);
/// ```
#[derive(Debug, Clone)]
pub struct StaticEncoder {
    /// `[n_rows, d_model]`.
    pub(crate) table: Tensor<2>,
    /// By token id.
    pub(crate) weights: Option<Arc<[f32]>>,
    /// By token id.
    pub(crate) mapping: Option<Arc<[u32]>>,
    pub(crate) left_out: Option<u32>,
    max_len: usize,
}

impl StaticEncoder {
    /// A table of rows of `d_model` values, one for each token id, for texts of any length.
    ///
    /// # Panics
    ///
    /// `values` is empty or no whole number of rows.
    #[must_use]
    pub fn new(values: Vec<f32>, d_model: usize, device: &Device) -> Self {
        let whole = d_model > 0 && !values.is_empty() && values.len().is_multiple_of(d_model);
        assert!(whole, "{} values are no table with rows of {d_model}", values.len());
        let shape = [values.len() / d_model, d_model];
        Self {
            table: Tensor::from_data(TensorData::new(values, shape), device),
            weights: None,
            mapping: None,
            left_out: None,
            max_len: usize::MAX,
        }
    }

    /// The row of each token id: several tokens may share one. Set it before the weights.
    ///
    /// # Panics
    ///
    /// A row is outside the table, there are no rows, or weights are set.
    #[must_use]
    pub fn with_mapping(self, rows: impl Into<Arc<[u32]>>) -> Self {
        let (rows, n_rows) = (rows.into(), self.n_rows());
        assert!(!rows.is_empty() && self.weights.is_none(), "a mapping of {} tokens", rows.len());
        if let Some(row) = rows.iter().find(|&&row| row as usize >= n_rows) {
            panic!("row {row} is outside the table of {n_rows}");
        }
        Self { mapping: Some(rows), ..self }
    }

    /// The weight of each token id.
    ///
    /// # Panics
    ///
    /// There is not one weight a token id.
    #[must_use]
    pub fn with_weights(self, weights: impl Into<Arc<[f32]>>) -> Self {
        let (weights, n) = (weights.into(), self.vocab_size());
        assert_eq!(weights.len(), n, "{} weights for {n} tokens", weights.len());
        Self { weights: Some(weights), ..self }
    }

    /// Leaves a token out, as model2vec does with the unknown token.
    #[must_use]
    pub fn without_token(self, id: u32) -> Self {
        Self { left_out: Some(id), ..self }
    }

    /// Reads at most this many tokens of a text.
    #[must_use]
    pub fn with_max_len(self, max_len: usize) -> Self {
        Self { max_len, ..self }
    }

    /// The first `dim` values of every row.
    pub(crate) fn truncated(self, dim: usize) -> Self {
        let rows = self.n_rows();
        Self { table: self.table.slice([0..rows, 0..dim]), ..self }
    }

    fn n_rows(&self) -> usize {
        self.table.dims()[0]
    }
}

impl TokenEncoder for StaticEncoder {
    fn encode(&self, tokens: &TokenBatch) -> Sequence {
        let (batch, len, d_model, device) = (tokens.batch(), tokens.len(), self.d_model(), self.device());
        assert!(len <= self.max_len, "{len} tokens exceed the model's {}", self.max_len);
        if let Some(id) = tokens.ids().iter().find(|&&id| id as usize >= self.vocab_size()) {
            panic!("token id {id} is outside the vocabulary of {}", self.vocab_size());
        }
        let row =
            |&id: &u32| self.mapping.as_ref().map_or(i64::from(id), |rows| i64::from(rows[id as usize]));
        let rows: Vec<i64> = tokens.ids().iter().map(row).collect();
        let rows = Tensor::from_data(TensorData::new(rows, [batch * len]), &device);
        let mut states = self.table.clone().select(0, rows).reshape([batch, len, d_model]);
        if let Some(weights) = &self.weights {
            let weights: Vec<f32> = tokens.ids().iter().map(|&id| weights[id as usize]).collect();
            states = states * Tensor::<3>::from_data(TensorData::new(weights, [batch, len, 1]), &device);
        }
        let mut mask = tokens.mask_pad();
        for (pad, id) in mask.iter_mut().zip(tokens.ids()) {
            *pad |= self.left_out == Some(*id);
        }
        let mask: Option<Tensor<2, Bool>> =
            mask.contains(&true).then(|| Tensor::from_data(TensorData::new(mask, [batch, len]), &device));
        Sequence::new(states, mask)
    }

    fn d_model(&self) -> usize {
        self.table.dims()[1]
    }

    fn vocab_size(&self) -> usize {
        self.mapping.as_ref().map_or(self.n_rows(), |rows| rows.len())
    }

    fn n_token_types(&self) -> usize {
        1
    }

    fn max_len(&self) -> usize {
        self.max_len
    }

    fn device(&self) -> Device {
        self.table.device()
    }
}

#[cfg(test)]
mod tests {
    use rec_core::Pooling;
    use rec_text::{Encoding, PaddingSide};

    use super::*;

    fn mean(encoder: &StaticEncoder, ids: &[u32]) -> Vec<f32> {
        let row = Encoding { ids: ids.to_vec(), type_ids: vec![0; ids.len()], n_truncated: 0 };
        let batch = TokenBatch::collate([&row], 0, PaddingSide::Right, Some(ids.len() + 2));
        Pooling::Mean.pool(&encoder.encode(&batch)).try_into_vec_as().unwrap()
    }

    #[test]
    fn rows_are_mapped_then_weighed() {
        let encoder = StaticEncoder::new(vec![1.0, 10.0], 1, &rec_core::device::host())
            .with_mapping([1, 0, 1])
            .with_weights([0.5, 1.0, 2.0]);
        assert_eq!(encoder.vocab_size(), 3);
        assert_eq!(mean(&encoder, &[0, 1, 2]), [(5.0 + 1.0 + 20.0) / 3.0]);
        assert_eq!(mean(&encoder.without_token(0), &[0, 0, 1, 2]), [(1.0 + 20.0) / 2.0]);
    }

    #[test]
    #[should_panic(expected = "row 2 is outside the table of 2")]
    fn a_mapping_stays_in_the_table() {
        let _ = StaticEncoder::new(vec![1.0, 10.0], 1, &rec_core::device::host()).with_mapping([0, 2]);
    }
}
