//! From what everybody takes to what this user takes.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rec_cf::Recommender;
use rec_data::IdMap;

use crate::blend::spread;
use crate::error::{Error, Kind};
use crate::example::{Example, check_examples};
use crate::normalization::Normalization;
use crate::source::{Source, common_items, unseen};

/// Values of `tau` that are tried: from "one event says it all" to "a hundred events say little".
const TAUS: [f64; 11] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// How a [`ColdStart`] is fitted: which `tau` make the targets of examples most likely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColdStartConfig {
    n_sampled: usize,
    seed: u64,
}

impl Default for ColdStartConfig {
    fn default() -> ColdStartConfig {
        ColdStartConfig { n_sampled: 200, seed: 0 }
    }
}

impl ColdStartConfig {
    /// Compares each target with 200 items by chance.
    #[must_use]
    pub fn new() -> ColdStartConfig {
        ColdStartConfig::default()
    }

    /// Compares each target with `n` items by chance.
    ///
    /// # Panics
    ///
    /// `n` is 0.
    #[must_use]
    pub fn with_sampled(self, n: usize) -> ColdStartConfig {
        assert!(n > 0, "a target compared with no item");
        ColdStartConfig { n_sampled: n, ..self }
    }

    /// Sets the seed of the sample.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> ColdStartConfig {
        ColdStartConfig { seed, ..self }
    }

    /// Finds the `tau` of users and of items, in turn on a grid from 0 to 128, of the greatest likelihood
    /// `prod exp(beta s_target) / sum_j exp(beta s_j)` over the examples, where `j` runs over the target and the sample and `beta` is
    /// the best one for these `tau`. `counts` has the interactions of each item in the training of `collaborative`.
    ///
    /// Examples should be as those to come: with short histories and rare targets among them, held out of all training.
    ///
    /// # Errors
    ///
    /// The sources do not go together ([`Error::is_mismatch`]), a count is negative or not finite, a score is not finite, a target is in
    /// its history, or there are no examples ([`Error::is_no_examples`]).
    ///
    /// # Panics
    ///
    /// A history or a target has a row that is no item.
    pub fn fit(
        &self,
        prior: Source,
        content: Source,
        collaborative: Source,
        counts: &[f64],
        examples: &[Example],
    ) -> Result<ColdStart, Error> {
        let mut model = ColdStart::new(prior, content, collaborative, counts, 1.0, 1.0)?;
        check_examples(examples, counts.len())?;
        if examples.is_empty() {
            return Err(Kind::NoExamples { what: "a cold-start schedule" }.into());
        }
        let samples: Vec<Result<Sample, Error>> = examples
            .par_iter()
            .enumerate()
            .map(|(place, example)| self.sample(&model, place, example))
            .collect();
        let samples = samples.into_iter().collect::<Result<Vec<_>, _>>()?;
        let likelihood = |tau: (f64, f64)| {
            let scores: Vec<Vec<f64>> =
                samples.par_iter().map(|sample| sample.scores(tau.0, tau.1)).collect();
            best_scale(&scores)
        };
        let mut best = likelihood((model.tau_user, model.tau_item));
        loop {
            let before = (model.tau_user, model.tau_item);
            for tau in TAUS {
                for candidate in [(tau, model.tau_item), (model.tau_user, tau)] {
                    let value = likelihood(candidate);
                    if value > best {
                        best = value;
                        (model.tau_user, model.tau_item) = candidate;
                    }
                }
            }
            if (model.tau_user, model.tau_item) == before {
                return Ok(model);
            }
        }
    }

    fn sample(&self, model: &ColdStart, place: usize, example: &Example) -> Result<Sample, Error> {
        let n_items = model.counts.len();
        let unseen = unseen(n_items, &example.history);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(place as u64);
        let mut items = vec![example.target];
        let is_other = |&item: &usize| unseen[item] && item != example.target;
        items.extend((0..self.n_sampled).map(|_| rng.random_range(0..n_items)).filter(is_other));
        let stages = model.stages(&example.history, &unseen);
        let mut place_of = vec![0; n_items];
        (0..n_items).filter(|&item| unseen[item]).enumerate().for_each(|(at, item)| place_of[item] = at);
        let rows = items.into_iter().map(|item| {
            let of = |stage: &Vec<f32>| f64::from(stage[place_of[item]]);
            (model.counts[item], [of(&stages[0]), of(&stages[1]), of(&stages[2])])
        });
        let rows: Vec<(f64, [f64; 3])> = rows.collect();
        if let Some(&value) = rows.iter().flat_map(|(_, stages)| stages).find(|value| !value.is_finite()) {
            let what = format!("a score for example {place}");
            return Err(Kind::NotFinite { what, value }.into());
        }
        Ok(Sample { n_events: example.history.len() as f64, rows })
    }
}

/// The target, which comes first, and what it is compared with.
struct Sample {
    n_events: f64,
    /// The count of an item, and its score in each stage.
    rows: Vec<(f64, [f64; 3])>,
}

impl Sample {
    fn scores(&self, tau_user: f64, tau_item: f64) -> Vec<f64> {
        let trust = shrinkage(self.n_events, tau_user);
        self.rows.iter().map(|&(count, stages)| mix(stages, trust, shrinkage(count, tau_item))).collect()
    }
}

/// A prior, content and a collaborative model, each as far as there is evidence; a [`Recommender`] itself.
///
/// With `n` events of the user and `m` interactions of item `j` the score is, all three on the scale of
/// [`ZScore`](Normalization::ZScore) over the unseen items,
///
/// ```text
/// (1 - a) prior_j + a ((1 - b) content_j + b collaborative_j),   a = n / (n + tau_user),   b = m / (m + tau_item)
/// ```
///
/// so that a new user gets what everybody gets, a new item is found by what it is like, and both give way as interactions arrive. This
/// is the shrinkage of empirical Bayes (Efron and Morris: *Data Analysis Using Stein's Estimator and its Generalizations*, JASA
/// 70(350), 1975): `tau` is the number of observations that the prior is worth, and comes from the data. A `tau` of 0 trusts the
/// first observation entirely.
///
/// ```
/// use rec_cf::{Aggregation, EaseConfig, InteractionMatrix, PopularityConfig, Progress, Recommender};
/// use rec_data::{IdMap, Interaction, Interactions};
/// use rec_hybrid::{ColdStart, ContentModel, Source};
///
/// let log = [("ann", "dune"), ("ann", "emma"), ("bob", "dune"), ("bob", "emma"), ("cid", "emma")];
/// let log = Interactions::new(log.map(|(user, item)| (user, Interaction::new(item, 0.0))))?;
/// let catalogue = IdMap::try_from_ids(["dune", "emma", "solaris"])?;
/// let matrix = InteractionMatrix::with_items(&log, &catalogue, Aggregation::Binary)?;
/// let popular = PopularityConfig::new().fit(&matrix, Progress::ignore)?;
/// let counts = [2.0, 3.0, 0.0];
/// let content = ContentModel::new(catalogue, vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.1], 2)?;
/// let ease = EaseConfig::new(1.0).fit(&matrix, Progress::ignore)?;
/// let [popular, content, ease] =
///     [Source::new("popularity", popular), Source::new("content", content), Source::new("EASE", ease)];
///
/// let model = |tau_item| ColdStart::new(popular.clone(), content.clone(), ease.clone(), &counts, 0.1, tau_item);
/// let (dune, solaris) = (0, 2);
/// // Nothing is known of the user.
/// assert_eq!(model(0.0)?.top_k(&[], 1)?[0].id, "emma");
/// // Who has Dune has Emma; as long as one trusts interactions more than likeness.
/// assert_eq!(model(0.0)?.top_k(&[(dune, 1.0)], 1)?[0].id, "emma");
/// assert_eq!(model(100.0)?.top_k(&[(dune, 1.0)], 1)?[0].id, "solaris");
/// assert_eq!(model(1.0)?.trust(1, solaris), (1.0 / 1.1, 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ColdStart {
    /// Prior, content, collaborative.
    sources: [Source; 3],
    counts: Vec<f64>,
    tau_user: f64,
    tau_item: f64,
}

impl ColdStart {
    /// With known `tau`; [`ColdStartConfig::fit`] finds them.
    ///
    /// # Errors
    ///
    /// The sources do not go together ([`Error::is_mismatch`]), or there is not one count per item, finite and not negative.
    ///
    /// # Panics
    ///
    /// A `tau` is negative or not finite.
    pub fn new(
        prior: Source,
        content: Source,
        collaborative: Source,
        counts: &[f64],
        tau_user: f64,
        tau_item: f64,
    ) -> Result<ColdStart, Error> {
        let is_valid = |tau: f64| tau.is_finite() && tau >= 0.0;
        assert!(is_valid(tau_user) && is_valid(tau_item), "tau of {tau_user} and {tau_item}");
        let sources = [prior, content, collaborative];
        let (found, expected) = (counts.len(), common_items(&sources)?.len());
        if found != expected {
            return Err(Kind::Length { what: "the counts", found, expected }.into());
        }
        if let Some(&value) = counts.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return Err(Kind::NotFinite { what: "a count, which is from 0 up,".to_owned(), value }.into());
        }
        Ok(ColdStart { sources, counts: counts.to_vec(), tau_user, tau_item })
    }

    /// How many events of a user the prior is worth.
    #[must_use]
    pub fn tau_user(&self) -> f64 {
        self.tau_user
    }

    /// How many interactions of an item its content is worth.
    #[must_use]
    pub fn tau_item(&self) -> f64 {
        self.tau_item
    }

    /// The weight of what is known of a user of `n_events`, and that of the collaborative model for an item; both from 0 to 1.
    ///
    /// # Panics
    ///
    /// `item` is no item.
    #[must_use]
    pub fn trust(&self, n_events: usize, item: usize) -> (f64, f64) {
        (shrinkage(n_events as f64, self.tau_user), shrinkage(self.counts[item], self.tau_item))
    }

    /// The normalised scores of the unseen items in each stage.
    fn stages(&self, history: &[(usize, f32)], unseen: &[bool]) -> [Vec<f32>; 3] {
        let mut scores = vec![0.0; unseen.len()];
        self.sources.each_ref().map(|source| {
            source.scores(history, &mut scores);
            let open = scores.iter().zip(unseen).filter(|&(_, &unseen)| unseen);
            let mut open: Vec<f32> = open.map(|(&score, _)| score).collect();
            Normalization::ZScore.apply(&mut open);
            open
        })
    }
}

impl Recommender for ColdStart {
    fn items(&self) -> &IdMap {
        self.sources[0].model().items()
    }

    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
        assert_eq!(out.len(), self.counts.len(), "places for the scores, and items");
        let unseen = unseen(out.len(), history);
        let [prior, content, collaborative] = self.stages(history, &unseen);
        let trust = shrinkage(history.len() as f64, self.tau_user);
        let counts = self.counts.iter().zip(&unseen).filter(|&(_, &unseen)| unseen).map(|(&count, _)| count);
        let mixed: Vec<f64> = counts
            .enumerate()
            .map(|(at, count)| {
                let stages = [prior[at], content[at], collaborative[at]].map(f64::from);
                mix(stages, trust, shrinkage(count, self.tau_item))
            })
            .collect();
        spread(&mixed, &unseen, out);
    }
}

/// `n / (n + tau)`; 0 for no observations.
fn shrinkage(n: f64, tau: f64) -> f64 {
    if n > 0.0 { n / (n + tau) } else { 0.0 }
}

fn mix([prior, content, collaborative]: [f64; 3], of_user: f64, of_item: f64) -> f64 {
    (1.0 - of_user) * prior + of_user * ((1.0 - of_item) * content + of_item * collaborative)
}

/// The greatest mean log-likelihood of the first of each row under a softmax of `beta` times the scores, over `beta` from 0 up. It is
/// concave in `beta`, and Newton's method finds it.
fn best_scale(rows: &[Vec<f64>]) -> f64 {
    let n = rows.len() as f64;
    let at = |beta: f64| {
        let of_row = |row: &Vec<f64>| {
            let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
            for score in row {
                let weight = (beta * (score - greatest)).exp();
                sum += weight;
                first += weight * score;
                second += weight * score * score;
            }
            let mean = first / sum;
            (beta * (row[0] - greatest) - sum.ln(), row[0] - mean, second / sum - mean * mean)
        };
        let terms: Vec<(f64, f64, f64)> = rows.par_iter().map(of_row).collect();
        terms.iter().fold((0.0, 0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1, sum.2 + term.2))
    };
    let (mut beta, mut now) = (0.0, at(0.0));
    for _ in 0..30 {
        let step = now.1 / now.2.max(1e-12);
        let halves = (0..30).map(|halvings| (beta + step * 0.5f64.powi(halvings)).max(0.0));
        let better = halves.map(|beta| (beta, at(beta))).find(|(_, value)| value.0 > now.0);
        let Some((moved, value)) = better else { break };
        let gain = value.0 - now.0;
        (beta, now) = (moved, value);
        if gain < 1e-9 * n {
            break;
        }
    }
    now.0 / n
}
