//! Writing models.

use std::io::{self, Write};
use std::path::Path;

use rec_data::{IdMap, replace_file};
use serde::Serialize;

use super::{BLOCK, Header, MAGIC, Number, Summed, Type, VERSION};
use crate::error::Error;
use crate::sparse::Sparse;

/// Writes an array.
type WriteArray<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// What a model wants written.
pub(crate) struct ModelWriter<'a> {
    header: Header,
    arrays: Vec<WriteArray<'a>>,
}

impl<'a> ModelWriter<'a> {
    /// A file for `model`, a name that [`ModelReader::open`] asks for. Numbers of a config must be finite.
    pub(crate) fn new(model: &str, config: &impl Serialize) -> ModelWriter<'a> {
        // A config of plain numbers and names always becomes JSON.
        let config = serde_json::to_value(config).unwrap_or_default();
        let header = Header { model: model.to_owned(), config, ids: Vec::new(), arrays: Vec::new() };
        ModelWriter { header, arrays: Vec::new() }
    }

    /// Adds ids, which ascend.
    pub(crate) fn ids(mut self, name: &str, ids: &IdMap) -> ModelWriter<'a> {
        let texts = ids.iter().map(|id| id.as_str().to_owned()).collect();
        self.header.ids.push((name.to_owned(), texts));
        self
    }

    /// Adds an array.
    pub(crate) fn array<N: Number>(mut self, name: &str, values: &'a [N]) -> ModelWriter<'a> {
        self.header.arrays.push((name.to_owned(), N::TYPE, values.len() as u64));
        self.arrays.push(Box::new(move |writer| write_all(writer, values.iter().copied())));
        self
    }

    /// Adds a sparse matrix as three arrays.
    pub(crate) fn sparse<N: Number>(mut self, name: &str, matrix: &'a Sparse<N>) -> ModelWriter<'a> {
        self.header.arrays.push((format!("{name}.begins"), Type::U64, matrix.rows() as u64 + 1));
        self.arrays.push(Box::new(move |writer| {
            let begins = matrix.indptr();
            write_all(writer, begins.as_slice().unwrap_or_default().iter().map(|&begin| begin as u64))
        }));
        self.array(&format!("{name}.columns"), matrix.indices())
            .array(&format!("{name}.values"), matrix.data())
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(self, path: &Path) -> Result<(), Error> {
        let written = replace_file(path, |file| {
            let mut writer = Summed { inner: file, sum: crc32fast::Hasher::new() };
            let header = serde_json::to_vec(&self.header)?;
            writer.write_all(&MAGIC)?;
            writer.write_all(&VERSION.to_le_bytes())?;
            writer.write_all(&(header.len() as u64).to_le_bytes())?;
            writer.write_all(&header)?;
            for array in &self.arrays {
                array(&mut writer)?;
            }
            let sum = writer.sum.clone().finalize();
            writer.inner.write_all(&sum.to_le_bytes())
        });
        Ok(written?)
    }
}

fn write_all<N: Number>(writer: &mut dyn Write, values: impl Iterator<Item = N>) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK);
    for value in values {
        value.write(&mut block);
        if block.len() >= BLOCK {
            writer.write_all(&block)?;
            block.clear();
        }
    }
    writer.write_all(&block)
}
