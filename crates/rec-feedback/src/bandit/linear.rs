use std::collections::BTreeMap;

use rec_data::Id;
use serde::{Deserialize, Serialize};

use super::ridge::{Ridge, dot};
use super::{Arms, Bandit, explored};
use crate::error::{Error, Kind};
use crate::file::saved;
use crate::random::Random;

/// How a [`LinearBandit`] goes from what it expects to what it tries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Exploration {
    /// The largest expected reward `x' theta`; explores by [`with_epsilon`](LinearBandit::with_epsilon) only.
    Greedy,
    /// The largest upper bound `x' theta + alpha sqrt(x' A^-1 x)`: LinUCB (Li, Chu, Langford and Schapire, *A Contextual-Bandit Approach
    /// to Personalized News Article Recommendation*, WWW 2010, algorithm 1).
    Ucb {
        /// The width of the bound, not negative; 0 is greedy.
        alpha: f64,
    },
    /// The largest `x' t` where `t` is drawn from `N(theta, v^2 A^-1)`: Thompson sampling (Agrawal and Goyal, *Thompson Sampling for
    /// Contextual Bandits with Linear Payoffs*, ICML 2013, algorithm 1).
    ///
    /// That an arm has the largest value has no closed form. `n_draws` vectors are drawn, an arm's probability is the share of draws
    /// that it is best in, and the choice is made by these shares. So the choice follows Thompson sampling exactly, and the logged
    /// propensity is the probability that the choice really had, given the draws. Against the probability over all draws it has a
    /// standard error of `sqrt(p (1 - p) / n_draws)`, .016 at most for 1,000.
    Thompson {
        /// The width of the distribution, not negative; 0 is greedy.
        v: f64,
        /// How many vectors are drawn for one decision; at least 1.
        n_draws: usize,
    },
}

/// Rewards that are linear in the features, and an [`Exploration`] of them: `A = lambda I + sum x x'`, `theta = A^-1 sum r x`.
///
/// One model serves [all items](Self::new), with features that tell them apart (the score of the ranker, the popularity, products of
/// the user's and the item's vectors); or there is one [for each item](Self::per_item), LinUCB's disjoint models, with features of the
/// user. New items know nothing of the others then.
///
/// # Propensities
///
/// Exact where there is a closed form: greedy and UCB give 1 to the best arm, and equal shares to arms that tie. A log with
/// propensities of 1 cannot be used to judge another policy, so log with [`with_epsilon`](Self::with_epsilon), which mixes in a share
/// of random choices: `p = epsilon / n + (1 - epsilon) p_best`. Those of Thompson sampling: see [`Exploration::Thompson`].
///
/// # Limits
///
/// A choice costs `n d^2` operations for `n` arms, an update `d^2`. Nothing is forgotten: tastes that drift want a new model from time
/// to time.
///
/// ```
/// use rec_feedback::{Arms, Bandit, Exploration, LinearBandit};
///
/// // Ann clicks on what is short. The bandit finds out.
/// let items = ["epic".into(), "story".into()];
/// let arms = Arms::new(&items, &[1.0, 0.0, 0.0, 1.0])?;
/// let mut bandit = LinearBandit::new(2, Exploration::Ucb { alpha: 1.0 });
/// let mut shown = [0, 0];
/// for step in 0..50 {
///     let choice = bandit.choose(&arms, step);
///     let reward = if choice.arm == 1 { 1.0 } else { 0.0 };
///     bandit.update(&items[choice.arm], arms.features(choice.arm), reward)?;
///     shown[choice.arm] += 1;
/// }
/// assert!(shown[1] > 45);
/// # Ok::<(), rec_feedback::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct LinearBandit {
    dim: usize,
    exploration: Exploration,
    epsilon: f64,
    ridge: f64,
    models: Models,
}

#[derive(Clone, Debug, PartialEq)]
enum Models {
    Shared(Ridge),
    /// Only of items that were updated; the others are as at the beginning.
    PerItem(BTreeMap<Id, Ridge>),
}

saved! { LinearBandit, "linear_bandit"; }

impl LinearBandit {
    /// A bandit for `dim` features, one model for all items, `lambda` 1, and nothing learned.
    ///
    /// # Panics
    ///
    /// `dim` is 0, or the exploration has a width that is negative or not finite, or no draws.
    #[must_use]
    pub fn new(dim: usize, exploration: Exploration) -> Self {
        assert!(dim > 0, "a context has at least one feature");
        assert!(exploration.is_valid(), "{exploration:?} has a negative width or no draws");
        Self { dim, exploration, epsilon: 0.0, ridge: 1.0, models: Models::Shared(Ridge::new(dim, 1.0)) }
    }

    /// With a model for each item.
    ///
    /// # Panics
    ///
    /// Something was learned.
    #[must_use]
    pub fn per_item(mut self) -> Self {
        assert!(self.is_new(), "the bandit has learned already");
        self.models = Models::PerItem(BTreeMap::new());
        self
    }

    /// With another `lambda`: the larger, the more examples it takes to believe them.
    ///
    /// # Panics
    ///
    /// It is not positive and finite, or something was learned.
    #[must_use]
    pub fn with_ridge(mut self, lambda: f64) -> Self {
        assert!(lambda.is_finite() && lambda > 0.0, "a ridge of {lambda}");
        assert!(self.is_new(), "the bandit has learned already");
        self.ridge = lambda;
        if let Models::Shared(model) = &mut self.models {
            *model = Ridge::new(self.dim, lambda);
        }
        self
    }

    /// With a share of choices that are random.
    ///
    /// # Panics
    ///
    /// It is not in [0, 1].
    #[must_use]
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        assert!((0.0..=1.0).contains(&epsilon), "a share of {epsilon} is not in [0, 1]");
        self.epsilon = epsilon;
        self
    }

    /// What is expected of each arm: `x' theta`.
    ///
    /// # Panics
    ///
    /// The arms have another number of features.
    #[must_use]
    pub fn expected(&self, arms: &Arms<'_>) -> Vec<f64> {
        self.each(arms, |model, x| model.mean(x))
    }

    /// What the arms are compared by: the upper bounds for [`Exploration::Ucb`], else what is [expected](Self::expected).
    ///
    /// # Panics
    ///
    /// The arms have another number of features.
    #[must_use]
    pub fn scores(&self, arms: &Arms<'_>) -> Vec<f64> {
        let Exploration::Ucb { alpha } = self.exploration else {
            return self.expected(arms);
        };
        self.each(arms, |model, x| {
            let y = model.whitened(x);
            model.mean(x) + alpha * dot(&y, &y).sqrt()
        })
    }

    fn is_new(&self) -> bool {
        match &self.models {
            Models::Shared(model) => *model == Ridge::new(self.dim, self.ridge),
            Models::PerItem(models) => models.is_empty(),
        }
    }

    /// What a function says of each arm and its model.
    fn each<T>(&self, arms: &Arms<'_>, mut of: impl FnMut(&Ridge, &[f64]) -> T) -> Vec<T> {
        assert_eq!(arms.dim(), self.dim, "the features of the arms, and those of the bandit");
        let new = Ridge::new(self.dim, self.ridge);
        (0..arms.len()).map(|arm| of(self.model(&arms.items()[arm], &new), arms.features(arm))).collect()
    }

    fn model<'a>(&'a self, item: &Id, new: &'a Ridge) -> &'a Ridge {
        match &self.models {
            Models::Shared(model) => model,
            Models::PerItem(models) => models.get(item).unwrap_or(new),
        }
    }

    /// The share of draws that each arm is best in.
    fn wins(&self, arms: &Arms<'_>, v: f64, n_draws: usize, seed: u64) -> Vec<f64> {
        let (means, whitened) = (self.expected(arms), self.each(arms, Ridge::whitened));
        let widths: Vec<f64> = whitened.iter().map(|y| dot(y, y).sqrt()).collect();
        let (mut random, mut wins) = (Random::new(seed, 0), vec![0.0; arms.len()]);
        let mut z = vec![0.0; self.dim];
        for _ in 0..n_draws {
            // t = theta + v L^-T z has the covariance v^2 A^-1, and x' t = x' theta + v (L^-1 x)' z.
            let values: Vec<f64> = match &self.models {
                Models::Shared(_) => {
                    z.iter_mut().for_each(|z| *z = random.normal());
                    means.iter().zip(&whitened).map(|(mean, y)| mean + v * dot(y, &z)).collect()
                }
                Models::PerItem(_) => means
                    .iter()
                    .zip(&widths)
                    .map(|(mean, width)| mean + v * width * random.normal())
                    .collect(),
            };
            add_best(&values, 1.0, &mut wins);
        }
        // Only now, so that the shares of one arm sum to no more than 1.
        wins.iter_mut().for_each(|wins| *wins /= n_draws as f64);
        wins
    }
}

impl Bandit for LinearBandit {
    fn probabilities(&self, arms: &Arms<'_>, seed: u64) -> Vec<f64> {
        assert_eq!(arms.dim(), self.dim, "the features of the arms, and those of the bandit");
        let probabilities = match self.exploration {
            Exploration::Thompson { v, n_draws } => self.wins(arms, v, n_draws, seed),
            Exploration::Greedy | Exploration::Ucb { .. } => {
                let mut probabilities = vec![0.0; arms.len()];
                add_best(&self.scores(arms), 1.0, &mut probabilities);
                probabilities
            }
        };
        explored(probabilities, self.epsilon)
    }

    fn update(&mut self, item: &Id, features: &[f64], reward: f64) -> Result<(), Error> {
        assert_eq!(features.len(), self.dim, "the features of the item, and those of the bandit");
        for (what, values) in [("feature", features), ("reward", &[reward][..])] {
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Kind::NotFinite { what, of: format!("`{item}`"), value }.into());
            }
        }
        let new = Ridge::new(self.dim, self.ridge);
        let updated = self.model(item, &new).updated(features, reward);
        let updated = updated.ok_or_else(|| Kind::Overflow { item: item.clone() })?;
        match &mut self.models {
            Models::Shared(model) => *model = updated,
            Models::PerItem(models) => _ = models.insert(item.clone(), updated),
        }
        Ok(())
    }
}

/// Adds a share to the largest value, or divides it among those that tie.
fn add_best(values: &[f64], share: f64, to: &mut [f64]) {
    // The products of finite numbers may overflow; nothing is chosen for being undefined.
    let value = |i: usize| if values[i].is_nan() { f64::NEG_INFINITY } else { values[i] };
    let best = (0..values.len()).map(value).fold(f64::NEG_INFINITY, f64::max);
    let n = (0..values.len()).filter(|&i| value(i) == best).count() as f64;
    (0..values.len()).filter(|&i| value(i) == best).for_each(|i| to[i] += share / n);
}

impl Exploration {
    fn is_valid(self) -> bool {
        let width = |width: f64| width.is_finite() && width >= 0.0;
        match self {
            Exploration::Greedy => true,
            Exploration::Ucb { alpha } => width(alpha),
            Exploration::Thompson { v, n_draws } => width(v) && n_draws > 0,
        }
    }
}

/// A bandit as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    dim: usize,
    exploration: Exploration,
    epsilon: f64,
    ridge: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shared: Option<Ridge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_item: Option<BTreeMap<String, Ridge>>,
}

impl From<LinearBandit> for Written {
    fn from(LinearBandit { dim, exploration, epsilon, ridge, models }: LinearBandit) -> Self {
        let (shared, per_item) = match models {
            Models::Shared(model) => (Some(model), None),
            Models::PerItem(models) => {
                (None, Some(models.into_iter().map(|(item, model)| (item.to_string(), model)).collect()))
            }
        };
        Self { dim, exploration, epsilon, ridge, shared, per_item }
    }
}

impl TryFrom<Written> for LinearBandit {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { dim, exploration, epsilon, ridge, shared, per_item } = written;
        let settings = dim > 0 && exploration.is_valid() && (0.0..=1.0).contains(&epsilon);
        if !(settings && ridge.is_finite() && ridge > 0.0) {
            return Err("its settings are not those of a bandit".to_owned());
        }
        let models = match (shared, per_item) {
            (Some(model), None) => Models::Shared(model),
            (None, Some(models)) => {
                Models::PerItem(models.into_iter().map(|(item, model)| (item.into(), model)).collect())
            }
            _ => return Err("it has one model for all items, or one for each".to_owned()),
        };
        let mut all: Box<dyn Iterator<Item = &Ridge>> = match &models {
            Models::Shared(model) => Box::new(std::iter::once(model)),
            Models::PerItem(models) => Box::new(models.values()),
        };
        if !all.all(|model| model.is_valid(dim)) {
            return Err(format!("a model is not one of {dim} features"));
        }
        drop(all);
        Ok(Self { dim, exploration, epsilon, ridge, models })
    }
}
