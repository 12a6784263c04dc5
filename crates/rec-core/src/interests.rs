use crate::{Error, Fingerprint, Sequence};

/// The interests of one user on the host: one or several vectors in one space, ready for an index.
///
/// ```
/// use rec_core::{Fingerprint, Interests};
///
/// let space = Fingerprint::declared("demo");
/// let user = Interests::new(vec![1.0, 0.0, 0.0, 2.0], 2, space)?;
/// assert_eq!(user.len(), 2);
/// assert_eq!(user.iter().nth(1).unwrap(), [0.0, 2.0]);
/// assert!(Interests::new(vec![f32::NAN, 0.0], 2, space).unwrap_err().is_not_finite());
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Interests {
    vectors: Vec<f32>,
    dim: usize,
    space: Fingerprint,
}

impl Interests {
    /// `vectors.len() / dim` interests, row-major.
    ///
    /// # Errors
    ///
    /// There is no whole number of vectors, there is none, or a value is not finite.
    pub fn new(vectors: Vec<f32>, dim: usize, space: Fingerprint) -> Result<Self, Error> {
        if dim == 0 || vectors.is_empty() || !vectors.len().is_multiple_of(dim) {
            return Err(Error::shape(format!(
                "{} values are not interests of {dim} dimensions",
                vectors.len()
            )));
        }
        match vectors.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::not_finite(format!("interest {}", at / dim), at % dim)),
            None => Ok(Self { vectors, dim, space }),
        }
    }

    /// Reads a batch of interests back from the device: one `Interests` a row, padded interests dropped. A row whose
    /// interests are all padding keeps one zero vector.
    ///
    /// # Errors
    ///
    /// A value is not finite, or the device fails.
    pub fn from_sequence(sequence: &Sequence, space: Fingerprint) -> Result<Vec<Self>, Error> {
        let [batch, len, dim] = sequence.dims();
        let read = |e| Error::device("cannot read the interests back").with_source(e);
        let values: Vec<f32> = sequence.zero_padded().try_into_vec_as().map_err(read)?;
        let mask: Option<Vec<bool>> = match sequence.mask_pad() {
            Some(mask) => Some(mask.clone().try_into_vec_as().map_err(read)?),
            None => None,
        };
        (0..batch)
            .map(|b| {
                let real = |i: &usize| mask.as_ref().is_none_or(|mask| !mask[b * len + i]);
                let mut vectors: Vec<f32> = (0..len)
                    .filter(real)
                    .flat_map(|i| &values[(b * len + i) * dim..(b * len + i + 1) * dim])
                    .copied()
                    .collect();
                if vectors.is_empty() {
                    vectors = vec![0.0; dim];
                }
                Self::new(vectors, dim, space)
            })
            .collect()
    }

    /// The number of interests, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.vectors.len() / self.dim
    }

    /// The number of values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The space that the vectors live in.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.space
    }

    /// The vectors, one slice an interest.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.vectors.chunks_exact(self.dim)
    }
}
