//! Checkpoints: foreign files and foreign tensor names in, modules with weights out. Loading is strict.
//!
//! A file's header is validated before anything is built from it: lengths, offsets, dtypes, shapes. A tensor that the
//! config asks for and the file lacks is an error, and so is one that the file has and nothing asked for, unless the
//! family says that it is safe to ignore.

pub(crate) mod block4;
pub(crate) mod block8;
pub(crate) mod families;
mod file;
mod names;
mod pytorch;
pub(crate) mod save;
pub(crate) mod static_table;
mod weights;

pub(crate) use families::{Loaded, Origin, load as load_transformer};
pub(crate) use file::Checkpoint;
pub(crate) use names::Walk;
pub(crate) use static_table::{LoadedStatic, StaticOrigin, load as load_static};
pub use weights::LoadReport;
pub(crate) use weights::{Storage, Weights};
