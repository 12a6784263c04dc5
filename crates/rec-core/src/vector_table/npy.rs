//! Vectors from `.npy` files.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use npyz::{NpyFile, Order};
use rec_data::IdMap;

use super::VectorTable;
use crate::{Error, Fingerprint};

impl VectorTable {
    /// Imports a matrix `[n, dim]` of `f16`, `f32` or `f64` from a `.npy` file, as `numpy.save` writes it, in C or Fortran order; row
    /// `i` is the vector of the id in row `i` of `ids`.
    ///
    /// Foreign vectors say nothing of their space, so the caller declares one: [`Fingerprint::declared`]. Two files are in one
    /// space when one model made both.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no matrix of these types, has not one row for each id, or holds a value that is not finite
    /// as `f32`. The message names the file.
    ///
    /// ```no_run
    /// use rec_core::{Fingerprint, VectorTable};
    /// use rec_data::IdMap;
    ///
    /// let ids = IdMap::try_from_ids(["dune", "emma"])?;
    /// let images = VectorTable::from_npy("images.npy", ids, Fingerprint::declared("clip-vit-b32 images"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_npy(
        path: impl AsRef<Path>,
        ids: impl Into<Arc<IdMap>>,
        space: Fingerprint,
    ) -> Result<Self, Error> {
        let (path, ids) = (path.as_ref(), ids.into());
        let read = |e| Error::io("read", path, e);
        let npy = NpyFile::new(BufReader::new(File::open(path).map_err(read)?)).map_err(read)?;
        let &[n, dim] = npy.shape() else {
            return Err(Error::shape(format!("an array of shape {:?} is no matrix", npy.shape())).at(path));
        };
        if n != ids.len() as u64 {
            return Err(Error::shape(format!("{n} vectors for {} ids", ids.len())).at(path));
        }
        let (order, dtype) = (npy.order(), npy.dtype());
        // A failed attempt gives the file back for the next.
        let npy = match npy.try_data::<f32>() {
            Ok(values) => return finish(values.collect(), order, dim, ids, space, path),
            Err(npy) => npy,
        };
        let npy = match npy.try_data::<f64>() {
            Ok(values) => {
                let values = values.map(|value| value.map(|value| value as f32)).collect();
                return finish(values, order, dim, ids, space, path);
            }
            Err(npy) => npy,
        };
        match npy.try_data::<half::f16>() {
            Ok(values) => {
                let values = values.map(|value| value.map(half::f16::to_f32)).collect();
                finish(values, order, dim, ids, space, path)
            }
            Err(_) => {
                let message = format!("values of type {} are none of f16, f32 and f64", dtype.descr());
                Err(Error::format(message).at(path))
            }
        }
    }
}

/// The table of values that were read in the file's order.
fn finish(
    values: io::Result<Vec<f32>>,
    order: Order,
    dim: u64,
    ids: Arc<IdMap>,
    space: Fingerprint,
    path: &Path,
) -> Result<VectorTable, Error> {
    let (values, dim, n) = (values.map_err(|e| Error::io("read", path, e))?, dim as usize, ids.len());
    let values = match order {
        Order::C => values,
        Order::Fortran => (0..n * dim).map(|at| values[at % dim * n + at / dim]).collect(),
    };
    VectorTable::new(ids, values, dim, space).map_err(|e| e.at(path))
}

#[cfg(test)]
mod tests {
    use npyz::WriterBuilder;

    use super::*;

    fn written<T: npyz::AutoSerialize + Copy>(
        values: &[T],
        shape: &[u64],
        order: Order,
    ) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = npyz::WriteOptions::new().default_dtype().shape(shape).order(order);
        let mut writer = options.writer(file.reopen().unwrap()).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        file
    }

    fn ids(n: usize) -> IdMap {
        IdMap::try_from_ids((0..n).map(|i| i.to_string())).unwrap()
    }

    #[test]
    fn all_types_and_both_orders_are_read() {
        let space = Fingerprint::declared("numpy");
        let c = written(&[1f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], Order::C);
        let fortran = written(&[1f64, 4.0, 2.0, 5.0, 3.0, 6.0], &[2, 3], Order::Fortran);
        let halves = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(half::f16::from_f32);
        let half = written(&halves, &[2, 3], Order::C);
        for file in [c, fortran, half] {
            let table = VectorTable::from_npy(file.path(), ids(2), space).unwrap();
            assert_eq!((table.len(), table.dim(), table.space()), (2, 3, space));
            assert_eq!(*table.row(1), [4.0, 5.0, 6.0]);
        }
    }

    /// Written by `numpy.save` of numpy 2.4.6: `numpy.array([[1, -2, .5], [4, 65504, 6e-8]], numpy.float16)`, and the same in
    /// Fortran order as `float64` (`scripts/fixtures/npy.py`).
    #[test]
    fn files_of_numpy_are_read() {
        for name in ["half.npy", "fortran.npy"] {
            let path = rec_testkit::fixture_path("npy").join(name);
            let table = VectorTable::from_npy(path, ids(2), Fingerprint::declared("numpy")).unwrap();
            assert_eq!(*table.row(0), [1.0, -2.0, 0.5], "{name}");
            assert_eq!(*table.row(1), [4.0, 65504.0, half::f16::from_f32(6e-8).to_f32()], "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_file() {
        let space = Fingerprint::declared("numpy");
        let whole = written(&[1f32, 2.0], &[2, 1], Order::C);
        let bytes = std::fs::read(whole.path()).unwrap();
        let short = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(short.path(), &bytes[..bytes.len() - 1]).unwrap();
        for (file, n) in [
            (written(&[1f32, 2.0], &[2, 1], Order::C), 3),
            (written(&[1f32, 2.0], &[2], Order::C), 2),
            (written(&[1i32, 2], &[2, 1], Order::C), 2),
            (written(&[1f64, 1e300], &[2, 1], Order::C), 2),
            (written::<f32>(&[], &[2, 0], Order::C), 2),
            (short, 2),
        ] {
            let error = VectorTable::from_npy(file.path(), ids(n), space).unwrap_err().to_string();
            assert!(error.contains(&file.path().display().to_string()), "{error}");
        }
        for end in 0..bytes.len() {
            let cut = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(cut.path(), &bytes[..end]).unwrap();
            assert!(VectorTable::from_npy(cut.path(), ids(2), space).is_err(), "{end} bytes");
        }
    }
}
