//! `snaptrie`: `TrieMap` and `FlatMap`, over both of their stores. They pin per operation, or once a batch.

use std::convert::identity;

use super::{Frozen, Hasher, Peer, Sum, sum};
use rayon::prelude::*;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, Snapshot, TrieMap, mode};

/// `$plain` turns a result of the map into a number, and `$key` a key into an argument of `update`.
macro_rules! adapter {
    (
        $(#[$doc:meta])*
        $Name:ident($Map:ty), $empty:expr, $plain:path, |$k:ident| $key:expr
        $(, |$entries:ident| $sized:expr)?
    ) => {
        $(#[$doc])*
        pub struct $Name($Map);

        impl Peer for $Name {
            fn new() -> Self {
                Self($empty)
            }

            $(fn sized($entries: usize) -> Self {
                Self($sized)
            })?

            #[inline]
            fn insert(&self, key: u64, value: u64) -> bool {
                self.0.pin().insert(key, value).is_none()
            }

            #[inline]
            fn get(&self, key: u64) -> Option<u64> {
                self.0.pin().get(&key).map($plain)
            }

            #[inline]
            fn upsert(&self, key: u64, value: u64) -> bool {
                self.0.pin().insert(key, value).is_some()
            }

            #[inline]
            fn update(&self, $k: u64, value: u64) -> bool {
                self.0.pin().update($key, |_| value).is_some()
            }

            #[inline]
            fn remove(&self, key: u64) -> bool {
                self.0.pin().remove(&key).is_some()
            }

            fn get_many(&self, keys: &[u64]) -> u64 {
                sum(self.0.pin().get_many(keys).map(|value| value.map($plain)))
            }

            fn insert_many(&self, keys: &[u64], value: u64) {
                self.0.pin().insert_many(keys.iter().map(|&key| (key, value)));
            }

            fn stream(&self, keys: &[u64], value: u64) {
                let mut writer = self.0.writer();
                for &key in keys {
                    writer.insert(key, value);
                }
            }

            fn build(keys: &[u64], value: u64, threads: usize) -> Self {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let entries = keys.par_iter().map(|&key| (key, value));
                Self(pool.expect("a pool of threads").install(|| entries.collect()))
            }

            fn scan(&self) -> Sum {
                Sum::of(self.0.pin().values().map($plain))
            }

            fn settle(&self) {
                let mut pinned = self.0.pin();
                for _ in 0..64 {
                    pinned.refresh();
                }
            }
        }
    };
}

macro_rules! frozen {
    ($Name:ident, $Mode:ty) => {
        impl Frozen for $Name {
            type Snapshot = Snapshot<u64, u64, Hasher, $Mode>;

            fn snapshot(&self) -> Self::Snapshot {
                self.0.snapshot()
            }

            fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum {
                Sum::of(snapshot.values().copied())
            }
        }
    };
}

adapter!(
    /// `snaptrie::TrieMap`: each entry is allocated.
    Snaptrie(TrieMap<u64, u64, Hasher>),
    TrieMap::default(),
    Clone::clone,
    |key| key
);
frozen!(Snaptrie, mode::Boxed);

adapter!(
    /// `snaptrie::CopyTrieMap`: entries in the nodes.
    Inline(CopyTrieMap<u64, u64, Hasher>),
    CopyTrieMap::default(),
    identity,
    |key| &key
);
frozen!(Inline, mode::Inline);

adapter!(
    /// `snaptrie::FlatMap`.
    Flat(FlatMap<u64, u64, Hasher>),
    FlatMap::default(),
    Clone::clone,
    |key| key,
    |entries| FlatMap::with_capacity_and_hasher(entries, Hasher::default())
);

adapter!(
    /// `snaptrie::CopyFlatMap`: entries in the lines.
    FlatInline(CopyFlatMap<u64, u64, Hasher>),
    CopyFlatMap::default(),
    identity,
    |key| &key,
    |entries| CopyFlatMap::with_capacity_and_hasher(entries, Hasher::default())
);
