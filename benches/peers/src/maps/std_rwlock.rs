//! The standard library's map behind one `RwLock`: the baseline that needs no crate.

use super::locked::locked;
use super::{Frozen, Hasher, Sum};
use std::collections::HashMap;
use std::sync::RwLock;

/// `std::sync::RwLock<std::collections::HashMap>`.
pub struct StdRwlock(RwLock<HashMap<u64, u64, Hasher>>);

locked!(StdRwlock: RwLock<HashMap>, read with read, write with write);

/// A snapshot is a clone of everything, under the read lock.
impl Frozen for StdRwlock {
    type Snapshot = HashMap<u64, u64, Hasher>;

    fn snapshot(&self) -> Self::Snapshot {
        self.0.read().expect(UNPOISONED).clone()
    }

    fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum {
        Sum::of(snapshot.values().copied())
    }
}
