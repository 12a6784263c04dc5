//! Splits that divide the history of each user.

use super::{Part, Split, check_shares, share_of};
use crate::interactions::Interactions;
use crate::random::SplitMix64;

/// For each user, the latest interaction is for test, the one before for validation, the others for training.
///
/// Users with fewer than three interactions stay in train. See the [module](crate::split) for ties, leakage and an example.
#[must_use]
pub fn leave_one_out(log: &Interactions) -> Split {
    leave_n_out(log, 1, 1)
}

/// For each user, the latest `n_test` interactions are for test, the `n_valid` before them for validation, the others for
/// training.
///
/// Users with `n_valid + n_test` interactions or fewer stay in train.
///
/// ```
/// use rec_data::{Interaction, Interactions, split};
///
/// let log = Interactions::new((0..5).map(|i| ("ann", Interaction::new(i.to_string(), f64::from(i)))))?;
/// let parts = split::leave_n_out(&log, 0, 2);
/// assert!(parts.test.get("ann").unwrap().items().eq(["3", "4"]));
/// assert!(parts.valid.is_empty());
/// assert_eq!(split::leave_n_out(&log, 2, 3).train, log);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[must_use]
pub fn leave_n_out(log: &Interactions, n_valid: usize, n_test: usize) -> Split {
    Split::new(log, |_, interactions| {
        let n = interactions.len();
        match n_valid.checked_add(n_test) {
            Some(n_out) if n_out < n => in_order(n, n_valid, n_test),
            _ => in_order(n, 0, 0),
        }
    })
}

/// How [`ratio`] orders the interactions of a user before it divides them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By time, and by arrival in the log where times are equal: the latest are for test.
    Time,
    /// At random. What a user's shuffle is depends on the seed, the user's id and the number of their interactions, and on no
    /// other user.
    Random {
        /// Decides the shuffles.
        seed: u64,
    },
}

/// Divides the history of each user by shares for training, validation and test.
///
/// Of a user's `n` interactions, `n * share` rounded down are for test, likewise for validation, and the others for training:
/// with `[0.8, 0.1, 0.1]`, users with fewer than ten interactions stay in train.
///
/// ```
/// use rec_data::split::{self, Order};
/// use rec_data::{Interaction, Interactions};
///
/// let log = Interactions::new((0..10).map(|i| ("ann", Interaction::new(i.to_string(), f64::from(i)))))?;
/// let parts = split::ratio(&log, [0.8, 0.1, 0.1], Order::Time);
/// assert!(parts.valid.get("ann").unwrap().items().eq(["8"]));
/// assert!(parts.test.get("ann").unwrap().items().eq(["9"]));
/// let random = Order::Random { seed: 7 };
/// assert_eq!(split::ratio(&log, [0.5, 0.0, 0.5], random), split::ratio(&log, [0.5, 0.0, 0.5], random));
/// # Ok::<(), rec_data::Error>(())
/// ```
///
/// # Panics
///
/// If the shares are not between 0 and 1, or do not add up to 1.
#[must_use]
pub fn ratio(log: &Interactions, shares: [f64; 3], order: Order) -> Split {
    check_shares(shares);
    Split::new(log, |user, interactions| {
        let n = interactions.len();
        let n_test = share_of(n, shares[2]);
        // The shares of a user with few interactions may add up to one too many by rounding.
        let n_valid = share_of(n, shares[1]).min(n - n_test);
        let mut parts: Vec<Part> = in_order(n, n_valid, n_test).collect();
        if let Order::Random { seed } = order {
            SplitMix64::new(seed, user).shuffle(&mut parts);
        }
        parts
    })
}

/// The parts of `n` interactions, oldest first.
fn in_order(n: usize, n_valid: usize, n_test: usize) -> impl Iterator<Item = Part> {
    let n_train = n - n_valid - n_test;
    let repeat = |part, n| std::iter::repeat_n(part, n);
    repeat(Part::Train, n_train).chain(repeat(Part::Valid, n_valid)).chain(repeat(Part::Test, n_test))
}
