use rec_data::{Id, IdMap};

use super::sets::ShingleSets;

/// Items whose texts are nearly the same, in groups of at least two.
///
/// Items are in one group if a chain of verified pairs connects them, so the ends of a long chain may be less similar than
/// the threshold. The groups are in the order of their representatives, the smallest ids.
///
/// ```
/// use rec_text::NearDuplicates;
///
/// let titles = [("9", vec!["dune"]), ("10", vec!["dune"]), ("11", vec!["emma"])];
/// let found = NearDuplicates::new(0.8).find(titles)?;
/// assert_eq!(found.groups(), [["9", "10"]]);
/// assert_eq!(found.representative("10").map(|id| id.as_str()), Some("9"));
/// assert_eq!(found.representative("11"), None);
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NearDuplicateGroups {
    groups: Vec<Vec<Id>>,
    pairs: Vec<SimilarPair>,
    /// The items of all groups, and the number of the group of each.
    members: IdMap,
    group_of: Vec<usize>,
}

/// Two items and how similar they are.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarPair {
    /// The smaller id.
    pub first: Id,
    /// The greater id.
    pub second: Id,
    /// The exact Jaccard similarity of their sets of shingles.
    pub similarity: f64,
}

impl NearDuplicateGroups {
    /// The groups; the first id of each is its representative, and the others follow in order.
    #[must_use]
    pub fn groups(&self) -> &[Vec<Id>] {
        &self.groups
    }

    /// The verified pairs that hold the groups together, ordered by their ids: one fewer than there are members, and so as
    /// many as there are items to leave out. Not all similar pairs of a group are among them.
    #[must_use]
    pub fn pairs(&self) -> &[SimilarPair] {
        &self.pairs
    }

    /// The representative of the group that an item is in, which may be the item itself; `None` if it is in no group.
    #[must_use]
    pub fn representative(&self, id: &str) -> Option<&Id> {
        let group = self.group_of[self.members.row(id)?];
        self.groups[group].first()
    }

    /// The components of the graph of `links`, which connect rows without a cycle.
    pub(super) fn new(sets: &ShingleSets, links: &[Link]) -> Self {
        let id = |row: u32| sets.ids.id(row as usize);
        let mut forest = Forest::new(sets.ids.len());
        for link in links {
            forest.join(link.a, link.b);
        }
        let mut pairs: Vec<SimilarPair> = links
            .iter()
            .filter_map(|link| {
                let (a, b) = (id(link.a)?, id(link.b)?);
                Some(SimilarPair {
                    first: a.min(b).clone(),
                    second: a.max(b).clone(),
                    similarity: link.similarity,
                })
            })
            .collect();
        pairs.sort_unstable_by(|a, b| (&a.first, &a.second).cmp(&(&b.first, &b.second)));

        let mut rows: Vec<(u32, &Id)> = links
            .iter()
            .flat_map(|link| [link.a, link.b])
            .filter_map(|row| Some((forest.root(row), id(row)?)))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let mut groups: Vec<Vec<Id>> = rows
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| group.iter().map(|(_, id)| (*id).clone()).collect())
            .collect();
        groups.sort_unstable();

        let mut members = IdMap::with_capacity(rows.len());
        let mut group_of = Vec::with_capacity(rows.len());
        for (group, ids) in groups.iter().enumerate() {
            for id in ids {
                members.insert(id);
                group_of.push(group);
            }
        }
        Self { groups, pairs, members, group_of }
    }
}

/// A verified pair of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) similarity: f64,
}

/// Disjoint sets of the numbers below `n`, by union to the smaller root and path halving.
#[derive(Debug)]
pub(super) struct Forest {
    parents: Vec<u32>,
}

impl Forest {
    pub(super) fn new(n: usize) -> Self {
        Self { parents: (0..n as u32).collect() }
    }

    pub(super) fn root(&mut self, mut i: u32) -> u32 {
        while self.parents[i as usize] != i {
            let parent = self.parents[i as usize];
            self.parents[i as usize] = self.parents[parent as usize];
            i = parent;
        }
        i
    }

    /// Unites two sets; tells whether they were apart.
    pub(super) fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a != b
    }
}
