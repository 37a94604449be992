//! `imbl` 7, a persistent map, behind `arc-swap`: a write copies the path that it changes and swaps the root (`rcu`,
//! which tries again if another writer was first). A snapshot is the root.

use super::{Frozen, Hasher, Peer, Sum, sum};
use arc_swap::ArcSwap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use std::sync::Arc;

type Map = GenericHashMap<u64, u64, Hasher, DefaultSharedPtr>;

/// `arc_swap::ArcSwap<imbl::HashMap>`.
pub struct ImblSwap(ArcSwap<Map>);

impl ImblSwap {
    /// Makes a change in a copy, and repeats it if another thread made one meanwhile.
    #[inline]
    fn change<R>(&self, mut change: impl FnMut(&mut Map) -> R) -> R {
        let mut result = None;
        self.0.rcu(|map| {
            let mut map = Map::clone(map);
            result = Some(change(&mut map));
            map
        });
        result.expect("the change was made")
    }
}

impl Peer for ImblSwap {
    fn new() -> Self {
        Self(ArcSwap::from_pointee(Map::with_hasher(Hasher::default())))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.change(|map| map.insert(key, value)).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.load().get(&key).copied()
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.change(|map| map.insert(key, value)).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        self.change(|map| map.get_mut(&key).map(|slot| *slot = value)).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.change(|map| map.remove(&key)).is_some()
    }

    fn get_many(&self, keys: &[u64]) -> u64 {
        let map = self.0.load();
        sum(keys.iter().map(|key| map.get(key).copied()))
    }

    fn insert_many(&self, keys: &[u64], value: u64) {
        self.change(|map| {
            for &key in keys {
                map.insert(key, value);
            }
        });
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.load().values().copied())
    }
}

impl Frozen for ImblSwap {
    type Snapshot = Arc<Map>;

    fn snapshot(&self) -> Self::Snapshot {
        self.0.load_full()
    }

    fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum {
        Sum::of(snapshot.values().copied())
    }
}
