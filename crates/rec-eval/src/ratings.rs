//! Predicted ratings against given ones.

use std::fmt;

use rec_data::{Id, IdMap};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::resampling::{Bootstrap, Estimate};

/// Collects predicted ratings, and reports how far they are from the given ones.
///
/// It keeps three numbers per user. Intervals draw users, with all their ratings: the errors of one user resemble each other.
///
/// A good order needs no good ratings, and good ratings make no good order: lists are judged by
/// [`RankingMetric`](crate::RankingMetric)s.
///
/// ```
/// use rec_eval::Ratings;
///
/// let mut ratings = Ratings::new();
/// ratings.add(&"ann".into(), &"dune".into(), 5.0, 4.0)?;
/// ratings.add(&"ann".into(), &"emma".into(), 3.0, 4.0)?;
/// ratings.add(&"bob".into(), &"dune".into(), 1.0, 4.0)?;
///
/// let report = ratings.into_report(None);
/// assert_eq!(report.mae.value, Some((1.0 + 1.0 + 3.0) / 3.0));
/// assert_eq!(report.mae_of_users.value, Some((1.0 + 3.0) / 2.0));
/// assert_eq!(report.rmse.value, Some((11.0f64 / 3.0).sqrt()));
/// assert_eq!(report.rmse_of_users.value, Some((1.0 + 3.0) / 2.0));
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ratings {
    users: IdMap,
    /// One per user, in the order of `users`.
    sums: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: f64,
    squared_errors: f64,
    absolute_errors: f64,
}

/// The errors of [`Ratings`], in the unit of the ratings. It prints as a table, one metric a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RatingReport {
    /// The number of users: the units of the intervals.
    pub n_users: usize,
    /// The number of ratings.
    pub n_ratings: usize,
    /// The root of the mean squared error over all ratings.
    pub rmse: Estimate,
    /// The mean absolute error over all ratings.
    pub mae: Estimate,
    /// The mean over users of the root of the mean squared error over a user's ratings: each user counts the same.
    pub rmse_of_users: Estimate,
    /// The mean over users of the mean absolute error over a user's ratings.
    pub mae_of_users: Estimate,
}

impl Ratings {
    /// No ratings yet.
    #[must_use]
    pub fn new() -> Ratings {
        Ratings::default()
    }

    /// Adds a rating that a user gave to an item, and what was predicted.
    ///
    /// # Errors
    ///
    /// One of the two is NaN or infinite; the message names user and item, and nothing is added.
    pub fn add(&mut self, user: &Id, item: &Id, rating: f64, predicted: f64) -> Result<(), Error> {
        for (what, value) in [("rating", rating), ("predicted rating", predicted)] {
            if !value.is_finite() {
                return Err(Kind::NotFiniteOf { what, of: format!("`{item}` by `{user}`"), value }.into());
            }
        }
        let (row, is_new) = self.users.insert(user);
        if is_new {
            self.sums.push(Sums::default());
        }
        let (error, sums) = (predicted - rating, &mut self.sums[row]);
        sums.n += 1.0;
        sums.squared_errors += error * error;
        sums.absolute_errors += error.abs();
        Ok(())
    }

    /// The errors of what was added, with intervals if a bootstrap is given. Without ratings, nothing has a value.
    ///
    /// ```
    /// use rec_eval::{Bootstrap, Ratings};
    ///
    /// let mut ratings = Ratings::new();
    /// for (user, predicted) in [("ann", 4.0), ("bob", 3.0), ("cid", 4.5)] {
    ///     ratings.add(&user.into(), &"dune".into(), 5.0, predicted)?;
    /// }
    /// let report = ratings.into_report(Some(&Bootstrap::new(7)));
    /// let interval = report.mae.interval.unwrap();
    /// assert_eq!((interval.low, interval.high), (0.5, 2.0));
    /// # Ok::<(), rec_eval::Error>(())
    /// ```
    #[must_use]
    pub fn into_report(self, bootstrap: Option<&Bootstrap>) -> RatingReport {
        let sums = &self.sums;
        let estimates = Bootstrap::estimates(bootstrap, sums.len(), 4, |weights, out| {
            let (mut total, mut n_users, mut rmse, mut mae) = (Sums::default(), 0.0, 0.0, 0.0);
            for (weight, user) in weights.iter().zip(sums) {
                let weight = f64::from(*weight);
                total.n += weight * user.n;
                total.squared_errors += weight * user.squared_errors;
                total.absolute_errors += weight * user.absolute_errors;
                n_users += weight;
                rmse += weight * (user.squared_errors / user.n).sqrt();
                mae += weight * user.absolute_errors / user.n;
            }
            out[0] = (total.squared_errors / total.n).sqrt();
            out[1] = total.absolute_errors / total.n;
            out[2] = rmse / n_users;
            out[3] = mae / n_users;
        });
        RatingReport {
            n_users: sums.len(),
            n_ratings: sums.iter().map(|user| user.n as usize).sum(),
            rmse: estimates[0],
            mae: estimates[1],
            rmse_of_users: estimates[2],
            mae_of_users: estimates[3],
        }
    }
}

impl fmt::Display for RatingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {}", "rmse", self.rmse)?;
        writeln!(f, "{:<14} {}", "mae", self.mae)?;
        writeln!(f, "{:<14} {}", "rmse_of_users", self.rmse_of_users)?;
        writeln!(f, "{:<14} {}", "mae_of_users", self.mae_of_users)?;
        write!(f, "{} users, {} ratings", self.n_users, self.n_ratings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ratings_have_no_error() {
        let report = Ratings::new().into_report(Some(&Bootstrap::new(1)));
        assert_eq!(report, RatingReport::default());
    }

    #[test]
    fn numbers_must_be_finite() {
        let mut ratings = Ratings::new();
        let error = ratings.add(&"ann".into(), &"dune".into(), 5.0, f64::NAN).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "the predicted rating of `dune` by `ann` is NaN, not a finite number");
        assert_eq!(ratings.into_report(None).n_ratings, 0);
    }

    #[test]
    fn table_has_a_line_a_metric() {
        let mut ratings = Ratings::new();
        ratings.add(&"ann".into(), &"dune".into(), 5.0, 4.5).unwrap();
        let table = ratings.into_report(None).to_string();
        assert!(table.starts_with("rmse           0.5000\nmae            0.5000\n"));
        assert!(table.ends_with("\n1 users, 1 ratings"));
    }
}
