//! `flurry` 0.5. Pins per operation.

use super::{Hasher, Peer, Sum, sum};
use flurry::HashMap;

/// `flurry::HashMap`.
pub struct Flurry(HashMap<u64, u64, Hasher>);

impl Peer for Flurry {
    fn new() -> Self {
        Self(HashMap::with_hasher(Hasher::default()))
    }

    fn sized(entries: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(entries, Hasher::default()))
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
        self.0.pin().compute_if_present(&key, |_, _| Some(value)).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.0.pin().remove(&key).is_some()
    }

    fn get_many(&self, keys: &[u64]) -> u64 {
        let map = self.0.pin();
        sum(keys.iter().map(|key| map.get(key).copied()))
    }

    fn insert_many(&self, keys: &[u64], value: u64) {
        let map = self.0.pin();
        for &key in keys {
            map.insert(key, value);
        }
    }

    fn scan(&self) -> Sum {
        Sum::of(self.0.pin().iter().map(|(_, value)| *value))
    }

    fn settle(&self) {
        self.0.guard().flush();
    }
}
