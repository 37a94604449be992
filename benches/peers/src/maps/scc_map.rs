//! `scc` 3, `HashMap`: its `insert_sync` refuses a key that is present, so overwriting is `upsert_sync`.
//! Locks one bucket per operation.

use super::{Hasher, Peer, Sum};
use scc::{Guard, HashMap};

/// `scc::HashMap`.
pub struct SccMap(HashMap<u64, u64, Hasher>);

impl Peer for SccMap {
    fn new() -> Self {
        Self(HashMap::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(entries, Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.read_sync(&key, |_, value| *value)
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.upsert_sync(key, value).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        self.0.update_sync(&key, |_, slot| *slot = value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove_sync(&key).is_some()
    }

    fn scan(&self) -> Sum {
        let mut sum = Sum::default();
        self.0.iter_sync(|_, value| {
            sum.add(*value);
            true
        });
        sum
    }

    fn settle(&self) {
        advance();
    }
}

/// Moves the epoch of the calling thread far enough for all that it retired.
pub(crate) fn advance() {
    for _ in 0..64 {
        let guard = Guard::new();
        guard.set_has_garbage();
        guard.accelerate();
    }
}
