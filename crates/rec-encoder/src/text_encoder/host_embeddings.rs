use burn::tensor::{Tensor, TensorData};
use rec_kernels as kernels;
use rec_text::TokenBatch;

use super::host::{OwnedNorm, norm_view, owned_norm, values};
use crate::error::{Error, Kind};
use crate::transformer::Transformer;

/// What the embeddings of a transformer are besides those of tokens, whose table stays where it is.
pub(super) struct HostEmbeddings {
    scale: f32,
    types: Option<Vec<f32>>,
    /// The rows that texts can reach.
    positions: Option<Vec<f32>>,
    norm: Option<OwnedNorm>,
    projection: Option<kernels::PackedLinear>,
    d: usize,
}

impl HostEmbeddings {
    /// For texts of at most `max_len` tokens.
    pub(super) fn new(model: &Transformer, max_len: usize, eps: f32) -> Result<Self, Error> {
        let (embeddings, config) = (&model.embeddings, &model.config);
        let d = config.d_embedding;
        let positions = match (&embeddings.positions, config.positions) {
            (Some(table), Some(positions)) => {
                let values = values(&table.weight)?;
                let first = positions.first_row * d;
                let last = positions.first_row.saturating_add(max_len).saturating_mul(d).min(values.len());
                Some(values[first..last].to_vec())
            }
            _ => None,
        };
        let projection = match &embeddings.projection {
            Some(linear) => {
                let (weight, bias) = (values(&linear.weight)?, linear.bias.as_ref().map(values).transpose()?);
                let linear = kernels::Linear { weight: &weight, bias: bias.as_deref() };
                Some(kernels::PackedLinear::new(&linear, d, config.d_model))
            }
            None => None,
        };
        Ok(Self {
            scale: config.embedding_scale as f32,
            types: embeddings.types.as_ref().map(|types| values(&types.weight)).transpose()?,
            positions,
            norm: embeddings.norm.as_ref().map(|norm| owned_norm(norm, eps)).transpose()?,
            projection,
            d,
        })
    }

    /// The states of all tokens of a batch that is padded on the right, `[tokens, d_model]`, without padding.
    pub(super) fn forward(
        &self,
        model: &Transformer,
        tokens: &TokenBatch,
        offsets: &[usize],
    ) -> Result<Vec<f32>, Error> {
        let n = offsets[offsets.len() - 1];
        if n == 0 {
            return Ok(Vec::new());
        }
        let real = |ids: &[u32]| -> Vec<u32> {
            let rows = ids.chunks_exact(tokens.len()).zip(tokens.lengths());
            rows.flat_map(|(row, &length)| &row[..length]).copied().collect()
        };
        let ids: Vec<i64> = real(tokens.ids()).into_iter().map(i64::from).collect();
        let table = model.embeddings.tokens.weight.val();
        let ids = Tensor::from_data(TensorData::new(ids, [n]), &table.device());
        let read = |e| Error::new(Kind::Device, "cannot read the embeddings").caused_by(e);
        let rows: Vec<f32> = table.select(0, ids).try_into_vec_as().map_err(read)?;
        // The rows of the table are there in the order of the tokens already.
        let in_order: Vec<u32> = (0..n as u32).collect();
        let type_ids = match tokens.type_ids().iter().any(|&id| id > 0) {
            true => real(tokens.type_ids()),
            false => Vec::new(),
        };
        let mut states = vec![0.0; n * self.d];
        let embeddings = kernels::Embeddings {
            d: self.d,
            tokens: &rows,
            scale: self.scale,
            types: self.types.as_deref(),
            positions: self.positions.as_deref().map(|table| kernels::Positions { table, first_row: 0 }),
            norm: self.norm.as_ref().map(norm_view),
        };
        embeddings.forward(&in_order, &type_ids, offsets, &mut states);
        let Some(projection) = &self.projection else {
            return Ok(states);
        };
        let mut projected = vec![0.0; n * model.config.d_model];
        projection.forward(&states, kernels::Activation::Identity, &mut projected);
        Ok(projected)
    }
}
