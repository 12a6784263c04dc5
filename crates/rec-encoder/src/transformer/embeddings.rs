use burn::module::Module;
use burn::nn::{Embedding, LayerNorm};
use burn::tensor::{Tensor, TensorData};
use rec_text::TokenBatch;

/// Token, position and type embeddings, summed and normalised.
#[derive(Module, Debug)]
pub(crate) struct Embeddings {
    pub(crate) tokens: Embedding,
    pub(crate) positions: Embedding,
    pub(crate) types: Embedding,
    pub(crate) norm: LayerNorm,
}

impl Embeddings {
    /// `[batch * len, d_model]`.
    pub(super) fn forward(&self, tokens: &TokenBatch) -> Tensor<2> {
        let (batch, len) = (tokens.batch(), tokens.len());
        let table = self.tokens.weight.val();
        let [_, d_model] = table.dims();
        let device = table.device();
        let indices = |ids: &[u32]| {
            let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
            Tensor::from_data(TensorData::new(ids, [batch * len]), &device)
        };
        let words = table.select(0, indices(tokens.ids())).reshape([batch, len, d_model]);
        let positions = self.positions.weight.val().slice([0..len, 0..d_model]).unsqueeze::<3>();
        let types = self.types.weight.val();
        let types = match tokens.type_ids().iter().all(|&id| id == 0) {
            true => types.slice([0..1, 0..d_model]).unsqueeze::<3>(), // broadcast over every position
            false => types.select(0, indices(tokens.type_ids())).reshape([batch, len, d_model]),
        };
        self.norm.forward((words + types + positions).reshape([batch * len, d_model]))
    }
}
