use std::fmt;

use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _};

use super::Communicator;
use crate::error::Error;

/// The ranks of an MPI program, such as `mpirun -n 4 PROGRAM` starts: the world communicator.
///
/// MPI ends when this is dropped. A rank that ends with an error before that takes the others with it: `mpirun` stops them.
///
/// ```no_run
/// use rec_train::parallel::{Communicator, Mpi};
///
/// let world = Mpi::start()?;
/// println!("rank {} of {}", world.rank(), world.n_ranks());
/// # Ok::<(), rec_train::Error>(())
/// ```
pub struct Mpi {
    world: SimpleCommunicator,
    /// Ends MPI, so it goes last.
    _universe: Universe,
}

impl Mpi {
    /// Starts MPI.
    ///
    /// # Errors
    ///
    /// It is started already in this process.
    pub fn start() -> Result<Self, Error> {
        let universe = mpi::initialize().ok_or_else(|| Error::unusable("MPI is started already"))?;
        Ok(Self { world: universe.world(), _universe: universe })
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpi").field("rank", &self.rank()).field("n_ranks", &self.n_ranks()).finish()
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        usize::try_from(self.world.rank()).unwrap_or(0)
    }

    fn n_ranks(&self) -> usize {
        usize::try_from(self.world.size()).unwrap_or(1)
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        // Open MPI takes no empty buffer, and nothing is what everyone would give.
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        // MPI counts in 32 bits.
        if i32::try_from(bytes.len()).is_err() {
            return Err(Error::unusable(format!("{} bytes are more than MPI gathers at once", bytes.len())));
        }
        let mut all = vec![0; bytes.len() * self.n_ranks()];
        self.world.all_gather_into(bytes, &mut all[..]);
        Ok(all)
    }
}
