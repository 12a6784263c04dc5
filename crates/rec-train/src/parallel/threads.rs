use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Communicator;
use crate::error::Error;

/// Ranks that are threads of one process: for tests, and to see what a training on several machines will do.
///
/// It makes nothing faster: the devices compute with all cores already.
///
/// ```
/// use rec_train::parallel::{Communicator, Threads};
///
/// let told = std::thread::scope(|scope| {
///     let ranks: Vec<_> = Threads::group(3)
///         .into_iter()
///         .map(|rank| scope.spawn(move || rank.all_gather(&[10 + rank.rank() as u8])))
///         .collect();
///     ranks.into_iter().map(|rank| rank.join().unwrap()).collect::<Result<Vec<_>, _>>()
/// })?;
/// assert_eq!(told, [[10, 11, 12]; 3]);
/// # Ok::<(), rec_train::Error>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// What each rank gives to the round that is gathered now.
    given: Vec<Option<Vec<u8>>>,
    /// The last round that is complete, and its number.
    told: (u64, Arc<Vec<u8>>),
    /// Whether a rank is gone.
    left: bool,
}

impl Threads {
    /// So many ranks.
    #[must_use]
    pub fn group(n_ranks: usize) -> Vec<Self> {
        let state = State { given: vec![None; n_ranks], told: (0, Arc::default()), left: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        (0..n_ranks).map(|rank| Self { rank, shared: Arc::clone(&shared) }).collect()
    }

    /// A rank that panicked leaves a state that is whole: it changes in one statement.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn n_ranks(&self) -> usize {
        self.state().given.len()
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut state = self.state();
        let round = state.told.0 + 1;
        state.given[self.rank] = Some(bytes.to_vec());
        if state.given.iter().all(Option::is_some) {
            let all = state.given.iter_mut().flat_map(|bytes| bytes.take().unwrap_or_default()).collect();
            state.told = (round, Arc::new(all));
            self.shared.changed.notify_all();
        }
        while state.told.0 < round {
            if state.left {
                return Err(Error::unusable("another rank of the training is gone"));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state.told.1.to_vec())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.state().left = true;
        self.shared.changed.notify_all();
    }
}
