//! How far training is, how it is stopped, and how its work is divided over threads.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::error::{Error, Kind};

/// Rows that are computed in parallel before the caller is told.
const CHUNK: usize = 1024;

/// How far the training of a model is: what its callback gets, again and again.
///
/// A callback that returns [`ControlFlow::Break`] stops the training with an error of its own kind
/// ([`Error::is_interrupted`]). It runs on the thread that called `fit`.
///
/// ```
/// use std::ops::ControlFlow;
/// use rec_cf::{Aggregation, InteractionMatrix, PopularityConfig};
/// use rec_data::{Interaction, Interactions};
///
/// let log = Interactions::new([("ann", Interaction::new("dune", 1.0))])?;
/// let matrix = InteractionMatrix::new(&log, Aggregation::Binary)?;
/// let mut last = None;
/// PopularityConfig::new().fit(&matrix, |progress| {
///     last = Some((progress.n_done, progress.n_total));
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(last, Some((1, 1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What is counted: `items`, `users`, `epochs`.
    pub unit: &'static str,
    /// How many of them are done.
    pub n_done: usize,
    /// How many there are in all.
    pub n_total: usize,
    /// The value of the objective that the model minimises, where one is computed on the way.
    pub objective: Option<f64>,
}

impl Progress {
    /// Nothing done yet.
    pub(crate) fn new(unit: &'static str, n_total: usize) -> Progress {
        Progress { unit, n_done: 0, n_total, objective: None }
    }

    /// The callback that does nothing: training goes on.
    ///
    /// ```
    /// use rec_cf::{Aggregation, InteractionMatrix, PopularityConfig, Progress};
    /// use rec_data::Interactions;
    ///
    /// let matrix = InteractionMatrix::new(&Interactions::default(), Aggregation::Binary)?;
    /// PopularityConfig::new().fit(&matrix, Progress::ignore)?;
    /// # Ok::<(), rec_cf::Error>(())
    /// ```
    pub fn ignore(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The callback of one training, with the name that its error has.
pub(crate) struct Reporter<'a> {
    what: &'static str,
    callback: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl<'a> Reporter<'a> {
    /// `what` begins the error message, such as `the training of EASE`.
    pub(crate) fn new(
        what: &'static str,
        callback: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Reporter<'a> {
        Reporter { what, callback }
    }

    /// Tells the caller; the error is that the caller wants no more.
    pub(crate) fn tell(&mut self, progress: Progress) -> Result<(), Error> {
        let Progress { unit, n_done, n_total, .. } = progress;
        match (self.callback)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                Err(Kind::Interrupted { what: self.what, n_done, n_total, unit }.into())
            }
        }
    }

    /// `compute(scratch, row)` for all rows, in parallel, in the order of the rows. What a row gives may depend on nothing but
    /// the row, so `compute` leaves its scratch as it found it.
    pub(crate) fn rows<S, T: Send>(
        &mut self,
        unit: &'static str,
        n: usize,
        scratch: impl Fn() -> S + Sync + Send,
        compute: impl Fn(&mut S, usize) -> T + Sync + Send,
    ) -> Result<Vec<T>, Error> {
        let mut done = Vec::with_capacity(n);
        let mut progress = Progress::new(unit, n);
        while done.len() < n {
            let end = (done.len() + CHUNK).min(n);
            done.par_extend((done.len()..end).into_par_iter().map_init(&scratch, &compute));
            self.tell(Progress { n_done: done.len(), ..progress })?;
        }
        if n == 0 {
            progress.n_total = 0;
            self.tell(progress)?;
        }
        Ok(done)
    }
}
