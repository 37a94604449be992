//! What the suites of other projects ask of a concurrent map, asked of ours.
//!
//! Written anew after the tests of these suites, and named after them:
//!
//! | file | after |
//! |---|---|
//! | `conformance/ctries.rs` | Scala's `test/files/run/ctries-new` (`concmap`, `iterator`, `lnode`, `snapshot`), the reference Ctrie's own tests |
//! | `conformance/hashtriemap.rs` | Go's `internal/sync/hashtriemap_test.go` |
//! | `conformance/jsr166.rs` | the JSR-166 TCK's `ConcurrentHashMapTest`, as far as it is about a plain map |
//! | `conformance/pairs.rs` | the stress tests of papaya, one operation against another |
//! | `conformance/persistence.rs` | rpds' tests of its `HashTrieMap`: old versions never change |
//!
//! Each test runs over good, truncated and constant hashes, through one trait: first on a standard map behind a lock,
//! because a test that this oracle fails is wrong itself, and then on our maps.

#[path = "support/hashers.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod hashers;

#[path = "common/tested.rs"]
mod tested;

mod conformance {
    mod ctries;
    mod hashtriemap;
    mod jsr166;
    mod pairs;
    mod persistence;
}

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashers::Chosen;
use snaptrie::{Compute, CopyFlatMap, CopyTrieMap, FlatMap, Operation, TrieMap};
use tested::Tested;

/// A map of numbers under test.
trait Subject: Sync + Send + Sized {
    const VERSIONS: bool;

    fn new(hashing: Chosen) -> Self;
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64) -> Option<u64>;
    fn remove(&self, key: u64) -> Option<u64>;
    /// The value that is there afterwards, and whether it is this one, new.
    fn get_or_insert(&self, key: u64, value: u64) -> (u64, bool);
    /// Replaces one value by another. Returns whether it was there.
    fn replace_if(&self, key: u64, old: u64, new: u64) -> bool;
    /// Removes an entry with this value. Returns whether it was there.
    fn remove_if(&self, key: u64, value: u64) -> bool;
    /// Adds to a value, if there is one.
    fn add(&self, key: u64, more: u64) -> Option<u64>;
    fn retain(&self, keep: impl FnMut(u64, u64) -> bool);
    fn clear(&self);
    fn len(&self) -> usize;
    /// The entries of an iteration, in its order.
    fn walk(&self) -> Vec<(u64, u64)>;
    /// A map of its own with the content of one instant; a copy if the map has no versions.
    fn fork(&self) -> Self;

    /// The entries, sorted.
    fn entries(&self) -> Vec<(u64, u64)> {
        let mut entries = self.walk();
        entries.sort_unstable();
        entries
    }
}

/// The oracle.
struct Locked(Mutex<HashMap<u64, u64, Chosen>>);

impl Locked {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u64, Chosen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject for Locked {
    const VERSIONS: bool = true;

    fn new(hashing: Chosen) -> Self {
        Self(Mutex::new(HashMap::with_hasher(hashing)))
    }
    fn get(&self, key: u64) -> Option<u64> {
        self.lock().get(&key).copied()
    }
    fn insert(&self, key: u64, value: u64) -> Option<u64> {
        self.lock().insert(key, value)
    }
    fn remove(&self, key: u64) -> Option<u64> {
        self.lock().remove(&key)
    }
    fn get_or_insert(&self, key: u64, value: u64) -> (u64, bool) {
        let mut map = self.lock();
        let new = !map.contains_key(&key);
        (*map.entry(key).or_insert(value), new)
    }
    fn replace_if(&self, key: u64, old: u64, new: u64) -> bool {
        self.lock().get_mut(&key).filter(|value| **value == old).map(|value| *value = new).is_some()
    }
    fn remove_if(&self, key: u64, value: u64) -> bool {
        let mut map = self.lock();
        map.get(&key) == Some(&value) && map.remove(&key).is_some()
    }
    fn add(&self, key: u64, more: u64) -> Option<u64> {
        let mut map = self.lock();
        let value = map.get_mut(&key)?;
        *value += more;
        Some(*value)
    }
    fn retain(&self, mut keep: impl FnMut(u64, u64) -> bool) {
        self.lock().retain(|key, value| keep(*key, *value));
    }
    fn clear(&self) {
        self.lock().clear();
    }
    fn len(&self) -> usize {
        self.lock().len()
    }
    fn walk(&self) -> Vec<(u64, u64)> {
        self.lock().iter().map(|(key, value)| (*key, *value)).collect()
    }
    fn fork(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }
}

macro_rules! subject {
    ($Map:ty, $versions:literal) => {
        impl Subject for $Map {
            const VERSIONS: bool = $versions;

            fn new(hashing: Chosen) -> Self {
                <$Map>::with_hasher(hashing)
            }
            fn get(&self, key: u64) -> Option<u64> {
                self.handle().get(&key).copied()
            }
            fn insert(&self, key: u64, value: u64) -> Option<u64> {
                self.handle().insert(key, value).copied()
            }
            fn remove(&self, key: u64) -> Option<u64> {
                self.handle().remove(&key).copied()
            }
            fn get_or_insert(&self, key: u64, value: u64) -> (u64, bool) {
                match self.handle().try_insert(key, value) {
                    Ok(new) => (*new, true),
                    Err(error) => (*error.current, false),
                }
            }
            fn replace_if(&self, key: u64, old: u64, new: u64) -> bool {
                let pinned = self.handle();
                let outcome = pinned.compute(key, |entry| match entry {
                    Some((_, value)) if *value == old => Operation::Insert(new),
                    _ => Operation::Abort(()),
                });
                matches!(outcome, Compute::Updated { .. })
            }
            fn remove_if(&self, key: u64, value: u64) -> bool {
                self.handle().remove_if(&key, |_, there| *there == value).is_some()
            }
            fn add(&self, key: u64, more: u64) -> Option<u64> {
                self.handle().update(key, |value| value + more).copied()
            }
            fn retain(&self, mut keep: impl FnMut(u64, u64) -> bool) {
                self.handle().retain(|key, value| keep(*key, *value));
            }
            fn clear(&self) {
                self.clear();
            }
            fn len(&self) -> usize {
                self.len()
            }
            fn walk(&self) -> Vec<(u64, u64)> {
                self.handle().iter().map(|(key, value)| (*key, *value)).collect()
            }
            fn fork(&self) -> Self {
                self.clone()
            }
        }
    };
}
subject!(TrieMap<u64, u64, Chosen>, true);
subject!(CopyTrieMap<u64, u64, Chosen>, true);
subject!(FlatMap<u64, u64, Chosen>, false);
subject!(CopyFlatMap<u64, u64, Chosen>, false);

/// Makes a test of each body, which runs on the oracle first and then on our maps.
macro_rules! conform {
    ($($body:ident),* $(,)?) => {
        mod tests {
            $(#[test]
            fn $body() {
                use crate::hashers::Chosen::{Constant, Good, Truncated};
                for hashing in [Good, Truncated, Constant] {
                    super::$body::<crate::Locked>(hashing);
                    super::$body::<snaptrie::TrieMap<u64, u64, crate::Chosen>>(hashing);
                    super::$body::<snaptrie::CopyTrieMap<u64, u64, crate::Chosen>>(hashing);
                    super::$body::<snaptrie::FlatMap<u64, u64, crate::Chosen>>(hashing);
                    super::$body::<snaptrie::CopyFlatMap<u64, u64, crate::Chosen>>(hashing);
                }
            })*
        }
    };
}
use conform;

/// Fewer keys where all are in one chain.
fn scaled(hashing: Chosen, keys: u64) -> u64 {
    match hashing {
        Chosen::Good => keys,
        Chosen::Truncated => keys.min(600),
        Chosen::Constant => keys.min(200),
    }
}

/// For results that a test does not need.
fn ignore<T>(_: T) {}

/// Runs a body on this many threads.
fn on_threads(threads: u64, body: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for id in 0..threads {
            let body = &body;
            scope.spawn(move || body(id));
        }
    });
}
