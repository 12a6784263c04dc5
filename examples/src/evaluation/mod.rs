//! Offline evaluation: a split data set, methods that rank its items for its users, and the loop between them.

mod collaborative;
mod experiment;
mod hybrid;
mod judge;
mod learned;
mod methods;
mod training;

pub use collaborative::Collaborative;
pub use experiment::{Experiment, Target};
pub use judge::{Judge, Judged};
pub use learned::Learned;
pub use methods::{HistoryReader, Method, Random, Task, TextAverage};
pub use training::{Model, ModelArgs};

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rec_data::{Id, RankedList};
use rec_eval::{Candidates, Relevant};
use rec_score::Filter;

use crate::Error;

/// How many users are ranked together.
const BLOCK: usize = 256;

/// Ranks the items for each of the users, `k` of those that the user does not know, and hands the lists on one by one, in
/// the order of the users. Only one block of lists is held at a time.
///
/// # Errors
///
/// The method has one, or `take` refuses a list.
pub fn rank(
    experiment: &Experiment,
    method: &dyn Method,
    users: &[Id],
    k: usize,
    candidates: Candidates,
    mut take: impl FnMut(&Id, RankedList) -> Result<(), Error>,
) -> Result<(), Error> {
    let bar = bar("ranking for users", users.len())?;
    let nothing = (Default::default(), Relevant::default());
    for block in users.chunks(BLOCK) {
        let task = |user: &Id| {
            let history = experiment.histories().get(user).unwrap_or(&nothing.0).clone();
            let relevant = experiment.relevance().and_then(|all| all.get(user)).unwrap_or(&nothing.1);
            let known = Filter::exclude(history.items());
            let filter = match candidates {
                Candidates::All => known,
                Candidates::Sampled { .. } => {
                    let ids = experiment.catalogue().ids();
                    let rows = candidates.rows(user, ids, relevant, |id| !known.accepts(id));
                    Filter::allow(rows.into_iter().filter_map(|row| ids.id(row)))
                }
            };
            Task { user: user.clone(), history, filter }
        };
        let tasks: Vec<Task> = block.iter().map(task).collect();
        for (user, list) in block.iter().zip(method.rank(&tasks, k)?) {
            take(user, list)?;
        }
        bar.inc(block.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// A bar on standard error; draws nothing unless that is a terminal.
pub(crate) fn bar(what: &'static str, n: usize) -> Result<ProgressBar, Error> {
    let style = ProgressStyle::with_template(&format!("{what} {{bar:30}} {{pos}}/{{len}}, {{eta}} left"))?;
    let bar = ProgressBar::new(n as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
