//! `snaptrie`, `TrieMap`. Pins per operation.

use super::{Hasher, Peer};
use snaptrie::TrieMap;

/// `snaptrie::TrieMap`.
pub struct Snaptrie(TrieMap<u64, u64, Hasher>);

impl Snaptrie {
    /// The map itself, for what only it can do.
    pub fn map(&self) -> &TrieMap<u64, u64, Hasher> {
        &self.0
    }
}

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
    fn remove(&self, key: u64) -> bool {
        self.0.pin().remove(&key).is_some()
    }

    fn settle(&self) {
        let mut pinned = self.0.pin();
        for _ in 0..64 {
            pinned.refresh();
        }
    }
}
