//! Which items a recommender has to rank.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rec_data::{Id, IdMap};

use crate::relevance::Relevant;

/// The items that are ranked for a user: all of them, or the relevant ones among a sample of others.
///
/// Sampling is there to repeat published numbers, and for nothing else. It raises all values, it is not proportional to the
/// full ranking, and it can turn the order of two models around, even in expectation: Krichene and Rendle, "On sampled metrics
/// for item recommendation" (KDD 2020; CACM 65(7), 2022). Never compare sampled values with full ones, or with values of
/// another sample size.
///
/// ```
/// use rec_data::{Id, IdMap};
/// use rec_eval::{Candidates, Relevant};
///
/// let catalogue = IdMap::try_from_ids(["dune", "emma", "solaris", "ulysses"])?;
/// let (relevant, seen) = (Relevant::binary(["emma"]), ["dune".into()]);
/// let is_seen = |item: &Id| seen.contains(item);
///
/// assert_eq!(Candidates::All.rows(&"ann".into(), &catalogue, &relevant, is_seen), [1, 2, 3]);
/// let rows = Candidates::Sampled { n: 1, seed: 7 }.rows(&"ann".into(), &catalogue, &relevant, is_seen);
/// assert!(rows == [1, 2] || rows == [1, 3]);
/// # Ok::<(), rec_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Candidates {
    /// All items of the catalogue that are not excluded.
    #[default]
    All,
    /// The relevant items, and as many others drawn without replacement.
    Sampled {
        /// How many others; all of them if there are fewer.
        n: usize,
        /// The same seed draws the same others for a user, whatever was drawn for other users.
        seed: u64,
    },
}

impl Candidates {
    /// The rows of a user's candidates in the catalogue, ascending.
    ///
    /// Neither the relevant items nor the others contain an item that is `excluded`, such as those that the user knows; what
    /// is relevant but not in the catalogue cannot be ranked and is missing. The sample depends on the seed, the id of the
    /// user, and the rows that it is drawn from.
    pub fn rows(
        &self,
        user: &Id,
        catalogue: &IdMap,
        relevant: &Relevant,
        is_excluded: impl Fn(&Id) -> bool,
    ) -> Vec<usize> {
        let allowed = catalogue.iter().enumerate().filter(|(_, item)| !is_excluded(item));
        match self {
            Candidates::All => allowed.map(|(row, _)| row).collect(),
            Candidates::Sampled { n, seed } => {
                let (relevant, others): (Vec<_>, Vec<_>) =
                    allowed.partition(|(_, item)| relevant.contains(item));
                let mut rng = ChaCha8Rng::seed_from_u64(*seed);
                rng.set_stream(fnv_1a(user.as_bytes()));
                let mut others: Vec<usize> = others.into_iter().map(|(row, _)| row).collect();
                let (sampled, _) = others.partial_shuffle(&mut rng, *n);
                let mut rows: Vec<usize> = relevant.into_iter().map(|(row, _)| row).collect();
                rows.extend_from_slice(sampled);
                rows.sort_unstable();
                rows
            }
        }
    }
}

/// FNV-1a, 64 bits: the same number for the same id on every machine and in every version.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> IdMap {
        IdMap::try_from_ids((0..50).map(|i| i.to_string())).unwrap()
    }

    #[test]
    fn samples_hold_the_relevant_and_n_others() {
        let relevant = Relevant::binary(["3", "4", "99"]);
        let sampled = Candidates::Sampled { n: 10, seed: 1 };
        let rows = sampled.rows(&"u".into(), &catalogue(), &relevant, |item| *item == "4" || *item == "5");
        assert_eq!(rows.len(), 11);
        assert!(rows.contains(&3) && !rows.contains(&4) && !rows.contains(&5));
        assert!(rows.is_sorted_by(|a, b| a < b));
        let all = Candidates::Sampled { n: usize::MAX, seed: 1 };
        assert_eq!(all.rows(&"u".into(), &catalogue(), &relevant, |_| false).len(), 50);
    }

    #[test]
    fn samples_depend_on_seed_and_user() {
        let rows = |seed, user: &str| {
            let sampled = Candidates::Sampled { n: 10, seed };
            sampled.rows(&user.into(), &catalogue(), &Relevant::default(), |_| false)
        };
        assert_eq!(rows(1, "u"), rows(1, "u"));
        assert_ne!(rows(1, "u"), rows(1, "v"));
        assert_ne!(rows(1, "u"), rows(2, "u"));
        // 50 users draw 10 of 50 rows each: every row about 10 times.
        let mut counts = [0; 50];
        (0..50).flat_map(|user: i32| rows(1, &user.to_string())).for_each(|row| counts[row] += 1);
        assert!(counts.iter().all(|n| (1..=22).contains(n)), "{counts:?}");
    }

    #[test]
    fn hash_is_the_published_one() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
