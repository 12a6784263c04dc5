//! Random numbers from a seed.

/// SplitMix64 (Steele, Lea and Flood: *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014): ten lines that give the
/// same numbers everywhere, good enough to shuffle with.
#[derive(Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// A stream of its own for each pair of a seed and a name.
    pub(crate) fn new(seed: u64, name: &str) -> SplitMix64 {
        // FNV-1a, whose offset and prime are those for 64 bits.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut seeds = SplitMix64(seed);
        SplitMix64(seeds.next() ^ hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, each as likely as any other (Lemire: *Fast Random Integer Generation in an Interval*, 2019).
    fn below(&mut self, n: u64) -> u64 {
        loop {
            let product = u128::from(self.next()) * u128::from(n);
            // The low halves below this threshold are those of the surplus products.
            if product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// Shuffles, every order as likely as any other (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_reference() {
        // The first numbers of Vigna's splitmix64.c from the state 1234567.
        let mut random = SplitMix64(1_234_567);
        let numbers: [u64; 3] = std::array::from_fn(|_| random.next());
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn shuffles_are_fair() {
        let mut counts = [0; 6];
        for seed in 0..60_000 {
            let mut items = [0, 1, 2];
            SplitMix64::new(seed, "x").shuffle(&mut items);
            counts[items[0] * 2 + usize::from(items[1] > items[2])] += 1;
        }
        // Six standard deviations of a binomial count of 60,000 with p = 1/6 are 548.
        assert!(counts.iter().all(|count| (9_452..10_548).contains(count)), "{counts:?}");
    }

    #[test]
    fn streams_differ_by_seed_and_by_name() {
        let first = |seed, name| SplitMix64::new(seed, name).next();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert!(first(1, "a") != first(2, "a") && first(1, "a") != first(1, "b"));
    }
}
