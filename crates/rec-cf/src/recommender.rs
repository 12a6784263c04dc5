//! What every model can do.

use std::fmt;

use rayon::prelude::*;
use rec_data::{Hit, IdMap, RankedList, TopK};

use crate::error::{Error, Kind};

/// Scores all items for a history, which is all that a model is told of a user: one whom it has not seen in training needs
/// no more than one whom it has.
///
/// A history is rows of items with weights, oldest first, as [`FoldIn`](crate::FoldIn) makes them. An item may come twice.
/// Models whose scores are sums over the history ([`explain`](Recommender::explain) is `Some`) are indifferent to its
/// order.
///
/// The trait is object safe, and a model of your own needs [`items`](Recommender::items) and
/// [`scores`](Recommender::scores) only:
///
/// ```
/// use rec_cf::Recommender;
/// use rec_data::IdMap;
///
/// /// Likes items near the history.
/// #[derive(Debug)]
/// struct Nearby(IdMap);
///
/// impl Recommender for Nearby {
///     fn items(&self) -> &IdMap {
///         &self.0
///     }
///
///     fn scores(&self, history: &[(usize, f32)], out: &mut [f32]) {
///         for (item, score) in out.iter_mut().enumerate() {
///             *score = history.iter().map(|&(seen, weight)| weight / (1 + seen.abs_diff(item)) as f32).sum();
///         }
///     }
/// }
///
/// let model: Box<dyn Recommender> = Box::new(Nearby(IdMap::try_from_ids(["1", "2", "3", "4"])?));
/// let list = model.top_k(&[(1, 1.0)], 2)?;
/// assert!(list.iter().map(|hit| hit.id.as_str()).eq(["1", "3"]));
/// assert_eq!(list[0].score, 0.5);
///
/// let new_only = model.top_k_where(&[(1, 1.0)], 1, &|item| item >= 3)?;
/// assert_eq!(new_only[0].id, "4");
/// let lists = model.top_k_batch(&[vec![(1, 1.0)], vec![]], 2)?;
/// assert_eq!((&lists[0], lists[1].len()), (&list, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Recommender: fmt::Debug + Send + Sync {
    /// The items that are scored, in the ascending order of their ids.
    fn items(&self) -> &IdMap;

    /// Writes the score of each item, higher is better, in the order of [`items`](Recommender::items). The scale is the
    /// model's own. An empty history gives the scores of a user of whom nothing is known, often all 0.
    ///
    /// # Panics
    ///
    /// `out` has not one place per item, or the history has a row that is no item.
    fn scores(&self, history: &[(usize, f32)], out: &mut [f32]);

    /// What each event of the history contributes to the score of an item; together they are the score, up to rounding.
    /// `None` if the score is not such a sum.
    ///
    /// # Panics
    ///
    /// `item`, or a row of the history, is no item.
    fn explain(&self, history: &[(usize, f32)], item: usize) -> Option<Vec<f32>> {
        let _ = (history, item);
        None
    }

    /// The best `k` items that are not in the history; fewer if there are fewer.
    ///
    /// # Errors
    ///
    /// A score is NaN, which takes weights that are not finite, or large enough to overflow.
    ///
    /// # Panics
    ///
    /// As [`scores`](Recommender::scores).
    fn top_k(&self, history: &[(usize, f32)], k: usize) -> Result<RankedList, Error> {
        self.top_k_where(history, k, &unseen(self.items().len(), history))
    }

    /// The best `k` of the items that a function wants, by row; those in the history are not left out.
    ///
    /// # Errors
    ///
    /// As [`top_k`](Recommender::top_k).
    ///
    /// # Panics
    ///
    /// As [`scores`](Recommender::scores).
    fn top_k_where(
        &self,
        history: &[(usize, f32)],
        k: usize,
        wanted: &dyn Fn(usize) -> bool,
    ) -> Result<RankedList, Error> {
        let mut scores = vec![0.0; self.items().len()];
        self.scores(history, &mut scores);
        best(self.items(), &scores, k, wanted)
    }

    /// [`top_k`](Recommender::top_k) for many users on all threads; the same lists for any number of threads.
    ///
    /// # Errors
    ///
    /// As [`top_k`](Recommender::top_k), of the first user that has one.
    ///
    /// # Panics
    ///
    /// As [`scores`](Recommender::scores).
    fn top_k_batch(&self, histories: &[Vec<(usize, f32)>], k: usize) -> Result<Vec<RankedList>, Error> {
        let lists: Vec<Result<RankedList, Error>> =
            histories.par_iter().map(|history| self.top_k(history, k)).collect();
        lists.into_iter().collect()
    }
}

/// Whether a row is not in the history.
pub(crate) fn unseen(n_items: usize, history: &[(usize, f32)]) -> impl Fn(usize) -> bool + use<> {
    check_rows(n_items, history);
    excluding(history.iter().map(|&(item, _)| item).collect())
}

/// Whether a row is none of these.
pub(crate) fn excluding(mut rows: Vec<usize>) -> impl Fn(usize) -> bool + use<> {
    rows.sort_unstable();
    move |row| rows.binary_search(&row).is_err()
}

/// The best `k` of scored items. Rows ascend as ids do, so that rows break ties.
pub(crate) fn best(
    items: &IdMap,
    scores: &[f32],
    k: usize,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<RankedList, Error> {
    let mut top = TopK::new(k);
    offer(&mut top, items, scores, |row| row, wanted)?;
    into_list(top, items)
}

/// Scores that are compared with the score to reach at once.
const COMPARED: usize = 32;

/// Offers scores, each that of the row that its place stands for, of those that are wanted.
pub(crate) fn offer(
    top: &mut TopK<usize>,
    items: &IdMap,
    scores: &[f32],
    row: impl Fn(usize) -> usize,
    wanted: impl Fn(usize) -> bool,
) -> Result<(), Error> {
    for (block, scores) in scores.chunks(COMPARED).enumerate() {
        let threshold = top.threshold();
        // NaN is below nothing, so that it is found.
        if scores.iter().fold(true, |all_below, &score| all_below & (score < threshold)) {
            continue;
        }
        for (place, &score) in scores.iter().enumerate() {
            let row = row(block * COMPARED + place);
            if top.would_enter(score) && wanted(row) {
                let item = || items.id(row).cloned().unwrap_or_else(|| "".into());
                top.push(score, row).map_err(|_| Kind::NanScore { item: item() })?;
            }
        }
    }
    Ok(())
}

/// The list of the rows that were kept.
pub(crate) fn into_list(top: TopK<usize>, items: &IdMap) -> Result<RankedList, Error> {
    let hits = top.into_sorted();
    let hits = hits.into_iter().filter_map(|(score, row)| Some(Hit { id: items.id(row)?.clone(), score }));
    Ok(RankedList::new(hits)?)
}

/// The checks of [`Recommender::scores`].
pub(crate) fn check_shapes(n_items: usize, history: &[(usize, f32)], out: &[f32]) {
    assert_eq!(out.len(), n_items, "places for the scores, and items");
    check_rows(n_items, history);
}

/// The checks of [`Recommender::explain`].
pub(crate) fn check_explained(n_items: usize, history: &[(usize, f32)], item: usize) {
    assert!(item < n_items, "item {item} of {n_items}");
    check_rows(n_items, history);
}

/// That the rows of a history are items.
pub(crate) fn check_rows(n_items: usize, history: &[(usize, f32)]) {
    for &(seen, _) in history {
        assert!(seen < n_items, "the history has item {seen} of {n_items}");
    }
}
