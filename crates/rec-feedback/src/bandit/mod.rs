//! Choosing what to show while learning what is liked.

mod linear;
mod ridge;

pub use linear::{Exploration, LinearBandit};

use rec_data::{Hit, Id, RankedList};

use crate::error::{Error, Kind};
use crate::random::Random;

/// What can be chosen now: items, each with features of the user and the item together (the context).
///
/// ```
/// use rec_feedback::Arms;
///
/// let items = ["dune".into(), "emma".into()];
/// let arms = Arms::new(&items, &[1.0, 0.2, 1.0, 0.9])?;
/// assert_eq!((arms.len(), arms.dim(), arms.features(1)), (2, 2, &[1.0, 0.9][..]));
/// assert!(Arms::new(&items, &[1.0, f64::NAN]).unwrap_err().is_not_finite());
/// # Ok::<(), rec_feedback::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arms<'a> {
    items: &'a [Id],
    features: &'a [f64],
    dim: usize,
}

impl<'a> Arms<'a> {
    /// Arms with their features, row-major, as many for each.
    ///
    /// # Errors
    ///
    /// There are no arms, no whole number of features for each, or a feature is not finite.
    pub fn new(items: &'a [Id], features: &'a [f64]) -> Result<Self, Error> {
        let n = items.len();
        if n == 0 {
            return Err(Kind::NoArms.into());
        }
        let dim = features.len() / n;
        if dim == 0 || dim * n != features.len() {
            return Err(Kind::Features { found: features.len(), n, dim }.into());
        }
        match features.iter().position(|value| !value.is_finite()) {
            Some(at) => {
                let (of, value) = (format!("`{}`", items[at / dim]), features[at]);
                Err(Kind::NotFinite { what: "feature", of, value }.into())
            }
            None => Ok(Self { items, features, dim }),
        }
    }

    /// The number of arms, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The number of features of an arm.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> &'a [Id] {
        self.items
    }

    /// The features of an arm.
    ///
    /// # Panics
    ///
    /// There is no such arm.
    #[must_use]
    pub fn features(&self, arm: usize) -> &'a [f64] {
        &self.features[arm * self.dim..(arm + 1) * self.dim]
    }
}

/// An arm that was chosen, and the probability that it had: what a log of decisions keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The position of the arm.
    pub arm: usize,
    /// The probability of choosing it, above 0.
    pub propensity: f64,
}

/// A policy that chooses one of several items, and learns from what came of it.
///
/// Randomness comes from the seed of a decision: give each its own, such as its number. The same seed gives the same choice.
pub trait Bandit {
    /// The probability of each arm to be chosen: not negative, with the sum 1.
    ///
    /// It depends on the seed only where a policy finds its probabilities by drawing.
    ///
    /// # Panics
    ///
    /// The arms have not as many features as the policy wants.
    fn probabilities(&self, arms: &Arms<'_>, seed: u64) -> Vec<f64>;

    /// Learns from the reward of an item that was chosen with these features.
    ///
    /// # Errors
    ///
    /// A number is not finite, or so large that the model would not stay finite; then nothing changes.
    ///
    /// # Panics
    ///
    /// There are not as many features as the policy wants.
    fn update(&mut self, item: &Id, features: &[f64], reward: f64) -> Result<(), Error>;

    /// Draws an arm by the [probabilities](Self::probabilities).
    ///
    /// # Panics
    ///
    /// As [`probabilities`](Self::probabilities).
    fn choose(&self, arms: &Arms<'_>, seed: u64) -> Choice {
        let probabilities = self.probabilities(arms, seed);
        let mut left = Random::new(seed, 1).uniform();
        let drawn = probabilities.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        // Rounding may leave a little after the last one.
        let last = || probabilities.iter().rposition(|&p| p > 0.0).unwrap_or_default();
        let arm = drawn.unwrap_or_else(last);
        Choice { arm, propensity: probabilities[arm] }
    }

    /// A list with the chosen item first, and the others in their order.
    ///
    /// The propensity is that of the first place: log it, with what came of that place.
    ///
    /// # Panics
    ///
    /// The arms are not the items of the list in its order; or as [`probabilities`](Self::probabilities).
    fn rerank(&self, list: &RankedList, arms: &Arms<'_>, seed: u64) -> (Vec<Hit>, Choice) {
        assert!(list.iter().map(|hit| &hit.id).eq(arms.items()), "the arms are not the items of the list");
        let choice = self.choose(arms, seed);
        let mut hits = list.to_vec();
        hits[..=choice.arm].rotate_right(1);
        (hits, choice)
    }
}

/// The first arm, or with the probability `epsilon` any of them: a ranked list that is explored, without learning.
///
/// The first arm has the propensity `1 - epsilon + epsilon / n`, the others `epsilon / n` (Sutton and Barto, *Reinforcement Learning*,
/// section 2.2, with the ranker's order for the greedy action). It is what makes the log of a ranker fit for off-policy evaluation.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_feedback::{Arms, Bandit, EpsilonGreedy};
///
/// let list = RankedList::new([("dune", 0.9), ("emma", 0.5)].map(|(id, score)| Hit { id: id.into(), score }))?;
/// let items: Vec<_> = list.iter().map(|hit| hit.id.clone()).collect();
/// let arms = Arms::new(&items, &[0.9, 0.5])?;
/// let (shown, choice) = EpsilonGreedy::new(0.2).rerank(&list, &arms, 1);
/// assert_eq!((shown[0].id.as_str(), choice.propensity), ("dune", 0.9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpsilonGreedy {
    epsilon: f64,
}

impl EpsilonGreedy {
    /// With the share of decisions that are random.
    ///
    /// # Panics
    ///
    /// `epsilon` is not in [0, 1].
    #[must_use]
    pub fn new(epsilon: f64) -> Self {
        assert!((0.0..=1.0).contains(&epsilon), "a share of {epsilon} is not in [0, 1]");
        Self { epsilon }
    }
}

impl Bandit for EpsilonGreedy {
    fn probabilities(&self, arms: &Arms<'_>, _: u64) -> Vec<f64> {
        let mut probabilities = vec![0.0; arms.len()];
        probabilities[0] = 1.0;
        explored(probabilities, self.epsilon)
    }

    fn update(&mut self, _: &Id, _: &[f64], _: f64) -> Result<(), Error> {
        Ok(())
    }
}

/// With the probability `epsilon`, any arm.
fn explored(mut probabilities: Vec<f64>, epsilon: f64) -> Vec<f64> {
    let uniform = epsilon / probabilities.len() as f64;
    for p in &mut probabilities {
        *p = uniform + (1.0 - epsilon) * *p;
    }
    probabilities
}
