use rec_core::{Pooling, Sequence, masked};

/// Items of a history attend to token states: scaled dot-product attention without parameters.
///
/// `Attention(Q, K, V) = softmax(Q K' / sqrt(d_k)) V` (Vaswani et al., "Attention Is All You Need", 2017, equation 1), with
/// the vectors of the history's items as `Q` and the token states of a text encoder as both `K` and `V`; `d_k` is their
/// dimension. Each item thus picks the words that fit it. Padding takes no part: a user without items, or without tokens,
/// gets zero vectors and zero gradients.
///
/// This is no [`UserEncoder`](crate::UserEncoder): besides the history it needs token states, for example those of the
/// texts that the user read, one row a user. The result lies in the space of the token states. That is the space of the
/// items if the items are the mean of token states of the same encoder, with nothing behind it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use rec_core::Sequence;
/// use rec_interest::TokenAttention;
///
/// let device = Device::flex();
/// let items = Sequence::new(Tensor::from_data([[[100.0, 0.0], [0.0, 100.0]]], &device), None);
/// let tokens = Tensor::from_data([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]], &device);
/// let tokens = Sequence::from_lengths(tokens, &[2]); // the third token is padding
///
/// // So sharp a query picks one token each, and the interest is the mean of the two.
/// let user = TokenAttention.encode(&items, &tokens);
/// assert_eq!(user.dims(), [1, 1, 2]);
/// assert_eq!(user.values().to_data().try_to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenAttention;

impl TokenAttention {
    /// One interest a user: the mean of the [attended](Self::attend) rows of the history's items.
    ///
    /// # Shapes
    ///
    /// - items `[batch, n, d]`, for example [`HistoryBatch::items`](rec_core::HistoryBatch::items)
    /// - tokens `[batch, t, d]`
    /// - result `[batch, 1, d]`
    ///
    /// # Panics
    ///
    /// Batch or dimension of items and tokens differ.
    #[must_use]
    pub fn encode(&self, items: &Sequence, tokens: &Sequence) -> Sequence {
        Sequence::single(Pooling::Mean.pool(&self.attend(items, tokens)))
    }

    /// What each item of the history attends to. Rows of padded items are zero and keep their mask.
    ///
    /// # Shapes
    ///
    /// - items `[batch, n, d]`
    /// - tokens `[batch, t, d]`
    /// - result `[batch, n, d]`
    ///
    /// # Panics
    ///
    /// Batch or dimension of items and tokens differ.
    #[must_use]
    pub fn attend(&self, items: &Sequence, tokens: &Sequence) -> Sequence {
        let ([batch, n, d], [tokens_batch, t, tokens_d]) = (items.dims(), tokens.dims());
        assert!(
            batch == tokens_batch && d == tokens_d,
            "items {:?} and tokens {:?} differ in batch or dimension",
            items.dims(),
            tokens.dims()
        );
        let states = tokens.zero_padded(); // [batch, t, d]
        let queries = items.zero_padded().div_scalar((d as f64).sqrt()); // [batch, n, d]
        let scores = queries.matmul(states.clone().transpose()); // [batch, n, t]
        let mask = tokens.mask_pad().cloned().map(|mask| mask.unsqueeze_dim::<3>(1).expand([batch, n, t]));
        let rows = masked::softmax(scores, mask, 2).matmul(states); // [batch, n, d]
        let mask_pad = items.mask_pad().cloned();
        Sequence::new(Sequence::new(rows, mask_pad.clone()).zero_padded(), mask_pad)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};

    use super::*;

    fn sequence(values: &[f32], shape: [usize; 3], lengths: &[usize]) -> Sequence {
        let values = Tensor::from_data(TensorData::new(values.to_vec(), shape), &rec_testkit::device());
        Sequence::from_lengths(values, lengths)
    }

    fn vec(sequence: &Sequence) -> Vec<f32> {
        sequence.values().to_data().try_to_vec().unwrap()
    }

    #[test]
    fn by_hand() {
        // d_k = 4, so a query of 2 ln 3 in one dimension has scores ln 3 and 0: shares 3/4 and 1/4.
        let q = 2.0 * 3f32.ln();
        let items = sequence(&[q, 0.0, 0.0, 0.0, 0.0, q, 0.0, 0.0], [1, 2, 4], &[2]);
        let tokens = sequence(&[1.0, 0.0, 4.0, 0.0, 0.0, 1.0, 0.0, 8.0], [1, 2, 4], &[2]);
        let rows = TokenAttention.attend(&items, &tokens);
        let expected = [0.75, 0.25, 3.0, 2.0, 0.25, 0.75, 1.0, 6.0];
        rec_testkit::assert_close("rows", &vec(&rows), &expected, 1e-5);
        let user = TokenAttention.encode(&items, &tokens);
        rec_testkit::assert_close("pooled", &vec(&user), &[0.5, 0.5, 2.0, 4.0], 1e-5);
    }

    #[test]
    fn rows_of_padding_are_zero_whatever_stands_there() {
        let nan = f32::NAN;
        // A user with one item and one token, one without items, one without tokens.
        let items = sequence(&[1.0, nan, nan, nan, 2.0, 3.0], [3, 2, 1], &[1, 0, 2]);
        let tokens = sequence(&[5.0, nan, 1.0, 2.0, nan, nan], [3, 2, 1], &[1, 2, 0]);
        assert_eq!(vec(&TokenAttention.attend(&items, &tokens)), [5.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(vec(&TokenAttention.encode(&items, &tokens)), [5.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "items [1, 1, 2] and tokens [1, 2, 1]")]
    fn shapes_are_named() {
        let _ = TokenAttention
            .attend(&sequence(&[0.0; 2], [1, 1, 2], &[1]), &sequence(&[0.0; 2], [1, 2, 1], &[2]));
    }
}
