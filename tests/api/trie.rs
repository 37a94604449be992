//! Everything that maps do, on a `TrieMap`; and what it alone does.

pub(crate) use snaptrie::TrieMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, crate::support::Chosen>;

/// The kind of map, and its snapshots.
type Mode = snaptrie::mode::Boxed;
type Snapshot<K, V> = snaptrie::Snapshot<K, V, crate::support::Chosen>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::Touchy;

#[path = "allocations.rs"]
mod allocations;
#[path = "chains.rs"]
mod chains;
#[path = "changes.rs"]
mod changes;
#[path = "closures.rs"]
mod closures;
#[path = "collection.rs"]
mod collection;
#[path = "constructors.rs"]
mod constructors;
#[path = "direct.rs"]
mod direct;
#[path = "entries.rs"]
mod entries;
#[path = "iterators.rs"]
mod iterators;
#[path = "nesting.rs"]
mod nesting;
#[path = "owned.rs"]
mod owned;
#[path = "ownership.rs"]
mod ownership;
#[path = "reentrancy.rs"]
mod reentrancy;
#[path = "strings.rs"]
mod strings;

#[path = "snapshot_closures.rs"]
mod snapshot_closures;
#[path = "snapshot_iterators.rs"]
mod snapshot_iterators;
#[path = "snapshot_ownership.rs"]
mod snapshot_ownership;
#[path = "snapshot_reentrancy.rs"]
mod snapshot_reentrancy;
#[path = "snapshots.rs"]
mod snapshots;
