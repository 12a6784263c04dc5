//! Lists into one list.

use std::collections::BTreeMap;

use rec_data::{Hit, Id, RankedList};

use crate::error::Error;
use crate::normalization::Normalization;

/// How the normalised scores of an item in several lists become one. A list that has not got the item adds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Combination {
    /// Their sum.
    #[default]
    Sum,
    /// Their sum times the number of lists that have the item.
    MultipliedSum,
}

/// Fuses ranked lists: CombSUM and CombMNZ of normalised scores.
///
/// Fox and Shaw: *Combination of Multiple Searches*, TREC-2, 1994, table 1; for the normalisation, Lee: *Analyses of Multiple
/// Evidence Combination*, SIGIR 1997. The result has every item that some list has. No lists give an empty list. Sums are in
/// the order of the lists, in `f64`, rounded once.
///
/// # Errors
///
/// A fused score that is NaN, from scores that are infinite.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_hybrid::{Combination, Normalization, fuse};
///
/// let list = |hits: &[(&str, f32)]| {
///     RankedList::new(hits.iter().map(|&(id, score)| Hit { id: id.into(), score }))
/// };
/// let lists = [
///     list(&[("dune", 9.0), ("emma", 5.0), ("solaris", 1.0)])?,
///     list(&[("brave", 0.75), ("emma", 0.5), ("dune", 0.25)])?,
/// ];
/// let fused = fuse(&lists, Normalization::MinMax, Combination::Sum)?;
/// assert!(fused.iter().map(|hit| hit.id.as_str()).eq(["brave", "dune", "emma", "solaris"]));
/// assert_eq!((fused[1].score, fused[3].score), (1.0, 0.0));
///
/// let fused = fuse(&lists, Normalization::MinMax, Combination::MultipliedSum)?;
/// assert_eq!((fused[0].id.as_str(), fused[0].score), ("dune", 2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fuse(
    lists: &[RankedList],
    normalization: Normalization,
    combination: Combination,
) -> Result<RankedList, Error> {
    let mut sums: BTreeMap<&Id, (f64, u32)> = BTreeMap::new();
    for list in lists {
        let mut scores: Vec<f32> = list.iter().map(|hit| hit.score).collect();
        normalization.apply(&mut scores);
        for (hit, score) in list.iter().zip(scores) {
            let (sum, n_lists) = sums.entry(&hit.id).or_default();
            *sum += f64::from(score);
            *n_lists += 1;
        }
    }
    let hits = sums.into_iter().map(|(id, (sum, n_lists))| {
        let score = match combination {
            Combination::Sum => sum,
            Combination::MultipliedSum => sum * f64::from(n_lists),
        };
        Hit { id: id.clone(), score: score as f32 }
    });
    Ok(RankedList::new(hits)?)
}

/// Reciprocal rank fusion: the score of an item is the sum of `1 / (k + rank)` over the lists that have it.
///
/// Cormack, Clarke and Büttcher: *Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods*, SIGIR
/// 2009, section 1, with `k = 60` there. It needs no scores that are comparable, and therefore no normalisation.
///
/// # Errors
///
/// `k` is NaN.
///
/// ```
/// use rec_data::{Hit, RankedList};
/// use rec_hybrid::reciprocal_rank_fusion;
///
/// let list = |ids: [&str; 3]| {
///     RankedList::new(ids.iter().zip([3.0, 2.0, 1.0]).map(|(&id, score)| Hit { id: id.into(), score }))
/// };
/// let fused = reciprocal_rank_fusion(&[list(["dune", "emma", "solaris"])?, list(["emma", "dune", "brave"])?], 60.0)?;
/// assert!(fused.iter().map(|hit| hit.id.as_str()).eq(["dune", "emma", "brave", "solaris"]));
/// assert_eq!(fused[0].score, (1.0 / 61.0 + 1.0 / 62.0) as f32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reciprocal_rank_fusion(lists: &[RankedList], k: f32) -> Result<RankedList, Error> {
    fuse(lists, Normalization::ReciprocalRank { k }, Combination::Sum)
}
