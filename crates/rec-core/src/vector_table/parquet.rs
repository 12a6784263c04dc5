//! Vectors from Parquet files.

use std::path::Path;

use rec_data::{CatalogueFields, IdMap, Value, arrow, parquet};

use super::VectorTable;
use crate::{Error, Fingerprint};

impl VectorTable {
    /// Imports vectors from a Parquet file: the column `id` holds texts or integers, the column `vector` lists of numbers (of any
    /// width, of fixed size or not), as polars, pandas and Spark write them. Rows are read some thousand at a time.
    ///
    /// Foreign vectors say nothing of their space, so the caller declares one: [`Fingerprint::declared`].
    ///
    /// # Errors
    ///
    /// The file cannot be read or has no rows; a column is missing or of another type; an id is missing or comes twice; vectors
    /// are empty or differ in length, or one holds a null or a value that is not finite as `f32`. The message names the file.
    ///
    /// ```no_run
    /// use rec_core::{Fingerprint, VectorTable};
    ///
    /// let space = Fingerprint::declared("clip-vit-b32 images");
    /// let images = VectorTable::from_parquet("images.parquet", "id", "vector", space)?;
    /// # Ok::<(), rec_core::Error>(())
    /// ```
    pub fn from_parquet(
        path: impl AsRef<Path>,
        id: &str,
        vector: &str,
        space: Fingerprint,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let fields = CatalogueFields::default().id(id).only([vector]);
        let (mut ids, mut values, mut dim) = (Vec::new(), Vec::new(), 0);
        let fail = |first: usize, e| {
            Error::format(format!("in the batch that begins with row {first}")).with_source(e).at(path)
        };
        for batch in
            parquet::batches(path, &[id, vector]).map_err(|e| Error::format("no vectors").with_source(e))?
        {
            let first = ids.len();
            let rows =
                batch.and_then(|batch| arrow::catalogue([batch], &fields)).map_err(|e| fail(first, e))?;
            for item in rows.iter() {
                let row = match item.get(vector) {
                    Some(Value::FloatSeq(row)) => row,
                    _ => {
                        return Err(Error::format(format!(
                            "column `{vector}` does not hold lists of numbers"
                        ))
                        .at(path));
                    }
                };
                if ids.is_empty() {
                    dim = row.len();
                }
                if row.len() != dim {
                    let message = format!(
                        "the vector of `{}` has {} values, the first has {dim}",
                        item.id(),
                        row.len()
                    );
                    return Err(Error::shape(message).at(path));
                }
                ids.push(item.id().clone());
                values.extend(row.iter().map(|value| *value as f32));
            }
        }
        let ids =
            IdMap::try_from_ids(ids).map_err(|e| Error::format("no vectors").with_source(e).at(path))?;
        Self::new(ids, values, dim, space).map_err(|e| e.at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by pyarrow through pandas and polars: `scripts/fixtures/parquet_vectors.py`.
    #[test]
    fn files_of_python_are_read() {
        let space = Fingerprint::declared("python");
        for name in ["list_f32.parquet", "fixed_f64.parquet", "list_f16.parquet"] {
            let path = rec_testkit::fixture_path("parquet").join(name);
            let table = VectorTable::from_parquet(path, "id", "vector", space).unwrap();
            assert_eq!((table.len(), table.dim(), table.space()), (3, 2, space), "{name}");
            assert_eq!(table.ids().row("30"), Some(2), "{name}");
            assert_eq!((&*table.row(0), &*table.row(2)), (&[1.0, -2.0][..], &[0.5, 4.0][..]), "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_file() {
        let space = Fingerprint::declared("python");
        for (name, word) in [
            ("ragged.parquet", "`20` has 1 values"),
            ("null.parquet", "missing"),
            ("twice.parquet", "10"),
            ("numbers.parquet", "lists of numbers"),
            ("none.parquet", ""),
            ("absent.parquet", ""),
        ] {
            let path = rec_testkit::fixture_path("parquet").join(name);
            let error = VectorTable::from_parquet(&path, "id", "vector", space).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(word), "{error}");
        }
        let path = rec_testkit::fixture_path("parquet").join("list_f32.parquet");
        let error = VectorTable::from_parquet(path, "id", "embedding", space).unwrap_err().to_string();
        assert!(error.contains("embedding") && error.contains("list_f32.parquet"), "{error}");
    }
}
