//! `scc` 3, `HashIndex`: reads are the lock-free `peek_with`; overwriting goes through the entry, which
//! puts a new version beside the old one. A write locks one bucket.

use super::{Hasher, Peer, Sum, scc_map, sum};
use scc::hash_index::Entry;
use scc::{Guard, HashIndex};

/// `scc::HashIndex`.
pub struct SccIndex(HashIndex<u64, u64, Hasher>);

impl Peer for SccIndex {
    fn new() -> Self {
        Self(HashIndex::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(HashIndex::with_capacity_and_hasher(entries, Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.peek_with(&key, |_, value| *value)
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                entry.update(value);
                true
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(value);
                false
            }
        }
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        self.0.get_sync(&key).map(|mut entry| entry.update(value)).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove_sync(&key)
    }

    fn get_many(&self, keys: &[u64]) -> u64 {
        let guard = Guard::new();
        sum(keys.iter().map(|key| self.0.peek(key, &guard).copied()))
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.iter(&Guard::new()).map(|(_, value)| *value))
    }

    fn settle(&self) {
        scc_map::advance();
    }
}
