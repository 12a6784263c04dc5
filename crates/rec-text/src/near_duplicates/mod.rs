mod bands;
mod groups;
mod min_hash;
mod sets;
mod shingles;

pub use bands::Bands;
pub use groups::{NearDuplicateGroups, SimilarPair};
pub use min_hash::{MinHash, Signature};
pub use shingles::{character_shingles, term_shingles};

use rayon::prelude::*;
use rec_data::Id;

use crate::Error;
use groups::{Forest, Link};
use min_hash::mix;
use sets::ShingleSets;

/// In a bucket of more than this many and one items, each is compared with as many others.
const WINDOW: usize = 32;

/// Finds items whose texts are nearly the same: reissues, editions, listings that were entered twice.
///
/// Two items are near-duplicates if the Jaccard similarity of their sets of shingles, `|A ∩ B| / |A ∪ B|`, is at least the
/// threshold. Candidates come from [`MinHash`] signatures cut into [`Bands`], and each is verified by its exact similarity:
/// no pair that is reported is wrong, and a pair of similarity `s` is missed with the probability
/// `(1 - s^n_rows)^n_bands` unless a chain of others connects it. The default is [`Bands::for_threshold`] with a miss
/// probability of 0.01 at the threshold and 128 hashes.
///
/// Time is near-linear in the size of the texts, whatever they are:
///
/// 1. Equal sets collapse into one before anything is compared.
/// 2. A bucket (the items that agree in a band) of up to 33 items is compared pair by pair. A larger one is put in the
///    order of the next band's rows, where items that agree in more rows are neighbours, and each item is compared with the
///    32 before it: as if such a bucket had more rows. Pairs that lie further apart in every such bucket are missed.
/// 3. Items that are in one group already are not compared again.
///
/// Bands are computed in parallel. The result depends on the documents, their order and the seed alone: not on threads, not
/// on the platform. An item without shingles is nobody's duplicate.
///
/// Similar texts need not be the same item: "part 1" and "part 2" of a long title share nearly all of their shingles.
///
/// ```
/// use rec_text::{NearDuplicates, character_shingles};
///
/// let titles = [
///     ("1", "fire emblem: the sacred stones"),
///     ("2", "fire emblem: path of radiance"),
///     ("3", "fire emblem the sacred stones"),
///     ("4", ""),
///     ("5", ""),
/// ];
/// let found = NearDuplicates::new(0.8).find(titles.map(|(id, title)| (id, character_shingles(title, 3))))?;
/// assert_eq!(found.groups(), [["1", "3"]]);
/// // 25 shingles are in both, 3 and 2 in one of them.
/// assert_eq!(found.pairs()[0].similarity, 25.0 / 30.0);
/// # Ok::<(), rec_text::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearDuplicates {
    threshold: f64,
    bands: Bands,
    seed: u64,
}

impl NearDuplicates {
    /// Near-duplicates of at least this Jaccard similarity, with the default bands and the seed 0.
    ///
    /// # Panics
    ///
    /// `threshold` is not in `[0.05, 1]`: below, nearly everything is a candidate, and bands are no help.
    #[must_use]
    pub fn new(threshold: f64) -> Self {
        assert!((0.05..=1.0).contains(&threshold), "the threshold {threshold} is not in [0.05, 1]");
        Self { threshold, bands: Bands::for_threshold(threshold, 0.01, 128), seed: 0 }
    }

    /// Looks for candidates in other bands.
    #[must_use]
    pub const fn bands(self, bands: Bands) -> Self {
        Self { bands, ..self }
    }

    /// Draws other hash functions, and so misses other pairs.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The groups of near-duplicates among documents `(id, shingles)`.
    ///
    /// Takes 4 bytes per distinct shingle of a document, and besides some 200 bytes per document and 100 per distinct
    /// shingle. No documents give no groups.
    ///
    /// # Errors
    ///
    /// Two documents of one id ([`Error::is_duplicate`]), or more than 2^32 - 1 documents or distinct shingles.
    pub fn find<I, D, S>(
        &self,
        documents: impl IntoIterator<Item = (I, D)>,
    ) -> Result<NearDuplicateGroups, Error>
    where
        I: Into<Id>,
        D: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let min_hash = MinHash::new(self.bands.n_bands() * self.bands.n_rows(), self.seed);
        let sets = ShingleSets::collect(documents, min_hash)?;
        let (rows, equal) = sets.distinct();
        let mut links: Vec<Link> = equal.into_iter().map(|(a, b)| Link { a, b, similarity: 1.0 }).collect();

        let mut forest = Forest::new(sets.ids.len());
        for band in 0..self.bands.n_bands() {
            let search = Band { sets: &sets, min_hash, bands: self.bands, band, threshold: self.threshold };
            let roots: Vec<u32> = (0..sets.ids.len() as u32).map(|row| forest.root(row)).collect();
            for link in search.links(&rows, &roots) {
                // Two buckets may connect the same groups.
                if forest.join(link.a, link.b) {
                    links.push(link);
                }
            }
        }
        Ok(NearDuplicateGroups::new(&sets, &links))
    }
}

/// The search for links among the items that agree in one band.
#[derive(Debug, Clone, Copy)]
struct Band<'a> {
    sets: &'a ShingleSets,
    min_hash: MinHash,
    bands: Bands,
    band: usize,
    threshold: f64,
}

impl Band<'_> {
    /// Verified pairs that connect different roots, bucket by bucket.
    fn links(self, rows: &[u32], roots: &[u32]) -> Vec<Link> {
        let mut keyed: Vec<(u64, u32)> = rows.par_iter().map(|&row| (self.key(row), row)).collect();
        keyed.par_sort_unstable();
        let buckets: Vec<&[(u64, u32)]> = keyed.chunk_by(|a, b| a.0 == b.0).filter(|b| b.len() > 1).collect();
        let links = buckets.into_par_iter().map(|bucket| {
            let rows = bucket.iter().map(|&(_, row)| row).collect();
            self.links_of_bucket(rows, roots)
        });
        links.collect::<Vec<_>>().concat()
    }

    fn links_of_bucket(self, mut rows: Vec<u32>, roots: &[u32]) -> Vec<Link> {
        let mut groups: Vec<u32> = rows.iter().map(|&row| roots[row as usize]).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut links = Vec::new();
        if groups.len() == 1 {
            return links;
        }
        if rows.len() > WINDOW + 1 {
            rows.sort_by_cached_key(|&row| (self.values(self.band + 1, row).collect::<Vec<_>>(), row));
        }
        let group_of = |row: u32| groups.partition_point(|&group| group < roots[row as usize]) as u32;
        let groups_of_rows: Vec<u32> = rows.iter().map(|&row| group_of(row)).collect();
        let mut forest = Forest::new(groups.len());
        for i in 1..rows.len() {
            for j in i.saturating_sub(WINDOW)..i {
                let (a, b) = (groups_of_rows[j], groups_of_rows[i]);
                if forest.root(a) != forest.root(b)
                    && let Some(similarity) = self.sets.similarity(rows[j], rows[i], self.threshold)
                {
                    forest.join(a, b);
                    links.push(Link { a: rows[j], b: rows[i], similarity });
                }
            }
        }
        links
    }

    /// The values of a band as one number. A collision makes a false candidate.
    fn key(self, row: u32) -> u64 {
        self.values(self.band, row).fold(0, |key, value| mix(key ^ u64::from(value)))
    }

    /// The rows of the signature in a band; the first band follows the last.
    fn values(self, band: usize, row: u32) -> impl Iterator<Item = u32> {
        let n_rows = self.bands.n_rows();
        let first = band % self.bands.n_bands() * n_rows;
        (first..first + n_rows).map(move |i| self.min_hash.value(i, self.sets.hashes(row)))
    }
}
