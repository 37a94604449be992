//! `leapfrog` 0.3, `LeapMap`: only `Copy` keys and values that fit an atomic, two values of which are
//! reserved. No guard. Starts at its own smallest capacity (8).

use super::{Hasher, Peer, Sum};
use leapfrog::LeapMap;

/// `leapfrog::LeapMap`.
pub struct Leapfrog(LeapMap<u64, u64, Hasher>);

impl Peer for Leapfrog {
    fn new() -> Self {
        Self(LeapMap::with_capacity_and_hasher(0, Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(LeapMap::with_capacity_and_hasher(entries, Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key).and_then(|mut cell| cell.value())
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        self.0.update(&key, value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.iter().filter_map(|mut cell| cell.value()))
    }
}
