use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use rec_text::{PaddingSide, TokenBatch};

use super::config::TransformerConfig;
use super::norm::Norm;

/// Token, position and type embeddings, summed, normalised and brought to the model's dimension.
#[derive(Module, Debug)]
pub(crate) struct Embeddings {
    pub(crate) tokens: Embedding,
    pub(crate) positions: Option<Embedding>,
    pub(crate) types: Option<Embedding>,
    pub(crate) norm: Option<Norm>,
    pub(crate) projection: Option<Linear>,
    #[module(skip)]
    first_row: usize,
    #[module(skip)]
    scale: f64,
}

impl Embeddings {
    pub(crate) fn new(config: &TransformerConfig, device: &Device) -> Self {
        let d = config.d_embedding;
        let table = |n: usize| EmbeddingConfig::new(n, d).init(device);
        Self {
            tokens: table(config.vocab_size),
            positions: config.positions.map(|positions| table(positions.n_rows)),
            types: (config.n_token_types > 0).then(|| table(config.n_token_types)),
            norm: config.norms.embeddings.then(|| Norm::new(&config.norms, d, device)),
            projection: (d != config.d_model).then(|| LinearConfig::new(d, config.d_model).init(device)),
            first_row: config.positions.map_or(0, |positions| positions.first_row),
            scale: config.embedding_scale,
        }
    }

    /// `[batch * len, d_model]`.
    pub(crate) fn forward(&self, tokens: &TokenBatch) -> Tensor<2> {
        let (batch, len) = (tokens.batch(), tokens.len());
        let table = self.tokens.weight.val();
        let [_, d] = table.dims();
        let device = table.device();
        let rows = |table: &Embedding, ids: Vec<i64>| -> Tensor<3> {
            let ids = Tensor::from_data(TensorData::new(ids, [batch * len]), &device);
            table.weight.val().select(0, ids).reshape([batch, len, d])
        };
        let ids = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect();
        let mut sum = rows(&self.tokens, ids(tokens.ids()));
        if self.scale != 1.0 {
            sum = sum * self.scale;
        }
        if let Some(types) = &self.types {
            sum = sum
                + match tokens.type_ids().iter().all(|&id| id == 0) {
                    true => types.weight.val().slice([0..1, 0..d]).unsqueeze(), // broadcast over every position
                    false => rows(types, ids(tokens.type_ids())),
                };
        }
        if let Some(positions) = &self.positions {
            let first = self.first_row;
            sum = sum
                + match tokens.side() {
                    PaddingSide::Right => {
                        positions.weight.val().slice([first..first + len, 0..d]).unsqueeze()
                    }
                    PaddingSide::Left => rows(positions, self.left_padded_rows(tokens)),
                };
        }
        let mut x = sum.reshape([batch * len, d]);
        if let Some(norm) = &self.norm {
            x = norm.forward(x);
        }
        match &self.projection {
            Some(projection) => projection.forward(x),
            None => x,
        }
    }

    /// The rows of the position table: a row's first token has the first, padding does too and is seen by nobody.
    fn left_padded_rows(&self, tokens: &TokenBatch) -> Vec<i64> {
        let len = tokens.len();
        let row = |&length: &usize| {
            (0..len).map(move |at| (self.first_row + at.saturating_sub(len - length)) as i64)
        };
        tokens.lengths().iter().flat_map(row).collect()
    }
}
