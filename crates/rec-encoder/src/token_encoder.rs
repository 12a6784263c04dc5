use burn::tensor::Device;
use rec_core::Sequence;
use rec_text::TokenBatch;

/// From token ids to token states: what a transformer is to the rest of the workspace.
///
/// Implement it to bring an encoder of your own; [`TextEncoder`](crate::TextEncoder) does the rest.
pub trait TokenEncoder: Send + Sync + std::fmt::Debug {
    /// The states of the last layer, `[batch, len, d_model]`, with the batch's padding mask.
    ///
    /// Padding and the rest of the batch change no real state beyond rounding. What stands at padded positions is
    /// unspecified.
    ///
    /// # Panics
    ///
    /// A token id is outside the vocabulary, or the batch is longer than [`max_len`](Self::max_len).
    fn encode(&self, tokens: &TokenBatch) -> Sequence;

    /// The number of values in a token state.
    fn d_model(&self) -> usize;

    /// The number of token ids: every id is below it.
    fn vocab_size(&self) -> usize;

    /// The number of token types: every type id is below it.
    fn n_token_types(&self) -> usize;

    /// The longest input in tokens, special tokens included.
    fn max_len(&self) -> usize;

    /// Where the forward pass runs.
    fn device(&self) -> Device;
}
