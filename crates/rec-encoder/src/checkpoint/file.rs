use std::collections::BTreeMap;

use half::{bf16, f16};
use rec_core::FingerprintBuilder;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::block4::Block4;
use crate::error::{Error, Kind};
use crate::source::{Bytes, Source};

/// The suffix of a 4-bit tensor's codes; its scales and codebook stand beside it (see [`Block4`]).
const CODES: &str = ".codes";

/// The tensors of a model, over one safetensors file or the shards of an index.
pub(crate) struct Checkpoint {
    /// Files by name, mapped.
    files: Vec<(String, Bytes)>,
    /// Logical tensor name to its file. A 4-bit tensor is one logical tensor.
    tensors: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens `stem.safetensors`, or the shards that `stem.safetensors.index.json` lists, below `folder`.
    pub(crate) fn open(source: &Source, folder: &str, stem: &str) -> Result<Self, Error> {
        let at = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let (single, index) =
            (at(&format!("{stem}.safetensors")), at(&format!("{stem}.safetensors.index.json")));
        let (names, listed) = match source.exists(&index) && !source.exists(&single) {
            true => {
                let map = source.json::<Index>(&index)?.weight_map;
                let mut names: Vec<String> = map.values().cloned().collect();
                names.sort_unstable();
                names.dedup();
                if let Some(name) = names.iter().find(|name| name.contains(['/', '\\'])) {
                    let message = format!("field `weight_map` names the shard `{name}` outside its folder");
                    return Err(Error::new(Kind::Config, message).file(source.display(&index)));
                }
                (names.iter().map(|name| at(name)).collect(), Some(map))
            }
            false => (vec![single], None),
        };
        let mut checkpoint = Self { files: Vec::new(), tensors: BTreeMap::new() };
        for name in &names {
            let bytes = source.open(name)?;
            checkpoint.add(source.display(name), bytes)?;
        }
        if let Some(missing) = listed.iter().flatten().find(|(name, _)| {
            !checkpoint.tensors.contains_key(name.strip_suffix(CODES).unwrap_or(name)) && !is_part(name)
        }) {
            let message = format!("tensor `{}` is listed in shard `{}` and not there", missing.0, missing.1);
            return Err(Error::new(Kind::Tensor, message).file(source.display(&index)));
        }
        Ok(checkpoint)
    }

    /// The tensors of one safetensors file in memory; `name` is for messages.
    pub(crate) fn add(&mut self, name: String, bytes: Bytes) -> Result<(), Error> {
        let parsed = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::new(Kind::Tensor, "not a valid safetensors file").file(&name).caused_by(e))?;
        let file = self.files.len();
        for tensor in parsed.names() {
            if is_part(tensor) && parsed.tensor(&codes_name(tensor)).is_ok() {
                continue;
            }
            let logical = tensor.strip_suffix(CODES).unwrap_or(tensor);
            if self.tensors.insert(logical.to_owned(), file).is_some() {
                return Err(Error::new(Kind::Tensor, format!("tensor `{logical}` comes twice")).file(name));
            }
        }
        self.files.push((name, bytes));
        Ok(())
    }

    /// All logical tensor names in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The file that holds a tensor, for messages.
    pub(crate) fn file_of(&self, tensor: &str) -> &str {
        self.tensors
            .get(tensor)
            .or(Some(&0))
            .and_then(|&file| self.files.get(file))
            .map_or("", |(name, _)| name)
    }

    /// Adds every tensor's name, type, shape and bytes, in name order, so that sharding does not matter.
    pub(crate) fn hash(&self, hash: &mut FingerprintBuilder) -> Result<(), Error> {
        let files: Vec<SafeTensors<'_>> =
            self.files.iter().map(|(name, bytes)| parse(name, bytes)).collect::<Result<_, _>>()?;
        let mut all: Vec<(&str, TensorView<'_>)> = files.iter().flat_map(SafeTensors::iter).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(b.0));
        for (name, view) in all {
            hash.part(&format!("{name} {:?} {:?}", view.dtype(), view.shape()), view.data());
        }
        Ok(())
    }

    /// The values of a tensor as `f32`, whatever it is stored as; `None` if there is no such tensor.
    pub(crate) fn read(&self, tensor: &str) -> Result<Option<Vec<f32>>, Error> {
        let Some(&file) = self.tensors.get(tensor) else { return Ok(None) };
        let (name, bytes) = &self.files[file];
        let parsed = parse(name, bytes)?;
        let fail =
            |message: String| Error::new(Kind::Tensor, format!("tensor `{tensor}` {message}")).file(name);
        let values = match parsed.tensor(&format!("{tensor}{CODES}")) {
            Ok(codes) => {
                let part = |suffix: &str| {
                    let part = format!("{tensor}{suffix}");
                    parsed.tensor(&part).map_err(|e| fail(format!("lacks `{part}`")).caused_by(e))
                };
                let block4 = Block4::from_views(&codes, &part(SCALES)?, &part(CODEBOOK)?)
                    .map_err(|message| fail(format!("is malformed: {message}")))?;
                block4.dequantize()
            }
            Err(_) => {
                let view =
                    parsed.tensor(tensor).map_err(|e| fail("cannot be read".to_owned()).caused_by(e))?;
                to_f32(&view)
                    .ok_or_else(|| fail(format!("has type {:?}, not F32, F16 or BF16", view.dtype())))?
            }
        };
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(fail(format!("is {} at element {at}", values[at]))),
            None => Ok(Some(values)),
        }
    }

    /// The shape of a tensor without reading its values.
    pub(crate) fn shape(&self, tensor: &str) -> Result<Option<Vec<usize>>, Error> {
        let Some(&file) = self.tensors.get(tensor) else { return Ok(None) };
        let (name, bytes) = &self.files[file];
        let parsed = parse(name, bytes)?;
        Ok(match parsed.tensor(&format!("{tensor}{CODES}")) {
            Ok(codes) => Some(Block4::shape_of(&codes)),
            Err(_) => parsed.tensor(tensor).ok().map(|view| view.shape().to_vec()),
        })
    }
}

const SCALES: &str = ".scales";
const CODEBOOK: &str = ".codebook";

/// Whether a tensor only serves another one's 4-bit codes.
fn is_part(tensor: &str) -> bool {
    tensor.ends_with(SCALES) || tensor.ends_with(CODEBOOK)
}

fn codes_name(part: &str) -> String {
    let stem = part.strip_suffix(SCALES).or_else(|| part.strip_suffix(CODEBOOK)).unwrap_or(part);
    format!("{stem}{CODES}")
}

fn parse<'a>(name: &str, bytes: &'a Bytes) -> Result<SafeTensors<'a>, Error> {
    SafeTensors::deserialize(bytes)
        .map_err(|e| Error::new(Kind::Tensor, "not a valid safetensors file").file(name).caused_by(e))
}

/// The values as `f32`; `None` for types that are not floating point.
fn to_f32(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = view.data();
    let pairs = || data.as_chunks::<2>().0.iter().copied();
    Some(match view.dtype() {
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        _ => return None,
    })
}
