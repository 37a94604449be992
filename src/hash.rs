//! From a key to the 64 bits that the maps work with.

use std::hash::{BuildHasher, Hash};

/// The hash of a key, spread over all 64 bits.
///
/// A trie takes its path from the highest bits and its tags from the lowest, and is as deep as
/// hashes agree in their high bits. Hashers that leave high bits empty (identity hashes of small
/// integers are common) would make it ten levels deep, so two multiply-and-fold steps mix whatever
/// comes. They are a bijection: hashes that differed still do.
#[inline]
pub(crate) fn of<Q: Hash + ?Sized, S: BuildHasher>(hasher: &S, key: &Q) -> u64 {
    spread(hasher.hash_one(key))
}

/// [`of`] for several keys.
pub(crate) fn of_each<K: Hash, S: BuildHasher>(hasher: &S) -> impl Fn(&[&K], &mut [u64]) {
    move |keys, hashes| {
        for (key, hash) in keys.iter().zip(hashes) {
            *hash = of(hasher, *key);
        }
    }
}

#[inline]
const fn spread(hash: u64) -> u64 {
    // Odd constants (the golden ratio's, and SplitMix64's) make each multiplication a bijection, a
    // xor with a right shift is one anyway.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::spread;

    #[test]
    fn small_integers_differ_in_their_high_and_low_bits() {
        for shift in [0, 4, 8, 16, 32, 48] {
            let spread: Vec<u64> = (0..4096_u64).map(|i| spread(i << shift)).collect();
            let high: HashSet<u64> = spread.iter().map(|hash| hash >> 52).collect();
            let low: HashSet<u64> = spread.iter().map(|hash| hash & 0xff).collect();
            assert!(high.len() > 2_000, "{} high patterns at shift {shift}", high.len());
            assert!(low.len() > 200, "{} low patterns at shift {shift}", low.len());
        }
    }
}
