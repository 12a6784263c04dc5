//! Lists for many users, by weights of items for items.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rec_data::{IdMap, RankedList, TopK};

use crate::error::Error;
use crate::recommender::{check_rows, into_list, offer, unseen};
use crate::sparse::{self, Sparse};

/// Items whose scores are computed together, and after which it is asked whether the rest is worth it.
const ITEMS: usize = 1024;

/// Weights laid out for lists, when lists for many users are first wanted.
///
/// Items are scored in the order of the sums of their weights, which popular ones have the most of. After each block of them
/// the largest weights that are left in the rows of the history bound the scores that can still come; where these do not reach the
/// list, it is done: the max-score method of search engines (Turtle and Flood: *Query Evaluation: Strategies and Optimizations*,
/// Information Processing & Management 31(6), 1995), over blocks. Often few of the blocks are scored.
///
/// The layout is no part of what a model is: it is not compared, and a clone shares it.
#[derive(Clone, Default)]
pub(crate) struct Lists(OnceLock<Arc<Layout>>);

struct Layout {
    /// The items in the order in which they are scored.
    order: Vec<u32>,
    /// A row for each item of a history, a column for each place in the order.
    weights: Sparse,
    /// For each weight the largest absolute one from there on in its row.
    largest: Vec<f32>,
}

impl Layout {
    fn new(weights: &Sparse) -> Layout {
        let by_item = sparse::transposed(weights);
        let sum = |item: usize| -> f64 {
            sparse::row(&by_item, item).1.iter().map(|&value| f64::from(value)).sum()
        };
        let sums: Vec<f64> = (0..by_item.rows()).map(sum).collect();
        let mut order: Vec<u32> = (0..sums.len() as u32).collect();
        order.sort_by(|&a, &b| sums[b as usize].total_cmp(&sums[a as usize]));
        let weights = sparse::transposed(&sparse::with_rows(&by_item, &order));
        let mut largest: Vec<f32> = weights.data().iter().map(|value| value.abs()).collect();
        for row in 0..weights.rows() {
            let row = &mut largest[weights.indptr().outer_inds_sz(row)];
            for at in (1..row.len()).rev() {
                row[at - 1] = row[at - 1].max(row[at]);
            }
        }
        Layout { order, weights, largest }
    }

    /// The list of one user. `scores` are for a block of items.
    fn list(
        &self,
        items: &IdMap,
        history: &[(usize, f32)],
        k: usize,
        scores: &mut [f32; ITEMS],
    ) -> Result<RankedList, Error> {
        check_rows(items.len(), history);
        let wanted = unseen(items.len(), history);
        // For each event its weight, and where the weights of its item go on and end.
        let begins = self.weights.indptr();
        let rows = history.iter().map(|&(item, weight)| (weight, begins.outer_inds_sz(item)));
        let mut rows: Vec<_> = rows.collect();
        let (columns, values) = (self.weights.indices(), self.weights.data());
        let mut top = TopK::new(k);
        for (block, order) in self.order.chunks(ITEMS).enumerate() {
            let (first, scores) = (block * ITEMS, &mut scores[..order.len()]);
            scores.fill(0.0);
            let mut bound = 0.0;
            for (weight, row) in &mut rows {
                while row.start < row.end
                    && let Some(score) = scores.get_mut(columns[row.start] as usize - first)
                {
                    *score += *weight * values[row.start];
                    row.start += 1;
                }
                if row.start < row.end {
                    bound += f64::from(weight.abs()) * f64::from(self.largest[row.start]);
                }
            }
            offer(&mut top, items, scores, |place| order[place] as usize, &wanted)?;
            // Scores are rounded sums of rounded products. A bound that is not a number is below nothing.
            let rounding = (rows.len() + 1) as f64 * f64::from(f32::EPSILON);
            let least = f64::from(f32::MIN_POSITIVE);
            if bound + bound * rounding + least < f64::from(top.threshold()) {
                break;
            }
        }
        into_list(top, items)
    }
}

impl Lists {
    /// What [`Recommender::top_k`](crate::Recommender::top_k) gives for each history where the scores are sums of rows of `weights`, bit
    /// for bit: an item's weights are added in the order of the history.
    pub(crate) fn top_k(
        &self,
        weights: &Sparse,
        items: &IdMap,
        histories: &[Vec<(usize, f32)>],
        k: usize,
    ) -> Result<Vec<RankedList>, Error> {
        // On one thread: a thread that waited for others in here could take up work that waits for this.
        let layout = self.0.get_or_init(|| Arc::new(Layout::new(weights)));
        let lists: Vec<Result<RankedList, Error>> = histories
            .par_iter()
            .map_init(|| [0.0; ITEMS], |scores, history| layout.list(items, history, k, scores))
            .collect();
        lists.into_iter().collect()
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

impl PartialEq for Lists {
    fn eq(&self, _: &Lists) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::recommender::best;

    /// Ends early, or never, or has ties and weights of both signs: the list of one user by the obvious way.
    #[test]
    fn lists_are_those_of_all_scores() {
        let n = 3 * ITEMS + 77;
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let items = IdMap::try_from_ids((0..n).map(|item| format!("{item:05}"))).unwrap();
        for (least, n_popular) in [(0.0, 50), (-1.0, 50), (0.5, n)] {
            let row = |_: usize| {
                let mut row: Vec<(u32, f32)> = (0..30)
                    .map(|at| (random.random_range(0..if at < 20 { n_popular } else { n }) as u32, 0.0))
                    .collect();
                row.sort_by_key(|&(column, _)| column);
                row.dedup_by_key(|&mut (column, _)| column);
                // Few values, so that sums are often the same.
                row.iter_mut()
                    .for_each(|(_, value)| *value = [least, 0.25, 0.5, 1.0][random.random_range(0..4)]);
                row.retain(|&(_, value)| value != 0.0);
                row
            };
            let rows: Vec<Vec<(u32, f32)>> = (0..n).map(row).collect();
            let weights = sparse::from_rows(n, &rows);
            let mut histories: Vec<Vec<(usize, f32)>> = (0..70)
                .map(|user| {
                    let weight = if user % 3 == 0 { -0.7 } else { 0.9 };
                    (0..user % 40).map(|_| (random.random_range(0..n), weight)).collect()
                })
                .collect();
            histories.push(vec![(3, f32::INFINITY), (4, 1.0)]);
            for k in [0, 1, 10, n + 1] {
                let lists = Lists::default().top_k(&weights, &items, &histories, k).unwrap();
                for (history, list) in histories.iter().zip(&lists) {
                    let mut scores = vec![0.0; n];
                    sparse::add_rows(&weights, history, &mut scores);
                    let expected = best(&items, &scores, k, &unseen(n, history)).unwrap();
                    assert_eq!(*list, expected);
                    assert!(list.iter().zip(&*expected).all(|(a, b)| a.score.to_bits() == b.score.to_bits()));
                }
            }
        }
    }

    #[test]
    fn what_cannot_come_is_not_scored() {
        let n = 20 * ITEMS;
        let items = IdMap::try_from_ids((0..n).map(|item| format!("{item:05}"))).unwrap();
        // An item is like item 7, and a little like its successor.
        let rows: Vec<Vec<(u32, f32)>> = (0..n)
            .map(|item| {
                let mut row = vec![(7, 1.0), ((item as u32 + 1) % n as u32, 0.1)];
                row.sort_by_key(|&(column, _)| column);
                row.dedup_by_key(|&mut (column, _)| column);
                row
            })
            .collect();
        let layout = Layout::new(&sparse::from_rows(n, &rows));
        assert_eq!(layout.order[0], 7);
        let mut scores = [f32::NAN; ITEMS];
        let list = layout.list(&items, &[(15 * ITEMS, 1.0)], 1, &mut scores).unwrap();
        assert_eq!((list[0].id.as_str(), list[0].score), ("00007", 1.0));
        // Those of the first block still.
        assert_eq!(scores[0], 1.0);
    }

    #[test]
    fn a_score_that_is_not_a_number_is_an_error() {
        let items = IdMap::try_from_ids(["a", "b"]).unwrap();
        let weights = sparse::from_rows(2, &[vec![(1, f32::MAX)], vec![(1, -f32::MAX)]]);
        let history = vec![(0, 4.0), (1, 4.0)];
        let lists = Lists::default();
        assert!(lists.top_k(&weights, &items, &[history], 1).is_ok(), "the second is seen");
        let weights = sparse::from_rows(2, &[vec![(1, f32::MAX)], vec![]]);
        let overflows = vec![(0, 4.0), (0, -4.0)];
        assert!(Lists::default().top_k(&weights, &items, &[overflows], 1).is_err());
    }
}
