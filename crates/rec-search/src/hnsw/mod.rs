//! Approximate search in a graph of neighbours.

mod build;
mod graph;
mod search;

use rec_data::TopK;

use crate::error::Kind;
use crate::{Error, Found, Vectors, rescore};
use graph::Graph;
use search::Walk;

/// How a graph is built.
///
/// ```
/// let config = rec_search::HnswConfig::default();
/// assert_eq!((config.m, config.ef_construction, config.seed), (16, 128, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HnswConfig {
    /// Links of a row in each layer, and twice as many in the lowest. More links find more, in more memory: `8 m` bytes a row.
    pub m: usize,
    /// Candidates for the links of a new row. More make a better graph, in time proportional to it.
    pub ef_construction: usize,
    /// For the layers of rows, and the order in which they are put in.
    pub seed: u64,
}

impl Default for HnswConfig {
    fn default() -> Self {
        Self { m: 16, ef_construction: 128, seed: 0 }
    }
}

/// Some of the rows of an index, by number.
///
/// ```
/// use rec_search::RowSet;
///
/// let set = RowSet::new(10, [3, 7, 3]);
/// assert_eq!((set.len(), set.contains(7), set.contains(8), set.contains(99)), (2, true, false, false));
/// assert!(set.iter().eq([3, 7]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowSet {
    bits: Vec<u64>,
    len: usize,
}

impl RowSet {
    /// A set of rows below `n`; others are left out.
    #[must_use]
    pub fn new(n: usize, rows: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self { bits: vec![0; n.div_ceil(64)], len: 0 };
        for row in rows.into_iter().filter(|&row| row < n) {
            set.insert(row);
        }
        set
    }

    /// Puts a row in; tells whether it is new.
    fn insert(&mut self, row: usize) -> bool {
        let (word, bit) = (&mut self.bits[row / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(new);
        new
    }

    /// The number of rows in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a row is in it.
    #[must_use]
    pub fn contains(&self, row: usize) -> bool {
        self.bits.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Its rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.bits.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        })
    }
}

/// A hierarchical navigable small world: a graph whose layers lead from far to near (Malkov and Yashunin, "Efficient and robust
/// approximate nearest neighbor search using Hierarchical Navigable Small World graphs", TPAMI 2020).
///
/// Similarity is the dot product, so rows should have length 1; with lengths that differ much, few links lead to short rows.
/// The vectors stay where they are; the graph takes about `8 m + 8` bytes a row beside them.
///
/// # Determinism
///
/// The same rows and configuration give the same graph, and the same query the same list, for any number of threads. Rows are
/// put in by batches that double up to 2 % of the rows: all of a batch look for neighbours in the graph before it, and then
/// the links back are added by target, as Manohar et al. ("ParlayANN", PPoPP 2024, section 3) do.
///
/// ```
/// use rec_search::{Hnsw, HnswConfig, Vectors};
///
/// let circle: Vec<f32> = (0..100).flat_map(|i| [(i as f32 / 16.0).cos(), (i as f32 / 16.0).sin()]).collect();
/// let index = Hnsw::new(Vectors::new(&circle, 2), &HnswConfig::default())?;
/// let list = index.top_k(&[1.0, 0.0], 2, 20, None)?;
/// assert_eq!(list.iter().map(|found| found.row).collect::<Vec<_>>(), [0, 1]);
/// # Ok::<(), rec_search::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hnsw<'a> {
    vectors: Vectors<'a>,
    graph: Graph,
}

impl<'a> Hnsw<'a> {
    /// Builds the graph of some rows.
    ///
    /// # Errors
    ///
    /// A value, or the product of two rows, is not finite.
    ///
    /// # Panics
    ///
    /// `m` is below 2, or there are more than `2^32 - 1` rows.
    pub fn new(vectors: Vectors<'a>, config: &HnswConfig) -> Result<Self, Error> {
        assert!(config.m >= 2, "graphs of {} links a row", config.m);
        for (row, vector) in vectors.iter().enumerate() {
            if let Some(column) = vector.iter().position(|value| !value.is_finite()) {
                return Err(Kind::Value { what: "row", row, column }.into());
            }
            // By Cauchy and Schwarz no product is larger than the larger square.
            if !crate::dot(vector, vector).is_finite() {
                return Err(Kind::Score(row).into());
            }
        }
        Ok(Self { vectors, graph: build::build(vectors, config) })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// The memory that the graph takes beside the vectors, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.graph.bytes()
    }

    /// About the best `k` rows for a query, of those allowed (all, if `None`), with the scores and in the order of
    /// [`top_k`](crate::top_k).
    ///
    /// `ef` is the number of candidates that the walk keeps, at least `k`: more find more, in time proportional to it. The walk
    /// passes through rows that are not allowed, and goes on until it has `ef` allowed ones that nothing in reach improves. A
    /// set so small that the walk would cost more is scored as a whole instead, and then the list is exact.
    ///
    /// # Errors
    ///
    /// The score of a row that is met is not finite.
    ///
    /// # Panics
    ///
    /// The query has another number of dimensions than the rows.
    pub fn top_k(
        &self,
        query: &[f32],
        k: usize,
        ef: usize,
        allowed: Option<&RowSet>,
    ) -> Result<Vec<Found>, Error> {
        assert_eq!(
            query.len(),
            self.vectors.dim(),
            "a query of {} values, rows of {}",
            query.len(),
            self.vectors.dim()
        );
        if k == 0 || self.is_empty() || allowed.is_some_and(RowSet::is_empty) {
            return Ok(Vec::new());
        }
        let ef = ef.max(k);
        if let Some(allowed) = allowed
            && self.graph.walk_costs_more(ef, allowed.len())
        {
            return rescore(query, self.vectors, allowed.iter().filter(|&row| row < self.len()), k);
        }
        let mut walk = Walk::new(self.vectors, &self.graph);
        let entry = walk.descend(query, 0);
        let found = walk.layer(query, &[entry], ef, 0, allowed);
        if let Some(row) = walk.overflow() {
            return Err(Kind::Score(row).into());
        }
        let mut top = TopK::new(k);
        for near in found {
            // Scores that are not numbers have been reported above.
            let _ = top.push(near.score, near.row as usize);
        }
        Ok(top.into_sorted().into_iter().map(|(score, row)| Found { row, score }).collect())
    }
}
