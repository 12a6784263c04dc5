/// Vectors of one length, one after the other.
///
/// ```
/// use rec_search::Vectors;
///
/// let vectors = Vectors::new(&[1.0, 2.0, 3.0, 4.0], 2);
/// assert_eq!((vectors.len(), vectors.dim(), vectors.row(1)), (2, 2, &[3.0, 4.0][..]));
/// assert!(Vectors::new(&[], 2).is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vectors<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> Vectors<'a> {
    /// The rows of a row-major matrix of `dim` columns.
    ///
    /// # Panics
    ///
    /// `dim` is zero, or does not divide the number of values.
    #[must_use]
    pub fn new(values: &'a [f32], dim: usize) -> Self {
        assert!(dim > 0 && values.len().is_multiple_of(dim), "{} values in rows of {dim}", values.len());
        Self { values, dim }
    }

    /// The number of vectors.
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// The number of values of each.
    #[must_use]
    pub fn dim(self) -> usize {
        self.dim
    }

    /// All values, row by row.
    #[must_use]
    pub fn values(self) -> &'a [f32] {
        self.values
    }

    /// One of them.
    ///
    /// # Panics
    ///
    /// There are not so many.
    #[must_use]
    #[inline]
    pub fn row(self, row: usize) -> &'a [f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    /// All of them, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [f32]> + Clone {
        self.values.chunks_exact(self.dim)
    }

    /// Those of a range.
    ///
    /// # Panics
    ///
    /// There are not so many.
    #[must_use]
    pub fn range(self, rows: std::ops::Range<usize>) -> Self {
        Self { values: &self.values[rows.start * self.dim..rows.end * self.dim], dim: self.dim }
    }
}
