//! Epochs whose steps are divided over threads.

use std::mem;
use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Negatives;
use super::sgd::{ItemRows, Step, Told, below, draw_negative};
use crate::factors::Factors;
use crate::factors::kernel::vectorized;
use crate::sparse::{self, Sparse};

/// Parts of the users and of the items: a fixed number, so that threads do not change bits.
pub(super) const N_BLOCKS: usize = 16;

/// The strata of Gemulla et al. 2011: users and items are divided into blocks, and blocks that share neither a user nor an item
/// are worked on at once. A step touches two items, and both are of one block; items are divided anew at random in each epoch, so
/// that any two of them meet.
pub(super) struct Blocks<'a> {
    matrix: &'a Sparse,
    /// Users of each block, about as many values in each.
    users: Vec<Range<usize>>,
    /// The values of each block of users by blocks of items: the places of user and item in their blocks.
    cells: Vec<Vec<Vec<(u32, u32)>>>,
    seed: u64,
    /// Random streams that were used.
    n_streams: u64,
}

/// A block of items while it is worked on.
struct ItemBlock {
    items: Vec<u32>,
    rows: ItemRows,
    /// The places of the items that its values have, one for each value.
    popular: Vec<u32>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(matrix: &'a Sparse, seed: u64) -> Blocks<'a> {
        let n_blocks = N_BLOCKS.min(matrix.rows()).min(matrix.cols() / 2).max(1);
        let begins = matrix.indptr();
        let begins = begins.as_slice().unwrap_or_default();
        let mut users = Vec::with_capacity(n_blocks);
        let mut first = 0;
        for block in 1..=n_blocks {
            let n_values = matrix.nnz() * block / n_blocks;
            let end = match block == n_blocks {
                true => matrix.rows(),
                false => begins.partition_point(|&begin| begin < n_values).clamp(first, matrix.rows()),
            };
            users.push(first..end);
            first = end;
        }
        let cells = vec![vec![Vec::new(); n_blocks]; n_blocks];
        Blocks { matrix, users, cells, seed, n_streams: 0 }
    }

    pub(super) fn epoch(
        &mut self,
        (users, items): (&mut Factors, &mut ItemRows),
        step: Step,
        negatives: Negatives,
    ) -> Told {
        let n = users.n_factors();
        let mut blocks = self.divide(items, n, negatives);
        let mut told = Told::default();
        for shift in 0..blocks.len() {
            let first_stream = self.n_streams;
            self.n_streams += blocks.len() as u64;
            let mut rest = users.values_mut();
            let mut parts = Vec::with_capacity(blocks.len());
            for range in &self.users {
                let (part, others) = mem::take(&mut rest).split_at_mut(range.len() * n);
                parts.push(part);
                rest = others;
            }
            let sums: Vec<Told> = parts
                .into_par_iter()
                .zip(&mut blocks)
                .enumerate()
                .map(|(block, (vectors, items))| {
                    let cells = &self.cells[block];
                    let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                    random.set_stream(first_stream + block as u64);
                    let cell = &cells[(block + shift) % cells.len()];
                    self.work(cell, self.users[block].start, vectors, items, (step, negatives), &mut random)
                })
                .collect();
            told = sums.into_iter().fold(told, Told::plus);
            blocks.rotate_left(1);
        }
        for block in &blocks {
            for (place, &item) in block.items.iter().enumerate() {
                let item = item as usize;
                items.vectors[item * n..(item + 1) * n]
                    .copy_from_slice(&block.rows.vectors[place * n..(place + 1) * n]);
                items.biases[item] = block.rows.biases[place];
            }
        }
        told
    }

    /// Divides the items at random, and the values by blocks of both.
    fn divide(&mut self, items: &ItemRows, n: usize, negatives: Negatives) -> Vec<ItemBlock> {
        let (n_items, n_blocks) = (self.matrix.cols(), self.cells.len());
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(self.n_streams);
        self.n_streams += 1;
        let mut order: Vec<u32> = (0..n_items as u32).collect();
        for last in (1..n_items).rev() {
            order.swap(last, below(&mut random, last + 1));
        }
        let mut places = vec![(0, 0); n_items];
        let mut blocks = Vec::with_capacity(n_blocks);
        for block in 0..n_blocks {
            let items_of = &order[n_items * block / n_blocks..n_items * (block + 1) / n_blocks];
            let mut rows = ItemRows {
                vectors: Vec::with_capacity(items_of.len() * n),
                biases: Vec::with_capacity(items_of.len()),
            };
            for (place, &item) in items_of.iter().enumerate() {
                let item = item as usize;
                places[item] = (block as u32, place as u32);
                rows.vectors.extend_from_slice(&items.vectors[item * n..(item + 1) * n]);
                rows.biases.push(items.biases[item]);
            }
            blocks.push(ItemBlock { items: items_of.to_vec(), rows, popular: Vec::new() });
        }
        let matrix = self.matrix;
        self.cells.par_iter_mut().zip(&self.users).for_each(|(cells, users)| {
            cells.iter_mut().for_each(Vec::clear);
            for user in users.clone() {
                for &item in sparse::row(matrix, user).0 {
                    let (block, place) = places[item as usize];
                    cells[block as usize].push(((user - users.start) as u32, place));
                }
            }
        });
        if negatives == Negatives::Popular {
            for (number, block) in blocks.iter_mut().enumerate() {
                let values = self.cells.iter().flat_map(|cells| &cells[number]);
                block.popular.extend(values.map(|&(_, place)| place));
            }
        }
        blocks
    }

    /// As many steps as a cell has values.
    fn work(
        &self,
        cell: &[(u32, u32)],
        first_user: usize,
        users: &mut [f32],
        block: &mut ItemBlock,
        (step, negatives): (Step, Negatives),
        random: &mut ChaCha8Rng,
    ) -> Told {
        let ItemBlock { items, rows, popular } = block;
        let n = rows.vectors.len() / items.len().max(1);
        vectorized(
            #[inline(always)]
            || {
                let mut told = Told::default();
                for _ in 0..cell.len() {
                    let (user, liked) = cell[below(random, cell.len())];
                    let user = user as usize;
                    let owned = sparse::row(self.matrix, first_user + user).0;
                    let other = draw_negative(
                        random,
                        owned,
                        #[inline(always)]
                        |random| {
                            let place = match negatives {
                                Negatives::Uniform => below(random, items.len()),
                                Negatives::Popular => popular[below(random, popular.len())] as usize,
                            };
                            (place, items[place])
                        },
                    );
                    if let Some(other) = other {
                        let user = &mut users[user * n..(user + 1) * n];
                        told.add(rows.step(step, user, liked as usize, other));
                    }
                }
                told
            },
        )
    }
}
