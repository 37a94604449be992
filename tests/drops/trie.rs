//! When keys and values of a `TrieMap` are dropped.

pub(crate) use snaptrie::TrieMap as AnyMap;

use std::hash::Hash;

use snaptrie::{IntoIter, IterMut};

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

fn into_entries<K, V>(map: Map<K, V>) -> IntoIter<K, V> {
    map.try_into_iter().unwrap_or_else(|_| panic!("nothing is shared"))
}

fn iter_mut<K, V>(map: &mut Map<K, V>) -> IterMut<'_, K, V> {
    map.iter_mut().unwrap()
}

fn value_mut<'a, K: Hash + Eq, V>(map: &'a mut Map<K, V>, key: &K) -> Option<&'a mut V> {
    map.get_mut(key).unwrap()
}

#[path = "taken.rs"]
mod taken;
#[path = "threads.rs"]
mod threads;
#[path = "times.rs"]
mod times;

#[path = "chains.rs"]
mod chains;
#[path = "orders.rs"]
mod orders;
#[path = "versions.rs"]
mod versions;
