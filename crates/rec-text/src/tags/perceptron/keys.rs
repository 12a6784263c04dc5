use super::hash::KEY_BITS;

/// Sorted names of [`KEY_BITS`] bits, found by their number.
///
/// Names are hashes and so spread evenly: their first bits lead to a bucket of one or two. Within the bucket it is a
/// binary search, so that names which are not spread (a damaged file's) cost a logarithm at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    keys: Vec<u32>,
    /// Where each bucket begins, and the end of the last.
    buckets: Vec<u32>,
    shift: u32,
}

impl Keys {
    /// Takes names that ascend strictly.
    pub(super) fn new(keys: Vec<u32>) -> Self {
        debug_assert!(keys.is_sorted_by(|a, b| a < b) && keys.last().is_none_or(|key| key >> KEY_BITS == 0));
        let n_bits = keys.len().next_power_of_two().ilog2().min(KEY_BITS);
        let shift = KEY_BITS - n_bits;
        let mut buckets = Vec::with_capacity((1 << n_bits) + 1);
        let mut begin = 0;
        for bucket in 0..=1_u32 << n_bits {
            begin += keys[begin..].iter().take_while(|&&key| key >> shift < bucket).count();
            buckets.push(begin as u32);
        }
        Self { keys, buckets, shift }
    }

    /// The place of a name among all.
    pub(super) fn position(&self, key: u32) -> Option<usize> {
        let bucket = (key >> self.shift) as usize;
        let &[begin, end] = self.buckets.get(bucket..bucket + 2)? else { return None };
        let begin = begin as usize;
        self.keys[begin..end as usize].binary_search(&key).ok().map(|place| begin + place)
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there() {
        let last = (1 << KEY_BITS) - 1;
        for keys in
            [vec![], vec![0], vec![last], vec![0, 1, 2, 3, 4, last], (0..1000).map(|n| n * 7919).collect()]
        {
            let index = Keys::new(keys.clone());
            for (place, key) in keys.iter().enumerate() {
                assert_eq!(index.position(*key), Some(place));
            }
            for absent in [5, 7918, 7920, last - 1] {
                assert_eq!(index.position(absent), None);
            }
        }
        assert_eq!(Keys::default().position(0), None);
    }
}
