//! Diversity by the volume that items span.

use rec_data::{Hit, RankedList};

use super::first_greatest;
use crate::error::{Error, Kind};

/// What is left of an item's own similarity below which the item counts as a copy of those picked: rounding of `f64`.
const EPSILON: f64 = 1e-10;

/// Re-ranks by a determinantal point process: picks `k` items that are relevant and jointly unlike each other.
///
/// One after another, with `S` the similarities and `Y` the items picked so far, it takes
///
/// ```text
/// argmax over i not in Y of  theta * score(i) + (1 - theta) * (log det S(Y + i) - log det S(Y))
/// ```
///
/// which is the greedy search for the most probable set under `log P(Y) = theta * sum of scores + (1 - theta) * log det S(Y)`:
/// Chen, Zhang and Zhou: *Fast Greedy MAP Inference for Determinantal Point Process to Improve Recommendation Diversity*, NeurIPS
/// 2018, algorithm 1 and equation 10. Determinants are kept as rows of a Cholesky factor, `O(n k^2)` in all and `n k` calls of
/// `similarity` for `n` candidates.
///
/// `theta = 1` keeps the list as it is; the smaller `theta`, the more diverse. `similarity(a, b)` is that of the candidates at
/// the places `a` and `b` of the list: symmetric, 1 for an item with itself, and positive semidefinite, as cosines are. Items
/// that those picked span already (less than 1e-10 is left of their own similarity) come last, by score. Of equal values the
/// item that ranks first wins. The result is in the order of selection, with the original scores.
///
/// # Errors
///
/// A score or a similarity that is not finite ([`Error::is_not_finite`]).
///
/// # Panics
///
/// `theta` is not from 0 to 1.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_hybrid::determinantal;
///
/// let list = [("dune", 0.9), ("dune 2", 0.8), ("emma", 0.3)];
/// let list = RankedList::new(list.map(|(id, score)| Hit { id: id.into(), score }))?;
/// let similarity = |a: usize, b: usize| match (a, b) {
///     (a, b) if a == b => 1.0,
///     (0 | 1, 0 | 1) => 0.95,
///     _ => 0.0,
/// };
/// let ids = |hits: Vec<Hit>| hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>();
/// assert_eq!(ids(determinantal(&list, similarity, 1.0, 2)?), ["dune", "dune 2"]);
/// assert_eq!(ids(determinantal(&list, similarity, 0.5, 2)?), ["dune", "emma"]);
/// # Ok::<(), rec_hybrid::Error>(())
/// ```
pub fn determinantal(
    candidates: &RankedList,
    similarity: impl Fn(usize, usize) -> f64,
    theta: f64,
    k: usize,
) -> Result<Vec<Hit>, Error> {
    struct Candidate {
        /// A row of the Cholesky factor: a value for each item picked.
        factor: Vec<f64>,
        /// What the items picked leave of the item's own similarity: the ratio of the determinants with and without it.
        left: f64,
        is_picked: bool,
    }

    assert!((0.0..=1.0).contains(&theta), "a theta of {theta}, which is not from 0 to 1");
    let finite = |value: f64, place: usize, what: &str| match value.is_finite() {
        true => Ok(value),
        false => {
            let what = format!("the {what} of `{}`", candidates[place].id);
            Err(Error::from(Kind::NotFinite { what, value }))
        }
    };
    let mut all = Vec::with_capacity(candidates.len());
    for (place, hit) in candidates.iter().enumerate() {
        finite(hit.score.into(), place, "score")?;
        let left = finite(similarity(place, place), place, "similarity")?;
        all.push(Candidate { factor: Vec::new(), left, is_picked: false });
    }
    let n_picked = k.min(candidates.len());
    let mut picked = Vec::with_capacity(n_picked);
    while picked.len() < n_picked {
        let value = |(place, candidate): (usize, &Candidate)| {
            let relevance = theta * f64::from(candidates[place].score);
            // Not 0 times negative infinity.
            let diversity = if theta < 1.0 { (1.0 - theta) * candidate.left.ln() } else { 0.0 };
            (place, relevance + diversity)
        };
        let is_new = |candidate: &Candidate| theta == 1.0 || candidate.left > EPSILON;
        let open = all.iter().enumerate().filter(|(_, candidate)| !candidate.is_picked && is_new(candidate));
        let Some(place) = first_greatest(open.map(value)) else { break };
        all[place].is_picked = true;
        picked.push(place);
        if theta < 1.0 {
            let root = all[place].left.sqrt();
            let row = std::mem::take(&mut all[place].factor);
            for (other, candidate) in all.iter_mut().enumerate().filter(|(_, candidate)| !candidate.is_picked)
            {
                let similarity = finite(similarity(place, other), other, "similarity")?;
                let known: f64 = row.iter().zip(&candidate.factor).map(|(a, b)| a * b).sum();
                let next = (similarity - known) / root;
                candidate.factor.push(next);
                candidate.left -= next * next;
            }
        }
    }
    let copies = (0..all.len()).filter(|&place| !all[place].is_picked).take(n_picked - picked.len());
    Ok(picked.into_iter().chain(copies).map(|place| candidates[place].clone()).collect())
}
