//! Short steps one after the other, each on several threads.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long a thread looks for work in vain before it may sleep: many times what lies between two steps.
const PATIENCE: Duration = Duration::from_micros(200);

thread_local! {
    /// Whether this thread is in `work` of [`together`].
    static LEADS: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, whose steps are divided among `n` threads of the current rayon pool, while the others of these look for parts of it
/// without going to sleep: to wake a thread takes as long as a step does.
///
/// Others than this one only ever help, and nobody waits for them. If they are at something else, this thread does every part itself.
pub(crate) fn together(n: usize, work: impl FnOnce() + Send) {
    let is_done = Arc::new(AtomicBool::new(false));
    // To be on a thread of the pool.
    rayon::scope(|_| {
        for _ in 1..n {
            let is_done = Arc::clone(&is_done);
            rayon::spawn(move || look_for_work(&is_done));
        }
        let _lead = Lead { is_done: &is_done, before: LEADS.replace(true) };
        work();
    });
}

/// Ends the search when `work` has returned, or panicked.
struct Lead<'a> {
    is_done: &'a AtomicBool,
    before: bool,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        LEADS.set(self.before);
        self.is_done.store(true, Ordering::Release);
    }
}

fn look_for_work(is_done: &AtomicBool) {
    // A thread that waits for parts of its own work, and found this meanwhile, has to go on as soon as they are there. Two of them
    // could otherwise wait for each other.
    if LEADS.get() {
        return;
    }
    let mut last = Instant::now();
    while !is_done.load(Ordering::Acquire) && last.elapsed() < PATIENCE {
        match rayon::yield_now() {
            Some(Yield::Executed) => last = Instant::now(),
            _ => spin_loop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn leaders_in_one_pool_do_not_wait_for_each_other() {
        let count = AtomicUsize::new(0);
        let steps = || {
            for _ in 0..50 {
                (0..3)
                    .into_par_iter()
                    .with_max_len(1)
                    .for_each(|_| _ = count.fetch_add(1, Ordering::Relaxed));
            }
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| (0..100).into_par_iter().with_max_len(1).for_each(|_| together(3, steps)));
        assert_eq!(count.into_inner(), 100 * 50 * 3);
    }

    #[test]
    fn a_panic_ends_the_search() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let panics = AssertUnwindSafe(|| pool.install(|| together(2, || panic!("on purpose"))));
        assert!(catch_unwind(panics).is_err());
        assert!(pool.broadcast(|_| LEADS.get()).iter().all(|leads| !leads));
    }
}
