//! The tag match in plain integer arithmetic ("SIMD within a register").

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const BELOW_HIGH: u64 = 0x7f7f_7f7f_7f7f_7f7f;
/// Multiplying a word that has only bits 0, 8, 16, … by this gathers them in the top byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// One bit for each byte of `word` that equals `tag`, the lowest byte first.
#[inline]
pub(super) fn match_word(word: u64, tag: u8) -> u64 {
    let differing = word ^ (LOW_BITS * u64::from(tag));
    // Adding 0x7f carries into a byte's high bit exactly if its low seven bits are not all zero;
    // no carry leaves the byte, so the answer is exact for each byte.
    let nonzero = ((differing & BELOW_HIGH) + BELOW_HIGH) | differing;
    let equal = (!nonzero >> 7) & LOW_BITS;
    equal.wrapping_mul(GATHER) >> 56
}

/// [`match_word`] over two words, sixteen bits.
#[cfg_attr(all(target_arch = "x86_64", target_feature = "sse2"), allow(dead_code))]
#[inline]
pub(super) fn match_pair(low: u64, high: u64, tag: u8) -> u64 {
    match_word(low, tag) | match_word(high, tag) << 8
}
