//! Exact search over a snapshot that may change.

mod block;
mod positions;
mod search;

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;
use rec_core::{Fingerprint, Interests, VectorTable};
use rec_data::{Hit, Id, RankedList};

use crate::error::Kind;
use crate::{Dot, Error, Factors, Filter, Scorer};
use block::{Block, ROWS};
use positions::Positions;
use search::Search;

/// Exact top-k over all items: every item is scored, and the best `k` come back in the one total order.
///
/// Items stand in blocks of 128 rows; threads take blocks, and a block is read from memory once for a whole batch of users.
/// A score has the same bits, and a list the same order, for any number of threads, alone or in a batch, and whatever the
/// order in which items were put in. Vectors are kept in `f32`, also those of a half-precision or mapped table: `4 * n * dim`
/// bytes.
///
/// # Snapshots
///
/// A clone is a snapshot: it costs little (it shares all blocks) and never changes while the original is
/// [updated](Self::upsert); an update copies the blocks that it touches, if a snapshot still needs them. So a writer keeps
/// one index and hands out clones, and readers search theirs without locks.
///
/// ```
/// use rec_core::{Fingerprint, Interests, VectorTable};
/// use rec_score::{Filter, FlatIndex};
///
/// let space = Fingerprint::declared("taste");
/// let items = VectorTable::from_rows(space, [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?;
/// let mut index = FlatIndex::new(items);
/// let snapshot = index.clone();
///
/// assert!(index.upsert("persuasion", &[0.0, 2.0])?); // new
/// assert!(index.remove("emma"));
///
/// let user = Interests::new(vec![0.1, 1.0], 2, space)?;
/// assert_eq!(index.top_k(&user, 1, &Filter::none())?[0].id, "persuasion");
/// assert_eq!(snapshot.top_k(&user, 1, &Filter::none())?[0].id, "emma");
/// assert_eq!(snapshot.top_k(&user, 99, &Filter::exclude(["emma"]))?.len(), 1);
/// # Ok::<(), rec_score::Error>(())
/// ```
#[derive(Clone)]
pub struct FlatIndex {
    /// All full but the last, and none empty: the item at position `p` is row `p % ROWS` of block `p / ROWS`.
    blocks: Arc<Vec<Arc<Block>>>,
    positions: Positions,
    factors: Arc<dyn Factors>,
    dim: usize,
    space: Fingerprint,
    interest_dim: usize,
    interest_space: Fingerprint,
}

impl FlatIndex {
    /// An index that ranks by [`Dot`]: right for vectors of length 1, and for models trained with it.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the table is not needed beside the index")]
    pub fn new(items: VectorTable) -> Self {
        let (dim, space) = (items.dim(), items.space());
        Self::build(&items, Arc::new(Dot), dim, space)
    }

    /// An index that ranks by any scorer that [factors](Scorer::factors).
    ///
    /// The scorer's parameters are copied: training it further does not change the index.
    ///
    /// # Errors
    ///
    /// The scorer does not factor ([`Error::is_not_factored`]), or does not take items of these dimensions.
    #[expect(clippy::needless_pass_by_value, reason = "as in `new`")]
    pub fn with_scorer(items: VectorTable, scorer: &(impl Scorer + ?Sized)) -> Result<Self, Error> {
        let factors = scorer.factors().ok_or(Kind::NotFactored)?;
        let interest_dim = scorer.interest_dim(items.dim()).ok_or(Kind::Items(items.dim()))?;
        Ok(Self::build(&items, factors.into(), interest_dim, scorer.interest_space(items.space())))
    }

    fn build(
        items: &VectorTable,
        factors: Arc<dyn Factors>,
        interest_dim: usize,
        interest_space: Fingerprint,
    ) -> Self {
        let starts: Vec<usize> = (0..items.len()).step_by(ROWS).collect();
        let block = |&start: &usize| {
            let mut block = Block::default();
            for row in start..items.len().min(start + ROWS) {
                if let Some(id) = items.ids().id(row) {
                    block.push(id.clone(), &items.row(row), &*factors);
                }
            }
            Arc::new(block)
        };
        Self {
            blocks: Arc::new(starts.par_iter().map(block).collect()),
            positions: items.ids().iter().cloned().zip(0..).collect(),
            factors,
            dim: items.dim(),
            space: items.space(),
            interest_dim,
            interest_space,
        }
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * ROWS + last.len())
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The number of values in an item's vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The space that the items live in.
    #[must_use]
    pub fn space(&self) -> Fingerprint {
        self.space
    }

    /// Whether the index has an item.
    #[must_use]
    pub fn contains(&self, id: impl Into<Id>) -> bool {
        self.positions.get(&id.into()).is_some()
    }

    /// The vector of an item as the scorer keeps it: with [`Cosine`](crate::Cosine), scaled to length 1.
    #[must_use]
    pub fn vector(&self, id: impl Into<Id>) -> Option<&[f32]> {
        let position = self.positions.get(&id.into())?;
        Some(self.blocks[position / ROWS].vector(position % ROWS))
    }

    /// Puts an item in, or replaces its vector; tells whether it is new.
    ///
    /// # Errors
    ///
    /// The vector has another number of dimensions, or a value is not finite. The index is as before.
    pub fn upsert(&mut self, id: impl Into<Id>, vector: &[f32]) -> Result<bool, Error> {
        let id = id.into();
        if vector.len() != self.dim {
            Error::check_dim(format!("the vector of `{id}`"), self.dim, vector.len())?;
        }
        if let Some(column) = vector.iter().position(|value| !value.is_finite()) {
            return Err(Kind::Vector { id, column }.into());
        }
        let blocks = Arc::make_mut(&mut self.blocks);
        if let Some(position) = self.positions.get(&id) {
            Arc::make_mut(&mut blocks[position / ROWS]).set(position % ROWS, vector, &*self.factors);
            return Ok(false);
        }
        if blocks.last().is_none_or(|last| last.len() == ROWS) {
            blocks.push(Arc::default());
        }
        let at = blocks.len() - 1;
        let last = Arc::make_mut(&mut blocks[at]);
        self.positions.insert(id.clone(), at * ROWS + last.len());
        last.push(id, vector, &*self.factors);
        Ok(true)
    }

    /// Takes an item out; tells whether it was there.
    pub fn remove(&mut self, id: impl Into<Id>) -> bool {
        let Some(position) = self.positions.remove(&id.into()) else {
            return false;
        };
        let blocks = Arc::make_mut(&mut self.blocks);
        // The last item of all fills the gap. Lists do not depend on where items stand.
        let at = blocks.len() - 1;
        let last = Arc::make_mut(&mut blocks[at]);
        let item = last.pop();
        let end = at * ROWS + last.len();
        if last.len() == 0 {
            blocks.pop();
        }
        if let Some(item) = item
            && position != end
        {
            self.positions.insert(item.id.clone(), position);
            Arc::make_mut(&mut blocks[position / ROWS]).replace(position % ROWS, item);
        }
        true
    }

    /// The best `k` items for a user, of those that the filter accepts.
    ///
    /// With `k = 0` the list is empty, and with `k` beyond the number of items it has all of them.
    ///
    /// # Errors
    ///
    /// The interests live in another space ([`Error::is_space_mismatch`]) or have another number of dimensions than the
    /// scorer takes; or the score of an accepted item overflows ([`Error::is_not_finite`]).
    pub fn top_k(&self, user: &Interests, k: usize, filter: &Filter) -> Result<RankedList, Error> {
        let mut lists = self.top_k_batch(std::slice::from_ref(user), k, std::slice::from_ref(filter))?;
        Ok(lists.pop().unwrap_or_default())
    }

    /// [`top_k`](Self::top_k) for many users, each with a filter: the same lists, faster, because a block of items is read
    /// once for all of them.
    ///
    /// # Errors
    ///
    /// As for `top_k`, if any user has one.
    ///
    /// # Panics
    ///
    /// There is not one filter a user.
    ///
    /// ```
    /// use rec_core::{Fingerprint, Interests, VectorTable};
    /// use rec_score::{Filter, FlatIndex};
    ///
    /// let space = Fingerprint::declared("taste");
    /// let index = FlatIndex::new(VectorTable::from_rows(space, [("dune", [1.0, 0.0]), ("emma", [0.0, 1.0])])?);
    /// let users = [Interests::new(vec![1.0, 0.0], 2, space)?, Interests::new(vec![0.0, 1.0], 2, space)?];
    /// let lists = index.top_k_batch(&users, 1, &[Filter::none(), Filter::exclude(["emma"])])?;
    /// assert_eq!((lists[0][0].id.as_str(), lists[1][0].id.as_str()), ("dune", "dune"));
    /// # Ok::<(), rec_score::Error>(())
    /// ```
    pub fn top_k_batch(
        &self,
        users: &[Interests],
        k: usize,
        filters: &[Filter],
    ) -> Result<Vec<RankedList>, Error> {
        assert_eq!(users.len(), filters.len(), "{} filters for {} users", filters.len(), users.len());
        for user in users {
            Error::check_space(self.interest_space, user.space())?;
            Error::check_dim("an interest", self.interest_dim, user.dim())?;
        }
        let searches: Vec<Search<'_>> = users
            .iter()
            .zip(filters)
            .map(|(user, filter)| {
                let queries = user.iter().map(|interest| self.factors.query(interest)).collect();
                Search { queries, filter, picked: self.picked(filter) }
            })
            .collect();
        search::run(&self.blocks, &searches, k)
            .into_iter()
            .map(|best| {
                if let Some(id) = best.overflow {
                    return Err(Kind::Score { id: id.clone() }.into());
                }
                let hits = best.top.into_sorted().into_iter();
                Ok(RankedList::new(hits.map(|(score, id)| Hit { id: id.clone(), score }))?)
            })
            .collect()
    }

    /// The positions of an allow list, if it is so short that scoring them alone beats reading everything.
    fn picked(&self, filter: &Filter) -> Option<Vec<usize>> {
        let allowed = filter.allowed().filter(|allowed| allowed.len() <= self.len() / 4)?;
        let mut positions: Vec<usize> = allowed.iter().filter_map(|id| self.positions.get(id)).collect();
        positions.sort_unstable();
        Some(positions)
    }
}

impl fmt::Debug for FlatIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatIndex")
            .field("len", &self.len())
            .field("dim", &self.dim)
            .field("space", &self.space)
            .field("interest_space", &self.interest_space)
            .finish_non_exhaustive()
    }
}
