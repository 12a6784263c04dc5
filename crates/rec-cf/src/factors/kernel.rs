//! Loops over factors that compilers turn into vector instructions.

use faer::traits::ComplexField;

/// Sums that run side by side in [`dot`]: a fixed number, so that every CPU adds in the same order.
const LANES: usize = 16;

/// Runs `work` compiled for the vector instructions that this CPU has. What is to profit must be inlined into it.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    <f32 as ComplexField>::Arch::default().dispatch(work)
}

/// `a' b`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let mut rest = 0.0;
    for (a, b) in a_rest.iter().zip(b_rest) {
        rest += a * b;
    }
    sum_lanes(&sums) + rest
}

/// `vector' (a - b)`.
#[inline(always)]
pub(crate) fn dot_difference(vector: &[f32], a: &[f32], b: &[f32]) -> f32 {
    let (blocks, rest) = vector.as_chunks::<LANES>();
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for ((vector, a), b) in blocks.iter().zip(a_blocks).zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += vector[lane] * (a[lane] - b[lane]);
        }
    }
    let mut sum = sum_lanes(&sums);
    for ((vector, a), b) in rest.iter().zip(a_rest).zip(b_rest) {
        sum += vector * (a - b);
    }
    sum
}

/// The sum, by halves. Never inlined: compilers would let the shuffles of this sum into the loops before it, which then run on
/// pairs of values.
#[inline(never)]
fn sum_lanes<const LANES: usize>(sums: &[f32; LANES]) -> f32 {
    let mut sums = *sums;
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// The dot products of four vectors with one, which is read once.
#[inline(always)]
pub(crate) fn dot4(rows: [&[f32]; 4], vector: &[f32]) -> [f32; 4] {
    const LANES: usize = 8;
    let (blocks, rest) = vector.as_chunks::<LANES>();
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = rows.map(<[f32]>::as_chunks::<LANES>);
    let (mut a_sums, mut b_sums, mut c_sums, mut d_sums) =
        ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for ((((vector, a), b), c), d) in blocks.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..LANES {
            a_sums[lane] += a[lane] * vector[lane];
            b_sums[lane] += b[lane] * vector[lane];
            c_sums[lane] += c[lane] * vector[lane];
            d_sums[lane] += d[lane] * vector[lane];
        }
    }
    let mut products = sum_lanes4(&[a_sums, b_sums, c_sums, d_sums]);
    for (product, row) in products.iter_mut().zip([a_rest, b_rest, c_rest, d_rest]) {
        for (a, b) in row.iter().zip(rest) {
            *product += a * b;
        }
    }
    products
}

/// [`sum_lanes`] of four.
#[inline(never)]
fn sum_lanes4<const LANES: usize>(sums: &[[f32; LANES]; 4]) -> [f32; 4] {
    let mut sums = *sums;
    let mut width = LANES / 2;
    while width > 0 {
        for sums in &mut sums {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
        }
        width /= 2;
    }
    sums.map(|sums| sums[0])
}

/// `out += sum_k scales_k * rows_k`, where `out` is read and written once.
#[inline(always)]
pub(crate) fn add_scaled4(out: &mut [f32], scales: [f32; 4], rows: [&[f32]; 4]) {
    let [a, b, c, d] = rows;
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out += (scales[0] * a + scales[1] * b) + (scales[2] * c + scales[3] * d);
    }
}

/// `out += scale * values`.
#[inline(always)]
pub(crate) fn add_scaled(out: &mut [f32], scale: f32, values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += scale * value;
    }
}

/// `a' b` in `f64`, in the order of the values.
pub(crate) fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_sums_are_those_of_the_obvious_loops_at_every_length() {
        for n in 0..70 {
            // Small integers: any order of the sum is exact.
            let a: Vec<f32> = (0..n).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..n).map(|i| (i % 5) as f32 - 1.0).collect();
            let expected: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), expected);
            assert_eq!(vectorized(|| dot(&a, &b)), expected);

            let zeros = vec![0.0; n];
            assert_eq!(dot_difference(&a, &zeros, &b), -expected);
            let rows = [&a[..], &b, &a, &b];
            let square = |a: &[f32]| a.iter().map(|a| a * a).sum::<f32>();
            assert_eq!(dot4(rows, &b), [expected, square(&b), expected, square(&b)]);
            let mut sum = a.clone();
            add_scaled4(&mut sum, [1.0, 2.0, -3.0, 0.0], rows);
            assert!(sum.iter().zip(&a).zip(&b).all(|((&sum, a), b)| sum == -a + 2.0 * b));
        }
    }
}
