//! The scores of all items, for one user or for blocks of them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rec_data::{IdMap, RankedList, TopK};
use rec_kernels::{Activation, Linear, PackedLinear};

use super::Factors;
use crate::error::Error;
use crate::matrix::InteractionMatrix;
use crate::recommender::{excluding, into_list, offer};

/// Users whose scores are computed together: packed items are read once for all of them.
const USERS: usize = 64;
/// Items whose scores are computed together: with so many users the scores stay in the cache.
const ITEMS: usize = 1024;

/// Vectors of items, and what is added to their scores, packed for products of matrices when they are first wanted.
///
/// A score is one chain of multiplications and additions in the order of the factors, then the bias: the same bits whoever else
/// is in the block. Packed items are no part of what a model is: they are not compared, and a clone shares them.
#[derive(Clone, Default)]
pub(crate) struct PackedItems(OnceLock<Arc<Vec<PackedLinear>>>);

impl PackedItems {
    fn blocks(&self, factors: &Factors, biases: Option<&[f32]>) -> &[PackedLinear] {
        self.0.get_or_init(|| {
            let n = factors.n_factors();
            let pack = |(block, rows): (usize, &[f32])| {
                let n_items = rows.len() / n;
                let weight: Vec<f32> =
                    (0..n).flat_map(|factor| rows.iter().skip(factor).step_by(n).copied()).collect();
                let bias = biases.map(|biases| &biases[block * ITEMS..][..n_items]);
                PackedLinear::new(&Linear { weight: &weight, bias }, n, n_items)
            };
            // On one thread: a thread that waited for others in here could take up work that waits for this.
            Arc::new(factors.values().chunks(ITEMS * n).enumerate().map(pack).collect())
        })
    }

    /// The scores of all items for one vector of a user.
    pub(crate) fn scores(&self, factors: &Factors, biases: Option<&[f32]>, vector: &[f32], out: &mut [f32]) {
        for (block, out) in self.blocks(factors, biases).iter().zip(out.chunks_mut(ITEMS)) {
            block.forward(vector, Activation::Identity, out);
        }
    }

    /// The best `k` items for users of training, by the vectors that they have from it, without those that `seen` has.
    ///
    /// # Panics
    ///
    /// A user has no vector, or `seen` has another number of users or of items.
    pub(crate) fn top_k_known(
        &self,
        items: &IdMap,
        (factors, biases): (&Factors, Option<&[f32]>),
        (user_factors, users): (&Factors, &[usize]),
        seen: &InteractionMatrix,
        k: usize,
    ) -> Result<Vec<RankedList>, Error> {
        assert!(
            seen.users().len() == user_factors.n_rows() && seen.items() == items,
            "a matrix of other users or items"
        );
        self.top_k(
            items,
            (factors, biases),
            users.len(),
            |place, out| out.copy_from_slice(user_factors.row(users[place])),
            |place| seen.row(users[place]).map(|(item, _)| item).collect(),
            k,
        )
    }

    /// The best `k` items for each of `n_users`, whose vectors `vector(user, out)` writes, without the items that `seen` has, in
    /// any order.
    pub(crate) fn top_k(
        &self,
        items: &IdMap,
        (factors, biases): (&Factors, Option<&[f32]>),
        n_users: usize,
        vector: impl Fn(usize, &mut [f32]) + Sync,
        seen: impl Fn(usize) -> Vec<usize> + Sync,
        k: usize,
    ) -> Result<Vec<RankedList>, Error> {
        let (n, blocks) = (factors.n_factors(), self.blocks(factors, biases));
        let of_block = |first: usize| -> Vec<Result<RankedList, Error>> {
            let users = first..(first + USERS).min(n_users);
            let mut vectors = vec![0.0; users.len() * n];
            vectors.chunks_exact_mut(n).zip(users.clone()).for_each(|(out, user)| vector(user, out));
            let mut lists: Vec<Result<TopK<usize>, Error>> =
                users.clone().map(|_| Ok(TopK::new(k))).collect();
            let wanted: Vec<_> = users.map(|user| excluding(seen(user))).collect();
            let mut scores = vec![0.0; vectors.len() / n * ITEMS.min(items.len())];
            for (at, block) in blocks.iter().enumerate() {
                let (begin, n_items) = (at * ITEMS, ITEMS.min(items.len() - at * ITEMS));
                let scores = &mut scores[..lists.len() * n_items];
                block.forward(&vectors, Activation::Identity, scores);
                for ((list, wanted), scores) in
                    lists.iter_mut().zip(&wanted).zip(scores.chunks_exact(n_items))
                {
                    if let Ok(top) = list
                        && let Err(error) = offer(top, items, scores, |place| begin + place, wanted)
                    {
                        *list = Err(error);
                    }
                }
            }
            lists.into_iter().map(|top| into_list(top?, items)).collect()
        };
        let n_blocks = n_users.div_ceil(USERS);
        let lists: Vec<Vec<Result<RankedList, Error>>> =
            (0..n_blocks).into_par_iter().map(|block| of_block(block * USERS)).collect();
        lists.into_iter().flatten().collect()
    }
}

impl fmt::Debug for PackedItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedItems").finish_non_exhaustive()
    }
}

impl PartialEq for PackedItems {
    fn eq(&self, _: &PackedItems) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn blocks_of_users_and_items_have_the_scores_of_one_user() {
        let (n_items, n_users, n) = (2 * ITEMS + 77, USERS + 9, 13);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let factors = Factors::uniform(n_items, n, (-1.0, 1.0), &mut random);
        let users = Factors::uniform(n_users, n, (-1.0, 1.0), &mut random);
        let biases = Factors::uniform(n_items, 1, (-0.1, 0.1), &mut random);
        let items = IdMap::try_from_ids((0..n_items).map(|item| format!("{item}"))).unwrap();
        for biases in [None, Some(biases.values())] {
            let packed = PackedItems::default();
            let seen = |user: usize| vec![ITEMS + user, user, 5];
            let write = |user: usize, out: &mut [f32]| out.copy_from_slice(users.row(user));
            let lists = packed.top_k(&items, (&factors, biases), n_users, write, seen, 7).unwrap();
            assert_eq!(lists.len(), n_users);
            for (user, list) in lists.iter().enumerate() {
                let mut scores = vec![0.0; n_items];
                packed.scores(&factors, biases, users.row(user), &mut scores);
                for (item, &score) in scores.iter().enumerate() {
                    let exact: f64 =
                        users.row(user).iter().zip(factors.row(item)).map(|(a, b)| f64::from(a * b)).sum();
                    let bias = biases.map_or(0.0, |biases| f64::from(biases[item]));
                    assert!((f64::from(score) - exact - bias).abs() < 1e-5, "{score} {exact}");
                }
                let mut rows: Vec<usize> = (0..n_items).filter(|row| !seen(user).contains(row)).collect();
                rows.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
                for (hit, &row) in list.iter().zip(&rows[..7]) {
                    assert_eq!((items.row(&hit.id), hit.score.to_bits()), (Some(row), scores[row].to_bits()));
                }
            }
        }
    }
}
