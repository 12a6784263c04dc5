use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use rec_text::{PaddingSide, TokenBatch};

use super::config::{RelativeBias, Span, TransformerConfig};
use super::rotary::Rotation;

/// What a layer's attention may see of one batch; made once a forward pass for each [`Span`].
#[derive(Debug)]
pub(super) struct View {
    /// `[batch, 1, len, len]`, `true` where a query must not see a key; `None` if it sees all, or all before it.
    pub(super) mask: Option<Tensor<4, Bool>>,
    /// Whether keys after the query are hidden, besides those of the mask.
    pub(super) is_causal: bool,
    pub(super) rotation: Option<Rotation>,
    /// Added to logits, `[1, n_heads, len, len]`.
    pub(super) bias: Option<Tensor<4>>,
}

impl View {
    pub(super) fn new(
        span: &Span,
        config: &TransformerConfig,
        tokens: &TokenBatch,
        bias: Option<Tensor<4>>,
        device: &Device,
    ) -> Self {
        let len = tokens.len();
        let reach = span.reach.filter(|&reach| reach + 1 < len);
        // To the right of every token there is nothing that a causal model could see, padding included.
        let hides_padding = tokens.has_padding() && !(config.causal && tokens.side() == PaddingSide::Right);
        let mask = match (reach, hides_padding) {
            (None, false) => None,
            (None, true) if !config.causal => Some(padding(tokens, device)),
            _ => Some(mask(tokens, reach, config.causal, device)),
        };
        Self {
            // Backends differ in how they combine a mask with causality, so the mask has all where there is one.
            is_causal: config.causal && mask.is_none(),
            mask,
            rotation: span.rotary.map(|r| Rotation::new(&r, len, config.attention.d_head, device)),
            bias,
        }
    }
}

impl View {
    /// Whether attention sees by the mask alone.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_causal && self.rotation.is_none() && self.bias.is_none()
    }
}

/// The same keys are hidden from every query of a text: `[batch, len]` seen as `[batch, 1, len, len]`.
fn padding(tokens: &TokenBatch, device: &Device) -> Tensor<4, Bool> {
    let (batch, len) = (tokens.batch(), tokens.len());
    let mask: Tensor<4, Bool> =
        Tensor::from_data(TensorData::new(tokens.mask_pad(), [batch, 1, 1, len]), device);
    mask.expand([batch, 1, len, len])
}

/// Hides padding, what is too far away, and what comes later. Every query sees itself, even at padding: a row that sees
/// nothing would be NaN, and a NaN spreads through the weight of zero that others give it.
fn mask(tokens: &TokenBatch, reach: Option<usize>, causal: bool, device: &Device) -> Tensor<4, Bool> {
    let (batch, len) = (tokens.batch(), tokens.len());
    let (pad, reach) = (tokens.mask_pad(), reach.unwrap_or(len));
    let mut hidden = Vec::with_capacity(batch * len * len);
    for pad in pad.chunks_exact(len) {
        for query in 0..len {
            hidden.extend(pad.iter().enumerate().map(|(key, &pad)| {
                key != query && (pad || query.abs_diff(key) > reach || (causal && key > query))
            }));
        }
    }
    Tensor::from_data(TensorData::new(hidden, [batch, 1, len, len]), device)
}

/// The bias of each head, `[1, n_heads, len, len]`, from a table `[n_buckets, n_heads]`.
pub(super) fn bias(config: &RelativeBias, table: Tensor<2>, len: usize) -> Tensor<4> {
    let [_, n_heads] = table.dims();
    let buckets: Vec<i64> =
        (0..len).flat_map(|query| (0..len).map(move |key| config.bucket(query, key) as i64)).collect();
    let buckets: Tensor<1, Int> = Tensor::from_data(TensorData::new(buckets, [len * len]), &table.device());
    table.select(0, buckets).reshape([1, len, len, n_heads]).permute([0, 3, 1, 2])
}

impl RelativeBias {
    /// The biases of a table `[n_buckets, n_heads]` by offset, `[n_heads, 2 * max_len - 1]`: that of `key - query` stands at
    /// `max_len - 1 + key - query`.
    pub(crate) fn by_offset(self, table: &[f32], n_heads: usize, max_len: usize) -> Vec<f32> {
        let offsets = |head: usize| {
            (1..2 * max_len).map(move |at| {
                // Query 0 sees the keys behind it at offset -d as query d sees key 0.
                let (query, key) = (max_len.saturating_sub(at), at.saturating_sub(max_len));
                table[self.bucket(query, key) * n_heads + head]
            })
        };
        (0..n_heads).flat_map(offsets).collect()
    }

    /// Near distances have a bucket each, far ones share buckets that widen logarithmically.
    fn bucket(self, query: usize, key: usize) -> usize {
        let half = self.n_buckets / 2;
        let (side, distance) = (if key > query { half } else { 0 }, query.abs_diff(key));
        let exact = half / 2;
        if distance < exact {
            return side + distance;
        }
        // In f32, as the reference implementation: the logarithm decides between buckets.
        let far = (distance as f32 / exact as f32).ln() / (self.max_distance as f32 / exact as f32).ln();
        side + (exact + (far * (half - exact) as f32) as usize).min(half - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by `MPNetEncoder.relative_position_bucket(torch.arange(-d, d + 1), num_buckets=32, max_distance=128)` of
    /// transformers 5.23.0 at chosen offsets.
    #[test]
    fn buckets_are_those_of_mpnet() {
        let bias = RelativeBias { n_buckets: 32, max_distance: 128 };
        for (offset, bucket) in [
            (0i64, 0),
            (1, 17),
            (-1, 1),
            (7, 23),
            (8, 24),
            (-8, 8),
            (15, 25),
            (16, 26),
            (-40, 12),
            (127, 31),
            (500, 31),
        ] {
            let (query, key) =
                if offset < 0 { (offset.unsigned_abs() as usize, 0) } else { (0, offset as usize) };
            assert_eq!(bias.bucket(query, key), bucket, "offset {offset}");
        }
    }
}
