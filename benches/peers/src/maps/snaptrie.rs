//! `snaptrie`, `TrieMap`. Pins per operation, or once a batch.

use super::{Frozen, Hasher, Peer, Sum, sum};
use snaptrie::{Snapshot, TrieMap};

/// `snaptrie::TrieMap`.
pub struct Snaptrie(TrieMap<u64, u64, Hasher>);

impl Peer for Snaptrie {
    fn new() -> Self {
        Self(TrieMap::with_hasher(Hasher::default()))
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

impl Frozen for Snaptrie {
    type Snapshot = Snapshot<u64, u64, Hasher>;

    fn snapshot(&self) -> Self::Snapshot {
        self.0.snapshot()
    }

    fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum {
        Sum::of(snapshot.values().copied())
    }
}
