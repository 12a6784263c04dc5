use crate::Encoding;

/// On which side of a row the padding stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PaddingSide {
    /// After the tokens: encoders such as BERT.
    #[default]
    Right,
    /// Before the tokens: decoders, whose last position is then a token.
    Left,
}

/// Encodings padded to one length: what an encoder takes.
///
/// All arrays are row-major `[batch, len]`. Padding has the id that was asked for and the segment 0; the
/// mask is `true` where there is padding.
///
/// `len` is never 0, so a tensor made from this is never empty in that direction: a batch of nothing but
/// empty encodings has `len` 1 and is all padding.
///
/// ```
/// use rec_text::{Encoding, PaddingSide, TokenBatch};
///
/// let row = |ids: &[u32]| Encoding { ids: ids.to_vec(), type_ids: vec![0; ids.len()], n_truncated: 0 };
/// let rows = [row(&[1, 5, 2]), row(&[1, 2])];
/// let batch = TokenBatch::collate(&rows, 0, PaddingSide::Right, None);
/// assert_eq!((batch.batch(), batch.len()), (2, 3));
/// assert_eq!(batch.ids(), [1, 5, 2, 1, 2, 0]);
/// assert_eq!(batch.mask_pad(), [false, false, false, false, false, true]);
/// assert_eq!(batch.n_tokens(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    lengths: Vec<usize>,
    len: usize,
    side: PaddingSide,
}

impl TokenBatch {
    /// Pads `encodings` with `pad_id` to `len`, or to the longest of them when `len` is `None`.
    ///
    /// # Panics
    ///
    /// When `len` is less than the longest encoding (and an encoding is not empty), or when an encoding
    /// has not as many `type_ids` as `ids`.
    #[must_use]
    pub fn collate<'a>(
        encodings: impl IntoIterator<Item = &'a Encoding>,
        pad_id: u32,
        side: PaddingSide,
        len: Option<usize>,
    ) -> Self {
        let encodings: Vec<_> = encodings.into_iter().collect();
        let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.ids.len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let len = len.unwrap_or(longest).max(1);
        assert!(longest <= len, "an encoding of {longest} tokens does not fit into a batch of length {len}");

        let mut ids = Vec::with_capacity(encodings.len() * len);
        let mut type_ids = Vec::with_capacity(encodings.len() * len);
        for (row, encoding) in encodings.iter().enumerate() {
            let (n_ids, n_types) = (encoding.ids.len(), encoding.type_ids.len());
            assert!(n_ids == n_types, "row {row} has {n_ids} ids but {n_types} type ids");
            let end = ids.len() + len;
            if side == PaddingSide::Left {
                ids.resize(end - n_ids, pad_id);
                type_ids.resize(end - n_ids, 0);
            }
            ids.extend_from_slice(&encoding.ids);
            type_ids.extend_from_slice(&encoding.type_ids);
            ids.resize(end, pad_id);
            type_ids.resize(end, 0);
        }
        Self { ids, type_ids, lengths, len, side }
    }

    /// The token ids, `[batch, len]`.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The segment of each token, `[batch, len]`.
    #[must_use]
    pub fn type_ids(&self) -> &[u32] {
        &self.type_ids
    }

    /// How many tokens each row has without its padding, `[batch]`.
    #[must_use]
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The number of rows.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.lengths.len()
    }

    /// The padded length of every row; at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the second of two dimensions, and never 0")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The side of the padding.
    #[must_use]
    pub fn side(&self) -> PaddingSide {
        self.side
    }

    /// `[batch, len]`, true = padding.
    #[must_use]
    pub fn mask_pad(&self) -> Vec<bool> {
        let mut mask = Vec::with_capacity(self.ids.len());
        for &length in &self.lengths {
            mask.extend((0..self.len).map(|position| match self.side {
                PaddingSide::Right => position >= length,
                PaddingSide::Left => position < self.len - length,
            }));
        }
        mask
    }

    /// Whether any position is padding; a model may skip its mask otherwise.
    #[must_use]
    pub fn has_padding(&self) -> bool {
        self.n_tokens() < self.ids.len()
    }

    /// How many positions are tokens.
    #[must_use]
    pub fn n_tokens(&self) -> usize {
        self.lengths.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ids: &[u32]) -> Encoding {
        Encoding { ids: ids.to_vec(), type_ids: vec![7; ids.len()], n_truncated: 0 }
    }

    #[test]
    fn pads_on_either_side() {
        let rows = [row(&[1]), row(&[]), row(&[2, 3])];
        let right = TokenBatch::collate(&rows, 9, PaddingSide::Right, Some(3));
        assert_eq!(right.ids(), [1, 9, 9, 9, 9, 9, 2, 3, 9]);
        assert_eq!(right.type_ids(), [7, 0, 0, 0, 0, 0, 7, 7, 0]);
        assert_eq!(right.lengths(), [1, 0, 2]);
        let left = TokenBatch::collate(rows.iter().rev(), 9, PaddingSide::Left, None);
        assert_eq!(left.ids(), [2, 3, 9, 9, 9, 1]);
        assert_eq!(left.type_ids(), [7, 7, 0, 0, 0, 7]);
        assert_eq!(left.mask_pad(), [false, false, true, true, true, false]);
        assert_eq!((left.n_tokens(), left.has_padding(), left.side()), (3, true, PaddingSide::Left));
    }

    #[test]
    fn nothing_is_a_row_of_padding() {
        for len in [None, Some(0), Some(1)] {
            let batch = TokenBatch::collate(&[row(&[]), row(&[])], 0, PaddingSide::Right, len);
            assert_eq!((batch.batch(), batch.len(), batch.mask_pad()), (2, 1, vec![true, true]));
        }
        let none = TokenBatch::collate(&[], 0, PaddingSide::Right, None);
        assert_eq!((none.batch(), none.len(), none.ids().len(), none.has_padding()), (0, 1, 0, false));
    }

    #[test]
    fn a_full_batch_has_no_padding() {
        assert!(!TokenBatch::collate(&[row(&[1, 2])], 0, PaddingSide::Left, None).has_padding());
    }

    #[test]
    #[should_panic(expected = "3 tokens does not fit into a batch of length 2")]
    fn too_short_a_length_panics() {
        let _ = TokenBatch::collate(&[row(&[1, 2, 3])], 0, PaddingSide::Right, Some(2));
    }
}
