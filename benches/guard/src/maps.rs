//! The maps, with a hasher that is the same in every run, because instructions are counted exactly.

use snaptrie::{FixedState, Snapshot, TrieMap};

/// A map under guard.
pub(crate) trait Map {
    fn new() -> Self;
    fn insert(&self, key: u64, value: u64) -> bool;
    fn get(&self, key: u64) -> Option<u64>;
    fn update(&self, key: u64) -> bool;
    fn remove(&self, key: u64) -> bool;
}

/// A map with snapshots.
pub(crate) trait Snapshots: Map {
    type Snapshot;
    fn snapshot(&self) -> Self::Snapshot;
    fn scan(snapshot: &Self::Snapshot) -> u64;
}

const HASHER: FixedState = FixedState::with_seed(1);

macro_rules! map {
    ($type:ty, $new:expr, |$map:ident, $key:ident| $get:expr, $update:expr) => {
        impl Map for $type {
            fn new() -> Self {
                $new
            }

            #[inline]
            fn insert(&self, key: u64, value: u64) -> bool {
                self.pin().insert(key, value).is_none()
            }

            #[inline]
            fn get(&self, $key: u64) -> Option<u64> {
                let $map = self;
                $get
            }

            #[inline]
            fn update(&self, $key: u64) -> bool {
                let $map = self;
                $update
            }

            #[inline]
            fn remove(&self, key: u64) -> bool {
                self.pin().remove(&key).is_some()
            }
        }
    };
}

macro_rules! by_reference {
    ($type:ty, $new:expr) => {
        map!(
            $type,
            $new,
            |map, key| map.pin().get(&key).copied(),
            map.pin().update(key, |value| value + 1).is_some()
        );
    };
}

pub(crate) type Trie = TrieMap<u64, u64, FixedState>;
by_reference!(Trie, TrieMap::with_hasher(HASHER));

impl Snapshots for Trie {
    type Snapshot = Snapshot<u64, u64, FixedState>;

    fn snapshot(&self) -> Self::Snapshot {
        TrieMap::snapshot(self)
    }

    fn scan(snapshot: &Self::Snapshot) -> u64 {
        snapshot.values().sum()
    }
}

#[cfg(feature = "flat")]
pub(crate) type Flat = snaptrie::FlatMap<u64, u64, FixedState>;
#[cfg(feature = "flat")]
by_reference!(Flat, snaptrie::FlatMap::with_hasher(HASHER));

#[cfg(feature = "copyflat")]
pub(crate) type CopyFlat = snaptrie::CopyFlatMap<u64, u64, FixedState>;
#[cfg(feature = "copyflat")]
map!(
    CopyFlat,
    snaptrie::CopyFlatMap::with_hasher(HASHER),
    |map, key| map.get(&key),
    map.update(&key, |value| value + 1).is_some()
);
