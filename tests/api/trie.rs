//! Everything that maps do, on a `TrieMap`; and what it alone does.

pub(crate) use snaptrie::TrieMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, crate::support::Chosen>;

#[path = "allocations.rs"]
mod allocations;
#[path = "changes.rs"]
mod changes;
#[path = "collection.rs"]
mod collection;
#[path = "entries.rs"]
mod entries;
#[path = "iterators.rs"]
mod iterators;
#[path = "nesting.rs"]
mod nesting;
#[path = "ownership.rs"]
mod ownership;
#[path = "reentrancy.rs"]
mod reentrancy;

#[path = "snapshot_iterators.rs"]
mod snapshot_iterators;
#[path = "snapshot_ownership.rs"]
mod snapshot_ownership;
#[path = "snapshot_reentrancy.rs"]
mod snapshot_reentrancy;
#[path = "snapshots.rs"]
mod snapshots;
