//! Loads that begin early.

use std::hint::black_box;

/// Bytes that come from memory together.
const LINE: usize = 64;

/// Begins to load values that will be needed soon.
///
/// Rows that lie anywhere in memory take as long to come from there as the work on them does, and a processor looks no further
/// ahead than a few hundred instructions. A value of each line is read, and nothing waits for it.
#[inline(always)]
pub(crate) fn fetch<T: Copy>(values: &[T]) {
    values.chunks((LINE / size_of::<T>()).max(1)).for_each(
        #[inline(always)]
        |line| {
            black_box(line[0]);
        },
    );
}
