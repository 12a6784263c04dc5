//! 4-bit block quantization of matrices: storage, dequantized on load.

use half::f16;
use rayon::prelude::*;
use safetensors::Dtype;

/// A matrix in 4 bits a value: blocks of consecutive values in a row share a scale, and the matrix shares a codebook of
/// sixteen levels: `w ~ scale[block] * codebook[code]`.
///
/// In a safetensors file a matrix `name` of shape `[rows, cols]` is three tensors: `name.codes`, U8 `[rows, cols / 2]`,
/// the earlier value in the low half of a byte; `name.scales`, F16 `[rows, cols / block]`; `name.codebook`, F32 `[16]`.
///
/// Both codebook and scales are fitted to the values by alternating least squares (Lloyd's algorithm with a gain: Gray
/// and Neuhoff 1998, "Quantization", section V): far better than sixteen even steps to each block's largest value,
/// since weights are bell-shaped and a clipped outlier costs less than a coarse grid for all others.
///
/// ```
/// use rec_encoder::Block4;
///
/// let values: Vec<f32> = (0..256).map(|i| (i as f32 * 0.7).sin()).collect();
/// let packed = Block4::quantize(&values, [4, 64], 32);
/// let error: f32 = packed.dequantize().iter().zip(&values).map(|(a, b)| (a - b).powi(2)).sum();
/// let energy: f32 = values.iter().map(|v| v * v).sum();
/// assert!(error / energy < 0.005);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Block4 {
    shape: [usize; 2],
    block: usize,
    codes: Vec<u8>,
    scales: Vec<f16>,
    codebook: [f32; LEVELS],
}

/// One tensor of a file: type, shape and bytes.
pub(super) type StoredPart<'a> = (Dtype, &'a [usize], &'a [u8]);

const LEVELS: usize = 16;

/// Rounds of alternating between codes, scales and codebook. The error falls by less than a thousandth after these.
const ROUNDS: usize = 12;

impl Block4 {
    /// Quantizes a row-major matrix. The same input gives the same bits on any number of threads.
    ///
    /// # Panics
    ///
    /// `values` do not fill `shape`, `block` is odd or zero or does not divide the columns, or a value is not finite.
    #[must_use]
    pub fn quantize(values: &[f32], shape: [usize; 2], block: usize) -> Self {
        let [rows, cols] = shape;
        assert_eq!(values.len(), rows * cols, "{} values do not fill {shape:?}", values.len());
        assert!(
            block > 0 && block.is_multiple_of(2) && cols.is_multiple_of(block),
            "blocks of {block} do not tile rows of {cols} columns"
        );
        assert!(values.iter().all(|value| value.is_finite()), "a value is not finite");
        let mut codebook = initial_codebook();
        let mut codes = vec![0u8; values.len()];
        let mut scales = vec![f16::ZERO; values.len() / block];
        for round in 0..ROUNDS {
            codes.par_chunks_mut(block).zip(scales.par_iter_mut()).zip(values.par_chunks(block)).for_each(
                |((codes, scale), values)| *scale = fit_block(values, &codebook, codes, round == 0, *scale),
            );
            if round + 1 < ROUNDS {
                codebook = fit_codebook(values, block, &codes, &scales, &codebook);
            }
        }
        let codes = codes.as_chunks::<2>().0.iter().map(|[low, high]| low | (high << 4)).collect();
        Self { shape, block, codes, scales, codebook }
    }

    /// The values, row-major.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.codes.len() * 2);
        for (codes, scale) in self.codes.chunks_exact(self.block / 2).zip(&self.scales) {
            let scale = scale.to_f32();
            for code in codes {
                values.push(scale * self.codebook[usize::from(code & 15)]);
                values.push(scale * self.codebook[usize::from(code >> 4)]);
            }
        }
        values
    }

    /// `[rows, cols]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The three tensors of a matrix `name` as a safetensors file stores them: name, type, shape, little-endian bytes.
    #[must_use]
    pub fn tensors(&self, name: &str) -> [(String, Dtype, Vec<usize>, Vec<u8>); 3] {
        let [rows, cols] = self.shape;
        let scales = self.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        let codebook = self.codebook.iter().flat_map(|level| level.to_le_bytes()).collect();
        [
            (format!("{name}.codes"), Dtype::U8, vec![rows, cols / 2], self.codes.clone()),
            (format!("{name}.scales"), Dtype::F16, vec![rows, cols / self.block], scales),
            (format!("{name}.codebook"), Dtype::F32, vec![LEVELS], codebook),
        ]
    }

    /// The matrix's shape, from that of its codes alone.
    pub(super) fn shape_of(codes: &[usize]) -> Vec<usize> {
        match codes {
            &[rows, half] => vec![rows, half.saturating_mul(2)],
            other => other.to_vec(),
        }
    }

    /// Puts a matrix together from the three tensors of a file: type, shape and bytes of each.
    pub(super) fn from_parts(
        codes: StoredPart<'_>,
        scales: StoredPart<'_>,
        codebook: StoredPart<'_>,
    ) -> Result<Self, String> {
        let dtypes = (codes.0, scales.0, codebook.0);
        if dtypes != (Dtype::U8, Dtype::F16, Dtype::F32) {
            return Err(format!("its parts have types {dtypes:?}"));
        }
        let (&[rows, half], &[scale_rows, blocks], &[LEVELS]) = (codes.1, scales.1, codebook.1) else {
            return Err(format!("its parts have shapes {:?}", (codes.1, scales.1, codebook.1)));
        };
        let cols = half.checked_mul(2).ok_or("its shape is too large")?;
        if rows != scale_rows
            || blocks == 0
            || !cols.is_multiple_of(blocks)
            || !(cols / blocks).is_multiple_of(2)
        {
            return Err(format!("{blocks} scales a row do not fit {cols} columns"));
        }
        let mut levels = [0.0; LEVELS];
        for (level, bytes) in levels.iter_mut().zip(codebook.2.as_chunks::<4>().0) {
            *level = f32::from_le_bytes(*bytes);
        }
        Ok(Self {
            shape: [rows, cols],
            block: cols / blocks,
            codes: codes.2.to_vec(),
            scales: scales.2.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)).collect(),
            codebook: levels,
        })
    }
}

/// Sixteen levels at the quantiles of a bell curve, largest 1: a start that Lloyd's rounds improve.
fn initial_codebook() -> [f32; LEVELS] {
    // Logit of evenly spaced probabilities: close to a normal quantile up to scale, and in closed form.
    let logit = |i: usize| {
        let p = (i as f32 + 0.5) / LEVELS as f32;
        (p / (1.0 - p)).ln()
    };
    std::array::from_fn(|i| logit(i) / logit(LEVELS - 1))
}

/// Chooses the scale of one block and the codes under it, by squared error; returns the scale.
fn fit_block(values: &[f32], codebook: &[f32; LEVELS], codes: &mut [u8], first: bool, scale: f16) -> f16 {
    let max = values.iter().fold(0f32, |max, value| max.max(value.abs()));
    if max == 0.0 {
        codes.fill(nearest(codebook, 0.0));
        return f16::ZERO;
    }
    let mut best = (f32::INFINITY, f16::ZERO);
    let mut attempt = |scale: f32, codes: &mut [u8]| {
        // Least squares for the scale under the codes that `scale` gives, then codes again under the new scale.
        let (mut wc, mut cc) = (0.0, 0.0);
        for &value in values {
            let level = codebook[usize::from(nearest(codebook, value / scale))];
            wc += value * level;
            cc += level * level;
        }
        let refined = if cc > 0.0 { f16::from_f32(wc / cc) } else { f16::from_f32(scale) };
        let step = refined.to_f32();
        if !(step.is_finite() && step != 0.0) {
            return;
        }
        let error: f32 = values
            .iter()
            .map(|&value| (value - step * codebook[usize::from(nearest(codebook, value / step))]).powi(2))
            .sum();
        if error < best.0 {
            best = (error, refined);
            for (code, &value) in codes.iter_mut().zip(values) {
                *code = nearest(codebook, value / step);
            }
        }
    };
    if first {
        // Clip the largest value by up to a third, or leave a little room above it.
        for tenth in 0..10 {
            attempt(max * (0.68 + 0.04 * tenth as f32), codes);
        }
    } else {
        let scale = scale.to_f32();
        for factor in [1.0, 0.96, 1.04, -1.0] {
            attempt(scale * factor, codes);
        }
        attempt(max, codes);
    }
    if best.0.is_infinite() {
        // So small that f16 rounds every scale to zero.
        codes.fill(nearest(codebook, 0.0));
        return f16::ZERO;
    }
    best.1
}

/// The code of the level closest to `value`; `codebook` ascends.
fn nearest(codebook: &[f32; LEVELS], value: f32) -> u8 {
    let mut code = 0u8;
    for pair in codebook.windows(2) {
        code += u8::from(value > 0.5 * (pair[0] + pair[1]));
    }
    code
}

/// The codebook of least squares under fixed codes and scales: `c_k = sum(s w) / sum(s^2)` over the values of code `k`.
fn fit_codebook(
    values: &[f32],
    block: usize,
    codes: &[u8],
    scales: &[f16],
    old: &[f32; LEVELS],
) -> [f32; LEVELS] {
    /// Fixed pieces, summed in order: no thread count changes the result.
    const BLOCKS_A_PIECE: usize = 4096;
    let piece = block * BLOCKS_A_PIECE;
    let sums: Vec<[(f64, f64); LEVELS]> = values
        .par_chunks(piece)
        .zip(codes.par_chunks(piece))
        .zip(scales.par_chunks(BLOCKS_A_PIECE))
        .map(|((values, codes), scales)| {
            let mut sums = [(0.0, 0.0); LEVELS];
            for ((values, codes), scale) in values.chunks(block).zip(codes.chunks(block)).zip(scales) {
                let scale = f64::from(scale.to_f32());
                for (&value, &code) in values.iter().zip(codes) {
                    let sum = &mut sums[usize::from(code)];
                    sum.0 += scale * f64::from(value);
                    sum.1 += scale * scale;
                }
            }
            sums
        })
        .collect();
    let mut codebook = *old;
    for (k, level) in codebook.iter_mut().enumerate() {
        let (sw, ss) = sums.iter().fold((0.0, 0.0), |total, sum| (total.0 + sum[k].0, total.1 + sum[k].1));
        if ss > 0.0 {
            *level = (sw / ss) as f32;
        }
    }
    codebook.sort_unstable_by(f32::total_cmp);
    codebook
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bell(n: usize) -> Vec<f32> {
        // A sum of incommensurate sines is close to a bell curve and needs no generator.
        (0..n)
            .map(|i| {
                let x = i as f32;
                0.02 * ((x * 0.731).sin() + (x * 1.911).sin() + (x * 3.377).sin() + (x * 7.019).sin())
            })
            .collect()
    }

    fn relative_error(a: &[f32], b: &[f32]) -> f32 {
        let error: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        error / b.iter().map(|b| b * b).sum::<f32>()
    }

    #[test]
    fn fitted_levels_beat_even_steps() {
        let values = bell(64 * 256);
        let packed = Block4::quantize(&values, [64, 256], 32);
        let fitted = relative_error(&packed.dequantize(), &values);
        let even: Vec<f32> = values
            .chunks(32)
            .flat_map(|block| {
                let step = block.iter().fold(0f32, |max, v| max.max(v.abs())) / 7.0;
                block.iter().map(move |v| (v / step).round().clamp(-8.0, 7.0) * step).collect::<Vec<_>>()
            })
            .collect();
        let even = relative_error(&even, &values);
        assert!(fitted < 0.75 * even, "fitted {fitted}, even {even}");
    }

    #[test]
    fn zeros_and_tiny_values_survive() {
        let mut values = vec![0.0; 64];
        values[40] = 1e-12;
        let packed = Block4::quantize(&values, [2, 32], 32);
        assert!(packed.dequantize().iter().all(|value| value.abs() <= 1e-6));
    }

    #[test]
    fn a_file_round_trips() {
        let values = bell(8 * 64);
        let packed = Block4::quantize(&values, [8, 64], 32);
        let tensors = packed.tensors("w");
        let part = |i: usize| {
            let (_, dtype, shape, data) = &tensors[i];
            (*dtype, &**shape, &**data)
        };
        assert_eq!(Block4::from_parts(part(0), part(1), part(2)).unwrap(), packed);
        assert!(Block4::from_parts(part(0), part(1), part(1)).is_err());
    }
}
