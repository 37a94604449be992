//! The tag match with SSE2, which every x86-64 processor has.
#![expect(unsafe_code, reason = "vector intrinsics are unsafe functions on older compilers")]

use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

/// One bit for each byte of the two words that equals `tag`, the lowest byte of `low` first.
#[inline]
#[allow(unused_unsafe, reason = "newer compilers know that these are safe with SSE2 on")]
pub(super) fn match_pair(low: u64, high: u64, tag: u8) -> u64 {
    // SAFETY:
    // - the intrinsics need SSE2: this file is compiled only where the target has it.
    let mask = unsafe {
        let words = _mm_set_epi64x(high as i64, low as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(words, _mm_set1_epi8(tag as i8)))
    };
    u64::from(mask as u16)
}
