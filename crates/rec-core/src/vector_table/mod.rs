mod file;
#[cfg(feature = "npy")]
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod storage;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rec_data::{Id, IdMap};

use crate::{Error, Fingerprint};
use storage::Storage;

/// Vectors with ids: items, users, whatever has an id.
///
/// One table holds one vector space, named by its [`Fingerprint`]. Vectors live on the host, row-major, in `f32` or
/// `f16`, memory-mapped when [loaded](Self::load); rows travel to a device per batch. All values are finite: a NaN is an
/// error where it would enter. Cloning is cheap, and several tables may share one id map.
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
///
/// let space = Fingerprint::declared("prices, 2 dimensions");
/// let table = VectorTable::from_rows(space, [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?;
/// assert_eq!(table.len(), 2);
/// assert_eq!(table.get("emma").unwrap().as_ref(), [0.0, 1.0]);
/// assert!(table.get("ulysses").is_none());
///
/// let path = std::env::temp_dir().join("rec-core-doc.safetensors");
/// table.save(&path)?;
/// assert_eq!(VectorTable::load(&path)?.expect_space(space)?.len(), 2);
/// assert!(VectorTable::load(&path)?.expect_space(Fingerprint::declared("other")).unwrap_err().is_space_mismatch());
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), rec_core::Error>(())
/// ```
#[derive(Clone)]
pub struct VectorTable {
    ids: Arc<IdMap>,
    storage: Storage,
    dim: usize,
    space: Fingerprint,
    provenance: BTreeMap<String, String>,
}

impl VectorTable {
    /// A table of `ids.len()` rows of `dim` values, row-major.
    ///
    /// # Errors
    ///
    /// `vectors` does not hold `ids.len() * dim` values, `dim` is zero, or a value is not finite (the error names the
    /// id and the column).
    pub fn new(
        ids: impl Into<Arc<IdMap>>,
        vectors: Vec<f32>,
        dim: usize,
        space: Fingerprint,
    ) -> Result<Self, Error> {
        let ids = ids.into();
        if dim == 0 {
            return Err(Error::shape("a vector has at least one dimension"));
        }
        if ids.len().checked_mul(dim) != Some(vectors.len()) {
            return Err(Error::shape(format!(
                "{} ids of {dim} dimensions do not fit {} values",
                ids.len(),
                vectors.len()
            )));
        }
        let table = Self { ids, storage: Storage::from(vectors), dim, space, provenance: BTreeMap::new() };
        table.check_finite()?;
        Ok(table)
    }

    /// A table from `(id, vector)` pairs, for small tables and foreign vectors.
    ///
    /// # Errors
    ///
    /// There are no rows, vectors differ in length, a value is not finite, or an id comes twice.
    pub fn from_rows<I: Into<Id>, V: AsRef<[f32]>>(
        space: Fingerprint,
        rows: impl IntoIterator<Item = (I, V)>,
    ) -> Result<Self, Error> {
        let (mut ids, mut vectors, mut dim) = (Vec::new(), Vec::new(), None);
        for (id, vector) in rows {
            let (id, vector) = (id.into(), vector.as_ref());
            let expected = *dim.get_or_insert(vector.len());
            if vector.len() != expected {
                return Err(Error::shape(format!(
                    "the vector of `{id}` has {} dimensions where {expected} are expected",
                    vector.len()
                )));
            }
            ids.push(id);
            vectors.extend_from_slice(vector);
        }
        let dim = dim.ok_or_else(|| Error::shape("a table without rows has no dimension"))?;
        let ids = IdMap::try_from_ids(ids).map_err(|e| Error::format("bad ids").with_source(e))?;
        Self::new(ids, vectors, dim, space)
    }

    fn check_finite(&self) -> Result<(), Error> {
        for (row, id) in self.ids.iter().enumerate() {
            if let Some(column) = self.row(row).iter().position(|value| !value.is_finite()) {
                return Err(Error::not_finite(id, column));
            }
        }
        Ok(())
    }

    /// The number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The number of values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Ids and their rows.
    #[must_use]
    pub fn ids(&self) -> &Arc<IdMap> {
        &self.ids
    }

    /// The space that the vectors live in.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.space
    }

    /// The table itself if its vectors live in `space`.
    ///
    /// # Errors
    ///
    /// They do not ([`Error::is_space_mismatch`]).
    pub fn expect_space(self, space: Fingerprint) -> Result<Self, Error> {
        if self.space == space { Ok(self) } else { Err(Error::space_mismatch(space, self.space)) }
    }

    /// How the vectors came about, for people: model, template, cleaning.
    #[must_use]
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// Records one fact about how the vectors came about.
    #[must_use]
    pub fn with_provenance(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.provenance.insert(key.into(), value.into());
        self
    }

    /// The vector at `row`, borrowed when stored as `f32`.
    ///
    /// # Panics
    ///
    /// `row >= len()`.
    #[must_use]
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        self.storage.values(row * self.dim..(row + 1) * self.dim)
    }

    /// The vector of `id`, if the table has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Cow<'_, [f32]>> {
        self.ids.row(id).map(|row| self.row(row))
    }

    /// Ids and vectors in row order.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, Cow<'_, [f32]>)> {
        self.ids.iter().enumerate().map(|(row, id)| (id, self.row(row)))
    }

    /// The vectors at `rows`, in that order, on a device: `[rows.len(), dim]`.
    ///
    /// # Panics
    ///
    /// A row is out of range, or `rows` is empty.
    #[must_use]
    pub fn gather(&self, rows: &[usize], device: &Device) -> Tensor<2> {
        assert!(!rows.is_empty(), "a tensor has at least one row");
        let mut values = Vec::with_capacity(rows.len() * self.dim);
        for &row in rows {
            values.extend_from_slice(&self.row(row));
        }
        Tensor::from_data(TensorData::new(values, [rows.len(), self.dim]), device)
    }

    /// The same vectors rounded to `f16`: half the memory, about three significant digits.
    ///
    /// # Errors
    ///
    /// A value is beyond the range of `f16` (65504).
    pub fn to_half(&self) -> Result<Self, Error> {
        let mut table = self.clone();
        table.storage = self.storage.to_half();
        table.check_finite()?;
        Ok(table)
    }

    /// Whether the vectors are stored as `f16`.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.storage.is_half()
    }
}

impl fmt::Debug for VectorTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VectorTable")
            .field("len", &self.len())
            .field("dim", &self.dim)
            .field("space", &self.space)
            .field("half", &self.is_half())
            .field("provenance", &self.provenance)
            .finish()
    }
}
