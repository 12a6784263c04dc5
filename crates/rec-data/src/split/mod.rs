//! Splits of a log into training, validation and test interactions, and what they leak.
//!
//! | split                                     | test is                                     | leaks                              |
//! |-------------------------------------------|---------------------------------------------|------------------------------------|
//! | [`global_time`], [`global_time_ratio`]    | everything from one time on                 | nothing, by construction           |
//! | [`leave_one_out`], [`leave_n_out`]        | the latest interactions of each user        | the future of other users          |
//! | [`ratio`] by [`Order::Time`]              | the latest part of each user                | the future of other users          |
//! | [`ratio`] by [`Order::Random`]            | a random part of each user                  | also the user's own future         |
//!
//! A model that is trained on interactions that happened after a test interaction knows what no model could have known: Ji, Sun,
//! Zhang and Li, *A Critical Study on Data Leakage in Recommender System Offline Evaluation*, ACM Transactions on Information
//! Systems 41(3), 2023, show that this changes recommendations and the ranking of models. Every [`Split`] can be asked for a
//! [`SplitReport`] that counts it.
//!
//! # Ties
//!
//! The order within a user is that of time, and of arrival in the log where times are equal, as in every
//! [`History`](crate::History). In many data sets it decides: of the 943 users of MovieLens 100K, 415 have several ratings
//! at their latest time, and which of them is *the last one* is the order of the file. Reports count these users.
//!
//! # Example
//!
//! ```
//! use rec_data::{Interaction, Interactions, split};
//!
//! let log = Interactions::new([
//!     ("ann", Interaction::new("dune", 1.0)),
//!     ("ann", Interaction::new("emma", 2.0)),
//!     ("ann", Interaction::new("heat", 9.0)),
//!     ("bob", Interaction::new("dune", 10.0)),
//! ])?;
//! let parts = split::leave_one_out(&log);
//! assert!(parts.test.get("ann").unwrap().items().eq(["heat"]));
//! assert!(parts.valid.get("ann").unwrap().items().eq(["emma"]));
//! assert_eq!(parts.train.n_interactions(), 2);
//!
//! let report = parts.report();
//! assert_eq!((report.n_train_only_users, report.n_leaking), (1, 1));
//! assert!(report.to_string().contains("warning: 1 of 1 test interactions"));
//! # Ok::<(), rec_data::Error>(())
//! ```

mod by_time;
mod by_user;
mod report;

use std::path::Path;

use crate::atomic;
use crate::error::Error;
use crate::fields::InteractionFields;
use crate::id::Id;
use crate::interaction::Interaction;
use crate::interactions::{Grouping, Interactions};

pub use by_time::{global_time, global_time_ratio};
pub use by_user::{Order, leave_n_out, leave_one_out, ratio};
pub use report::SplitReport;

/// Three parts of one log.
///
/// Each has the users and items that occur in it, in the order of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    /// What models learn from.
    pub train: Interactions,
    /// What settings are chosen by.
    pub valid: Interactions,
    /// What results are reported on.
    pub test: Interactions,
}

/// The names of the parts in files, as RecBole has them.
const PARTS: [&str; 3] = ["train", "valid", "test"];

impl Split {
    /// Counts sizes, ties, leakage and cold starts, in linear time.
    #[must_use]
    pub fn report(&self) -> SplitReport {
        SplitReport::new(self)
    }

    /// Writes `NAME.train.inter`, `NAME.valid.inter` and `NAME.test.inter` into a folder, which must be there.
    ///
    /// These are the benchmark files of RecBole. Each is written whole or not at all, as
    /// [`atomic::write_interactions`] does it.
    ///
    /// ```
    /// use rec_data::{Interaction, InteractionFields, Interactions, split};
    ///
    /// let log = Interactions::new((0..3).map(|i| ("ann", Interaction::new(format!("film {i}"), f64::from(i)))))?;
    /// let parts = split::leave_one_out(&log);
    /// let folder = std::env::temp_dir();
    /// parts.save(&folder, "rec-data-doc")?;
    /// assert_eq!(split::Split::load(&folder, "rec-data-doc", &InteractionFields::default())?, parts);
    /// # for part in ["train", "valid", "test"] {
    /// #     std::fs::remove_file(folder.join(format!("rec-data-doc.{part}.inter"))).unwrap();
    /// # }
    /// # Ok::<(), rec_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A file cannot be written, or its format cannot hold the ids.
    pub fn save(&self, folder: impl AsRef<Path>, name: &str) -> Result<(), Error> {
        for (part, log) in PARTS.iter().zip([&self.train, &self.valid, &self.test]) {
            atomic::write_interactions(folder.as_ref().join(format!("{name}.{part}.inter")), log)?;
        }
        Ok(())
    }

    /// Reads the three files that [`save`](Split::save) writes, or those of a benchmark that has them.
    ///
    /// # Errors
    ///
    /// As [`atomic::read_interactions`].
    pub fn load(folder: impl AsRef<Path>, name: &str, fields: &InteractionFields) -> Result<Split, Error> {
        let read = |part: &str| {
            atomic::read_interactions(folder.as_ref().join(format!("{name}.{part}.inter")), fields)
        };
        let [train, valid, test] = PARTS;
        Ok(Split { train: read(train)?, valid: read(valid)?, test: read(test)? })
    }

    /// Puts every interaction where a function says. It gets a user and their interactions, oldest first, and gives one part for
    /// each of them.
    fn new<P>(log: &Interactions, mut parts_of: impl FnMut(&Id, &[Interaction]) -> P) -> Split
    where
        P: IntoIterator<Item = Part>,
    {
        let (mut train, mut valid, mut test) = Default::default();
        for (user, history) in log.iter() {
            let parts = parts_of(user, history.interactions());
            for (interaction, part) in history.interactions().iter().zip(parts) {
                let to: &mut Grouping = match part {
                    Part::Train => &mut train,
                    Part::Valid => &mut valid,
                    Part::Test => &mut test,
                };
                to.push_shared(user, interaction);
            }
        }
        Split { train: train.finish(), valid: valid.finish(), test: test.finish() }
    }
}

/// Where an interaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Valid,
    Test,
}

/// Checks shares of a log for training, validation and test.
///
/// # Panics
///
/// If they are not shares.
fn check_shares(shares: [f64; 3]) {
    let are_shares = shares.iter().all(|share| (0.0..=1.0).contains(share));
    let sum: f64 = shares.iter().sum();
    assert!(
        are_shares && (sum - 1.0).abs() < 1e-6,
        "shares of train, valid and test add up to 1, unlike {shares:?}"
    );
}

/// A share of `n`, rounded down, where a share such as 0.29 of 100 is 29 although its product is below.
fn share_of(n: usize, share: f64) -> usize {
    (n as f64 * share + 1e-9).floor() as usize
}
