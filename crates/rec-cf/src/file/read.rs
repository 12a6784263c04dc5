//! Reading models, with a check of whatever the bytes could get wrong.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use rec_data::IdMap;
use serde::de::DeserializeOwned;

use super::{Array, BLOCK, Header, MAGIC, Number, Summed, Type, VERSION};
use crate::error::{Error, Kind};
use crate::matrix::ascending;
use crate::sparse::Sparse;

/// The contents of a file, of which a model takes what it needs.
pub(crate) struct ModelReader {
    file: String,
    header: Header,
    arrays: Vec<Option<Array>>,
}

impl ModelReader {
    /// Reads a file of `model`. No more memory is used than the file is long, whatever its header claims.
    pub(crate) fn open(path: &Path, model: &str) -> Result<ModelReader, Error> {
        let file = path.display().to_string();
        let failed = |source: io::Error| {
            Error::from(match source.kind() {
                io::ErrorKind::UnexpectedEof => damaged(&file, "the file ends early"),
                _ => Kind::Io { file: file.clone(), action: "read the file", source },
            })
        };
        let opened = File::open(path).map_err(|source| Kind::Io {
            file: file.clone(),
            action: "open the file",
            source,
        })?;
        let n_bytes = opened.metadata().map_err(failed)?.len();
        let mut reader =
            Summed { inner: BufReader::with_capacity(BLOCK, opened), sum: crc32fast::Hasher::new() };
        if read_bytes(&mut reader, 8).map_err(failed)? != MAGIC {
            return Err(damaged(&file, "this is no model file of rec-cf").into());
        }
        let version = u32::read(&read_bytes(&mut reader, 4).map_err(failed)?);
        if version != VERSION {
            let problem = format!("the version of the format is {version}, and this reads {VERSION}");
            return Err(damaged(&file, problem).into());
        }
        let n_header = u64::read(&read_bytes(&mut reader, 8).map_err(failed)?);
        if n_header > n_bytes {
            return Err(damaged(&file, "the file ends early").into());
        }
        let header = read_bytes(&mut reader, n_header as usize).map_err(failed)?;
        let header: Header = serde_json::from_slice(&header)
            .map_err(|error| damaged(&file, format!("the header is malformed: {error}")))?;
        let n_expected = header.arrays.iter().try_fold(20 + n_header + 4, |sum, &(_, kind, n)| {
            n.checked_mul(kind.size()).and_then(|size| size.checked_add(sum))
        });
        if n_expected != Some(n_bytes) {
            return Err(damaged(&file, "the file has not the length that its header says").into());
        }
        let mut arrays = Vec::with_capacity(header.arrays.len());
        for &(_, kind, n) in &header.arrays {
            let array = match kind {
                Type::F32 => read_array::<f32>(&mut reader, n as usize),
                Type::F64 => read_array::<f64>(&mut reader, n as usize),
                Type::U32 => read_array::<u32>(&mut reader, n as usize),
                Type::U64 => read_array::<u64>(&mut reader, n as usize),
            };
            arrays.push(Some(array.map_err(failed)?));
        }
        let sum = reader.sum.clone().finalize();
        if u32::read(&read_bytes(&mut reader, 4).map_err(failed)?) != sum {
            return Err(damaged(&file, "the check sum does not fit: the file is damaged").into());
        }
        if header.model != model {
            let problem = format!("the file holds a model `{}`, expected `{model}`", header.model);
            return Err(damaged(&file, problem).into());
        }
        Ok(ModelReader { file, header, arrays })
    }

    /// The config, whose values the caller checks.
    pub(crate) fn config<C: DeserializeOwned>(&self) -> Result<C, Error> {
        serde_json::from_value(self.header.config.clone())
            .map_err(|error| self.malformed(format!("the config is malformed: {error}")))
    }

    /// Ids, which ascend.
    pub(crate) fn ids(&self, name: &str) -> Result<IdMap, Error> {
        let found = self.header.ids.iter().find(|(found, _)| found == name);
        let (_, texts) = found.ok_or_else(|| self.malformed(format!("the ids `{name}` are missing")))?;
        let map = IdMap::try_from_ids(texts.iter().map(String::as_str))
            .map_err(|error| self.malformed(format!("the ids `{name}`: {error}")))?;
        match map == ascending(map.iter()) {
            true => Ok(map),
            false => Err(self.malformed(format!("the ids `{name}` are not in ascending order"))),
        }
    }

    /// An array of a known length.
    pub(crate) fn array<N: Number>(&mut self, name: &str, len: usize) -> Result<Vec<N>, Error> {
        let values = self.array_of_any_length(name)?;
        match values.len() == len {
            true => Ok(values),
            false => {
                let problem = format!("the array `{name}` has {} values, expected {len}", values.len());
                Err(self.malformed(problem))
            }
        }
    }

    /// An array whose length only the file knows.
    pub(crate) fn array_of_any_length<N: Number>(&mut self, name: &str) -> Result<Vec<N>, Error> {
        let place = self.header.arrays.iter().position(|(found, _, _)| found == name);
        let values = place.and_then(|place| self.arrays[place].take()).and_then(N::unwrap);
        values.ok_or_else(|| self.malformed(format!("the array `{name}` is missing, or of another type")))
    }

    /// An array of finite numbers of a known length.
    pub(crate) fn finite<N: Number>(&mut self, name: &str, len: usize) -> Result<Vec<N>, Error> {
        let values: Vec<N> = self.array(name, len)?;
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(self.malformed(format!("the array `{name}` has a value that is not finite"))),
        }
    }

    /// A sparse matrix of finite numbers.
    pub(crate) fn sparse<N: Number>(
        &mut self,
        name: &str,
        shape: (usize, usize),
    ) -> Result<Sparse<N>, Error> {
        let begins: Vec<u64> = self.array(&format!("{name}.begins"), shape.0 + 1)?;
        let begins = begins.into_iter().map(|begin| usize::try_from(begin).unwrap_or(usize::MAX)).collect();
        let columns: Vec<u32> = self.array_of_any_length(&format!("{name}.columns"))?;
        let values = self.finite(&format!("{name}.values"), columns.len())?;
        Sparse::<N>::try_new(shape, begins, columns, values)
            .map_err(|(_, _, _, error)| self.malformed(format!("the matrix `{name}`: {error}")))
    }

    /// The error that what was read cannot be.
    pub(crate) fn malformed(&self, problem: impl Into<String>) -> Error {
        damaged(&self.file, problem).into()
    }
}

fn damaged(file: &str, problem: impl Into<String>) -> Kind {
    Kind::Malformed { file: file.to_owned(), problem: problem.into() }
}

fn read_bytes(reader: &mut impl Read, n: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; n];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_array<N: Number>(reader: &mut impl Read, n: usize) -> io::Result<Array> {
    let size = N::TYPE.size() as usize;
    let mut values = Vec::with_capacity(n);
    let mut block = vec![0; BLOCK];
    while values.len() < n {
        let part = &mut block[..BLOCK.min((n - values.len()) * size)];
        reader.read_exact(part)?;
        values.extend(part.chunks_exact(size).map(N::read));
    }
    Ok(N::wrap(values))
}
