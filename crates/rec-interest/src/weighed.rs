use burn::tensor::Tensor;
use rec_core::{HistoryBatch, Sequence};

/// What models that see sets of items make of the weights of events: an item of weight `w` counts as `w` of it.
///
/// Events whose weight is not positive are masked like padding. The others add `log w` to the scores before a softmax over the items,
/// which multiplies what they count: `[batch, len]`, or none where all weights are 1. `items` are the batch's, or a part of them.
pub(crate) fn weighed(histories: &HistoryBatch, items: Sequence) -> (Sequence, Option<Tensor<2>>) {
    if !histories.is_weighted() {
        return (items, None);
    }
    let weights = histories.weights().clone();
    let hidden = weights.clone().lower_equal_elem(0.0);
    let mask = match items.mask_pad() {
        Some(mask) => mask.clone().bool_or(hidden.clone()),
        None => hidden.clone(),
    };
    // Where the weight is none the mask hides the logarithm of 1.
    let log = weights.mask_fill(hidden, 1.0).log();
    (Sequence::new(items.values().clone(), Some(mask)), Some(log))
}
