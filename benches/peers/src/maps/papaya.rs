//! `papaya` 0.2, with its default, incremental resizing. Pins per operation.

use super::{Hasher, Peer};
use papaya::{Guard, HashMap};

/// `papaya::HashMap`.
pub struct Papaya(HashMap<u64, u64, Hasher>);

impl Peer for Papaya {
    fn new() -> Self {
        Self(HashMap::with_hasher(Hasher::default()))
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
        self.0.guard().flush();
    }
}
