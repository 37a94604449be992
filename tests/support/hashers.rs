//! The hashers that each test body runs over, and some bad ones.

use std::hash::{BuildHasher, Hasher};

use snaptrie::FixedState;

/// What a generic test body asks of its hasher.
pub(crate) trait TestHasher: BuildHasher + Clone + Default + Send + Sync + 'static {}
impl<S: BuildHasher + Clone + Default + Send + Sync + 'static> TestHasher for S {}

/// A good hash of which four bits are left: sixteen different ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truncated(FixedState);

impl BuildHasher for Truncated {
    type Hasher = TruncatedHasher<<FixedState as BuildHasher>::Hasher>;

    fn build_hasher(&self) -> Self::Hasher {
        TruncatedHasher(self.0.build_hasher())
    }
}

pub(crate) struct TruncatedHasher<H>(H);

impl<H: Hasher> Hasher for TruncatedHasher<H> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish() & 0xf
    }
}

/// One hash for all keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Constant;

impl BuildHasher for Constant {
    type Hasher = ConstantHasher;

    fn build_hasher(&self) -> ConstantHasher {
        ConstantHasher
    }
}

pub(crate) struct ConstantHasher;

impl Hasher for ConstantHasher {
    fn write(&mut self, _bytes: &[u8]) {}

    fn finish(&self) -> u64 {
        0
    }
}

/// For `u64` keys: the key is the hash, as the trie sees it. So a test says where an entry goes.
///
/// Undoes the mixing of `src/hash.rs`. `placed_keys_go_deep` fails if that changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Placed(u64);

impl BuildHasher for Placed {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Placed {
    fn write(&mut self, _bytes: &[u8]) {
        unimplemented!("only for u64 keys");
    }

    fn write_u64(&mut self, wanted: u64) {
        self.0 = wanted;
    }

    fn finish(&self) -> u64 {
        // Modulo 2^64, for an odd `a`: each step of Newton's iteration doubles the valid bits.
        let a = 0x9e37_79b9_7f4a_7c15_u64;
        let step = |inverse: u64| inverse.wrapping_mul(2_u64.wrapping_sub(a.wrapping_mul(inverse)));
        let inverse = (0..6).fold(a, |inverse, _| step(inverse));
        let undone = self.0 ^ (self.0 >> 29) ^ (self.0 >> 58);
        let product = undone.wrapping_mul(inverse);
        product ^ (product >> 32)
    }
}
