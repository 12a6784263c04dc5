//! What a split is like.

use std::fmt;

use super::Split;
use crate::id::IdMap;
use crate::interactions::Interactions;

/// Sizes, ties, leakage and cold starts of a [`Split`].
///
/// `Display` writes a few sentences for people, and a warning if there is leakage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SplitReport {
    /// Users in any part.
    pub n_users: usize,
    /// Interactions for training.
    pub n_train: usize,
    /// Interactions for validation.
    pub n_valid: usize,
    /// Interactions for test.
    pub n_test: usize,
    /// Users who are in train and in no other part, because they have too few interactions or none late enough.
    pub n_train_only_users: usize,
    /// Users with two or more interactions at their latest time, whose order is that of arrival and not of time.
    pub n_tied_users: usize,
    /// Test interactions that are older than the newest training interaction.
    pub n_leaking: usize,
    /// Users in test and not in train.
    pub n_cold_users: usize,
    /// Items in test and not in train.
    pub n_cold_items: usize,
    /// Test interactions with such items.
    pub n_cold_interactions: usize,
}

impl SplitReport {
    pub(super) fn new(split: &Split) -> SplitReport {
        let Split { train, valid, test } = split;
        let mut users = IdMap::with_capacity(train.len());
        let (mut n_train_only_users, mut n_tied_users) = (0, 0);
        for user in [train, valid, test].into_iter().flat_map(|part| part.users().iter()) {
            if let (_, false) = users.insert(user) {
                continue;
            }
            n_train_only_users += usize::from(!valid.users().contains(user) && !test.users().contains(user));
            n_tied_users += usize::from(is_tied(user, [train, valid, test]));
        }
        let last = |log: &Interactions| log.iter().map(|(_, history)| history.now()).max_by(f64::total_cmp);
        let newest = last(train).unwrap_or(f64::NEG_INFINITY);
        let is_cold = |item: &str| !train.items().contains(item);
        let in_test = || test.iter().flat_map(|(_, history)| history.interactions());
        SplitReport {
            n_users: users.len(),
            n_train: train.n_interactions(),
            n_valid: valid.n_interactions(),
            n_test: test.n_interactions(),
            n_train_only_users,
            n_tied_users,
            n_leaking: in_test().filter(|interaction| interaction.time < newest).count(),
            n_cold_users: test.users().iter().filter(|user| !train.users().contains(user)).count(),
            n_cold_items: test.items().iter().filter(|item| is_cold(item)).count(),
            n_cold_interactions: in_test().filter(|interaction| is_cold(&interaction.item)).count(),
        }
    }

    /// Whether training sees what happened after a test interaction.
    #[must_use]
    pub fn has_leakage(&self) -> bool {
        self.n_leaking > 0
    }

    /// The share of test interactions that are older than the newest training interaction; 0 without test interactions.
    #[must_use]
    pub fn leaking_share(&self) -> f64 {
        if self.n_test == 0 { 0.0 } else { self.n_leaking as f64 / self.n_test as f64 }
    }
}

/// Whether a user has two or more interactions at their latest time, whatever part they are in.
fn is_tied(user: &str, parts: [&Interactions; 3]) -> bool {
    let histories = || parts.into_iter().filter_map(|part| part.get(user));
    let Some(latest) = histories().map(|history| history.now()).max_by(f64::total_cmp) else { return false };
    // Two at the end of each part are enough to know.
    let ends = histories().flat_map(|history| history.interactions().iter().rev().take(2));
    ends.filter(|interaction| interaction.time == latest).count() >= 2
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SplitReport { n_users, n_train, n_valid, n_test, .. } = self;
        writeln!(
            f,
            "{n_train} interactions for training, {n_valid} for validation, {n_test} for test; {n_users} users"
        )?;
        writeln!(f, "{} users are only in train", self.n_train_only_users)?;
        writeln!(
            f,
            "{} users have several interactions at their latest time, whose order is that of arrival",
            self.n_tied_users
        )?;
        write!(
            f,
            "{} users and {} items of the test are not in train ({} test interactions have such items)",
            self.n_cold_users, self.n_cold_items, self.n_cold_interactions
        )?;
        if self.has_leakage() {
            write!(
                f,
                "\nwarning: {} of {n_test} test interactions ({:.1} %) are older than the newest training interaction, so \
                 models learn from the future of the test; results may not hold in use",
                self.n_leaking,
                100.0 * self.leaking_share()
            )?;
        }
        Ok(())
    }
}
