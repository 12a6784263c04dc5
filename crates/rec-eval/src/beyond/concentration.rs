//! Whether a few items get all the recommendations.

/// The Gini coefficient of how often items were recommended: 0 if all equally often, near 1 if one item gets everything.
///
/// With the `n` counts ascending, `x_1 <= ... <= x_n`, it is the sum of `(2 i - n - 1) x_i` divided by `n` times the sum of the
/// `x_i`. Items that were never recommended count, as zeros: without them a model that recommends one item to everybody
/// would have the best value. `None` if all counts are 0. (RecBole's `giniindex`.)
///
/// ```
/// use rec_eval::gini;
///
/// assert_eq!(gini(&[5, 5, 5, 5]), Some(0.0));
/// assert_eq!(gini(&[0, 0, 0, 20]), Some(0.75));
/// assert_eq!(gini(&[0, 0]), None);
/// ```
#[must_use]
pub fn gini(counts: &[u64]) -> Option<f64> {
    let mut recommended: Vec<u64> = counts.iter().copied().filter(|count| *count > 0).collect();
    gini_among(&mut recommended, counts.len())
}

/// The Gini coefficient of counts, all above 0, and of zeros for the rest of `n` items. Sorts the counts.
pub(crate) fn gini_among(recommended: &mut [u64], n: usize) -> Option<f64> {
    recommended.sort_unstable();
    let total: f64 = recommended.iter().map(|count| *count as f64).sum();
    let n_zeros = n - recommended.len();
    let place = |i: usize| 2.0 * (n_zeros + i + 1) as f64 - n as f64 - 1.0;
    let sum: f64 = recommended.iter().enumerate().map(|(i, count)| place(i) * *count as f64).sum();
    (total > 0.0).then(|| sum / (n as f64 * total))
}

/// The Shannon entropy of how often items were recommended, in bits: the sum of `-p log2(p)`, where `p` is the share of an
/// item in all recommendations.
///
/// 0 if all are of one item, `log2(n)` if `n` items are recommended equally often; items never recommended change nothing.
/// `None` if all counts are 0. In nats it is `ln 2` times as much. (Microsoft Recommenders' distributional coverage, in bits.
/// RecBole's `shannonentropy` is in nats and divided by the number of distinct items.)
///
/// ```
/// use rec_eval::entropy_bits;
///
/// assert_eq!(entropy_bits(&[3, 3, 3, 3, 0]), Some(2.0));
/// assert_eq!(entropy_bits(&[7]), Some(0.0));
/// assert_eq!(entropy_bits(&[]), None);
/// ```
#[must_use]
pub fn entropy_bits(counts: &[u64]) -> Option<f64> {
    let total: f64 = counts.iter().map(|count| *count as f64).sum();
    let shares = counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / total);
    // The negative of each term, not of the sum: one item alone is to give 0 and not -0.
    (total > 0.0).then(|| shares.map(|share| share * (1.0 / share).log2()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_is_shared_equally() {
        assert_eq!(gini(&[9]), Some(0.0));
        assert_eq!(gini(&[]), None);
        assert_eq!(entropy_bits(&[9]).map(f64::to_bits), Some(0.0f64.to_bits()));
    }
}
