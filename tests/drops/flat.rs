//! When keys and values of a `FlatMap` are dropped.

pub(crate) use snaptrie::FlatMap as AnyMap;

use std::hash::Hash;

use snaptrie::{IntoIter, IterMut};

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

fn into_entries<K, V>(map: Map<K, V>) -> IntoIter<K, V> {
    map.into_iter()
}

fn iter_mut<K, V>(map: &mut Map<K, V>) -> IterMut<'_, K, V> {
    map.iter_mut()
}

fn value_mut<'a, K: Hash + Eq, V>(map: &'a mut Map<K, V>, key: &K) -> Option<&'a mut V> {
    map.get_mut(key)
}

#[path = "taken.rs"]
mod taken;
#[path = "threads.rs"]
mod threads;
#[path = "times.rs"]
mod times;
