use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::block4::Block4;
use super::block8::Block8;
use super::pytorch::PytorchFile;
use crate::error::{Error, Kind};
use crate::source::{Bytes, Source};

/// The suffix of a block-quantized tensor's codes; its scales, and its codebook if it has one, stand beside it (see [`Block4`]
/// and [`Block8`]).
const CODES: &str = ".codes";
const SCALES: &str = ".scales";
const CODEBOOK: &str = ".codebook";

/// The tensors of a model, over one file or the shards of an index.
pub(crate) struct Checkpoint {
    /// Files by name.
    files: Vec<(String, Container)>,
    /// As the files name them.
    stored: BTreeMap<String, Stored>,
    /// Names of the model's tensors: a block-quantized tensor is one. True if it is such a tensor.
    tensors: BTreeMap<String, bool>,
}

enum Container {
    /// Mapped or embedded; tensors are byte ranges.
    Safetensors(Bytes),
    /// Read tensor by tensor.
    Pytorch(PytorchFile),
}

/// One tensor of a file.
struct Stored {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    /// In a safetensors file.
    bytes: Range<usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens the weights of a model below `folder`: `model.safetensors`, or the shards that `model.safetensors.index.json`
    /// lists, or else `pytorch_model.bin` and its shards.
    pub(crate) fn open(source: &Source, folder: &str) -> Result<Self, Error> {
        let at = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let (single, index) = (at("model.safetensors"), at("model.safetensors.index.json"));
        let (old, old_index) = (at("pytorch_model.bin"), at("pytorch_model.bin.index.json"));
        let mut checkpoint = Self { files: Vec::new(), stored: BTreeMap::new(), tensors: BTreeMap::new() };
        let exists = |name: &str| source.exists(name);
        match (exists(&single), exists(&index), exists(&old), exists(&old_index)) {
            (false, true, ..) => checkpoint.open_shards(source, &index, &at)?,
            (false, false, true, _) => checkpoint.add_pytorch(source, &old)?,
            (false, false, false, true) => checkpoint.open_shards(source, &old_index, &at)?,
            _ => checkpoint.add_safetensors(source, &single)?,
        }
        checkpoint.find_quantized();
        Ok(checkpoint)
    }

    fn open_shards(
        &mut self,
        source: &Source,
        index: &str,
        at: &dyn Fn(&str) -> String,
    ) -> Result<(), Error> {
        let map = source.json::<Index>(index)?.weight_map;
        if map.is_empty() {
            let message = "field `weight_map` lists no tensor";
            return Err(Error::new(Kind::Config, message).file(source.display(index)));
        }
        let mut names: Vec<&String> = map.values().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            if name.contains(['/', '\\']) {
                let message = format!("field `weight_map` names the shard `{name}` outside its folder");
                return Err(Error::new(Kind::Config, message).file(source.display(index)));
            }
            match name.ends_with(".safetensors") {
                true => self.add_safetensors(source, &at(name))?,
                false => self.add_pytorch(source, &at(name))?,
            }
        }
        match map.iter().find(|(name, _)| !self.stored.contains_key(*name)) {
            Some((name, shard)) => {
                let message = format!("tensor `{name}` is listed in shard `{shard}` and not there");
                Err(Error::new(Kind::Tensor, message).file(source.display(index)))
            }
            None => Ok(()),
        }
    }

    fn add_safetensors(&mut self, source: &Source, name: &str) -> Result<(), Error> {
        let (bytes, name) = (source.open(name)?, source.display(name));
        let invalid = |e| Error::new(Kind::Tensor, "not a valid safetensors file").file(&name).caused_by(e);
        // Checks the whole header, offsets and lengths included. Ranges are kept, so that it is parsed once.
        let (header, _) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
        let parsed = SafeTensors::deserialize(&bytes).map_err(invalid)?;
        let file = self.files.len();
        for (tensor, view) in parsed.iter() {
            let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
            debug_assert!(view.data().is_empty() || start >= header);
            let bytes = start..start + view.data().len();
            self.insert(
                tensor,
                Stored { file, dtype: view.dtype(), shape: view.shape().to_vec(), bytes },
                &name,
            )?;
        }
        drop(parsed);
        self.files.push((name, Container::Safetensors(bytes)));
        Ok(())
    }

    fn add_pytorch(&mut self, source: &Source, name: &str) -> Result<(), Error> {
        let (read, name) = (PytorchFile::open(source, name)?, source.display(name));
        let file = self.files.len();
        for (tensor, dtype, shape) in read.tensors() {
            self.insert(&tensor, Stored { file, dtype, shape, bytes: 0..0 }, &name)?;
        }
        self.files.push((name, Container::Pytorch(read)));
        Ok(())
    }

    fn insert(&mut self, tensor: &str, stored: Stored, file: &str) -> Result<(), Error> {
        match self.stored.insert(tensor.to_owned(), stored) {
            Some(_) => Err(Error::new(Kind::Tensor, format!("tensor `{tensor}` comes twice")).file(file)),
            None => Ok(()),
        }
    }

    /// Codes, scales and codebook are one tensor of the model.
    fn find_quantized(&mut self) {
        let stem_of_part = |name: &str| {
            let stem = name.strip_suffix(SCALES).or_else(|| name.strip_suffix(CODEBOOK))?;
            self.stored.contains_key(&format!("{stem}{CODES}")).then_some(())
        };
        let mut tensors = BTreeMap::new();
        for name in self.stored.keys().filter(|name| stem_of_part(name).is_none()) {
            match name.strip_suffix(CODES) {
                Some(stem) => tensors.insert(stem.to_owned(), true),
                None => tensors.insert(name.clone(), false),
            };
        }
        self.tensors = tensors;
    }

    /// The names of all tensors of the model, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// The file that holds a tensor, for messages.
    pub(crate) fn file_of(&self, tensor: &str) -> &str {
        let stored = self.stored.get(tensor).or_else(|| self.stored.get(&format!("{tensor}{CODES}")));
        self.files.get(stored.map_or(0, |stored| stored.file)).map_or("", |(name, _)| name)
    }

    fn data(&self, tensor: &str, stored: &Stored) -> Result<Cow<'_, [u8]>, Error> {
        match &self.files[stored.file] {
            (_, Container::Safetensors(bytes)) => Ok(Cow::Borrowed(&bytes[stored.bytes.clone()])),
            (_, Container::Pytorch(file)) => file.read(tensor).map(Cow::Owned),
        }
    }

    /// The values of a tensor as `f32`, whatever it is stored as; `None` if there is no such tensor.
    pub(crate) fn read(&self, tensor: &str) -> Result<Option<Vec<f32>>, Error> {
        let Some(is_quantized) = self.tensors.get(tensor) else { return Ok(None) };
        let fail = |message: String| {
            Error::new(Kind::Tensor, format!("tensor `{tensor}` {message}")).file(self.file_of(tensor))
        };
        let values = if *is_quantized {
            self.dequantize(tensor, &fail)?
        } else {
            let stored = &self.stored[tensor];
            to_f32(stored.dtype, &self.data(tensor, stored)?)
                .ok_or_else(|| fail(format!("has type {:?}, not F64, F32, F16 or BF16", stored.dtype)))?
        };
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(fail(format!("is {} at element {at}", values[at]))),
            None => Ok(Some(values)),
        }
    }

    /// The values of a tensor of integers; `None` if there is no such tensor, or it is of another type.
    pub(crate) fn integers(&self, tensor: &str) -> Result<Option<Vec<i64>>, Error> {
        let Some(stored) = self.stored.get(tensor) else { return Ok(None) };
        let data = self.data(tensor, stored)?;
        Ok(match stored.dtype {
            Dtype::I8 => Some(data.iter().map(|&byte| i64::from(byte.cast_signed())).collect()),
            Dtype::I32 => {
                Some(data.as_chunks::<4>().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect())
            }
            Dtype::I64 => Some(data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            _ => None,
        })
    }

    fn dequantize(&self, tensor: &str, fail: &dyn Fn(String) -> Error) -> Result<Vec<f32>, Error> {
        let part = |suffix: &str| {
            let name = format!("{tensor}{suffix}");
            let stored = self.stored.get(&name).ok_or_else(|| fail(format!("lacks `{name}`")))?;
            Ok::<_, Error>((stored.dtype, &*stored.shape, self.data(&name, stored)?))
        };
        let (codes, scales) = (part(CODES)?, part(SCALES)?);
        let malformed = |message| fail(format!("is malformed: {message}"));
        let (codes, scales) = ((codes.0, codes.1, &*codes.2), (scales.0, scales.1, &*scales.2));
        Ok(match codes.0 {
            Dtype::I8 => Block8::from_parts(codes, scales).map_err(malformed)?.dequantize(),
            _ => {
                let codebook = part(CODEBOOK)?;
                let codebook = (codebook.0, codebook.1, &*codebook.2);
                Block4::from_parts(codes, scales, codebook).map_err(malformed)?.dequantize()
            }
        })
    }

    /// The shape of a tensor without reading its values.
    pub(crate) fn shape(&self, tensor: &str) -> Option<Vec<usize>> {
        match self.tensors.get(tensor)? {
            false => Some(self.stored[tensor].shape.clone()),
            true => {
                let codes = &self.stored[&format!("{tensor}{CODES}")];
                Some(match codes.dtype {
                    Dtype::I8 => codes.shape.clone(),
                    _ => Block4::shape_of(&codes.shape),
                })
            }
        }
    }
}

/// The values as `f32`; `None` for types that are not floating point.
fn to_f32(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    let pairs = || data.as_chunks::<2>().0.iter().copied();
    Some(match dtype {
        Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        _ => return None,
    })
}
