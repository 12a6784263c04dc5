//! Lists whose categories are those that the user likes.

use rec_data::{Hit, RankedList};

use super::first_greatest;
use crate::error::{Error, Kind};

/// Re-ranks so that the categories of a list come as often as in the user's history.
///
/// Steck: *Calibrated Recommendations*, RecSys 2018, sections 3 and 4. A list `I` is to have a large
///
/// ```text
/// (1 - lambda) * sum of scores - lambda * KL(p, q'),   KL(p, q') = sum_g p_g log(p_g / q'_g),   q' = (1 - alpha) q + alpha p
/// ```
///
/// where `p` is the distribution of the user's categories ([`category_distribution`]) and `q` that of the list, the mean of its
/// items'. The search is greedy, item by item, within `1 - 1/e` of the best set (section 4). `alpha` keeps the divergence finite
/// where the list lacks a category, and is 0.01 unless set. Time is in proportion to candidates times `k` times categories.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_hybrid::{Calibration, category_distribution};
///
/// let list = [("heat", 0.9), ("ronin", 0.8), ("speed", 0.7), ("emma", 0.6)];
/// let list = RankedList::new(list.map(|(id, score)| Hit { id: id.into(), score }))?;
/// let (action, romance) = (vec![(0, 1.0)], vec![(1, 1.0)]);
/// let categories = [action.clone(), action.clone(), action.clone(), romance.clone()];
///
/// // Two of three films that the user saw were action.
/// let history = [(1.0, &action[..]), (1.0, &action[..]), (1.0, &romance[..])];
/// let liked = category_distribution(history, 2);
/// let ids = |hits: Vec<Hit>| hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>();
/// assert_eq!(ids(Calibration::new(0.0).rerank(&list, &categories, &liked, 3)?), ["heat", "ronin", "speed"]);
/// assert_eq!(ids(Calibration::new(0.5).rerank(&list, &categories, &liked, 3)?), ["heat", "emma", "ronin"]);
/// # Ok::<(), rec_hybrid::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    lambda: f64,
    alpha: f64,
}

impl Calibration {
    /// From `lambda = 0`, the list as it is, to 1, the categories alone.
    ///
    /// # Panics
    ///
    /// `lambda` is not from 0 to 1.
    #[must_use]
    pub fn new(lambda: f64) -> Calibration {
        assert!((0.0..=1.0).contains(&lambda), "a lambda of {lambda}, which is not from 0 to 1");
        Calibration { lambda, alpha: 0.01 }
    }

    /// Sets the smoothing.
    ///
    /// # Panics
    ///
    /// `alpha` is not above 0 and at most 1.
    #[must_use]
    pub fn with_alpha(self, alpha: f64) -> Calibration {
        assert!(alpha > 0.0 && alpha <= 1.0, "an alpha of {alpha}, which is not above 0 and at most 1");
        Calibration { alpha, ..self }
    }

    /// The divergence `KL(p, q')` of a list, whose categories are `q`, from what the user likes, `p`; at least 0, and 0 if and only
    /// if they agree (for `alpha < 1`).
    ///
    /// # Panics
    ///
    /// `p` and `q` have not the same length.
    #[must_use]
    pub fn divergence(&self, p: &[f64], q: &[f64]) -> f64 {
        assert_eq!(p.len(), q.len(), "categories of the user, and of the list");
        let term = |(&p, &q): (&f64, &f64)| match p > 0.0 {
            true => p * (p / ((1.0 - self.alpha) * q + self.alpha * p)).ln(),
            false => 0.0,
        };
        p.iter().zip(q).map(term).sum()
    }

    /// The `k` items of the greedy search, in the order of selection, with their scores; ties go to the better rank.
    ///
    /// `categories` has for each candidate, by its place in the list, categories with their shares, and `liked` the distribution of
    /// the user's. An item may have no category. A user without any (all of `liked` 0) gets the list as it is.
    ///
    /// # Errors
    ///
    /// A score that is infinite ([`Error::is_not_finite`]), or not as many categories as candidates.
    ///
    /// # Panics
    ///
    /// A category is beyond the length of `liked`.
    pub fn rerank(
        &self,
        candidates: &RankedList,
        categories: &[Vec<(usize, f64)>],
        liked: &[f64],
        k: usize,
    ) -> Result<Vec<Hit>, Error> {
        let (found, expected) = (categories.len(), candidates.len());
        if found != expected {
            return Err(Kind::Length { what: "the categories of the candidates", found, expected }.into());
        }
        if let Some(hit) = candidates.iter().find(|hit| !hit.score.is_finite()) {
            let what = format!("the score of `{}`", hit.id);
            return Err(Kind::NotFinite { what, value: hit.score.into() }.into());
        }
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        let (mut sums, mut picked) = (vec![0.0; liked.len()], Vec::new());
        while picked.len() < k {
            let n = (picked.len() + 1) as f64;
            let value = |(at, &place): (usize, &usize)| {
                let mut list = sums.clone();
                categories[place].iter().for_each(|&(category, share)| list[category] += share);
                list.iter_mut().for_each(|sum| *sum /= n);
                // The scores of those picked are the same for all candidates.
                let score = f64::from(candidates[place].score);
                (at, (1.0 - self.lambda) * score - self.lambda * self.divergence(liked, &list))
            };
            let Some(at) = first_greatest(left.iter().enumerate().map(value)) else { break };
            let place = left.remove(at);
            categories[place].iter().for_each(|&(category, share)| sums[category] += share);
            picked.push(candidates[place].clone());
        }
        Ok(picked)
    }
}

/// How much of a history each category is: `p_g = sum_i w_i p(g | i) / sum_i w_i` over its items, which have weights and categories
/// with shares (Steck 2018, equation 2).
///
/// Weights that are not positive are left out; without any the result is all 0. Shares of an item are taken as they are, and usually
/// add up to 1.
///
/// ```
/// use rec_hybrid::category_distribution;
///
/// let history = [(3.0, &[(0, 1.0)][..]), (1.0, &[(0, 0.5), (1, 0.5)][..])];
/// assert_eq!(category_distribution(history, 2), [0.875, 0.125]);
/// assert_eq!(category_distribution([], 2), [0.0, 0.0]);
/// ```
///
/// # Panics
///
/// A category is not below `n_categories`.
#[must_use]
pub fn category_distribution<'a>(
    history: impl IntoIterator<Item = (f64, &'a [(usize, f64)])>,
    n_categories: usize,
) -> Vec<f64> {
    let (mut sums, mut total) = (vec![0.0; n_categories], 0.0);
    for (weight, categories) in history {
        if weight > 0.0 {
            categories.iter().for_each(|&(category, share)| sums[category] += weight * share);
            total += weight;
        }
    }
    if total > 0.0 {
        sums.iter_mut().for_each(|sum| *sum /= total);
    }
    sums
}
