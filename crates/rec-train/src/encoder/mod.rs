//! Fine-tuning text encoders: which of their parameters, and on what.
//!
//! An encoder gives its [model](rec_encoder::TextModel), a [`FineTuning`] chooses what of it is trained, a task trains it
//! ([`TextPairs`] for vectors, [`MaskedTokens`] for language), and
//! [`with_text_model`](rec_encoder::TextEncoder::with_text_model) puts it back; [`save`](rec_encoder::TextEncoder::save) writes a
//! folder that sentence-transformers opens.
//!
//! A smaller encoder learns from a larger one by [`Distilled`]: a student of fewer layers, or one that lost heads.
//!
//! An encoder that is not trained at all is faster still: [embed](rec_encoder::TextEncoder::embed) the catalogue once, and train what
//! stands on the vectors ([`NextItem`](crate::user::NextItem)).

mod distilled;
mod fine_tuning;
mod masked_tokens;
mod text_pairs;

pub use distilled::{DistillationWeights, Distilled};
pub use fine_tuning::FineTuning;
pub use masked_tokens::{Masked, MaskedTokens};
pub use text_pairs::TextPairs;

use rec_encoder::TextModel;

/// About what the backward pass of a batch holds: per token and layer some 30 states, 4 rows of the feed-forward part and 6 of
/// attention logits.
pub(crate) fn activation_bytes(model: &TextModel, n_texts: usize, len: usize) -> u64 {
    let config = model.transformer().config();
    let per_token = 30 * config.d_model + 4 * config.feed_forward.d_ff + 6 * config.attention.n_heads * len;
    4 * (n_texts * len * config.layers.len() * per_token) as u64
}
