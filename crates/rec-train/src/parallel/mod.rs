//! Data-parallel training: several processes with equal parameters, each with a part of every batch.
//!
//! [`Trainer::run_parallel`](crate::Trainer::run_parallel) trains on the ranks of a [`Communicator`]: `Mpi` between processes and
//! machines (feature `mpi`), [`Threads`] within one process. In a step every rank samples its part of the batch and takes its gradients;
//! gradients are gathered, added in the order of the ranks and divided by their number, on every rank alike. MPI's own reductions add in
//! an order that depends on the library and the machines; this one does not.
//!
//! # What equals what
//!
//! - A run repeats bit for bit at a given number of ranks, and all ranks have the same bits: a hash of the parameters is compared at
//!   every checkpoint, and at the end.
//! - A run on `n` ranks without accumulation has the bits of one process that accumulates `n` batches.
//! - One process with batches that are `n` times as large sees the same rows, for tasks that draw with [`Draw::rows`](crate::Draw::rows),
//!   and adds them in another order: after 20 steps the largest difference is below 1e-5 of the largest value (`tests/parallel.rs`). An
//!   objective with in-batch negatives sees fewer of them on each rank, and is another objective.
//!
//! # A folder
//!
//! The first rank writes checkpoints and metrics, and the others read them where a run goes on: the folder is on a file system that all
//! see.

#[cfg(feature = "mpi")]
mod mpi;
mod ranks;
mod threads;

#[cfg(feature = "mpi")]
pub use mpi::Mpi;
pub(crate) use ranks::Ranks;
pub use threads::Threads;

use crate::error::Error;

/// Who takes part in a training, and how they tell each other bytes.
///
/// All ranks call the same methods in the same order.
pub trait Communicator {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks, at least 1.
    fn n_ranks(&self) -> usize;

    /// What every rank gives, one after the other in the order of the ranks: `n_ranks` times as many bytes. All give equally many.
    ///
    /// # Errors
    ///
    /// Another rank is gone, or the bytes cannot be sent.
    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<u8>, Error>;
}

/// One rank, which has nobody to tell.
///
/// ```
/// use rec_train::parallel::{Alone, Communicator};
///
/// assert_eq!(Alone.all_gather(&[1, 2])?, [1, 2]);
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn n_ranks(&self) -> usize {
        1
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(bytes.to_vec())
    }
}
