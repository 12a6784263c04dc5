//! Scores of different models on one scale.

/// How the scores of a model are made comparable with those of another.
///
/// Every one of them keeps the order of the scores. They work on what is ranked: the unseen items for a
/// [`Blend`](crate::Blend), the list itself for [`fuse`](crate::fuse).
///
/// ```
/// use rec_hybrid::Normalization;
///
/// let normalized = |normalization: Normalization| {
///     let mut scores = [3.0, 1.0, 2.0];
///     normalization.apply(&mut scores);
///     scores
/// };
/// assert_eq!(normalized(Normalization::MinMax), [1.0, 0.0, 0.5]);
/// assert_eq!(normalized(Normalization::ZScore), [1.5f32.sqrt(), -1.5f32.sqrt(), 0.0]);
/// assert_eq!(normalized(Normalization::Rank), [1.0, 1.0 / 3.0, 2.0 / 3.0]);
/// assert_eq!(normalized(Normalization::ReciprocalRank { k: 60.0 }), [1.0 / 61.0, 1.0 / 63.0, 1.0 / 62.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Normalization {
    /// As they are.
    None,
    /// `(s - min) / (max - min)`, from 0 to 1. If all are equal: 0.
    MinMax,
    /// `(s - mean) / deviation`, the standard deviation being that of all scores (divided by `n`). If all are equal: 0.
    #[default]
    ZScore,
    /// `1 - (rank - 1) / n`, from 1 for the best of `n` to `1 / n` for the last. Of equal scores the earlier ranks first.
    Rank,
    /// `1 / (k + rank)`, the best having rank 1: what reciprocal rank fusion adds up. Of equal scores the earlier ranks first.
    ReciprocalRank {
        /// How little the first ranks stand out; 60 in the paper of [`reciprocal_rank_fusion`](crate::reciprocal_rank_fusion).
        k: f32,
    },
}

impl Normalization {
    /// Normalises scores in place, in `f64`, rounded once. No scores stay none; NaN makes NaN.
    pub fn apply(self, scores: &mut [f32]) {
        let n = scores.len() as f64;
        match self {
            Normalization::None => {}
            Normalization::MinMax => {
                let of =
                    |fold: fn(f32, f32) -> f32, start| f64::from(scores.iter().copied().fold(start, fold));
                let (min, max) = (of(f32::min, f32::INFINITY), of(f32::max, f32::NEG_INFINITY));
                map(scores, |score| if max > min { (score - min) / (max - min) } else { flat(score) });
            }
            Normalization::ZScore => {
                let mean = scores.iter().map(|&score| f64::from(score)).sum::<f64>() / n;
                let square = |&score: &f32| (f64::from(score) - mean) * (f64::from(score) - mean);
                let deviation = (scores.iter().map(square).sum::<f64>() / n).sqrt();
                // Equal scores differ from their mean by its rounding at most.
                let is_flat = deviation <= f64::EPSILON * mean.abs();
                map(scores, |score| if is_flat { flat(score) } else { (score - mean) / deviation });
            }
            Normalization::Rank => by_rank(scores, |rank| 1.0 - (rank - 1.0) / n),
            Normalization::ReciprocalRank { k } => by_rank(scores, |rank| 1.0 / (f64::from(k) + rank)),
        }
    }
}

/// What a score among equal ones is worth.
fn flat(score: f64) -> f64 {
    if score.is_finite() { 0.0 } else { f64::NAN }
}

fn map(scores: &mut [f32], value: impl Fn(f64) -> f64) {
    scores.iter_mut().for_each(|score| *score = value(f64::from(*score)) as f32);
}

fn by_rank(scores: &mut [f32], value: impl Fn(f64) -> f64) {
    for (place, rank) in ranks(scores).into_iter().enumerate() {
        scores[place] = if scores[place].is_nan() { f32::NAN } else { value(f64::from(rank)) as f32 };
    }
}

/// The rank of each score, the best having rank 1; of equal scores the earlier ranks first.
pub(crate) fn ranks(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    // Adding zero makes -0 and 0 equal. The sort is stable.
    order.sort_by(|&a, &b| (scores[b as usize] + 0.0).total_cmp(&(scores[a as usize] + 0.0)));
    let mut ranks = vec![0; scores.len()];
    for (rank, place) in (1..).zip(order) {
        ranks[place as usize] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_and_no_scores_are_harmless() {
        for normalization in [Normalization::MinMax, Normalization::ZScore] {
            let mut scores = [0.1; 7];
            normalization.apply(&mut scores);
            assert_eq!(scores, [0.0; 7]);
            normalization.apply(&mut []);
        }
        assert_eq!(ranks(&[0.0, 1.0, -0.0, 1.0]), [3, 1, 4, 2]);
    }

    #[test]
    fn nan_is_not_hidden() {
        let all = [Normalization::MinMax, Normalization::ZScore, Normalization::Rank];
        for normalization in all {
            let mut scores = [1.0, f32::NAN, 2.0];
            normalization.apply(&mut scores);
            assert!(scores[1].is_nan(), "{normalization:?}");
        }
    }
}
