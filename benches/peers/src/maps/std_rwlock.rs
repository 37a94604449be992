//! The standard library's map behind one lock: the baseline that needs no crate. Locks per operation.

use super::{Hasher, Peer};
use std::collections::HashMap;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// `std::sync::RwLock<std::collections::HashMap>`.
pub struct StdRwlock(RwLock<HashMap<u64, u64, Hasher>>);

impl StdRwlock {
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, u64, Hasher>> {
        self.0.read().expect("no thread panics with the lock")
    }

    #[inline]
    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, u64, Hasher>> {
        self.0.write().expect("no thread panics with the lock")
    }
}

impl Peer for StdRwlock {
    fn new() -> Self {
        Self(RwLock::new(HashMap::with_hasher(Hasher::default())))
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.write().insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.read().get(&key).copied()
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        self.write().insert(key, value).is_some()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.write().remove(&key).is_some()
    }
}
