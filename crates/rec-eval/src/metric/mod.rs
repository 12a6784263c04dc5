//! Ranking metrics: a formula and a cut-off.

mod formula;
mod value;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

pub use self::formula::Formula;

use crate::error::{Error, Kind};
use crate::judged::JudgedList;

/// A ranking metric: a [`Formula`] and a cut-off, written `ndcg@10`, or `ndcg` for the whole list.
///
/// ```
/// use rec_eval::{Formula, JudgedList, RankingMetric};
///
/// let ndcg: RankingMetric = "ndcg@2".parse()?;
/// assert_eq!(ndcg, Formula::Ndcg.at(2));
///
/// // The second of two items is relevant, and so is one that the list does not have.
/// let list = JudgedList::from_gains([0.0, 1.0], [1.0]);
/// let by_hand = (1.0 / 3f64.log2()) / (1.0 / 2f64.log2() + 1.0 / 3f64.log2());
/// assert_eq!(ndcg.value(&list), Some(by_hand));
/// # Ok::<(), rec_eval::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RankingMetric {
    formula: Formula,
    cutoff: Option<NonZeroUsize>,
}

impl RankingMetric {
    /// What [`Formula::at`] and [`Formula::of_whole_list`] give.
    pub(crate) fn new(formula: Formula, cutoff: Option<usize>) -> RankingMetric {
        let cutoff = cutoff.map(|k| match NonZeroUsize::new(k) {
            Some(k) => k,
            None => panic!("a cut-off of 0 for `{}`, expected at least 1", formula.name()),
        });
        RankingMetric { formula, cutoff }
    }

    /// What it computes.
    #[must_use]
    pub fn formula(&self) -> Formula {
        self.formula
    }

    /// How many items of the list it looks at; `None` for the whole list.
    #[must_use]
    pub fn cutoff(&self) -> Option<usize> {
        self.cutoff.map(NonZeroUsize::get)
    }

    /// The value for one user's list.
    ///
    /// `None` where it is undefined: if nothing is relevant, and then the user belongs in no mean; if the denominator of the
    /// formula is 0; if gains so large that they overflow make it infinite; and for the two formulas whose denominator is the
    /// hits, if [ties](crate::Ties::Expected) leave the hits open. An empty list is worth 0 at a cut-off.
    ///
    /// ```
    /// use rec_eval::{Formula, JudgedList};
    ///
    /// let nothing_relevant = JudgedList::from_gains([0.0, 0.0], []);
    /// assert_eq!(Formula::Recall.at(2).value(&nothing_relevant), None);
    /// let nothing_shown = JudgedList::from_gains([], [1.0]);
    /// assert_eq!(Formula::Recall.at(2).value(&nothing_shown), Some(0.0));
    /// assert_eq!(Formula::PrecisionOfList.at(2).value(&nothing_shown), None);
    /// ```
    #[must_use]
    pub fn value(&self, list: &JudgedList) -> Option<f64> {
        if list.n_relevant() == 0 {
            return None;
        }
        let value = value::value(self.formula, list, self.cutoff())?;
        value.is_finite().then_some(value)
    }
}

impl fmt::Display for RankingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cutoff {
            Some(k) => f.pad(&format!("{}@{k}", self.formula.name())),
            None => f.pad(self.formula.name()),
        }
    }
}

/// # Errors
///
/// The name is not that of a formula, or what follows `@` is not a whole number from 1 on.
impl FromStr for RankingMetric {
    type Err = Error;

    fn from_str(name: &str) -> Result<RankingMetric, Error> {
        let (formula, cutoff) = match name.split_once('@') {
            Some((formula, k)) => (formula, Some(k)),
            None => (name, None),
        };
        let Some(formula) = Formula::from_name(formula) else {
            let expected = Formula::ALL.map(Formula::name).join(", ");
            return Err(Kind::UnknownMetric { name: name.to_owned(), expected }.into());
        };
        let Some(text) = cutoff else {
            return Ok(RankingMetric { formula, cutoff: None });
        };
        // One way to write each: no sign, and no zeros in front.
        match text.parse::<NonZeroUsize>().ok().filter(|k| k.to_string() == text) {
            Some(k) => Ok(RankingMetric { formula, cutoff: Some(k) }),
            None => Err(Kind::Cutoff { name: name.to_owned() }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for formula in Formula::ALL {
            for metric in [formula.at(1), formula.at(100), formula.of_whole_list()] {
                assert_eq!(metric.to_string().parse::<RankingMetric>().unwrap(), metric);
            }
        }
        assert_eq!(format!("[{:<8}]", Formula::Map.at(5)), "[map@5   ]");
    }

    #[test]
    fn bad_names_are_errors() {
        for (name, message) in [
            ("ndcg@", "the cut-off of `ndcg@` is not a whole number from 1 on"),
            ("ndcg@0", "the cut-off of `ndcg@0` is not a whole number from 1 on"),
            ("ndcg@+5", "the cut-off of `ndcg@+5` is not a whole number from 1 on"),
            ("ndcg@5@5", "the cut-off of `ndcg@5@5` is not a whole number from 1 on"),
        ] {
            let error = name.parse::<RankingMetric>().unwrap_err();
            assert!(error.is_unknown_metric());
            assert_eq!(error.to_string(), message);
        }
        let error = "NDCG@5".parse::<RankingMetric>().unwrap_err();
        assert!(
            error.to_string().starts_with("no metric `NDCG@5`, expected one of precision, precision_of_list")
        );
        assert!("".parse::<RankingMetric>().unwrap_err().is_unknown_metric());
    }

    #[test]
    fn any_cutoff_has_a_value() {
        let list = JudgedList::from_gains([1.0], []);
        let formulas = Formula::ALL.into_iter().filter(|formula| *formula != Formula::NdcgKIdeal);
        assert!(formulas.map(|formula| formula.at(usize::MAX)).all(|metric| metric.value(&list).is_some()));
    }

    #[test]
    #[should_panic(expected = "a cut-off of 0 for `ndcg`, expected at least 1")]
    fn cutoff_of_zero_panics() {
        let _ = Formula::Ndcg.at(0);
    }
}
