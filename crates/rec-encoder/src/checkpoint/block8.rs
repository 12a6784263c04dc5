//! 8-bit block quantization of matrices: storage, dequantized on load.

use half::f16;
use safetensors::Dtype;

use super::block4::StoredPart;

/// A matrix in 8 bits a value: blocks of consecutive values in a row share a scale, `w ~ scale[block] * code`, with codes from
/// -127 to 127 and the block's largest value at one of them.
///
/// In a safetensors file a matrix `name` of shape `[rows, cols]` is two tensors: `name.codes`, I8 `[rows, cols]`, and
/// `name.scales`, F16 `[rows, cols / block]`. No value is further off than half a scale and the rounding of the scale to half
/// precision, which is at most 1/2048 of the value.
///
/// ```
/// use rec_encoder::Block8;
///
/// let values: Vec<f32> = (0..256).map(|i| (i as f32 * 0.7).sin()).collect();
/// let packed = Block8::quantize(&values, [4, 64], 32);
/// assert!(packed.dequantize().iter().zip(&values).all(|(a, b)| (a - b).abs() < 1.0 / 200.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Block8 {
    shape: [usize; 2],
    block: usize,
    codes: Vec<i8>,
    scales: Vec<f16>,
}

/// The largest code; -128 is not used, so that codes are symmetric.
const MAX: f32 = 127.0;

impl Block8 {
    /// Quantizes a row-major matrix.
    ///
    /// # Panics
    ///
    /// `values` do not fill `shape`, `block` is zero or does not divide the columns, or a value is not finite.
    #[must_use]
    pub fn quantize(values: &[f32], shape: [usize; 2], block: usize) -> Self {
        let [rows, cols] = shape;
        assert_eq!(values.len(), rows * cols, "{} values do not fill {shape:?}", values.len());
        assert!(
            block > 0 && cols.is_multiple_of(block),
            "blocks of {block} do not tile rows of {cols} columns"
        );
        assert!(values.iter().all(|value| value.is_finite()), "a value is not finite");
        let (mut codes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
        for block in values.chunks_exact(block) {
            let largest = block.iter().fold(0f32, |max, value| max.max(value.abs()));
            // Rounded up at the end of half precision's range: a scale of infinity would lose the block.
            let scale = f16::from_f32(largest / MAX).min(f16::MAX);
            let step = scale.to_f32();
            let code =
                |value: &f32| if step > 0.0 { (value / step).round().clamp(-MAX, MAX) as i8 } else { 0 };
            codes.extend(block.iter().map(code));
            scales.push(scale);
        }
        Self { shape, block, codes, scales }
    }

    /// The values, row-major.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        let blocks = self.codes.chunks_exact(self.block).zip(&self.scales);
        blocks
            .flat_map(|(codes, scale)| {
                let scale = scale.to_f32();
                codes.iter().map(move |&code| scale * f32::from(code))
            })
            .collect()
    }

    /// `[rows, cols]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The two tensors of a matrix `name` as a safetensors file stores them: name, type, shape, little-endian bytes.
    #[must_use]
    pub fn tensors(&self, name: &str) -> [(String, Dtype, Vec<usize>, Vec<u8>); 2] {
        let [rows, cols] = self.shape;
        let codes = self.codes.iter().map(|code| code.cast_unsigned()).collect();
        let scales = self.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        [
            (format!("{name}.codes"), Dtype::I8, vec![rows, cols], codes),
            (format!("{name}.scales"), Dtype::F16, vec![rows, cols / self.block], scales),
        ]
    }

    /// Puts a matrix together from the tensors of a file: type, shape and bytes of codes and scales.
    pub(super) fn from_parts(codes: StoredPart<'_>, scales: StoredPart<'_>) -> Result<Self, String> {
        if (codes.0, scales.0) != (Dtype::I8, Dtype::F16) {
            return Err(format!("its parts have types {:?} and {:?}", codes.0, scales.0));
        }
        let (&[rows, cols], &[scale_rows, blocks]) = (codes.1, scales.1) else {
            return Err(format!("its parts have shapes {:?} and {:?}", codes.1, scales.1));
        };
        if rows != scale_rows || blocks == 0 || !cols.is_multiple_of(blocks) {
            return Err(format!("{blocks} scales a row do not fit {cols} columns"));
        }
        Ok(Self {
            shape: [rows, cols],
            block: cols / blocks,
            codes: codes.2.iter().map(|code| code.cast_signed()).collect(),
            scales: scales.2.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_blocks_survive() {
        let values = [0.0, 0.0, 1e-30, -1e-30, 1e30, -1e30, 3.0, -1.0];
        let packed = Block8::quantize(&values, [2, 4], 2);
        let back = packed.dequantize();
        assert_eq!(back[..4], [0.0; 4], "what half precision cannot scale is zero");
        assert!(back.iter().all(|value| value.is_finite()));
        assert!((back[6] - 3.0).abs() < 0.02 && (back[7] + 1.0).abs() < 0.02);
    }
}
