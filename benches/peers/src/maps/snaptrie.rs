//! `snaptrie`, `TrieMap` over both of its stores. Pins per operation, or once a batch.

use super::{Frozen, Hasher, Peer, Sum, sum};
use snaptrie::{Snapshot, TrieMap, mode};

macro_rules! trie {
    ($(#[$doc:meta])* $Name:ident, $Mode:ty, $map:expr) => {
        $(#[$doc])*
        pub struct $Name(TrieMap<u64, u64, Hasher, $Mode>);

        impl Peer for $Name {
            fn new() -> Self {
                Self($map)
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

trie!(
    /// `snaptrie::TrieMap`: each entry in an allocation of its own.
    Snaptrie,
    mode::Boxed,
    TrieMap::with_hasher(Hasher::default())
);
trie!(
    /// `snaptrie::CopyTrieMap`: entries in the nodes.
    Inline,
    mode::Inline,
    TrieMap::inline_with_hasher(Hasher::default())
);
