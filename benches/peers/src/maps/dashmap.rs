//! `dashmap` 6, with its feature `inline`, which its README recommends for speed. Locks one shard per operation. The
//! number of shards is the default, four times the cores, rounded up.

use super::{Frozen, Hasher, Peer, Sum};
use dashmap::DashMap;

/// `dashmap::DashMap`.
pub struct Dashmap(DashMap<u64, u64, Hasher>);

impl Peer for Dashmap {
    fn new() -> Self {
        Self(DashMap::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(DashMap::with_capacity_and_hasher(entries, Hasher::default()))
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
    fn update(&self, key: u64, value: u64) -> bool {
        self.0.get_mut(&key).map(|mut slot| *slot = value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.iter().map(|entry| *entry))
    }
}

/// **Not** a snapshot: each shard is copied under its own lock, and others change meanwhile. It is the best that users
/// of the map can do.
impl Frozen for Dashmap {
    type Snapshot = Vec<(u64, u64)>;

    fn snapshot(&self) -> Self::Snapshot {
        self.0.iter().map(|entry| (*entry.key(), *entry.value())).collect()
    }

    fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum {
        Sum::of(snapshot.iter().map(|(_, value)| *value))
    }
}
