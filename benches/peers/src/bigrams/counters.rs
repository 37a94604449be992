//! The counters: each map is used as its documentation recommends, with one guard per piece of text if the map has
//! guards.

use super::{Bigram, Totals};
use crate::maps::Hasher;
use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A map that all threads count in.
pub(super) trait Counter: Sync {
    fn new() -> Self;

    /// Counts the bigrams of a piece.
    fn count(&self, bigrams: impl Iterator<Item = Bigram>);

    fn totals(&self) -> Totals;
}

pub(super) fn totals(counts: impl Iterator<Item = u64>) -> Totals {
    let add =
        |totals: Totals, count| Totals { distinct: totals.distinct + 1, sum: totals.sum + count };
    counts.fold(Totals::default(), add)
}

// Relaxed, in all of them: counts, read after the threads were joined.

macro_rules! pinned {
    ($Name:ident, $($map:ident)::+) => {
        pub(super) struct $Name($($map)::+<Bigram, AtomicU64, Hasher>);

        impl Counter for $Name {
            fn new() -> Self {
                Self($($map)::+::with_hasher(Hasher::default()))
            }

            fn count(&self, bigrams: impl Iterator<Item = Bigram>) {
                let map = self.0.pin();
                for bigram in bigrams {
                    map.get_or_insert_with(bigram, || AtomicU64::new(0)).fetch_add(1, Relaxed);
                }
            }

            fn totals(&self) -> Totals {
                totals(self.0.pin().values().map(|count| count.load(Relaxed)))
            }
        }
    };
}

#[cfg(feature = "snaptrie")]
pinned!(Snaptrie, snaptrie::TrieMap);
#[cfg(feature = "snaptrie")]
pinned!(Flat, snaptrie::FlatMap);
pinned!(Papaya, papaya::HashMap);

macro_rules! written {
    ($Name:ident, $Map:ident) => {
        #[cfg(feature = "snaptrie")]
        pub(super) struct $Name(snaptrie::$Map<Bigram, AtomicU64, Hasher>);

        #[cfg(feature = "snaptrie")]
        impl Counter for $Name {
            fn new() -> Self {
                Self(snaptrie::$Map::with_hasher(Hasher::default()))
            }

            fn count(&self, bigrams: impl Iterator<Item = Bigram>) {
                let mut writer = self.0.writer();
                bigrams.for_each(|bigram| writer.add(bigram, 1));
            }

            fn totals(&self) -> Totals {
                totals(self.0.pin().values().map(|count| count.load(Relaxed)))
            }
        }
    };
}

written!(SnaptrieWriter, TrieMap);
written!(FlatWriter, FlatMap);

pub(super) struct Dashmap(dashmap::DashMap<Bigram, u64, Hasher>);

impl Counter for Dashmap {
    fn new() -> Self {
        Self(dashmap::DashMap::with_hasher(Hasher::default()))
    }

    fn count(&self, bigrams: impl Iterator<Item = Bigram>) {
        for bigram in bigrams {
            *self.0.entry(bigram).or_insert(0) += 1;
        }
    }

    fn totals(&self) -> Totals {
        totals(self.0.iter().map(|entry| *entry))
    }
}

pub(super) struct SccMap(scc::HashMap<Bigram, u64, Hasher>);

impl Counter for SccMap {
    fn new() -> Self {
        Self(scc::HashMap::with_hasher(Hasher::default()))
    }

    fn count(&self, bigrams: impl Iterator<Item = Bigram>) {
        for bigram in bigrams {
            self.0.entry_sync(bigram).and_modify(|count| *count += 1).or_insert(1);
        }
    }

    fn totals(&self) -> Totals {
        let mut counts = Vec::new();
        self.0.iter_sync(|_, count| {
            counts.push(*count);
            true
        });
        totals(counts.into_iter())
    }
}

pub(super) struct StdRwlock(RwLock<HashMap<Bigram, AtomicU64, Hasher>>);

impl Counter for StdRwlock {
    fn new() -> Self {
        Self(RwLock::new(HashMap::with_hasher(Hasher::default())))
    }

    fn count(&self, bigrams: impl Iterator<Item = Bigram>) {
        for bigram in bigrams {
            if let Some(count) = self.0.read().expect(UNPOISONED).get(&bigram) {
                count.fetch_add(1, Relaxed);
                continue;
            }
            // Another thread may have inserted it meanwhile.
            let mut map = self.0.write().expect(UNPOISONED);
            *map.entry(bigram).or_insert(AtomicU64::new(0)).get_mut() += 1;
        }
    }

    fn totals(&self) -> Totals {
        let map = self.0.read().expect(UNPOISONED);
        totals(map.values().map(|count| count.load(Relaxed)))
    }
}

const UNPOISONED: &str = "no thread panics with the lock";

/// The map of one thread.
pub(super) type Private = HashMap<Bigram, u64, Hasher>;

/// Adds up two of them.
pub(super) fn join(one: Private, other: Private) -> Private {
    let (mut large, small) = if one.len() < other.len() { (other, one) } else { (one, other) };
    for (bigram, count) in small {
        *large.entry(bigram).or_insert(0) += count;
    }
    large
}
