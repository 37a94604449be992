//! The flat table.

use snaptrie::{FlatMap, RandomState};

use super::keys::Key;
use super::maps::Map;

/// The flat table.
pub(crate) type Flat<K> = FlatMap<K, u64>;

impl<K: Key> Map<K> for Flat<K> {
    const NAME: &'static str = "flat";

    fn new() -> Self {
        FlatMap::with_hasher(RandomState::default())
    }

    #[inline]
    fn insert(&self, key: K, value: u64) -> bool {
        self.pin().insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: &K) -> Option<u64> {
        self.pin().get(key).copied()
    }

    #[inline]
    fn remove(&self, key: &K) -> bool {
        self.pin().remove(key).is_some()
    }
}
