//! Checkpoints: foreign files and foreign tensor names in, modules with weights out. Loading is strict.
//!
//! A file's header is validated before anything is built from it: lengths, offsets, dtypes, shapes. A tensor that the
//! config asks for and the file lacks is an error, and so is one that the file has and nothing asked for, unless the
//! family says that it is safe to ignore.

mod bert;
pub(crate) mod block4;
mod file;
mod weights;

pub(crate) use bert::load as load_bert;
pub(crate) use file::Checkpoint;
pub use weights::LoadReport;
pub(crate) use weights::Weights;
