//! When keys and values of a `TrieMap` are dropped.

pub(crate) use snaptrie::TrieMap as AnyMap;

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

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
