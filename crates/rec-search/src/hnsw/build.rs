//! Building the graph, batch by batch.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::HnswConfig;
use super::graph::Graph;
use super::search::{Near, Walk};
use crate::{Vectors, kernel};

/// The highest layer: with 16 links a row, one row of `16^16` would be higher.
const HIGHEST: u8 = 16;

/// A batch has at most one in so many rows: what its rows do not see of each other is little.
const BATCH: usize = 50;

/// A link back from a row to one that has just linked to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Back {
    layer: u8,
    to: u32,
    from: u32,
}

pub(super) fn build(vectors: Vectors<'_>, config: &HnswConfig) -> Graph {
    let n = vectors.len();
    assert!(u32::try_from(n).is_ok(), "a graph of {n} rows");
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let levels: Vec<u8> = (0..n).map(|_| level(&mut rng, config.m)).collect();
    // The highest rows come first, so that the entry never changes and no layer grows in unconnected parts. Among rows of one
    // level the order is random: neighbours that are put in together do not see each other.
    let mut order: Vec<(u8, u64, u32)> =
        levels.iter().zip(0..).map(|(&level, row)| (HIGHEST - level, rng.random(), row)).collect();
    order.sort_unstable();
    let order: Vec<u32> = order.into_iter().map(|(_, _, row)| row).collect();
    let mut graph = Graph::new(config.m, order.first().copied().unwrap_or(0), levels);

    let mut done = 1;
    while done < n {
        let batch = &order[done..n.min(done + done.min((n / BATCH).max(1)))];
        put_in(vectors, &mut graph, batch, config);
        done += batch.len();
    }
    graph
}

/// `floor(-ln(u) / ln(m))` for a uniform `u`, as in section 4.1 of the paper.
fn level(rng: &mut ChaCha8Rng, m: usize) -> u8 {
    let uniform: f64 = 1.0 - rng.random::<f64>();
    ((-uniform.ln() / (m as f64).ln()) as u8).min(HIGHEST)
}

fn put_in(vectors: Vectors<'_>, graph: &mut Graph, batch: &[u32], config: &HnswConfig) {
    // What the graph before the batch has near each new row, in each layer of it.
    let frozen = &*graph;
    let links: Vec<Vec<Vec<u32>>> = batch
        .par_iter()
        .map_init(|| Walk::new(vectors, frozen), |walk, &row| neighbours(vectors, frozen, walk, row, config))
        .collect();

    let mut back: Vec<Back> = Vec::new();
    for (&row, layers) in batch.iter().zip(&links) {
        for (layer, links) in layers.iter().enumerate() {
            graph.set_links(row, layer, links.iter().copied());
            back.extend(links.iter().map(|&to| Back { layer: layer as u8, to, from: row }));
        }
    }
    back.par_sort_unstable();

    let frozen = &*graph;
    let targets: Vec<&[Back]> = back.chunk_by(|a, b| (a.layer, a.to) == (b.layer, b.to)).collect();
    let pruned: Vec<Vec<u32>> = targets.par_iter().map(|back| with_back(vectors, frozen, back)).collect();
    for (back, links) in targets.iter().zip(pruned) {
        graph.set_links(back[0].to, usize::from(back[0].layer), links.into_iter());
    }
}

/// The links of a new row, layer by layer from the lowest (algorithm 1).
fn neighbours<'a>(
    vectors: Vectors<'a>,
    graph: &'a Graph,
    walk: &mut Walk<'a>,
    row: u32,
    config: &HnswConfig,
) -> Vec<Vec<u32>> {
    let query = vectors.row(row as usize);
    let top = usize::from(graph.levels[row as usize]);
    let mut entries = vec![walk.descend(query, top)];
    let mut layers = Vec::with_capacity(top + 1);
    for layer in (0..=top).rev() {
        entries = walk.layer(query, &entries, config.ef_construction.max(1), layer, None);
        entries.sort_unstable_by(|a, b| b.cmp(a));
        layers.push(select(vectors, &entries, config.m));
    }
    layers.reverse();
    layers
}

/// The links of a row together with those back to it, as many as it may have.
fn with_back(vectors: Vectors<'_>, graph: &Graph, back: &[Back]) -> Vec<u32> {
    let (row, layer) = (back[0].to, usize::from(back[0].layer));
    let all: Vec<u32> =
        graph.links(row, layer).iter().copied().chain(back.iter().map(|back| back.from)).collect();
    if all.len() <= graph.most(layer) {
        return all;
    }
    let rows: Vec<&[f32]> = all.iter().map(|&row| vectors.row(row as usize)).collect();
    let mut scores = vec![0.0; all.len()];
    kernel::scores_of(&[vectors.row(row as usize)], &rows[..], &[], &mut scores);
    let mut near: Vec<Near> = all.iter().zip(scores).map(|(&row, score)| Near { score, row }).collect();
    near.sort_unstable_by(|a, b| b.cmp(a));
    select(vectors, &near, graph.most(layer))
}

/// At most `most` of the candidates, nearest first: those that are nearer to the row than to any chosen before, and then, if
/// there is room, the nearest of the others (algorithm 4, with `keepPrunedConnections`).
fn select(vectors: Vectors<'_>, candidates: &[Near], most: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    let mut rows: Vec<&[f32]> = Vec::with_capacity(most);
    let mut scores = vec![0.0; most];
    let mut others = Vec::new();
    for candidate in candidates {
        if chosen.len() == most {
            break;
        }
        let vector = vectors.row(candidate.row as usize);
        let scores = &mut scores[..rows.len()];
        kernel::scores_of(&[vector], &rows[..], &[], scores);
        if scores.iter().all(|&score| score <= candidate.score) {
            chosen.push(candidate.row);
            rows.push(vector);
        } else {
            others.push(candidate.row);
        }
    }
    let room = most - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen
}
