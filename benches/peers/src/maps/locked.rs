//! A sequential map behind one lock of the standard library. Four of the peers differ only in the map and the lock.
//! Each batch and each scan takes the lock once.

/// Implements `Peer` for a struct around a lock around a sequential map.
macro_rules! locked {
    ($name:ident: $lock:ident<$map:ident>, read with $read:ident, write with $write:ident) => {
        impl $crate::maps::Peer for $name {
            fn new() -> Self {
                Self($lock::new($map::with_hasher($crate::maps::Hasher::default())))
            }

            fn sized(entries: usize) -> Self {
                let hasher = $crate::maps::Hasher::default();
                Self($lock::new($map::with_capacity_and_hasher(entries, hasher)))
            }

            #[inline]
            fn insert(&self, key: u64, value: u64) -> bool {
                self.0.$write().expect(UNPOISONED).insert(key, value).is_none()
            }

            #[inline]
            fn get(&self, key: u64) -> Option<u64> {
                self.0.$read().expect(UNPOISONED).get(&key).copied()
            }

            #[inline]
            fn upsert(&self, key: u64, value: u64) -> bool {
                self.0.$write().expect(UNPOISONED).insert(key, value).is_some()
            }

            #[inline]
            fn update(&self, key: u64, value: u64) -> bool {
                let mut map = self.0.$write().expect(UNPOISONED);
                map.get_mut(&key).map(|slot| *slot = value).is_some()
            }

            #[inline]
            fn remove(&self, key: u64) -> bool {
                self.0.$write().expect(UNPOISONED).remove(&key).is_some()
            }

            fn get_many(&self, keys: &[u64]) -> u64 {
                let map = self.0.$read().expect(UNPOISONED);
                $crate::maps::sum(keys.iter().map(|key| map.get(key).copied()))
            }

            fn insert_many(&self, keys: &[u64], value: u64) {
                let mut map = self.0.$write().expect(UNPOISONED);
                for &key in keys {
                    map.insert(key, value);
                }
            }

            fn scan(&self) -> $crate::maps::Sum {
                let map = self.0.$read().expect(UNPOISONED);
                $crate::maps::Sum::of(map.values().copied())
            }
        }

        const UNPOISONED: &str = "no thread panics with the lock";
    };
}
pub(super) use locked;
