//! `contrie` 0.1, `ConMap`: every entry is an `Arc`, so a lookup increments and decrements a reference count. It pins
//! in each operation and has no flush.

use super::{Hasher, Peer, Sum};
use contrie::ConMap;

/// `contrie::ConMap`.
pub struct Contrie(ConMap<u64, u64, Hasher>);

impl Peer for Contrie {
    fn new() -> Self {
        Self(ConMap::with_hasher(Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key).map(|element| *element.value())
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value).is_some()
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        // It cannot update only a present key: a lookup first.
        self.0.get(&key).is_some() && self.0.insert(key, value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.iter().map(|element| *element.value()))
    }
}
