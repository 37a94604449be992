//! The hashers that each test body runs over, and some bad ones.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

use snaptrie::FixedState;

thread_local! {
    static CURRENT: Cell<Chosen> = const { Cell::new(Chosen::Good) };
}

/// The hasher of most maps in these tests: one of three, as the test says.
///
/// One type and not three, because every method of a map is compiled anew for each hasher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    Good,
    /// A good hash of which four bits are left: sixteen different ones.
    Truncated,
    /// One hash for all keys.
    Constant,
}

impl Chosen {
    /// Runs a test body of which this is the default hasher, on this thread.
    pub(crate) fn during(self, body: impl FnOnce()) {
        let _restore = Restore(CURRENT.replace(self));
        body();
    }
}

struct Restore(Chosen);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl Default for Chosen {
    fn default() -> Self {
        CURRENT.get()
    }
}

type Good = <FixedState as BuildHasher>::Hasher;

impl BuildHasher for Chosen {
    type Hasher = Masked;

    fn build_hasher(&self) -> Masked {
        let mask = match self {
            Self::Good => u64::MAX,
            Self::Truncated => 0xf,
            Self::Constant => 0,
        };
        Masked { good: FixedState::default().build_hasher(), mask }
    }
}

/// A good hash, of which some bits are left.
pub(crate) struct Masked {
    good: Good,
    mask: u64,
}

impl Hasher for Masked {
    fn write(&mut self, bytes: &[u8]) {
        self.good.write(bytes);
    }

    fn write_u32(&mut self, number: u32) {
        self.good.write_u32(number);
    }

    fn write_u64(&mut self, number: u64) {
        self.good.write_u64(number);
    }

    fn finish(&self) -> u64 {
        self.good.finish() & self.mask
    }
}

/// For `u64` keys: the key is the hash, as the trie sees it. So a test says where an entry goes.
///
/// Undoes the mixing of `src/hash.rs`. `placed_keys_go_deep` in `api/snapshots.rs` fails if that changes.
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
