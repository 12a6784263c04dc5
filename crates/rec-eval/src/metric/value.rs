//! The values of the formulas for one list. What has no value is NaN or infinite here, and undefined for the caller.

use crate::judged::JudgedList;
use crate::metric::Formula;

/// The value at a cut-off, or of the whole list; `None` if the formula has no expected value and there are ties.
pub(crate) fn value(formula: Formula, list: &JudgedList, cutoff: Option<usize>) -> Option<f64> {
    // A whole list is as long as it is, but the best list is not: a short one gains nothing from leaving out what is relevant.
    let (k, limit) = (cutoff.unwrap_or(list.len()), cutoff.unwrap_or(usize::MAX));
    let depth = k.min(list.len());
    let n_relevant = list.n_relevant();
    let ratio = |numerator: f64, denominator: usize| numerator / denominator as f64;
    Some(match formula {
        Formula::Precision => ratio(hits(list, depth), k),
        Formula::PrecisionOfList => ratio(hits(list, depth), depth),
        Formula::Recall => ratio(hits(list, depth), n_relevant),
        Formula::RecallCapped => ratio(hits(list, depth), n_relevant.min(limit)),
        // The sum of the two could overflow.
        Formula::F1 => 2.0 * hits(list, depth) / (k as f64 + n_relevant as f64),
        Formula::HitRate => first_hit(list, depth, |_| 1.0),
        Formula::RPrecision => ratio(hits(list, depth.min(n_relevant)), n_relevant),
        Formula::Map => ratio(summed_precision(list, depth), n_relevant),
        Formula::MapCapped => ratio(summed_precision(list, depth), n_relevant.min(limit)),
        Formula::MapHits => {
            let n_hits = list.known_gains(depth)?.iter().filter(|gain| **gain > 0.0).count();
            ratio(summed_precision(list, depth), n_hits.max(1))
        }
        Formula::MapK => ratio(summed_precision(list, depth), k),
        Formula::Mrr => first_hit(list, depth, reciprocal),
        Formula::MrrMind => ratio(discounted(list, depth, indicator, reciprocal), n_relevant),
        Formula::Dcg => discounted(list, depth, linear, logarithmic),
        Formula::DcgExp => discounted(list, depth, exponential, logarithmic),
        Formula::Ndcg => normalised(list, limit, linear, logarithmic),
        Formula::NdcgExp => normalised(list, limit, exponential, logarithmic),
        Formula::NdcgLenskit => normalised(list, k, linear, lenskit),
        Formula::NdcgHits => {
            let mut own = list.known_gains(depth)?.to_vec();
            own.sort_unstable_by(|a, b| b.total_cmp(a));
            let best = summed(own, linear, logarithmic);
            if best > 0.0 { at_most_1(discounted(list, depth, linear, logarithmic) / best) } else { 0.0 }
        }
        Formula::NdcgKIdeal => {
            let best = summed(std::iter::repeat_n(list.ideal()[0], k), linear, logarithmic);
            at_most_1(discounted(list, depth, linear, logarithmic) / best)
        }
    })
}

fn indicator(gain: f64) -> f64 {
    if gain > 0.0 { 1.0 } else { 0.0 }
}

fn linear(gain: f64) -> f64 {
    gain
}

fn exponential(gain: f64) -> f64 {
    gain.exp2() - 1.0
}

fn reciprocal(rank: usize) -> f64 {
    1.0 / rank as f64
}

fn logarithmic(rank: usize) -> f64 {
    1.0 / ((rank + 1) as f64).log2()
}

fn lenskit(rank: usize) -> f64 {
    1.0 / (rank.max(2) as f64).log2()
}

/// The number of relevant items among the first `depth`.
fn hits(list: &JudgedList, depth: usize) -> f64 {
    discounted(list, depth, indicator, |_| 1.0)
}

/// The sum over the first `depth` ranks of gain times discount.
fn discounted(
    list: &JudgedList,
    depth: usize,
    gain: impl Fn(f64) -> f64,
    discount: impl Fn(usize) -> f64,
) -> f64 {
    let mut sum = 0.0;
    for group in list.groups(depth) {
        let mean = group.mean(&gain);
        if mean > 0.0 {
            sum += group.ranks().map(|rank| mean * discount(rank)).sum::<f64>();
        }
    }
    sum
}

/// The same sum for gains whose order is known.
fn summed(
    gains: impl IntoIterator<Item = f64>,
    gain: impl Fn(f64) -> f64,
    discount: impl Fn(usize) -> f64,
) -> f64 {
    let ranked = (1..).zip(gains).filter(|(_, value)| *value > 0.0);
    ranked.map(|(rank, value)| gain(value) * discount(rank)).sum()
}

/// The discounted sum divided by that of the best list of `k` items.
fn normalised(
    list: &JudgedList,
    k: usize,
    gain: impl Fn(f64) -> f64,
    discount: impl Fn(usize) -> f64,
) -> f64 {
    let best = summed(list.ideal().iter().copied().take(k), &gain, &discount);
    at_most_1(discounted(list, k.min(list.len()), gain, discount) / best)
}

/// Two sums in different orders may differ in the last bit, and no list is better than the best.
fn at_most_1(ratio: f64) -> f64 {
    // Unlike `min`, this keeps NaN.
    if ratio > 1.0 { 1.0 } else { ratio }
}

/// The expected value of what the rank of the first hit is worth; 0 without hits.
///
/// Among `n` items in any order, of which `r` are relevant, the next one is relevant with probability `r / n`; if it is not,
/// `n - 1` remain.
fn first_hit(list: &JudgedList, depth: usize, worth: impl Fn(usize) -> f64) -> f64 {
    let mut no_hit_yet = 1.0;
    let mut expected = 0.0;
    for group in list.groups(depth) {
        let n_relevant = group.n_relevant();
        if n_relevant == 0 {
            continue;
        }
        for (n_before, rank) in group.ranks().enumerate() {
            let hit = n_relevant as f64 / (group.gains.len() - n_before) as f64;
            expected += no_hit_yet * hit * worth(rank);
            no_hit_yet *= 1.0 - hit;
            // The ranks behind a certain hit are not reached; past the last relevant item `hit` would exceed 1.
            if no_hit_yet <= 0.0 {
                return expected;
            }
        }
    }
    expected
}

/// The sum over the hits of the precision at their ranks.
///
/// In a group of `n` items in any order, of which `r` are relevant, position `i` has a relevant one with probability `r / n`,
/// and then `(i - 1) (r - 1) / (n - 1)` of those before it in the group are expected to be. (McSherry and Najork, section 3.)
fn summed_precision(list: &JudgedList, depth: usize) -> f64 {
    let mut n_relevant_before = 0.0;
    let mut sum = 0.0;
    for group in list.groups(depth) {
        let (n, n_relevant) = (group.gains.len() as f64, group.n_relevant() as f64);
        if n_relevant == 0.0 {
            continue;
        }
        let per_place = (n_relevant - 1.0) / (n - 1.0).max(1.0);
        for (n_before, rank) in group.ranks().enumerate() {
            let n_hits = n_relevant_before + n_before as f64 * per_place + 1.0;
            sum += n_relevant / n * (n_hits / rank as f64);
        }
        n_relevant_before += n_relevant;
    }
    sum
}
