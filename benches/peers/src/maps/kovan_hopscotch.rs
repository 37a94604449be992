//! `kovan-map` 0.2, `HopscotchMap`: open addressing over boxed entries; writers lock the home bucket. Its `new`
//! makes 64 buckets. Values are returned as clones. It pins by itself.

use super::{Hasher, Peer, Sum};
use kovan_map::HopscotchMap;

/// `kovan_map::HopscotchMap`.
pub struct KovanHopscotch(HopscotchMap<u64, u64, Hasher>);

impl Peer for KovanHopscotch {
    fn new() -> Self {
        Self(HopscotchMap::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        // A capacity is a number of buckets, three quarters of which are used before it grows.
        Self(HopscotchMap::with_capacity_and_hasher(entries * 4 / 3, Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        // It cannot easily update only a present key: a lookup first.
        self.0.get(&key).is_some() && self.0.insert(key, value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.values())
    }

    fn settle(&self) {
        kovan::flush();
    }
}
