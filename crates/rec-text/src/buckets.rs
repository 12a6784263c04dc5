/// Groups rows of similar length into batches of a bounded number of positions.
///
/// Rows are taken longest first (ties by row), so that a batch pads little and the first batch is the
/// largest: memory that suffices for it suffices for all. A batch is padded to its longest row, rounded up to
/// a multiple of the bucket; few different shapes suit devices that compile a kernel per shape.
///
/// ```
/// use rec_text::Buckets;
///
/// let plan = Buckets::new(12).multiple_of(4).plan(&[2, 5, 1, 4]);
/// // Row 1 has 5 tokens and pads to 8; then rows of 4 and less pad to 4, three to a batch.
/// assert_eq!((plan[0].rows.as_slice(), plan[0].len), ([1].as_slice(), 8));
/// assert_eq!((plan[1].rows.as_slice(), plan[1].len), ([3, 0, 2].as_slice(), 4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Buckets {
    max_tokens: usize,
    multiple: usize,
    max_len: Option<usize>,
}

/// Rows that are encoded together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedBatch {
    /// Indices into the lengths that were planned, longest first.
    pub rows: Vec<usize>,
    /// The length to pad each of them to; at least 1.
    pub len: usize,
}

impl Buckets {
    /// Batches of at most `max_tokens` positions, padding included, with exact lengths.
    #[must_use]
    pub const fn new(max_tokens: usize) -> Self {
        Self { max_tokens, multiple: 1, max_len: None }
    }

    /// Rounds padded lengths up to a multiple of `multiple`.
    ///
    /// # Panics
    ///
    /// When `multiple` is 0.
    #[must_use]
    pub const fn multiple_of(self, multiple: usize) -> Self {
        assert!(multiple > 0, "lengths cannot be a multiple of 0");
        Self { multiple, ..self }
    }

    /// Never rounds a length up beyond `max_len`, the model's longest input. A row that is longer already
    /// keeps its length: a plan does not truncate.
    #[must_use]
    pub const fn max_len(self, max_len: usize) -> Self {
        Self { max_len: Some(max_len), ..self }
    }

    /// The batches for rows of these lengths; every row is in exactly one of them.
    ///
    /// `rows.len() * len <= max_tokens` for each batch, unless one row alone exceeds it: it gets a batch
    /// of its own. An empty row takes one position. No rows give no batches. The same lengths give the same
    /// plan.
    #[must_use]
    pub fn plan(&self, lengths: &[usize]) -> Vec<PlannedBatch> {
        let mut rows: Vec<usize> = (0..lengths.len()).collect();
        rows.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
        let mut batches = Vec::new();
        let mut rest = rows.as_slice();
        while let Some(&longest) = rest.first() {
            let len = self.padded(lengths[longest]);
            let n_rows = (self.max_tokens / len).clamp(1, rest.len());
            let (batch, after) = rest.split_at(n_rows);
            batches.push(PlannedBatch { rows: batch.to_vec(), len });
            rest = after;
        }
        batches
    }

    fn padded(&self, length: usize) -> usize {
        let length = length.max(1);
        let rounded = length.checked_next_multiple_of(self.multiple).unwrap_or(length);
        self.max_len.map_or(rounded, |max_len| rounded.min(max_len).max(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(buckets: Buckets, lengths: &[usize]) -> Vec<(Vec<usize>, usize)> {
        buckets.plan(lengths).into_iter().map(|batch| (batch.rows, batch.len)).collect()
    }

    #[test]
    fn longest_first_and_stable() {
        assert_eq!(plan(Buckets::new(6), &[2, 3, 2, 3]), [(vec![1, 3], 3), (vec![0, 2], 2)]);
        assert_eq!(plan(Buckets::new(0), &[1, 2]), [(vec![1], 2), (vec![0], 1)]);
        assert_eq!(plan(Buckets::new(2), &[0, 0, 0]), [(vec![0, 1], 1), (vec![2], 1)]);
        assert_eq!(plan(Buckets::new(8), &[]), []);
    }

    #[test]
    fn lengths_round_up_to_the_cap_only() {
        let buckets = Buckets::new(100).multiple_of(8).max_len(10);
        assert_eq!(plan(buckets, &[9]), [(vec![0], 10)]);
        assert_eq!(plan(buckets, &[11]), [(vec![0], 11)]);
        assert_eq!(plan(buckets, &[3]), [(vec![0], 8)]);
        assert_eq!(plan(buckets, &[usize::MAX]), [(vec![0], usize::MAX)]);
    }
}
