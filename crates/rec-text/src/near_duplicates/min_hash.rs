/// The step of SplitMix64: 2^64 over the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// MinHash: sets of shingles to short signatures, of which the share of equal values estimates the Jaccard similarity.
///
/// Broder (1997), "On the resemblance and containment of documents": under a random order of all shingles, two sets begin
/// with the same shingle with probability `s = |A ∩ B| / |A ∪ B|`. A signature holds the first shingle's place in each of
/// `n_hashes` orders. The estimate is unbiased, and its standard error is `sqrt(s * (1 - s) / n_hashes)`: at most 0.044
/// with 128 hashes.
///
/// The orders come from the seed alone, by hash functions that are part of this crate: the same shingles have the same
/// signature on every platform. Value `i` is the minimum over the shingles `x` of the upper 32 bits of
/// `mix(hash(x) xor s[i])`, where `s` are the outputs of SplitMix64 (Steele, Lea & Flood 2014) from the seed and `mix` is
/// its finalizer.
///
/// ```
/// use rec_text::{MinHash, character_shingles};
///
/// let min_hash = MinHash::new(256, 7);
/// let signature = |title| min_hash.signature(character_shingles(title, 3));
/// let (a, b) = (signature("the return of the king"), signature("return of the king"));
/// // 16 shingles of 18 are in both.
/// assert!((a.similarity(&b) - 16.0 / 18.0).abs() < 0.08);
/// assert_eq!(a.similarity(&a), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MinHash {
    n_hashes: usize,
    seed: u64,
}

impl MinHash {
    /// Signatures of `n_hashes` values.
    ///
    /// # Panics
    ///
    /// `n_hashes` is 0.
    #[must_use]
    pub const fn new(n_hashes: usize, seed: u64) -> Self {
        assert!(n_hashes > 0, "a signature has at least one value");
        Self { n_hashes, seed }
    }

    /// The signature of a set of shingles; repetitions and order do not matter.
    #[must_use]
    pub fn signature<S: AsRef<str>>(&self, shingles: impl IntoIterator<Item = S>) -> Signature {
        let hashes: Vec<u64> = shingles.into_iter().map(|shingle| self.hash(shingle.as_ref())).collect();
        let values = (0..self.n_hashes).map(|i| self.value(i, hashes.iter().copied())).collect();
        Signature { min_hash: *self, values, is_empty: hashes.is_empty() }
    }

    /// A shingle as 64 bits, eight bytes of it at a time.
    pub(super) fn hash(&self, shingle: &str) -> u64 {
        // Mixed twice: no salt of `value` is the start of a hash, which would cancel it.
        let start = mix(mix(self.seed) ^ shingle.len() as u64);
        shingle.as_bytes().chunks(8).fold(start, |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(hash ^ u64::from_le_bytes(word))
        })
    }

    /// Value `i` of a signature; that of the empty set is the greatest of all.
    pub(super) fn value(&self, i: usize, hashes: impl Iterator<Item = u64>) -> u32 {
        let salt = mix(self.seed.wrapping_add(STEP.wrapping_mul(i as u64 + 1)));
        let minimum = hashes.map(|hash| mix(hash ^ salt)).min();
        minimum.map_or(u32::MAX, |minimum| (minimum >> 32) as u32)
    }
}

/// The MinHash values of one set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    min_hash: MinHash,
    values: Box<[u32]>,
    is_empty: bool,
}

impl Signature {
    /// The estimated Jaccard similarity of the two sets: the share of equal values, in `[0, 1]`.
    ///
    /// The empty set is similar to nothing, itself included: an item without text says nothing.
    ///
    /// # Panics
    ///
    /// The signatures are of different numbers of hashes or of different seeds.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f64 {
        let (a, b) = (self.min_hash, other.min_hash);
        assert!(a == b, "signatures of {a:?} and {b:?}");
        if self.is_empty || other.is_empty {
            return 0.0;
        }
        let n_equal = self.values.iter().zip(&other.values).filter(|(a, b)| a == b).count();
        n_equal as f64 / self.values.len() as f64
    }

    /// One value per hash function; all of them `u32::MAX` for the empty set.
    #[must_use]
    pub fn values(&self) -> &[u32] {
        &self.values
    }
}

/// The finalizer of SplitMix64: a bijection, after which each bit depends on all.
pub(super) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_that_of_split_mix_64() {
        // The first outputs of SplitMix64 from the seed 1234567, which other implementations test themselves with.
        let outputs: Vec<u64> =
            (1..=3).map(|i| mix(1_234_567_u64.wrapping_add(STEP.wrapping_mul(i)))).collect();
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn signatures_are_of_sets() {
        let min_hash = MinHash::new(16, 1);
        assert_eq!(min_hash.signature(["a", "b"]), min_hash.signature(["b", "a", "b"]));
        assert_ne!(min_hash.signature(["a", "b"]), min_hash.signature(["a", "c"]));
        assert_ne!(min_hash.hash("a"), min_hash.hash("a\0"));
        assert_ne!(MinHash::new(16, 2).hash("a"), min_hash.hash("a"));
        assert!(min_hash.signature([""]).values().iter().all(|&value| value > 0));
    }

    /// From the formula in the documentation, in Python. A change is a breaking one: stored signatures would not compare.
    #[test]
    fn values_are_the_same_everywhere() {
        let signature =
            MinHash::new(3, 42).signature(["dune", "沙丘", "a shingle of more than eight bytes", ""]);
        assert_eq!(signature.values(), [1_762_581_285, 49_808_221, 277_355_805]);
    }

    #[test]
    fn nothing_is_similar_to_the_empty_set() {
        let min_hash = MinHash::new(4, 0);
        let empty = min_hash.signature::<&str>([]);
        assert_eq!(empty.values(), [u32::MAX; 4]);
        assert_eq!(empty.similarity(&empty), 0.0);
        assert_eq!(empty.similarity(&min_hash.signature(["a"])), 0.0);
    }

    #[test]
    #[should_panic(
        expected = "signatures of MinHash { n_hashes: 4, seed: 0 } and MinHash { n_hashes: 4, seed: 1 }"
    )]
    fn signatures_of_two_seeds_do_not_compare() {
        let signature = |seed| MinHash::new(4, seed).signature(["a"]);
        let _ = signature(0).similarity(&signature(1));
    }
}
