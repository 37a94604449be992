//! The maps, with a hasher that is the same in every run, because instructions are counted exactly.

use snaptrie::{CopyFlatMap, CopySnapshot, CopyTrieMap, FixedState, FlatMap, Snapshot, TrieMap};

/// A map under guard.
pub(crate) trait Map {
    fn new() -> Self;
    fn insert(&self, key: u64, value: u64) -> bool;
    fn get(&self, key: u64) -> Option<u64>;
    fn update(&self, key: u64) -> bool;
    fn remove(&self, key: u64) -> bool;
    fn sum(&self) -> u64;
}

/// A map with snapshots.
pub(crate) trait Snapshots: Map {
    type Snapshot;
    fn snapshot(&self) -> Self::Snapshot;
    fn scan(snapshot: &Self::Snapshot) -> u64;
}

const HASHER: FixedState = FixedState::with_seed(1);

macro_rules! map {
    ($type:ident, |$map:ident| $access:expr, |$key:ident| $insert_key:expr, $copy:expr) => {
        impl Map for $type<u64, u64, FixedState> {
            fn new() -> Self {
                Self::with_hasher(HASHER)
            }

            #[inline]
            fn insert(&self, key: u64, value: u64) -> bool {
                let $map = self;
                $access.insert(key, value).is_none()
            }

            #[inline]
            fn get(&self, key: u64) -> Option<u64> {
                let $map = self;
                $access.get(&key).map($copy)
            }

            #[inline]
            fn update(&self, $key: u64) -> bool {
                let $map = self;
                $access.update($insert_key, |value| value + 1).is_some()
            }

            #[inline]
            fn remove(&self, key: u64) -> bool {
                let $map = self;
                $access.remove(&key).is_some()
            }

            fn sum(&self) -> u64 {
                let $map = self;
                $access.iter().map(|(_, value)| ($copy)(value)).sum()
            }
        }
    };
}

macro_rules! with_snapshots {
    ($type:ident, $snapshot:ident) => {
        impl Snapshots for $type<u64, u64, FixedState> {
            type Snapshot = $snapshot<u64, u64, FixedState>;

            fn snapshot(&self) -> Self::Snapshot {
                $type::snapshot(self)
            }

            fn scan(snapshot: &Self::Snapshot) -> u64 {
                snapshot.values().sum()
            }
        }
    };
}

map!(TrieMap, |map| map.pin(), |key| key, |value: &u64| *value);
map!(FlatMap, |map| map.pin(), |key| key, |value: &u64| *value);
map!(CopyTrieMap, |map| map, |key| &key, |value: u64| value);
map!(CopyFlatMap, |map| map, |key| &key, |value: u64| value);
with_snapshots!(TrieMap, Snapshot);
with_snapshots!(CopyTrieMap, CopySnapshot);
