//! Models in files.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `rec-cf` and two zeros |
//! | 4 | version of the format, now 1 |
//! | 8 | `n`, the length of the header |
//! | `n` | the header, JSON: the model, its config, lists of ids, names and types and lengths of the arrays |
//! | | the arrays, one after the other |
//! | 4 | CRC-32 of all bytes before |
//!
//! All numbers are little-endian. What is read is checked: the sum first of all, then whatever a model relies on.

mod read;
mod write;

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

pub(crate) use read::ModelReader;
pub(crate) use write::ModelWriter;

const MAGIC: [u8; 8] = *b"rec-cf\0\0";
const VERSION: u32 = 1;
/// Bytes that are read or written at once.
const BLOCK: usize = 1 << 16;

#[derive(Serialize, Deserialize)]
struct Header {
    model: String,
    config: serde_json::Value,
    ids: Vec<(String, Vec<String>)>,
    /// Name, type and number of values.
    arrays: Vec<(String, Type, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    F32,
    F64,
    U32,
    U64,
}

impl Type {
    fn size(self) -> u64 {
        match self {
            Type::F32 | Type::U32 => 4,
            Type::F64 | Type::U64 => 8,
        }
    }
}

/// A number that arrays are made of.
pub(crate) trait Number: Copy {
    const TYPE: Type;
    fn is_finite(self) -> bool;
    fn write(self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Self;
    fn wrap(values: Vec<Self>) -> Array;
    fn unwrap(values: Array) -> Option<Vec<Self>>;
}

macro_rules! number {
    ($number:ty, $variant:ident) => {
        impl Number for $number {
            const TYPE: Type = Type::$variant;

            fn is_finite(self) -> bool {
                (self as f64).is_finite()
            }

            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                let mut value = [0; size_of::<Self>()];
                value.copy_from_slice(bytes);
                Self::from_le_bytes(value)
            }

            fn wrap(values: Vec<Self>) -> Array {
                Array::$variant(values)
            }

            fn unwrap(values: Array) -> Option<Vec<Self>> {
                match values {
                    Array::$variant(values) => Some(values),
                    _ => None,
                }
            }
        }
    };
}

number!(f32, F32);
number!(f64, F64);
number!(u32, U32);
number!(u64, U64);

/// An array that was read.
pub(crate) enum Array {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U32(Vec<u32>),
    U64(Vec<u64>),
}

/// Counts what passes into the sum.
struct Summed<T> {
    inner: T,
    sum: crc32fast::Hasher,
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }
}
