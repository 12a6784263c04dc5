//! The formulas of the ranking metrics, and their names.

use crate::metric::RankingMetric;

/// What a ranking metric computes from one user's list, each denominator in its name.
///
/// `R` are the relevant items of the user, `K` is the cut-off (for the whole list: its length; in `recall_capped`, `map_capped`, `ndcg` and
/// `ndcg_exp`, whose best list is not bounded then, infinity), `hits` are the relevant items
/// among the first `K`, `g(r)` is the gain of the item at rank `r = 1, 2, ...`, 0 if it is not relevant, and `g*(r)` that of
/// the relevant items in descending order. All are larger for better lists.
///
/// Libraries use one name for different formulas, and some of these formulas mislead; they are here, under names of their
/// own, so that published numbers can be repeated. If in doubt take [`Ndcg`](Formula::Ndcg) and [`Recall`](Formula::Recall).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Formula {
    /// `precision`: `hits / K`, also if the list is shorter than `K`. (Microsoft Recommenders, RecBole.)
    Precision,
    /// `precision_of_list`: `hits / min(K, length of the list)`; undefined for an empty list. (LensKit, Gorse.) A model gains
    /// by showing less.
    PrecisionOfList,
    /// `recall`: `hits / |R|`. (RecBole, Microsoft Recommenders, Gorse.) Below 1 for any list if `|R| > K`.
    Recall,
    /// `recall_capped`: `hits / min(|R|, K)`. (LensKit's recall; implicit's "precision" is the same, but of the sums over all
    /// users.) It may fall as `K` grows.
    RecallCapped,
    /// `f1`: `2 hits / (K + |R|)`, the harmonic mean of `precision` and `recall`.
    F1,
    /// `hit_rate`: 1 if there is a hit, and else 0.
    HitRate,
    /// `r_precision`: hits among the first `min(|R|, K)` items, divided by `|R|`. (trec_eval, without a cut-off; Microsoft
    /// Recommenders.)
    RPrecision,
    /// `map`: average precision, the sum over the hits of the precision at their ranks, divided by `|R|`. (trec_eval;
    /// Microsoft Recommenders' `map`.)
    Map,
    /// `map_capped`: the same sum divided by `min(|R|, K)`. (RecBole, implicit; Microsoft Recommenders' `map_at_k`.)
    MapCapped,
    /// `map_hits`: the same sum divided by the number of hits, and 0 without hits. (LibRecommender.) Misleading: relevant
    /// items that the list misses cost nothing.
    MapHits,
    /// `map_k`: the same sum divided by `K`. Below 1 for any list if `|R| < K`.
    MapK,
    /// `mrr`: the reciprocal rank of the first hit, `1 / r`, and 0 without hits.
    Mrr,
    /// `mrr_mind`: the sum over the hits of `1 / r`, divided by `|R|`. (What the MIND news challenge calls MRR.) Below 1 for any
    /// list if `|R| > 1`.
    MrrMind,
    /// `dcg`: discounted cumulative gain, the sum of `g(r) / log2(r + 1)`. Järvelin and Kekäläinen, "Cumulated gain-based
    /// evaluation of IR techniques" (TOIS 2002), in the form of Burges et al. (ICML 2005). Its scale is that of the gains.
    Dcg,
    /// `dcg_exp`: `dcg` with the gain `2^g - 1`. Burges et al., "Learning to rank using gradient descent" (ICML 2005).
    DcgExp,
    /// `ndcg`: `dcg` divided by the `dcg` of the best list, the sum of `g*(r) / log2(r + 1)` over the first `min(|R|, K)`
    /// ranks. (RecBole, Microsoft Recommenders, ranx, implicit.) 1 if and only if the gains are in the ideal order.
    Ndcg,
    /// `ndcg_exp`: `ndcg` with the gain `2^g - 1`. For binary relevance the same as `ndcg`.
    NdcgExp,
    /// `ndcg_lenskit`: `ndcg` with the discount `1 / log2(max(r, 2))`: ranks 1 and 2 weigh the same. (LensKit; the discount of
    /// Järvelin and Kekäläinen.)
    NdcgLenskit,
    /// `ndcg_hits`: `dcg` divided by that of the best order of the list's own first `K` items, and 0 without hits.
    /// (LibRecommender, ComiRec.) Misleading: relevant items that the list misses cost nothing, and one hit at rank 1 gives 1.
    NdcgHits,
    /// `ndcg_k_ideal`: `dcg` divided by that of `K` items of the user's greatest gain. Below 1 for any list if `|R| < K`. The only
    /// formula that takes time in proportion to `K` where lists are shorter.
    NdcgKIdeal,
}

impl Formula {
    /// All formulas.
    pub const ALL: [Formula; 20] = [
        Formula::Precision,
        Formula::PrecisionOfList,
        Formula::Recall,
        Formula::RecallCapped,
        Formula::F1,
        Formula::HitRate,
        Formula::RPrecision,
        Formula::Map,
        Formula::MapCapped,
        Formula::MapHits,
        Formula::MapK,
        Formula::Mrr,
        Formula::MrrMind,
        Formula::Dcg,
        Formula::DcgExp,
        Formula::Ndcg,
        Formula::NdcgExp,
        Formula::NdcgLenskit,
        Formula::NdcgHits,
        Formula::NdcgKIdeal,
    ];

    /// The name in tables, files and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Formula::Precision => "precision",
            Formula::PrecisionOfList => "precision_of_list",
            Formula::Recall => "recall",
            Formula::RecallCapped => "recall_capped",
            Formula::F1 => "f1",
            Formula::HitRate => "hit_rate",
            Formula::RPrecision => "r_precision",
            Formula::Map => "map",
            Formula::MapCapped => "map_capped",
            Formula::MapHits => "map_hits",
            Formula::MapK => "map_k",
            Formula::Mrr => "mrr",
            Formula::MrrMind => "mrr_mind",
            Formula::Dcg => "dcg",
            Formula::DcgExp => "dcg_exp",
            Formula::Ndcg => "ndcg",
            Formula::NdcgExp => "ndcg_exp",
            Formula::NdcgLenskit => "ndcg_lenskit",
            Formula::NdcgHits => "ndcg_hits",
            Formula::NdcgKIdeal => "ndcg_k_ideal",
        }
    }

    /// The metric of this formula that looks at the first `k` items.
    ///
    /// ```
    /// use rec_eval::Formula;
    ///
    /// assert_eq!(Formula::Ndcg.at(10).to_string(), "ndcg@10");
    /// ```
    ///
    /// # Panics
    ///
    /// If `k` is 0.
    #[must_use]
    pub fn at(self, k: usize) -> RankingMetric {
        RankingMetric::new(self, Some(k))
    }

    /// The metric of this formula that looks at the whole list, of whatever length.
    #[must_use]
    pub fn of_whole_list(self) -> RankingMetric {
        RankingMetric::new(self, None)
    }

    pub(crate) fn from_name(name: &str) -> Option<Formula> {
        Formula::ALL.into_iter().find(|formula| formula.name() == name)
    }
}
