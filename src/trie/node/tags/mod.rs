//! Tags: one byte of hash for each slot of a group, read as whole `AtomicU64` words.
//!
//! A tag of zero marks a slot that nobody has claimed. This module answers two questions about a
//! group's tag words, both as a bitmap over the slots: which slots bear this tag, and which are
//! free. One instruction-set specific version and one portable version stand behind the same two
//! functions; the words themselves are always loaded one by one, as atomics.

mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;

use crate::sync::{AtomicU64, Ordering};

/// The tag of an unclaimed slot.
pub(crate) const FREE: u8 = 0;

/// The tag of a hash: its low byte, with [`FREE`] mapped away.
#[inline]
pub(crate) fn of(hash: u64) -> u8 {
    let byte = hash as u8;
    if byte == FREE { 0x80 } else { byte }
}

/// Tags of sixteen slots.
pub(crate) type Pair = [AtomicU64; 2];

/// Pairs that a group has at most.
pub(crate) const MOST_PAIRS: usize = 4;

/// The slots, as a bitmap, whose tag is `tag`, of a group of up to `PAIRS` pairs. Bits past the last
/// slot may be set.
///
/// The number of steps does not depend on the group: a branch on the size of a node that is still on
/// its way from memory is mispredicted too often. Past the last pair the first one is matched again.
#[inline]
pub(crate) fn matching<const PAIRS: usize>(pairs: &[Pair], tag: u8) -> u64 {
    // Relaxed: a tag is read only for slots whose live bit was seen by an Acquire load of the
    // group's state, which the claimer of the slot published with Release after it set the tag; or
    // to pick a candidate for a claim, where the CAS on the word decides.
    let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
    let first = &pairs[0];
    let step = |found: u64, index: usize| {
        let [low, high] = pairs.get(index).unwrap_or(first);
        found | match_pair(load(low), load(high), tag) << (16 * index)
    };
    (0..PAIRS).fold(0, step)
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use sse2::match_pair;

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use portable::match_pair;

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(words: &[u64], tag: u8) -> u64 {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        bytes.enumerate().map(|(i, byte)| u64::from(byte == tag) << i).sum()
    }

    #[test]
    fn every_version_matches_byte_by_byte() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for len in 1..=MOST_PAIRS {
            for _ in 0..2_000 {
                let words: Vec<u64> = (0..2 * len)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                        // Few distinct bytes, so that neighbours often match and often differ by one.
                        state & 0x8101_0301_0280_0183
                    })
                    .collect();
                let atomic = |pair: &[u64]| [AtomicU64::new(pair[0]), AtomicU64::new(pair[1])];
                let pairs: Vec<Pair> = words.chunks_exact(2).map(atomic).collect();
                let own = u64::MAX >> (64 - 16 * len);
                for tag in [0, 1, 2, 3, 0x80, 0x81, 0x83, 0xff] {
                    let found = matching::<MOST_PAIRS>(&pairs, tag) & own;
                    assert_eq!(found, naive(&words, tag), "{words:x?} {tag:x}");
                }
                for pair in words.chunks_exact(2) {
                    let portable = portable::match_pair(pair[0], pair[1], 1);
                    assert_eq!(portable, naive(pair, 1));
                }
            }
        }
    }

    #[test]
    fn no_hash_has_the_tag_of_a_free_slot() {
        assert!((0..=255).all(|hash| of(hash) != FREE));
    }
}
