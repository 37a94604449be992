//! The hashers of the maps, and the 64-bit hash of a key.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast;

/// The default hasher of the maps: fast, and seeded at random for each map.
///
/// The seeds make accidental collisions unlikely. They do not protect against an attacker who can choose keys and
/// observe the map: the algorithm, foldhash, is not cryptographic, and a trie iterates in the order of the hashes,
/// which reveals something about them. A map whose keys all collide stays correct and becomes slow: O(n) per operation.
/// If an attacker may choose keys, use a keyed hash such as the standard library's SipHash:
///
/// ```
/// use snaptrie::TrieMap;
///
/// let sessions = TrieMap::with_hasher(std::hash::RandomState::new());
/// sessions.insert("token from outside".to_string(), 1);
/// ```
///
/// The hashes differ between processes and between versions of this crate.
#[derive(Clone, Debug, Default)]
pub struct RandomState(fast::RandomState);

impl RandomState {
    /// A hasher with a new seed.
    pub fn new() -> Self {
        Self::default()
    }
}

impl BuildHasher for RandomState {
    type Hasher = DefaultHasher;

    #[inline(always)]
    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher(self.0.build_hasher())
    }
}

/// The algorithm of [`RandomState`] with a fixed seed: for maps in a `static`, and for reproducible runs.
///
/// Anyone who knows the seed can choose keys that collide: see [`RandomState`].
///
/// # Examples
/// ```
/// use snaptrie::{FixedState, TrieMap};
///
/// static SEEN: TrieMap<u64, u64, FixedState> = TrieMap::with_hasher(FixedState::with_seed(7));
/// assert!(SEEN.insert(1, 42));
/// ```
#[derive(Clone, Debug, Default)]
pub struct FixedState(fast::FixedState);

impl FixedState {
    /// A hasher with this seed.
    pub const fn with_seed(seed: u64) -> Self {
        Self(fast::FixedState::with_seed(seed))
    }
}

impl BuildHasher for FixedState {
    type Hasher = DefaultHasher;

    #[inline(always)]
    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher(self.0.build_hasher())
    }
}

/// The hasher that [`RandomState`] and [`FixedState`] build.
#[derive(Clone)]
pub struct DefaultHasher(fast::FoldHasher<'static>);

/// Each method is forwarded, because the algorithm treats numbers by their size.
macro_rules! forward {
    ($($write:ident: $Number:ty),*) => {
        impl Hasher for DefaultHasher {
            #[inline(always)]
            fn write(&mut self, bytes: &[u8]) {
                self.0.write(bytes);
            }

            $(
                #[inline(always)]
                fn $write(&mut self, number: $Number) {
                    self.0.$write(number);
                }
            )*

            #[inline(always)]
            fn finish(&self) -> u64 {
                self.0.finish()
            }
        }
    };
}

forward!(
    write_u8: u8,
    write_u16: u16,
    write_u32: u32,
    write_u64: u64,
    write_u128: u128,
    write_usize: usize,
    write_i8: i8,
    write_i16: i16,
    write_i32: i32,
    write_i64: i64,
    write_i128: i128,
    write_isize: isize
);

/// Shows no state, which would be meaningless to a reader.
impl fmt::Debug for DefaultHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultHasher").finish_non_exhaustive()
    }
}

/// The hash of a key, spread over all 64 bits.
///
/// A trie takes its path from the highest bits and its tags from the lowest. It becomes deep where hashes agree in
/// their high bits. A hasher that leaves those empty, such as an identity hash of small integers, would make it deep.
/// So a multiplication mixes the bits. It is a bijection: different hashes stay different.
#[inline]
pub(crate) fn of<Q: Hash + ?Sized, S: BuildHasher>(hasher: &S, key: &Q) -> u64 {
    spread(hasher.hash_one(key))
}

/// Computes the hashes of some keys of a map.
pub(crate) type Rehash<'a, K> = &'a dyn Fn(&[&K], &mut [u64]);

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
    // An odd constant (the golden ratio's) makes the multiplication a bijection; a xor with a right shift is one
    // anyway.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use foldhash::fast;

    use super::{FixedState, spread};

    #[test]
    fn fixed_seeds_hash_as_the_algorithm_does() {
        let (own, plain) = (FixedState::with_seed(7), fast::FixedState::with_seed(7));
        assert_eq!(
            own.hash_one((1_u8, 2_u16, 3_i32, 4_u64)),
            plain.hash_one((1_u8, 2_u16, 3_i32, 4_u64))
        );
        assert_eq!(
            own.hash_one((5_usize, 6_i128, "seven")),
            plain.hash_one((5_usize, 6_i128, "seven"))
        );
        assert_ne!(own.hash_one(1), FixedState::with_seed(8).hash_one(1));
    }

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
