//! `snaptrie`, `FlatMap`. Pins per operation, or once a batch.

use super::{Hasher, Peer, Sum, sum};
use snaptrie::FlatMap;

/// `snaptrie::FlatMap`.
pub struct Flat(FlatMap<u64, u64, Hasher>);

impl Peer for Flat {
    fn new() -> Self {
        Self(FlatMap::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(FlatMap::with_capacity_and_hasher(entries, Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.pin().insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.pin().get(&key).copied()
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.pin().insert(key, value).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        self.0.pin().update(key, |_| value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.pin().remove(&key).is_some()
    }

    fn get_many(&self, keys: &[u64]) -> u64 {
        sum(self.0.pin().get_many(keys).map(|value| value.copied()))
    }

    fn insert_many(&self, keys: &[u64], value: u64) {
        self.0.pin().insert_many(keys.iter().map(|&key| (key, value)));
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.pin().values().copied())
    }

    fn settle(&self) {
        let mut pinned = self.0.pin();
        for _ in 0..64 {
            pinned.refresh();
        }
    }
}
