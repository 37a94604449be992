//! Tags: one byte of hash for each slot of a bucket, in one word that is matched as a whole.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// The tag of a hash: its lowest byte. The path to a bucket takes the highest bits.
#[inline]
fn of(hash: u64) -> u64 {
    hash & 0xff
}

/// The slots whose tag may be that of `hash`, as the highest bits of their bytes: every slot that has the tag, and now
/// and then one that does not.
#[inline]
pub(super) fn matching(tags: u64, hash: u64) -> u64 {
    let differences = tags ^ of(hash).wrapping_mul(ONES);
    differences.wrapping_sub(ONES) & !differences & HIGHS
}

/// The tag word with the tag of `hash` for a slot.
#[inline]
pub(super) fn with(tags: u64, index: u32, hash: u64) -> u64 {
    let shift = 8 * index;
    tags & !(0xff << shift) | of(hash) << shift
}

/// [`with`] for a slot that never had a tag.
#[inline]
pub(super) fn with_first(tags: u64, index: u32, hash: u64) -> u64 {
    debug_assert_eq!(tags >> (8 * index) & 0xff, 0);
    tags | of(hash) << (8 * index)
}

/// The slot of the lowest bit of a match.
#[inline]
pub(super) fn first(matches: u64) -> u32 {
    matches.trailing_zeros() / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_with_the_tag_matches_and_few_others() {
        let mut random = 1_u64;
        let (mut wrong, mut rounds) = (0, 0);
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            let (tags, hash) = (random ^ random >> 17, random >> 40);
            let found = matching(tags, hash);
            for index in 0..8 {
                let is_it = tags >> (8 * index) & 0xff == hash & 0xff;
                let matches = found >> (8 * index + 7) & 1 == 1;
                assert!(matches || !is_it);
                wrong += usize::from(matches && !is_it);
                rounds += 1;
            }
            assert_eq!(with(tags, 3, hash) >> 24 & 0xff, hash & 0xff);
            assert_eq!(with(tags, 3, hash) & !(0xff << 24), tags & !(0xff << 24));
        }
        assert!(wrong * 1000 < rounds);
        assert_eq!(first(matching(0x0500_0000_0005_0000, 5)), 2);
    }
}
