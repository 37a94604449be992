//! Hashers from good to fickle.

use std::hash::{BuildHasher, Hasher};

use snaptrie::FixedState;

use super::objects::Mood;

/// What is left of a good hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// All of it.
    Good,
    /// The lowest 4 bits: paths part at the last level only.
    Low,
    /// The highest 4 bits: paths part at the first level, and then never.
    High,
    /// The lowest 12 bits: paths part deep down, where there is little room below.
    Deep,
    /// Nothing: one chain.
    Constant,
    /// Now this, now that; and keys compare as they like. Nobody can say what is in such a map, but
    /// it must stay safe.
    Inconsistent,
}

impl Hashing {
    pub(crate) const ALL: [Self; 6] =
        [Self::Good, Self::Low, Self::High, Self::Deep, Self::Constant, Self::Inconsistent];

    /// Whether a map with such hashes can be held to an oracle.
    pub(crate) fn is_consistent(self) -> bool {
        self != Self::Inconsistent
    }

    /// How many keys are bearable. Chains are searched from one end to the other.
    pub(super) fn bearable(self) -> u16 {
        match self {
            Self::Good | Self::Deep => u16::MAX,
            Self::Low | Self::High => 1024,
            Self::Constant | Self::Inconsistent => 256,
        }
    }
}

/// Builds hashers of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Hashes {
    hashing: Hashing,
    mood: Mood,
}

impl Hashes {
    pub(crate) fn new(hashing: Hashing) -> Self {
        Self::moody(hashing, Mood::default())
    }

    pub(super) fn moody(hashing: Hashing, mood: Mood) -> Self {
        Self { hashing, mood }
    }

    pub(super) fn hashing(&self) -> Hashing {
        self.hashing
    }
}

impl Default for Hashes {
    fn default() -> Self {
        Self::new(Hashing::Good)
    }
}

impl BuildHasher for Hashes {
    type Hasher = Cut;

    fn build_hasher(&self) -> Cut {
        let hashing = match self.hashing {
            Hashing::Inconsistent => match self.mood.next() % 16 {
                0..3 => Hashing::Constant,
                3..6 => Hashing::Low,
                6..8 => Hashing::High,
                _ => Hashing::Deep,
            },
            consistent => consistent,
        };
        Cut { whole: FixedState::with_seed(1).build_hasher(), hashing }
    }
}

/// A good hasher whose results are cut.
#[derive(Clone)]
pub(crate) struct Cut {
    whole: <FixedState as BuildHasher>::Hasher,
    hashing: Hashing,
}

impl Hasher for Cut {
    fn write(&mut self, bytes: &[u8]) {
        self.whole.write(bytes);
    }

    fn finish(&self) -> u64 {
        let whole = self.whole.finish();
        match self.hashing {
            Hashing::Good | Hashing::Inconsistent => whole,
            Hashing::Low => unspread(whole & 0xf),
            Hashing::High => unspread(whole & 0xf << 60),
            Hashing::Deep => unspread(whole & 0xfff),
            Hashing::Constant => unspread(0),
        }
    }
}

/// The hash that the map spreads to `spread`, so that the bits cut here are those it works with: the
/// inverse of what `src/hash.rs` does. (If it is not, the hashes are still right, but not as bad as
/// they are meant to be; a test in `tests/model.rs` would tell.)
fn unspread(spread: u64) -> u64 {
    let product = spread ^ (spread >> 29) ^ (spread >> 58);
    let hash = product.wrapping_mul(INVERSE);
    hash ^ (hash >> 32)
}

/// Undoes a multiplication by 2⁶⁴ over the golden ratio.
const INVERSE: u64 = 0xf1de_83e1_9937_733d;
const _: () = assert!(INVERSE.wrapping_mul(0x9e37_79b9_7f4a_7c15) == 1);
