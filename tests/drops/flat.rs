//! When keys and values of a `FlatMap` are dropped.

pub(crate) use snaptrie::FlatMap as AnyMap;

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

#[path = "threads.rs"]
mod threads;
#[path = "times.rs"]
mod times;
