use super::strip::{Strip, Target};

/// Codes in a word.
const GROUP: usize = 4;
/// Columns at a time.
const WIDTH: usize = 16;

/// The product in plain Rust: unsigned bytes times signed ones.
pub(super) fn multiply(strip: &Strip<'_>, target: Target<'_>) {
    let (Target { values, stride, columns }, width) = (target, strip.scales.len());
    for row in 0..strip.n_rows {
        let mut sums = [0_i32; WIDTH];
        sums[..width].copy_from_slice(strip.starts);
        let words = &strip.words[row * strip.n_words..][..strip.n_words];
        for (word, codes) in words.iter().zip(strip.codes.chunks_exact(width * GROUP)) {
            let left = word.to_ne_bytes();
            for (sum, right) in sums.iter_mut().zip(codes.as_chunks::<GROUP>().0) {
                for (left, right) in left.iter().zip(right) {
                    *sum += i32::from(*left) * i32::from(*right);
                }
            }
        }
        let values = &mut values[row * stride..][..columns];
        for ((value, sum), scale) in values.iter_mut().zip(sums).zip(strip.scales) {
            *value = sum as f32 * scale * strip.row_scales[row];
        }
    }
}
