//! The one dot product, alone and many at a time.
#![expect(clippy::needless_range_loop, reason = "indices of several arrays at once")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod prefetch;
mod wide;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use wide::{Kernel, LANES, Wide, dispatch};

use crate::Vectors;
use prefetch::prefetch;

/// Queries that stay in a core's first-level cache while rows pass: at 384 dimensions 24 kB.
const RESIDENT: usize = 16;

/// The dot product of two vectors, always summed in the same order.
///
/// `sum_i a_i b_i`, where element `i` goes to lane `i mod 16` by a multiplication and addition that is rounded once, and the
/// lanes are then added as a tree: lane `i` to `i + 8`, `i + 4`, `i + 2`, `i + 1`. A short end counts as if it were filled up
/// with zeros. So a product has the same bits alone, in [`scores`] and in any search, on every machine.
///
/// # Panics
///
/// The lengths differ.
///
/// ```
/// assert_eq!(rec_search::dot(&[1.0, 2.0], &[3.0, -1.0]), 1.0);
/// assert_eq!(rec_search::dot(&[], &[]), 0.0);
/// ```
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "the dot product of {} and {} values", a.len(), b.len());
    let mut out = [0.0];
    dispatch(Scores { queries: &[a], rows: &[b][..], ahead: &[], out: &mut out });
    out[0]
}

/// The dot products of all queries with all rows: that of query `q` and row `r` goes to `out[q * rows.len() + r]`.
///
/// Each has the bits of [`dot`]. Rows are read once for sixteen queries, and should be few enough to stay in a core's
/// second-level cache if there are more queries: 128 rows of 384 values are 200 kB.
///
/// `ahead` may be empty. It is a hint, the values of the rows that will be asked for next: they are brought from memory
/// meanwhile.
///
/// # Panics
///
/// The vectors have different lengths, or `out` has another one than `queries.len() * rows.len()`.
///
/// ```
/// let mut out = [0.0; 6];
/// rec_search::scores(&[&[1.0, 0.0], &[1.0, 1.0]], &[&[2.0, 3.0], &[5.0, 7.0], &[11.0, 13.0]], &[], &mut out);
/// assert_eq!(out, [2.0, 5.0, 11.0, 5.0, 12.0, 24.0]);
/// ```
pub fn scores(queries: &[&[f32]], rows: &[&[f32]], ahead: &[f32], out: &mut [f32]) {
    let dim = queries.first().map_or(0, |query| query.len());
    let other = queries.iter().chain(rows).find(|vector| vector.len() != dim && !queries.is_empty());
    assert!(other.is_none(), "vectors of {dim} and {} values", other.map_or(0, |other| other.len()));
    scores_of(queries, rows, ahead, out);
}

/// [`scores`] of rows of any kind. All vectors must have the same length.
pub(crate) fn scores_of(queries: &[&[f32]], rows: impl Rows, ahead: &[f32], out: &mut [f32]) {
    assert_eq!(out.len(), queries.len() * rows.count(), "room for {} products", out.len());
    dispatch(Scores { queries, rows, ahead, out });
}

/// Rows to multiply with. Not closures, which compilers may leave out of the kernel.
pub(crate) trait Rows: Copy {
    fn count(self) -> usize;

    fn at(&self, row: usize) -> &[f32];
}

impl Rows for Vectors<'_> {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn at(&self, row: usize) -> &[f32] {
        self.row(row)
    }
}

impl Rows for &[&[f32]] {
    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn at(&self, row: usize) -> &[f32] {
        self[row]
    }
}

struct Scores<'a, R> {
    queries: &'a [&'a [f32]],
    rows: R,
    ahead: &'a [f32],
    out: &'a mut [f32],
}

impl<R: Rows> Kernel for Scores<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
        let Self { queries, rows, ahead, out } = self;
        let n_rows = rows.count();
        if queries.is_empty() || n_rows == 0 {
            return;
        }
        // What comes next is fetched evenly, tile by tile. For one query the processor does so by itself, and better.
        let ahead = if queries.len() > 1 { ahead.as_chunks::<LANES>().0 } else { &[] };
        let n_tiles = n_rows.div_ceil(4) * queries.len().div_ceil(4);
        let mut ahead = ahead.chunks(ahead.len().div_ceil(n_tiles).max(1));
        for (group, queries) in queries.chunks(RESIDENT).enumerate() {
            let out = &mut out[group * RESIDENT * n_rows..][..queries.len() * n_rows];
            match queries {
                // One query is bound by the memory that rows come from: as many of them as there are sums.
                [query] => tiles::<W, 16, 1>(wide, &[query], rows, &mut ahead, out),
                [_, _] => tiles::<W, 8, 2>(wide, queries, rows, &mut ahead, out),
                _ => tiles::<W, 4, 4>(wide, queries, rows, &mut ahead, out),
            }
        }
    }
}

/// All products, `R` rows with `Q` queries at a time, of which there are sixteen.
#[inline(always)]
fn tiles<W: Wide, const R: usize, const Q: usize>(
    wide: W,
    queries: &[&[f32]],
    rows: impl Rows,
    ahead: &mut std::slice::Chunks<'_, [f32; LANES]>,
    out: &mut [f32],
) {
    const { assert!(R * Q == LANES) };
    let n_rows = rows.count();
    for first in (0..n_rows).step_by(R) {
        // Beyond the end the last one is repeated, and the products are let go.
        let mut row = [&[][..]; R];
        for r in 0..R {
            row[r] = rows.at((first + r).min(n_rows - 1));
        }
        let kept = R.min(n_rows - first);
        for (group, of_group) in queries.chunks(Q).enumerate() {
            let mut query = [&[][..]; Q];
            for q in 0..Q {
                query[q] = of_group[q.min(of_group.len() - 1)];
            }
            for line in ahead.next().unwrap_or_default() {
                prefetch(line);
            }
            let products = tile::<W, R, Q>(wide, row, query, kept);
            for q in 0..of_group.len() {
                let out = &mut out[(group * Q + q) * n_rows + first..];
                let products = &products.as_chunks::<R>().0[q];
                match out.first_chunk_mut::<R>() {
                    Some(out) if kept == R => *out = *products,
                    _ => out[..kept].copy_from_slice(&products[..kept]),
                }
            }
        }
    }
}

/// Sixteen products: that of query `q` and row `r` is number `q * R + r`. Rows from `kept` on may be left out.
#[inline(always)]
fn tile<W: Wide, const R: usize, const Q: usize>(
    wide: W,
    rows: [&[f32]; R],
    queries: [&[f32]; Q],
    kept: usize,
) -> [f32; LANES] {
    let mut lanes = [wide.zero(); LANES];
    match (W::SIDE, Q) {
        (4, 4) => part::<W, R, Q, 4, 4>(wide, &rows, &queries, [0, 0], &mut lanes),
        (4, 2) => {
            for r in (0..R).step_by(4) {
                part::<W, R, Q, 4, 2>(wide, &rows, &queries, [r, 0], &mut lanes);
            }
        }
        (4 | 2, 1) => {
            // One after the other, as memory is fastest; the next rows overlap in the processor all the same.
            for r in 0..kept {
                part::<W, R, Q, 1, 1>(wide, &rows, &queries, [r, 0], &mut lanes);
            }
        }
        (2, _) => {
            for q in (0..Q).step_by(2) {
                for r in (0..R).step_by(2) {
                    part::<W, R, Q, 2, 2>(wide, &rows, &queries, [r, q], &mut lanes);
                }
            }
        }
        _ => {
            for q in 0..Q {
                for r in 0..R {
                    part::<W, R, Q, 1, 1>(wide, &rows, &queries, [r, q], &mut lanes);
                }
            }
        }
    }
    wide.sums(lanes)
}

/// The lanes of `PR` rows with `PQ` queries, which stay in registers.
#[inline(always)]
fn part<W: Wide, const R: usize, const Q: usize, const PR: usize, const PQ: usize>(
    wide: W,
    rows: &[&[f32]; R],
    queries: &[&[f32]; Q],
    [first_row, first_query]: [usize; 2],
    lanes: &mut [W::Lanes; LANES],
) {
    let dim = queries[first_query].len();
    let (whole, rest) = (dim / LANES, dim % LANES);
    // One length for all, so that the loop below has no checks. Loops and not closures, as compilers may leave those out of the
    // kernel, and compile them without its instructions.
    let (mut row, mut query) = ([&[][..]; PR], [&[][..]; PQ]);
    for r in 0..PR {
        row[r] = &rows[first_row + r].as_chunks::<LANES>().0[..whole];
    }
    for q in 0..PQ {
        query[q] = &queries[first_query + q].as_chunks::<LANES>().0[..whole];
    }
    let mut sums = [[wide.zero(); PR]; PQ];
    let mut values = [wide.zero(); PR];
    for i in 0..whole {
        for r in 0..PR {
            values[r] = wide.load(&row[r][i]);
        }
        for q in 0..PQ {
            let query = wide.load(&query[q][i]);
            for r in 0..PR {
                sums[q][r] = wide.mul_add(values[r], query, sums[q][r]);
            }
        }
    }
    if rest > 0 {
        for r in 0..PR {
            values[r] = wide.load(&filled_up(&rows[first_row + r][whole * LANES..]));
        }
        for q in 0..PQ {
            let query = wide.load(&filled_up(&queries[first_query + q][whole * LANES..]));
            for r in 0..PR {
                sums[q][r] = wide.mul_add(values[r], query, sums[q][r]);
            }
        }
    }
    for q in 0..PQ {
        for r in 0..PR {
            lanes[(first_query + q) * R + first_row + r] = sums[q][r];
        }
    }
}

/// The end of a vector, followed by zeros.
#[inline(always)]
fn filled_up(rest: &[f32]) -> [f32; LANES] {
    let mut values = [0.0; LANES];
    values[..rest.len()].copy_from_slice(rest);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random values that do round.
    fn rough(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 613 + 13) % 10007) as f32 / 3333.3 - 1.5).collect()
    }

    /// The documented order, in the plainest way.
    fn naive(a: &[f32], b: &[f32]) -> f32 {
        let mut lanes = [0.0f32; LANES];
        for i in 0..a.len().next_multiple_of(LANES) {
            let at = |x: &[f32]| x.get(i).copied().unwrap_or(0.0);
            lanes[i % LANES] = at(a).mul_add(at(b), lanes[i % LANES]);
        }
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        lanes[0]
    }

    fn products<W: Wide>(
        wide: W,
        queries: &[&[f32]],
        rows: Vectors<'_>,
        enabled: impl pulp::Simd,
    ) -> Vec<u32> {
        let mut out = vec![f32::NAN; queries.len() * rows.len()];
        wide::on(enabled, wide, Scores { queries, rows, ahead: &[], out: &mut out });
        out.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn every_instruction_set_and_every_shape_give_the_bits_of_the_plain_loop() {
        for dim in [1, 2, 15, 16, 17, 31, 32, 100, 384] {
            let (q, r) = (rough(35 * dim, 1), rough(41 * dim, 2));
            for (n_queries, n_rows) in
                [(1, 1), (1, 16), (1, 41), (2, 7), (3, 5), (4, 4), (5, 9), (16, 33), (17, 3), (35, 41)]
            {
                let queries: Vec<&[f32]> = q.chunks(dim).take(n_queries).collect();
                let rows = Vectors::new(&r[..n_rows * dim], dim);
                let expected: Vec<u32> =
                    queries.iter().flat_map(|q| rows.iter().map(|r| naive(q, r).to_bits())).collect();
                let case = format!("{dim} values, {n_queries} queries, {n_rows} rows");
                assert_eq!(products(wide::Portable, &queries, rows, pulp::Scalar), expected, "{case}, plain");
                for ahead in [&[][..], &q, &r[..r.len().min(17)]] {
                    let mut out = vec![0.0; expected.len()];
                    scores_of(&queries, rows, ahead, &mut out);
                    assert!(
                        out.iter().map(|x| x.to_bits()).eq(expected.iter().copied()),
                        "{case}, dispatched"
                    );
                }
                #[cfg(target_arch = "x86_64")]
                {
                    if let Some(simd) = pulp::x86::V3::try_new() {
                        assert_eq!(products(simd, &queries, rows, simd), expected, "{case}, AVX2");
                    }
                    if let Some(simd) = pulp::x86::V4::try_new() {
                        assert_eq!(products(simd, &queries, rows, simd), expected, "{case}, AVX-512");
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_widens_alike() {
        struct Widen([u16; LANES]);

        impl Kernel for Widen {
            type Output = [u32; LANES];

            #[inline(always)]
            fn run<W: Wide>(self, wide: W) -> [u32; LANES] {
                wide.store(wide.load_half(&self.0)).map(f32::to_bits)
            }
        }
        for first in (0..=u16::MAX).step_by(LANES) {
            let halves: [u16; LANES] = std::array::from_fn(|i| first + i as u16);
            if halves.iter().all(|&bits| half::f16::from_bits(bits).is_finite()) {
                let expected = halves.map(|bits| half::f16::from_bits(bits).to_f32().to_bits());
                assert_eq!(dispatch(Widen(halves)), expected);
                assert_eq!(Widen(halves).run(wide::Portable), expected);
            }
        }
    }
}
