use rec_core::VectorTable;
use rec_data::{Hit, RankedList};

use crate::error::Kind;
use crate::{Error, kernel};

/// Maximal marginal relevance: picks `k` items that are relevant and unlike each other.
///
/// One after another, with `S` the items picked so far, it takes
///
/// ```text
/// argmax over i not in S of  lambda * score(i) - (1 - lambda) * max over j in S of cos(x_i, x_j)
/// ```
///
/// (the second term is 0 while `S` is empty). `lambda = 1` keeps the list as it is; the smaller `lambda`, the more diverse.
/// Of equal values the item that ranks first wins. The result is in the order of selection, with the original scores, so
/// scores need not descend. It takes `O(n k)` similarities for `n` candidates: pass the best 100 or so.
///
/// The cosine is between -1 and 1, and scores are taken as they are: `lambda` means what the paper says for scores of that
/// scale, such as cosines. Larger logits need a smaller `lambda`. The zero vector has cosine 0 with everything.
///
/// Carbonell and Goldstein: *The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries*,
/// SIGIR 1998.
///
/// # Errors
///
/// `lambda` is not between 0 and 1, a candidate has no vector ([`Error::is_unknown_item`]), or a score is infinite.
///
/// ```
/// use rec_core::{Fingerprint, VectorTable};
/// use rec_data::{Hit, RankedList};
/// use rec_score::mmr;
///
/// let items = VectorTable::from_rows(
///     Fingerprint::declared("genre"),
///     [("dune", [1.0, 0.0]), ("dune 2", [1.0, 0.0]), ("emma", [0.0, 1.0])],
/// )?;
/// let scores = [("dune", 0.9), ("dune 2", 0.8), ("emma", 0.3)];
/// let list = RankedList::new(scores.map(|(id, score)| Hit { id: id.into(), score }))?;
/// let ids = |hits: Vec<Hit>| hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>();
/// assert_eq!(ids(mmr(&list, &items, 1.0, 2)?), ["dune", "dune 2"]);
/// assert_eq!(ids(mmr(&list, &items, 0.5, 2)?), ["dune", "emma"]);
/// # Ok::<(), rec_score::Error>(())
/// ```
pub fn mmr(candidates: &RankedList, vectors: &VectorTable, lambda: f32, k: usize) -> Result<Vec<Hit>, Error> {
    struct Candidate<'a> {
        hit: &'a Hit,
        unit: Vec<f32>,
        /// `max over j in S of cos(x_i, x_j)`, kept up to date.
        nearest: Option<f32>,
    }

    if !(0.0..=1.0).contains(&lambda) {
        return Err(Kind::Lambda(lambda).into());
    }
    let mut left = Vec::with_capacity(candidates.len());
    for hit in candidates {
        if !hit.score.is_finite() {
            return Err(Kind::Score { id: hit.id.clone() }.into());
        }
        let vector = vectors.get(&hit.id).ok_or_else(|| Kind::Unknown(hit.id.clone()))?;
        left.push(Candidate { hit, unit: kernel::normalised(&vector), nearest: None });
    }

    let mut picked: Vec<Hit> = Vec::with_capacity(k.min(left.len()));
    while picked.len() < k {
        let value = |c: &Candidate<'_>| lambda * c.hit.score - (1.0 - lambda) * c.nearest.unwrap_or(0.0);
        // `left` stays in rank order, and only a greater value replaces: ties go to the better rank.
        let mut best: Option<(usize, f32)> = None;
        for (at, value) in left.iter().map(value).enumerate() {
            if best.is_none_or(|(_, greatest)| value > greatest) {
                best = Some((at, value));
            }
        }
        let Some((at, _)) = best else { break };
        let chosen = left.remove(at);
        for candidate in &mut left {
            let cosine = kernel::dot(&candidate.unit, &chosen.unit);
            candidate.nearest = Some(candidate.nearest.map_or(cosine, |nearest| nearest.max(cosine)));
        }
        picked.push(chosen.hit.clone());
    }
    Ok(picked)
}
