//! What to compute, and the results of one user.

use rec_data::{Id, RankedList};

use crate::beyond::BeyondAccuracy;
use crate::error::Error;
use crate::groups::Groups;
use crate::judged::{JudgedList, Ties};
use crate::metric::RankingMetric;
use crate::relevance::Relevant;

/// What an evaluator computes: all that judging one user's list needs to know.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) metrics: Vec<RankingMetric>,
    pub(crate) ties: Ties,
    pub(crate) beyond: Option<BeyondAccuracy<'a>>,
    pub(crate) user_groups: Vec<Groups>,
    pub(crate) item_groups: Vec<Groups>,
}

/// What one user's list came to.
pub(crate) struct Judgement {
    pub(crate) has_truth: bool,
    /// One per column; NaN where undefined.
    pub(crate) values: Vec<f64>,
    /// The ranking metrics by groups of items, for the groups that have relevant items: grouping, group, values.
    pub(crate) by_item_group: Vec<(usize, usize, Vec<f64>)>,
    /// The items that beyond-accuracy measures look at.
    pub(crate) shown: Vec<Id>,
    /// For each cut-off, whether items within it have equal scores, and whether items on its two sides do.
    pub(crate) ties: Vec<(bool, bool)>,
}

impl Plan<'_> {
    /// The columns: their names, and whether they skip users without relevant items.
    pub(crate) fn columns(&self) -> Vec<(String, bool)> {
        let ranking = self.metrics.iter().map(|metric| (metric.to_string(), true));
        let beyond = self.beyond.iter().flat_map(|beyond| {
            let named = |measure: crate::beyond::Measure| (measure.name(beyond.k()), measure.needs_truth());
            beyond.measures().into_iter().map(named).collect::<Vec<_>>()
        });
        ranking.chain(beyond).collect()
    }

    /// The distinct cut-offs, ascending; that of a whole list is the last, and larger than any list.
    pub(crate) fn cutoffs(&self) -> Vec<usize> {
        let mut cutoffs: Vec<usize> =
            self.metrics.iter().map(|metric| metric.cutoff().unwrap_or(usize::MAX)).collect();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        cutoffs
    }

    pub(crate) fn judge(
        &self,
        user: &Id,
        list: &RankedList,
        relevant: &Relevant,
    ) -> Result<Judgement, Error> {
        let mut values = self.ranking_values(list, relevant);
        let mut shown = Vec::new();
        if let Some(beyond) = &self.beyond {
            shown = list.iter().take(beyond.k()).map(|hit| hit.id.clone()).collect();
            for measure in beyond.measures() {
                values.push(measure.value(user, &shown, relevant)?.unwrap_or(f64::NAN));
            }
        }
        let mut by_item_group = Vec::new();
        for (grouping, groups) in self.item_groups.iter().enumerate() {
            for (group, relevant) in relevant.split(groups).into_iter().enumerate() {
                if !relevant.is_empty() {
                    by_item_group.push((grouping, group, self.ranking_values(list, &relevant)));
                }
            }
        }
        let ties = self.cutoffs().into_iter().map(|k| ties(list, k)).collect();
        Ok(Judgement { has_truth: !relevant.is_empty(), values, by_item_group, shown, ties })
    }

    fn ranking_values(&self, list: &RankedList, relevant: &Relevant) -> Vec<f64> {
        let judged = JudgedList::new(list, relevant, self.ties);
        self.metrics.iter().map(|metric| metric.value(&judged).unwrap_or(f64::NAN)).collect()
    }
}

/// Whether two of the first `k` items have equal scores, and whether the last of them and the next one do.
fn ties(list: &RankedList, k: usize) -> (bool, bool) {
    let first = &list[..k.min(list.len())];
    let within = first.windows(2).any(|pair| pair[0].score == pair[1].score);
    let next = list.get(k).map(|hit| hit.score);
    (within, next.is_some() && first.last().map(|hit| hit.score) == next)
}
