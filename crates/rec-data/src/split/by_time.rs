//! Splits at a time that is the same for all users.

use super::{Part, Split, check_shares, share_of};
use crate::error::{Error, Kind};
use crate::interaction::Interaction;
use crate::interactions::Interactions;

/// What happened before `valid_from` is for training, from then on for validation, and from `test_from` on for test.
///
/// No test interaction is older than a training interaction: this is the split without leakage. Users whose interactions are
/// all on one side are in one part only, as they would be in the world; the [report](Split::report) counts them.
///
/// ```
/// use rec_data::{Interaction, Interactions, split};
///
/// let log = Interactions::new((0..4).map(|i| ("ann", Interaction::new(i.to_string(), f64::from(i)))))?;
/// let parts = split::global_time(&log, 2.0, 3.0)?;
/// assert!(parts.train.get("ann").unwrap().items().eq(["0", "1"]));
/// assert!(parts.test.get("ann").unwrap().items().eq(["3"]));
/// assert_eq!(parts.report().n_leaking, 0);
/// # Ok::<(), rec_data::Error>(())
/// ```
///
/// # Errors
///
/// A time is NaN or infinite, or `test_from` is before `valid_from`.
pub fn global_time(log: &Interactions, valid_from: f64, test_from: f64) -> Result<Split, Error> {
    for time in [valid_from, test_from] {
        if !time.is_finite() {
            return Err(Kind::NotFiniteTime(time).into());
        }
    }
    if test_from < valid_from {
        return Err(Kind::SplitTimes { valid_from, test_from }.into());
    }
    Ok(at(log, valid_from, test_from))
}

/// Splits at the times that give these shares of all interactions to training, validation and test.
///
/// The number of interactions for test is `n * share` rounded down, and so is that for validation. Interactions at the time of
/// a cut are not torn apart: they all go to the later part, which is larger by that.
///
/// ```
/// use rec_data::{Interaction, Interactions, split};
///
/// let times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.0];
/// let log = Interactions::new(times.map(|time| ("ann", Interaction::new(time.to_string(), time))))?;
/// let parts = split::global_time_ratio(&log, [0.8, 0.1, 0.1]);
/// let sizes = [&parts.train, &parts.valid, &parts.test].map(|part| part.n_interactions());
/// assert_eq!(sizes, [8, 0, 2]); // the last two belong together
/// # Ok::<(), rec_data::Error>(())
/// ```
///
/// # Panics
///
/// If the shares are not between 0 and 1, or do not add up to 1.
#[must_use]
pub fn global_time_ratio(log: &Interactions, shares: [f64; 3]) -> Split {
    check_shares(shares);
    let interactions = log.iter().flat_map(|(_, history)| history.interactions());
    let mut times: Vec<f64> = interactions.map(|interaction| interaction.time).collect();
    times.sort_unstable_by(f64::total_cmp);
    let n_test = share_of(times.len(), shares[2]);
    let n_out = n_test + share_of(times.len(), shares[1]);
    // Past the end there is nothing, and so nothing is late enough.
    let cut =
        |n_later: usize| times.get(times.len().saturating_sub(n_later)).copied().unwrap_or(f64::INFINITY);
    at(log, cut(n_out), cut(n_test))
}

fn at(log: &Interactions, valid_from: f64, test_from: f64) -> Split {
    let part = |interaction: &Interaction| {
        if interaction.time >= test_from {
            Part::Test
        } else if interaction.time >= valid_from {
            Part::Valid
        } else {
            Part::Train
        }
    };
    Split::new(log, |_, interactions| interactions.iter().map(part).collect::<Vec<_>>())
}
