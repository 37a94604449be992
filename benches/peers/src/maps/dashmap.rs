//! `dashmap` 6, with its feature `inline`, which its README recommends for speed. Locks one shard per
//! operation; as many shards as it chooses by itself (four times the cores, rounded up).

use super::{Hasher, Peer};
use dashmap::DashMap;

/// `dashmap::DashMap`.
pub struct Dashmap(DashMap<u64, u64, Hasher>);

impl Peer for Dashmap {
    fn new() -> Self {
        Self(DashMap::with_hasher(Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key).map(|value| *value)
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }
}
