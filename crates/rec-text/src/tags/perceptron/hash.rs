//! The hash that names features, words and random choices: part of the file format, so fixed for good.

/// Features are told apart by this many bits: enough that few of 10^5 share a name, and the differences between sorted
/// names fit into two bytes of a file.
pub(super) const KEY_BITS: u32 = 30;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The name of a feature: its template and what fills it.
pub(super) fn key(template: u64, parts: &[u64]) -> u32 {
    name(parts.iter().fold(mix(template), |hash, part| mix(hash.rotate_left(17) ^ part)))
}

/// The first [`KEY_BITS`] of a hash.
pub(super) fn name(hash: u64) -> u32 {
    (hash >> (u64::BITS - KEY_BITS)) as u32
}

/// FNV-1a over characters, mixed.
pub(super) fn text_hash(text: impl IntoIterator<Item = char>) -> u64 {
    mix(text.into_iter().fold(FNV_OFFSET, |hash, c| (hash ^ u64::from(c)).wrapping_mul(FNV_PRIME)))
}

/// FNV-1a over bytes: a change of any one byte changes it.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(FNV_OFFSET, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014), a bijection in which every bit of the input moves
/// every bit of the output.
pub(super) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // SplitMix64 from seed 0, its first output.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        // FNV-1a, 64 bits, of "" and "a".
        assert_eq!([checksum(b""), checksum(b"a")], [0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c]);
    }

    #[test]
    fn names_have_thirty_bits() {
        assert_eq!(name(u64::MAX), (1 << KEY_BITS) - 1);
        assert_ne!(key(1, &[2, 3]), key(1, &[3, 2]));
    }
}
